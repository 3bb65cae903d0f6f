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
  /** When each of them is due: side by side, since entries lie wherever they were made, and the search for a place visits many. */
  #ats: number[] = []
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
    this.#ats = []
    this.#cancelled = 0
  }

  /** An entry has been cancelled. */
  cancelled(): void {
    this.#cancelled++
    if (this.#cancelled <= SWEEP_MIN || this.#cancelled * 2 <= this.#entries.length) return
    const live = this.#entries.filter(({ run }) => run !== null)
    this.#entries = []
    this.#ats = []
    this.#cancelled = 0
    for (const entry of live) this.#push(entry)
  }

  #push(entry: Entry): void {
    let index = this.#entries.length
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (this.#isBefore(parent, entry.at, entry)) break
      this.#move(parent, index)
      index = parent
    }
    this.#place(entry, entry.at, index)
  }

  #pop(): void {
    const last = this.#entries.pop()
    const at = this.#ats.pop()
    const { length } = this.#ats
    if (last === undefined || at === undefined || length === 0) return
    let index = 0
    for (let child = 1; child < length; child = 2 * index + 1) {
      const right = child + 1
      if (right < length && !this.#isBefore(child, this.#ats[right], this.#entries[right])) child = right
      if (!this.#isBefore(child, at, last)) break
      this.#move(child, index)
      index = child
    }
    this.#place(last, at, index)
  }

  #move(from: number, to: number): void {
    this.#place(this.#entries[from], this.#ats[from], to)
  }

  #place(entry: Entry | undefined, at: number | undefined, index: number): void {
    if (entry === undefined || at === undefined) return
    this.#entries[index] = entry
    this.#ats[index] = at
  }

  /** Entries themselves are looked at only where both are due at the same instant. */
  #isBefore(index: number, at: number | undefined, entry: Entry | undefined): boolean {
    const own = this.#ats[index]
    if (own !== at || own === undefined) return (own ?? 0) < (at ?? 0)
    return (this.#entries[index]?.order ?? 0) < (entry?.order ?? 0)
  }
}
