/**
 * One worker thread and the batch it works on, one at a time. While it owes something it is watched, and it is ended when it has stood
 * still for too long: four looks in a row without progress, so that a process which itself was stopped blames nobody.
 */
import { Worker } from 'node:worker_threads'
import type { Clock } from '../ports/clock.js'
import type { Call } from './call.js'
import type { Progress } from './decisions.js'
import type { FromWorker, ToWorker } from './messages.js'
import { BEGUN, DONE, isOurs, PROGRESS_BYTES } from './messages.js'
import { compact } from './parcel.js'

export interface ThreadSetup {
  readonly file: URL
  readonly workerData: unknown
  readonly heapMiB: number
  readonly itemMs: number
  readonly startMs: number
  readonly clock: Clock
}

/** Why a thread has ended, and what it leaves behind. */
export interface Loss {
  readonly cause: unknown
  readonly kind: 'ended' | 'overdue'
  /** Whether it had begun to serve. */
  readonly wasReady: boolean
  /** Whether it had ever answered. */
  readonly wasFruitful: boolean
  /** The calls of its batch; those that it answered are settled. */
  readonly batch: readonly Call[]
  /** Counts from the beginning of the batch. */
  readonly progress: Progress
}

/** What a thread tells the pool. */
export interface ThreadEvents {
  /** It has begun to serve. */
  ready(): void
  /** Some of its calls were answered, perhaps all. */
  answered(tookMs: number, items: number): void
  /** It will answer nothing more: once. It may still be on its way out. */
  lost(loss: Loss): void
  /** It is gone: once, and last. */
  gone(): void
}

const LOOKS_MAX = 4

export class Thread {
  readonly #setup: ThreadSetup
  readonly #events: ThreadEvents
  readonly #worker: Worker
  readonly #progress = new Int32Array(new SharedArrayBuffer(PROGRESS_BYTES))
  #state: 'starting' | 'ready' | 'lost' = 'starting'
  // Bound: batchMax.
  #batch: readonly Call[] = []
  #answered = 0
  #wasFruitful = false
  #error: unknown = null
  #looks = 0
  #seen: Progress = NOTHING
  #unwatch: (() => void) | null = null

  /** @throws whatever the runtime says of a file that cannot be a worker */
  constructor(setup: ThreadSetup, events: ThreadEvents) {
    this.#setup = setup
    this.#events = events
    this.#worker = new Worker(setup.file, {
      workerData: setup.workerData,
      resourceLimits: { maxOldGenerationSizeMb: setup.heapMiB },
    })
    this.#worker.on('message', (message: unknown) => {
      if (isOurs(message)) this.#heard(message as FromWorker)
    })
    this.#worker.on('error', (error: unknown) => {
      this.#error = error
    })
    this.#worker.on('exit', (code) => {
      this.#lose('ended', this.#error ?? new Error(`the worker has exited with code ${String(code)}`))
      events.gone()
    })
    // What is owed keeps the process alive by being watched, and nothing else should.
    this.#worker.unref()
    this.#post({ holdfast: 'progress', shared: this.#progress.buffer })
    this.#watch(setup.startMs)
  }

  get isStarting(): boolean {
    return this.#state === 'starting'
  }

  /** It can be given a batch. */
  get isIdle(): boolean {
    return this.#state === 'ready' && this.#batch.length === 0
  }

  get isLost(): boolean {
    return this.#state === 'lost'
  }

  /** Calls of its batch that are neither answered nor withdrawn. */
  get unsettled(): readonly Call[] {
    return this.#batch.filter(({ isSettled }) => !isSettled)
  }

  /** Gives it a batch. @throws what the runtime says of an item that cannot be cloned; then nothing was given */
  give(batch: readonly Call[]): void {
    Atomics.store(this.#progress, BEGUN, 0)
    Atomics.store(this.#progress, DONE, 0)
    this.#post({ holdfast: 'batch', items: batch.map(({ item }) => compact(item)) })
    this.#batch = batch
    this.#answered = 0
    this.#watch(this.#setup.itemMs)
  }

  /** Ends it, whatever it does. Done when it is gone; code that is not JavaScript's is waited for. */
  async end(): Promise<void> {
    this.#state = 'lost'
    this.#rest()
    await this.#worker.terminate()
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message)
  }

  #heard(message: FromWorker): void {
    if (this.#state === 'lost') return
    if (message.holdfast === 'ready') {
      this.#state = 'ready'
      this.#rest()
      this.#events.ready()
      return
    }
    const { answers, tookMs } = message
    const failed = new Set(message.failed)
    for (const [i, answer] of answers.entries()) {
      const call = this.#batch[this.#answered++]
      if (failed.has(i)) call?.fail('worker-failed', 'the worker could not answer for this item', answer)
      else call?.answer(answer)
    }
    this.#wasFruitful = true
    if (this.#answered >= this.#batch.length) {
      this.#batch = []
      this.#rest()
    }
    this.#events.answered(tookMs, answers.length)
  }

  /** Owes nothing. */
  #rest(): void {
    this.#unwatch?.()
    this.#unwatch = null
  }

  #watch(patienceMs: number): void {
    this.#unwatch?.()
    this.#looks = 0
    this.#seen = NOTHING
    this.#lookLater(patienceMs)
  }

  #lookLater(patienceMs: number): void {
    const { clock } = this.#setup
    this.#unwatch = clock.wakeAt(clock.monotonic() + patienceMs / LOOKS_MAX, () => {
      this.#look(patienceMs)
    })
  }

  #look(patienceMs: number): void {
    const { begun, done } = this.#readProgress()
    const hasMoved = begun !== this.#seen.begun || done !== this.#seen.done
    this.#seen = { begun, done }
    this.#looks = hasMoved ? 0 : this.#looks + 1
    if (this.#looks < LOOKS_MAX) {
      this.#lookLater(patienceMs)
      return
    }
    const what = this.#state === 'starting' ? 'the worker did not begin to serve' : 'the worker stood still'
    this.#lose('overdue', new Error(`${what} for ${String(patienceMs)} ms`))
    void this.#worker.terminate()
  }

  #lose(kind: Loss['kind'], cause: unknown): void {
    if (this.#state === 'lost') return
    const wasReady = this.#state === 'ready'
    const batch = this.#batch
    this.#state = 'lost'
    this.#batch = []
    this.#rest()
    this.#events.lost({ kind, cause, wasReady, wasFruitful: this.#wasFruitful, batch, progress: this.#readProgress() })
  }

  #readProgress(): Progress {
    return { begun: Atomics.load(this.#progress, BEGUN), done: Atomics.load(this.#progress, DONE) }
  }
}

const NOTHING: Progress = { begun: 0, done: 0 }
