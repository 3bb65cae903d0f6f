/** First in, first out. Taking is cheap however long it is, and what was taken is held no more. */
export class Queue<T> {
  // Bound: its owner's.
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): void {
    // Its room stays, for the next one: most links have one frame to send at a time.
    if (this.#items.length === 1) {
      this.#items.pop()
      return
    }
    this.#items[this.#head++] = undefined
    if (this.#head * 2 <= this.#items.length) return
    this.#items = this.#items.slice(this.#head)
    this.#head = 0
  }

  /** To the front, where it was taken from. */
  putBack(item: T): void {
    if (this.#head === 0) this.#items.unshift(item)
    else this.#items[--this.#head] = item
  }

  /** @returns the first that fits, which waits no more; null where none does */
  remove(fits: (item: T) => boolean): T | null {
    const at = this.#items.findIndex((item) => item !== undefined && fits(item))
    const item = this.#items[at]
    if (item === undefined) return null
    if (at === this.#head) this.shift()
    else this.#items.splice(at, 1)
    return item
  }

  /** The last so many, or all that there are, in order. */
  last(count: number): readonly T[] {
    const from = Math.max(this.#head, this.#items.length - count)
    return this.#items.slice(from).filter((item) => item !== undefined)
  }

  /** Puts these in the place of as many that came last. */
  replaceLast(items: readonly T[]): void {
    const from = this.#items.length - items.length
    for (const [at, item] of items.entries()) this.#items[from + at] = item
  }

  takeAll(): T[] {
    const items = this.#items.filter((item) => item !== undefined)
    this.#items = []
    this.#head = 0
    return items
  }
}
