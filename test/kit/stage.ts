/** The kit as plain JavaScript in a folder of its own, since a worker thread cannot load the sources as the tests do. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import ts from 'typescript'
import type { WorkerPool, WorkerPoolOptions } from '../../src/kit/index.js'
import { workerPool } from '../../src/kit/index.js'
import type { Clock } from '../../src/ports/clock.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
}

/** Node has it, and the library that TypeScript is told of has not. */
const waiting = Atomics as unknown as {
  readonly waitAsync: (numbers: Int32Array, index: number, unless: number) => { readonly value: unknown }
}

type AnyPool = WorkerPool<unknown, unknown>

export interface Held {
  readonly pool: AnyPool
  readonly gate: Gate
  readonly clock: HandClock
}

/** A folder with the kit and the workers of test/kit/workers, and the pools that a test has opened on them. */
export class Stage {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'holdfast-kit-'))
  // Bound: those of one test.
  #pools: AnyPool[] = []

  constructor() {
    const kit = readdirSync(join(root, 'src/kit')).map((name) => `src/kit/${name}`)
    for (const path of [...kit, 'src/errors.ts', 'src/runtime/system.ts']) {
      const { outputText } = ts.transpileModule(readFileSync(join(root, path), 'utf8'), { compilerOptions })
      const target = join(this.folder, path.replace(/\.ts$/, '.js'))
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, outputText)
    }
    const about = { name: 'holdfast', type: 'module', exports: { './kit': './src/kit/index.js' } }
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify(about))
    cpSync(join(root, 'test/kit/workers'), join(this.folder, 'workers'), { recursive: true })
  }

  worker(name: string): URL {
    return pathToFileURL(join(this.folder, 'workers', `${name}.mjs`))
  }

  /** A pool of one thread, where nothing else is asked for. */
  open(name: string, options: WorkerPoolOptions = {}): AnyPool {
    const pool = workerPool(this.worker(name), { threadsMax: 1, ...options })
    this.#pools.push(pool)
    return pool
  }

  /** A pool of `items.mjs`, held by a gate and by the test's time. It has answered once, and knows what an item takes: nothing. */
  async held(options: WorkerPoolOptions = {}): Promise<Held> {
    const gate = new Gate()
    const clock = new HandClock()
    const pool = this.open('items', { workerData: gate.shared, clock, ...options })
    await pool.run({ do: 'echo' })
    return { pool, gate, clock }
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.splice(0).map((pool) => pool.close()))
  }

  clear(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** How it ended: the answer, or the code and what lies below. */
export async function outcome(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => {
    const { code, cause, fault } = error as { code: string; cause: unknown; fault: string }
    return { code, fault, cause: cause instanceof Error ? cause.message : cause }
  })
}

export function failure(code: string, cause: unknown): object {
  return { code, fault: 'local', cause }
}

export function times(count: number, run: (index: number) => Promise<unknown>): Promise<unknown>[] {
  return Array.from({ length: count }, (_, i) => run(i))
}

/** Memory that a test and the worker of `items.mjs` hold each other by: reached, open, counted, serving, started. */
export class Gate {
  readonly shared: SharedArrayBuffer = new SharedArrayBuffer(20)
  readonly #numbers = new Int32Array(this.shared)

  /** A worker has come to `hold` or `hang`. */
  async reached(): Promise<void> {
    await waiting.waitAsync(this.#numbers, 0, 0).value
  }

  /** The next one is waited for, and held. */
  close(): void {
    Atomics.store(this.#numbers, 0, 0)
    Atomics.store(this.#numbers, 1, 0)
  }

  /** Stands still, and hears nothing, until a worker serves. */
  standUntilServing(): void {
    Atomics.wait(this.#numbers, 3, 0, 20_000)
  }

  /** Whoever holds goes on, and nobody holds any more. */
  open(): void {
    Atomics.store(this.#numbers, 1, 1)
    Atomics.notify(this.#numbers, 1)
  }

  get counted(): number {
    return Atomics.load(this.#numbers, 2)
  }
}

/** A clock whose turns end by themselves and whose time a test moves. */
export class HandClock implements Clock {
  #now = 1_000
  /** Turns whose end was asked for. */
  turns = 0
  // Bound: what one pool schedules.
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>()

  get armed(): number {
    return this.#timers.size
  }

  monotonic(): number {
    return this.#now
  }

  wall(): number {
    return this.#now
  }

  wakeAt(atMs: number, run: () => void): () => void {
    const timer = { atMs, run }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  atTurnEnd(run: () => void): void {
    this.turns++
    queueMicrotask(run)
  }

  /** Time passes, and what is due by then happens once; what that schedules waits for the next time. */
  advance(ms: number): void {
    this.#now += ms
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#now || !this.#timers.delete(timer)) continue
      timer.run()
    }
  }
}
