/**
 * Helpers for hosts, for Node. A pool of worker threads takes what is heavy in a handler, such as checking signatures, off the loop
 * that the links live on.
 *
 * @module
 */
import { availableParallelism } from 'node:os'
import { checkNames, invalidOption } from '../errors.js'
import type { Clock } from '../ports/clock.js'
import { systemClock } from '../runtime/system.js'
import type { WorkerPool } from './pool.js'
import { Pool } from './pool.js'
import type { BatchFunction, ItemFunction } from './serve.js'
import { serveBatches, serveItems } from './serve.js'

export type { Clock } from '../ports/clock.js'
export type { RunOptions, WorkerPool, WorkerPoolStatus } from './pool.js'
export type { BatchFunction, ItemFunction } from './serve.js'

/** Options of {@link workerPool}. All numbers are whole. */
export interface WorkerPoolOptions {
  /** Threads at most, 1 to 64. They are started when they are needed. Default: one less than the machine has cores, 1 to 4. */
  readonly threadsMax?: number
  /** Items in one message to a worker at most, 1 to 1,024. Default 64. */
  readonly batchMax?: number
  /** Calls that wait for a worker at most, 1 to 1,048,576; more are refused as `pool-full`. Default 4,096. */
  readonly waitingMax?: number
  /**
   * How long a worker may take for one item (where it serves batches: for a batch), in milliseconds, 100 to 3,600,000. One that takes
   * up to a quarter longer than this is ended. Default 4,000: whoever waited behind it is still in time for the ten seconds of a handler.
   */
  readonly itemMs?: number
  /** How long a worker may take to begin to serve, in milliseconds, 100 to 600,000. Default 10,000. */
  readonly startMs?: number
  /** A worker's heap at most, in MiB, 16 to 65,536; bytes in buffers do not count. Beyond it the worker ends. Default 256. */
  readonly heapMiB?: number
  /** What the worker finds as `workerData` of `node:worker_threads`; copied. Default none. */
  readonly workerData?: unknown
  /** Time, for tests. Default: the system's. */
  readonly clock?: Clock
}

const THREADS_DEFAULT_MAX = 4
const NUMBERS = ['threadsMax', 'batchMax', 'waitingMax', 'itemMs', 'startMs', 'heapMiB'] as const

/**
 * A pool of workers that run one file, which must call {@link serve} or {@link serveBatch}. Nothing is started before the first call.
 * A pool with nothing to do does not keep the process alive.
 * @param file a file: URL, such as `new URL('./verify-worker.js', import.meta.url)`
 * @throws HoldfastError `invalid-option`
 */
export function workerPool<Item = unknown, Answer = unknown>(
  file: URL | string,
  options: WorkerPoolOptions = {},
): WorkerPool<Item, Answer> {
  checkNames('workerPool', options, [...NUMBERS, 'workerData', 'clock'])
  const clock = options.clock ?? systemClock
  const number = (name: (typeof NUMBERS)[number], unset: number, least: number, most: number): number =>
    wholeNumber(name, options[name] ?? unset, least, most)
  const cores = Math.min(THREADS_DEFAULT_MAX, Math.max(1, availableParallelism() - 1))
  const pool = new Pool({
    clock,
    threadsMax: number('threadsMax', cores, 1, 64),
    batchMax: number('batchMax', 64, 1, 1_024),
    waitingMax: number('waitingMax', 4_096, 1, 1_048_576),
    thread: {
      clock,
      file: checkFile(file),
      workerData: options.workerData,
      itemMs: number('itemMs', 4_000, 100, 3_600_000),
      startMs: number('startMs', 10_000, 100, 600_000),
      heapMiB: number('heapMiB', 256, 16, 65_536),
    },
  })
  return pool as WorkerPool<Item, Answer>
}

/**
 * Called once in a worker: answers the pool's items one after another. A function that throws or rejects fails that item alone.
 * @throws HoldfastError `not-running` outside a worker, `already-defined` where the worker serves already
 */
export function serve<Item, Answer>(answer: ItemFunction<Item, Answer>): void {
  serveItems(answer as ItemFunction<unknown, Answer>, systemClock)
}

/**
 * Called once in a worker: answers the pool's items a batch at a time, for work that is cheaper together. A batch for which the
 * function throws, rejects or answers with another number of answers is tried again item by item.
 * @throws HoldfastError `not-running` outside a worker, `already-defined` where the worker serves already
 */
export function serveBatch<Item, Answer>(answer: BatchFunction<Item, Answer>): void {
  serveBatches(answer as BatchFunction<unknown, Answer>, systemClock)
}

function checkFile(file: URL | string): URL {
  const text = String(file)
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol === 'file:') return url
  throw invalidOption('file', text, "a file: URL such as new URL('./worker.js', import.meta.url)")
}

function wholeNumber(field: string, given: number, least: number, most: number): number {
  if (Number.isSafeInteger(given) && given >= least && given <= most) return given
  throw invalidOption(field, given, `a whole number from ${String(least)} to ${String(most)}`)
}
