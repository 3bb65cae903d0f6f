/**
 * Every deadline of a swarm, in one heap with one timer, whatever the number of peers. A wake-up that comes more than a
 * second late means that this process itself stood still: nothing expires until its sockets have been read once.
 */
import type { Clock } from '../ports/clock.js'

const LATE_MS = 1_000
const SHARED_MS = 1_000
/** Long enough for the host's loop to visit its sockets once. */
const CATCH_UP_MS = 50

/** Something to be done later. */
export interface Deadline {
  /** Doing it late, or twice, does nothing. */
  cancel(): void
}

interface Entry {
  readonly dueAt: number
  readonly order: number
  run: (() => void) | null
}

export class Agenda {
  readonly #clock: Clock
  // Bound: the deadlines that links, dials, requests and handlers hold, each of which is bounded itself.
  readonly #heap: Entry[] = []
  #order = 0
  #cancelled = 0
  #lagMs = 0
  #wake: { readonly atMs: number; readonly cancel: () => void } | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.monotonic()
  }

  /** How late this process runs: the lateness of recent wake-ups, decaying. */
  get lagMs(): number {
    return this.#lagMs
  }

  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  in(delayMs: number, run: () => void): Deadline {
    return this.at(this.now() + delayMs, run)
  }

  at(dueAt: number, run: () => void): Deadline {
    const entry: Entry = { dueAt, order: this.#order++, run }
    this.#push(entry)
    this.#arm()
    return {
      cancel: () => {
        if (entry.run === null) return
        entry.run = null
        this.#cancelled++
        if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) this.#sweep()
      },
    }
  }

  /** Like `at`, but up to a second later, together with others: for what need not be exact, so that one wake-up serves many. */
  soon(atMs: number, run: () => void): Deadline {
    return this.at(Math.ceil(atMs / SHARED_MS) * SHARED_MS, run)
  }

  /** Forgets everything. */
  clear(): void {
    for (const entry of this.#heap) entry.run = null
    this.#heap.length = 0
    this.#cancelled = 0
    this.#wake?.cancel()
    this.#wake = null
  }

  #arm(): void {
    const [next] = this.#heap
    if (next === undefined || (this.#wake !== null && this.#wake.atMs <= next.dueAt)) return
    this.#wake?.cancel()
    this.#wakeAt(next.dueAt, () => {
      this.#awake(next.dueAt)
    })
  }

  #wakeAt(atMs: number, run: () => void): void {
    this.#wake = { atMs, cancel: this.#clock.wakeAt(atMs, run) }
  }

  #awake(dueAt: number): void {
    this.#wake = null
    const now = this.now()
    const lateMs = Math.max(0, now - dueAt)
    this.#lagMs = Math.max(lateMs, this.#lagMs * 0.9)
    if (lateMs > LATE_MS) {
      this.#wakeAt(now + CATCH_UP_MS, () => {
        this.#wake = null
        this.#runDue(this.now())
      })
      return
    }
    this.#runDue(now)
  }

  #runDue(now: number): void {
    for (let [next] = this.#heap; next !== undefined && next.dueAt <= now; [next] = this.#heap) {
      this.#pop()
      const { run } = next
      next.run = null
      if (run === null) this.#cancelled--
      else run()
    }
    this.#arm()
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.push(entry) - 1
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = heap[parentAt]
      if (parent === undefined || isBefore(parent, entry)) break
      heap[at] = parent
      at = parentAt
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let childAt = 2 * at + 1
      let child = heap[childAt]
      if (child === undefined) break
      const right = heap[childAt + 1]
      if (right !== undefined && isBefore(right, child)) {
        child = right
        childAt++
      }
      if (isBefore(last, child)) break
      heap[at] = child
      at = childAt
    }
    heap[at] = last
  }

  /** Drops cancelled entries when they are the majority, so that they cannot pile up behind a far deadline. */
  #sweep(): void {
    const live = this.#heap.filter((entry) => entry.run !== null)
    this.#heap.length = 0
    this.#cancelled = 0
    for (const entry of live) this.#push(entry)
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.order < b.order)
}
