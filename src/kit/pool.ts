/**
 * Work handed to other threads. What is called in one turn travels in one message, what is called while everybody works waits for
 * the next; a worker that ends is replaced, and takes down only the item that ended it. A call settles exactly once.
 */
import { HoldfastError } from '../errors.js'
import type { Clock } from '../ports/clock.js'
import { Call } from './call.js'
import { batchSize, fateOf, paceAfter, restartDelayMs, startAt } from './decisions.js'
import type { Loss, ThreadSetup } from './thread.js'
import { Thread } from './thread.js'

/** A pool of worker threads. Made by {@link workerPool}. */
export interface WorkerPool<Item, Answer> extends AsyncDisposable {
  /**
   * Has a worker answer for the item. Items are copied to it, not moved: leave them alone until the answer is there. An item whose
   * worker ends for another item's sake is given to the next worker, and so may be looked at twice.
   *
   * Rejects with the signal's reason, or a HoldfastError of fault local: `worker-failed` (your function threw: `cause`),
   * `worker-timeout` (it took longer than `itemMs`), `worker-lost` (the worker crashed over it, or does not start), `pool-full`
   * (`waitingMax` calls wait), `invalid-payload` (the item cannot be cloned), `shutdown` (the pool was closed meanwhile),
   * `not-running` (it had been closed).
   */
  run(item: Item, options?: RunOptions): Promise<Answer>
  /** What there is, as a plain value. */
  status(): WorkerPoolStatus
  /** Ends every worker at once; what was not answered fails with `shutdown`. Done when no thread is left. May be called again. */
  close(): Promise<void>
}

/** Options of a pool's `run`. */
export interface RunOptions {
  /** Nobody waits for the answer any more. An item that a worker has begun is finished all the same. */
  readonly signal?: AbortSignal
}

/** A pool as of now. */
export interface WorkerPoolStatus {
  /** Workers that have not ended. */
  readonly threads: number
  /** Calls that wait for a worker. */
  readonly waiting: number
  /** Calls whose items are with a worker. */
  readonly working: number
  /** Workers that have ended by themselves, or had to be ended, since the pool was made. */
  readonly lost: number
  /** Why the last of those did; null where there was none. */
  readonly lastLoss: unknown
}

export interface PoolSetup {
  readonly thread: ThreadSetup
  readonly threadsMax: number
  readonly batchMax: number
  readonly waitingMax: number
  readonly clock: Clock
}

export class Pool implements WorkerPool<unknown, unknown> {
  readonly #setup: PoolSetup
  // Bound: threadsMax.
  readonly #threads = new Set<Thread>()
  // Bound: waitingMax. In the order of their coming; who withdraws leaves at once.
  readonly #waiting = new Set<Call>()
  // Bound: threadsMax times batchMax. They had been given to a worker that ended, and go first.
  readonly #returned = new Set<Call>()
  #pace: number | null = null
  /** Since when no worker has been idle; null where one is. */
  #busySince: number | null = null
  #fruitless = 0
  #notBefore = -Infinity
  #lost = 0
  #lastLoss: unknown = null
  #isPlanned = false
  #cancelStart: (() => void) | null = null
  #closing: Promise<void> | null = null

  constructor(setup: PoolSetup) {
    this.#setup = setup
  }

  run(item: unknown, { signal }: RunOptions = {}): Promise<unknown> {
    const { waitingMax } = this.#setup
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      if (this.#closing !== null) throw new HoldfastError('not-running', 'the pool is closed')
      if (this.#waiting.size >= waitingMax)
        throw new HoldfastError('pool-full', `${String(waitingMax)} calls wait for a worker already`)
      this.#waiting.add(new Call(item, { resolve, reject }, signal, this.#withdrawn))
      this.#plan()
    })
  }

