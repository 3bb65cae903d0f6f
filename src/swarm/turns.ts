/** Who is next: those who have something waiting go in turn, so that nobody waits for all that another has; each one's in its order. */
import type { PeerId } from '../ports/types.js'
import { Queue } from './queue.js'

export class Turns<Item extends { readonly sender: PeerId }> {
  // Bound: the peers, and for each what its owner lets one have.
  readonly #bySender = new Map<PeerId, Queue<Item>>()

  get isEmpty(): boolean {
    return this.#bySender.size === 0
  }

  join(item: Item): void {
    const waiting = this.#bySender.get(item.sender) ?? new Queue<Item>()
    waiting.push(item)
    this.#bySender.set(item.sender, waiting)
  }

  /** @returns false where it does not wait here */
  remove(item: Item): boolean {
    return this.#leave(item.sender, (waiting) => waiting === item).length > 0
  }

  next(): Item | null {
    const first = this.#bySender.entries().next()
    if (first.done === true) return null
    const [sender, waiting] = first.value
    const item = waiting.first ?? null
    waiting.shift()
    this.#bySender.delete(sender)
    if (waiting.length > 0) this.#bySender.set(sender, waiting)
    return item
  }

  /** @returns those who leave */
  leave(isGone: (item: Item) => boolean): readonly Item[] {
    return [...this.#bySender.keys()].flatMap((sender) => this.#leave(sender, isGone))
  }

  #leave(sender: PeerId, isGone: (item: Item) => boolean): readonly Item[] {
    const waiting = this.#bySender.get(sender)
    if (waiting === undefined) return []
    const gone: Item[] = []
    for (const item of waiting.takeAll()) {
      if (isGone(item)) gone.push(item)
      else waiting.push(item)
    }
    if (waiting.length === 0) this.#bySender.delete(sender)
    return gone
  }
}
