/**
 * Every deadline of a swarm, in one heap with one timer, whatever the number of peers. A wake-up that comes more than a
 * second late means that this process itself stood still: nothing expires until its sockets have been read once.
 */
import type { Deadline } from '../policy/due-heap.js'
import { DueHeap } from '../policy/due-heap.js'
import type { Clock } from '../ports/clock.js'

export type { Deadline } from '../policy/due-heap.js'

const LATE_MS = 1_000
/** Long enough for the host's loop to visit its sockets once. */
const CATCH_UP_MS = 50
/** Earlier than any deadline: no timer is wanted while deadlines run. */
const BUSY = Number.NEGATIVE_INFINITY

export class Agenda {
  readonly #clock: Clock
  // Bound: the deadlines that links, dials, requests and handlers hold, each of which is bounded itself.
  readonly #due = new DueHeap()
  #lagMs = 0
  #wakeAtMs = Number.POSITIVE_INFINITY
  #cancelWake: (() => void) | null = null
  #seenAt: number
  #isOver = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#seenAt = clock.monotonic()
  }

  now(): number {
    this.look()
    return this.#seenAt
  }

  /** Something has come from outside. */
  look(): void {
    this.#seenAt = this.#clock.monotonic()
  }

  /** When anybody last looked. Of a small message's work a look would be a sixth: those that come at once share one. */
  get seenAt(): number {
    return this.#seenAt
  }

  /** How late this process runs: the lateness of recent wake-ups, decaying. */
  get lagMs(): number {
    return this.#lagMs
  }

  get size(): number {
    return this.#due.size
  }

  in(delayMs: number, run: () => void): Deadline {
    return this.at(this.now() + delayMs, run)
  }

  at(dueAt: number, run: () => void): Deadline {
    const deadline = this.#due.add(dueAt, run)
    if (dueAt < this.#wakeAtMs) this.#arm()
    return deadline
  }

  /** Forgets everything, for good: whoever still sets a deadline keeps no process alive. */
  end(): void {
    this.#isOver = true
    this.#due.clear()
    this.#cancelWake?.()
    this.#asleep()
  }

  #arm(): void {
    const dueAt = this.#due.nextAt
    if (this.#isOver || dueAt >= this.#wakeAtMs) return
    this.#cancelWake?.()
    this.#wakeAt(dueAt, this.#awake)
  }

  #wakeAt(atMs: number, run: () => void): void {
    this.#wakeAtMs = atMs
    this.#cancelWake = this.#clock.wakeAt(atMs, run)
  }

  #asleep(): void {
    this.#wakeAtMs = Number.POSITIVE_INFINITY
    this.#cancelWake = null
  }

  readonly #awake = (): void => {
    const now = this.now()
    const lateMs = Math.max(0, now - this.#wakeAtMs)
    this.#lagMs = Math.max(lateMs, this.#lagMs * 0.9)
    if (lateMs > LATE_MS) this.#wakeAt(now + CATCH_UP_MS, this.#runDue)
    else this.#runDue()
  }

  readonly #runDue = (): void => {
    const now = this.now()
    // What is added meanwhile is looked at once, when this is over.
    this.#wakeAtMs = BUSY
    this.#cancelWake = null
    try {
      while (this.#due.nextAt <= now) this.#due.take()?.()
    } finally {
      if (this.#wakeAtMs === BUSY) this.#asleep()
      this.#arm()
    }
  }
}
