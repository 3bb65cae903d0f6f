/**
 * What is due, soonest first, and of one instant in the order it was added: a binary heap. Holds calls and never makes them;
 * what was cancelled is dropped when it comes up, or at once when it is the majority.
 */

/** Something to be done later. */
export interface Deadline {
  readonly at: number
  /** Doing it late, or twice, does nothing. */
  cancel(): void
}

/** Fewer cancelled entries than this are not worth a sweep. */
const SWEEP_MIN = 64

class Entry implements Deadline {
  readonly at: number
  readonly order: number
  run: (() => void) | null
  readonly #heap: DueHeap

  constructor(heap: DueHeap, at: number, order: number, run: () => void) {
    this.#heap = heap
    this.at = at
    this.order = order
    this.run = run
  }

  cancel(): void {
    if (this.run === null) return
    this.run = null
    this.#heap.cancelled()
  }
}

export class DueHeap {
  // Bound: what the owner schedules, and as many cancelled entries.
  #entries: Entry[] = []
  #order = 0
  #cancelled = 0

  /** Entries that are not cancelled. */
  get size(): number {
    return this.#entries.length - this.#cancelled
  }

  /** When the first is due; infinity where nothing is. */
  get nextAt(): number {
    for (let first = this.#entries[0]; first !== undefined; first = this.#entries[0]) {
      if (first.run !== null) return first.at
      this.#pop()
      this.#cancelled--
    }
    return Number.POSITIVE_INFINITY
  }

  add(at: number, run: () => void): Deadline {
    const entry = new Entry(this, at, this.#order++, run)
    this.#push(entry)
    return entry
  }

  /** Takes what {@link nextAt} speaks of. */
  take(): (() => void) | null {
    if (this.nextAt === Number.POSITIVE_INFINITY) return null
    const first = this.#entries[0]
    const run = first?.run ?? null
    this.#pop()
    if (first !== undefined) first.run = null
    return run
  }

  /** Forgets everything. */
  clear(): void {
    for (const entry of this.#entries) entry.run = null
    this.#entries = []
    this.#cancelled = 0
  }

  /** An entry has been cancelled. */
  cancelled(): void {
    this.#cancelled++
    if (this.#cancelled <= SWEEP_MIN || this.#cancelled * 2 <= this.#entries.length) return
    const live = this.#entries.filter(({ run }) => run !== null)
    this.#entries = []
    this.#cancelled = 0
    for (const entry of live) this.#push(entry)
  }

  #push(entry: Entry): void {
    const entries = this.#entries
    let at = entries.push(entry) - 1
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = entries[parentAt]
      if (parent === undefined || isBefore(parent, entry)) break
      entries[at] = parent
      at = parentAt
    }
    entries[at] = entry
  }

  #pop(): void {
    const entries = this.#entries
    const last = entries.pop()
    const { length } = entries
    if (last === undefined || length === 0) return
    let at = 0
    for (let childAt = 1; childAt < length; childAt = 2 * at + 1) {
      let child = entries[childAt]
      const right = entries[childAt + 1]
      if (child !== undefined && right !== undefined && isBefore(right, child)) {
        child = right
        childAt++
      }
      if (child === undefined || isBefore(last, child)) break
      entries[at] = child
      at = childAt
    }
    entries[at] = last
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
