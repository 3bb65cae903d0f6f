/** Items that are drawn by lot: adding, removing and each draw cost the same however many there are. */
import type { Random } from '../ports/clock.js'

export class Pool<T> {
  // Bound: the owner's.
  readonly #items: T[] = []
  readonly #places = new Map<T, number>()

  /** All of them, in no order that means anything. */
  get items(): readonly T[] {
    return this.#items
  }

  add(item: T): void {
    if (this.#places.has(item)) return
    this.#places.set(item, this.#items.push(item) - 1)
  }

  delete(item: T): void {
    const at = this.#places.get(item)
    if (at === undefined) return
    this.#places.delete(item)
    const last = this.#items.pop()
    if (last === undefined || last === item) return
    this.#items[at] = last
    this.#places.set(last, at)
  }

  /** All items in random order, each drawn when it is asked for. Nothing may be added or deleted meanwhile. */
  *drawn(random: Random): Generator<T, void, undefined> {
    // Fisher and Yates, on the items themselves: their order means nothing, so it may as well stay shuffled.
    for (let left = this.#items.length; left > 0; left--) {
      const at = Math.floor(random.float() * left)
      const drawn = this.#items[at]
      const last = this.#items[left - 1]
      if (drawn === undefined || last === undefined) return
      this.#items[at] = last
      this.#items[left - 1] = drawn
      this.#places.set(last, at)
      this.#places.set(drawn, left - 1)
      yield drawn
    }
  }
}