  status(): WorkerPoolStatus {
    const threads = [...this.#threads]
    return {
      threads: threads.length,
      waiting: this.#waiting.size + this.#returned.size,
      working: threads.reduce((sum, { unsettled }) => sum + unsettled.length, 0),
      lost: this.#lost,
      lastLoss: this.#lastLoss,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#cancelStart?.()
    const threads = [...this.#threads]
    const calls = [...threads.flatMap(({ unsettled }) => unsettled), ...this.#line()]
    this.#returned.clear()
    this.#waiting.clear()
    for (const call of calls) call.fail('shutdown', 'the pool was closed')
    await Promise.all(threads.map((thread) => thread.end()))
  }

  readonly #withdrawn = (call: Call): void => {
    this.#leave(call)
    // A start that was planned for it alone need not happen.
    this.#plan()
  }

  #leave(call: Call): void {
    this.#waiting.delete(call)
    this.#returned.delete(call)
  }

  /** Hands out at the end of the turn: what is called until then travels together. */
  #plan(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    this.#setup.clock.atTurnEnd(() => {
      this.#isPlanned = false
      this.#handOut()
    })
  }

  #handOut(): void {
    const idle = [...this.#threads].filter(({ isIdle }) => isIdle)
    while (idle.length > 0) {
      const batch = this.#take(
        batchSize(this.#waiting.size + this.#returned.size, idle.length, this.#pace, this.#setup.batchMax),
      )
      if (batch.length === 0) break
      const thread = idle[0]
      // Items that cannot be sent are nobody's work, and the worker has still nothing to do.
      if (thread === undefined || give(thread, batch)) idle.shift()
    }
    this.#recruit()
  }

  /** Calls that have waited, first the ones that came back. */
  *#line(): Iterable<Call> {
    yield* this.#returned
    yield* this.#waiting
  }

  /** The next ones, as many as are asked for, out of the line; or first of all one that must be alone. */
  #take(size: number): readonly Call[] {
    const alone = [...this.#returned].find(({ isAlone }) => isAlone)
    const batch: Call[] = alone === undefined ? [] : [alone]
    for (const call of alone === undefined ? this.#line() : []) {
      if (batch.length >= size) break
      batch.push(call)
    }
    for (const call of batch) this.#leave(call)
    return batch
  }

  /** Starts another worker, now or later, where one is needed. */
  #recruit(): void {
    this.#cancelStart?.()
    this.#cancelStart = null
    const { clock, threadsMax } = this.#setup
    const threads = [...this.#threads]
    this.#busySince = threads.some(({ isIdle }) => isIdle) ? null : (this.#busySince ?? clock.monotonic())
    if (this.#waiting.size + this.#returned.size === 0 || this.#busySince === null) return
    const at = startAt({
      threads: threads.length,
      usable: threads.filter(({ isLost }) => !isLost).length,
      starting: threads.filter(({ isStarting }) => isStarting).length,
      threadsMax,
      busySince: this.#busySince,
      notBefore: this.#notBefore,
    })
    if (at <= clock.monotonic()) this.#start()
    else if (at < Infinity)
      this.#cancelStart = clock.wakeAt(at, () => {
        this.#cancelStart = null
        this.#plan()
      })
  }

  #start(): void {
    try {
      const thread: Thread = new Thread(this.#setup.thread, {
        ready: () => {
          this.#busySince = null
          this.#plan()
        },
        answered: (tookMs, items) => {
          this.#pace = paceAfter(this.#pace, tookMs, items)
          this.#plan()
        },
        lost: (loss) => {
          this.#mourn(loss)
        },
        gone: () => {
          this.#threads.delete(thread)
          this.#plan()
        },
      })
      this.#threads.add(thread)
    } catch (cause) {
      const progress = { begun: 0, done: 0 }
      this.#mourn({ kind: 'ended', cause, wasReady: false, wasFruitful: false, batch: [], progress })
    }
  }

  /** A worker has ended: what it was working on is blamed or tried again, and the next start may have to wait. */
  #mourn({ kind, cause, wasReady, wasFruitful, batch, progress }: Loss): void {
    const { clock } = this.#setup
    this.#lost++
    this.#lastLoss = cause
    this.#fruitless = wasFruitful ? 0 : this.#fruitless + 1
    this.#notBefore = clock.monotonic() + restartDelayMs(this.#fruitless)
    const isBlameless = progress.begun <= progress.done
    for (const [i, call] of batch.entries()) {
      if (call.isSettled) continue
      if (isBlameless) call.tries++
      const fate = fateOf(i, progress, call.tries)
      if (fate === 'lost') fail(call, kind, cause)
      else {
        call.isAlone ||= fate === 'alone'
        this.#returned.add(call)
      }
    }
    if (!wasReady) this.#failStart(cause)
    this.#plan()
  }

  /** Nobody serves and the next one failed to: whoever waits is told why, and whoever calls next has the next start. */
  #failStart(cause: unknown): void {
    if ([...this.#threads].some(({ isLost, isStarting }) => !isLost && !isStarting)) return
    const calls = [...this.#line()]
    this.#returned.clear()
    this.#waiting.clear()
    for (const call of calls) call.fail('worker-lost', 'the worker does not start', cause)
  }
}

/** @returns false where nothing was given: none of the items could be sent */
function give(thread: Thread, batch: readonly Call[]): boolean {
  try {
    thread.give(batch)
    return true
  } catch (cause) {
    const sound = batch.filter(({ item }) => isSendable(item))
    // Each can be sent and all cannot: then it is nobody's fault among them, and they fail together.
    const bad = sound.length === batch.length ? batch : batch.filter((call) => !sound.includes(call))
    for (const call of bad) call.fail('invalid-payload', 'the item cannot be cloned for a worker', cause)
    return bad.length < batch.length && give(thread, sound)
  }
}

function isSendable(item: unknown): boolean {
  try {
    structuredClone(item)
    return true
  } catch {
    return false
  }
}

function fail(call: Call, kind: Loss['kind'], cause: unknown): void {
  if (kind === 'overdue') call.fail('worker-timeout', 'the worker took too long for this item', cause)
  else call.fail('worker-lost', 'the worker ended over this item', cause)
}
