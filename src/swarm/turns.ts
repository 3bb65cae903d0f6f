/** Who is next: those who have something waiting go in turn, so that nobody waits for all that another has; each one's in its order. */
import type { PeerId } from '../ports/types.js'

export class Turns<Item extends { readonly sender: PeerId }> {
  // Bound: the peers, and for each what its owner lets one have.
  readonly #bySender = new Map<PeerId, Item[]>()

  get isEmpty(): boolean {
    return this.#bySender.size === 0
  }

  join(item: Item): void {
    const waiting = this.#bySender.get(item.sender)
    if (waiting === undefined) this.#bySender.set(item.sender, [item])
    else waiting.push(item)
  }

  /** @returns false where it does not wait here */
  remove(item: Item): boolean {
    const waiting = this.#bySender.get(item.sender)
    const at = waiting?.indexOf(item) ?? -1
    if (waiting === undefined || at < 0) return false
    waiting.splice(at, 1)
    if (waiting.length === 0) this.#bySender.delete(item.sender)
    return true
  }

  next(): Item | null {
    const first = this.#bySender.entries().next()
    if (first.done === true) return null
    const [sender, waiting] = first.value
    const item = waiting.shift() ?? null
    this.#bySender.delete(sender)
    if (waiting.length > 0) this.#bySender.set(sender, waiting)
    return item
  }

  /** @returns those who leave */
  leave(isGone: (item: Item) => boolean): readonly Item[] {
    const gone: Item[] = []
    for (const [sender, waiting] of this.#bySender) {
      const left: Item[] = []
      for (const item of waiting) (isGone(item) ? gone : left).push(item)
      if (left.length > 0) this.#bySender.set(sender, left)
      else this.#bySender.delete(sender)
    }
    return gone
  }
}
