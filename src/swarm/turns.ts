/**
 * Who is next: those who have something waiting go in turn, so that nobody waits for all that another has; each one's in its order.
 * What several wait with stands in the line of each of them, and the first turn of any is its own.
 */
import type { PeerId } from '../ports/types.js'

interface Waiting {
  /** Whose turns it takes. */
  readonly senders: Iterable<PeerId>
}

export class Turns<Item extends Waiting> {
  // Bound: the peers; none is empty.
  readonly #lines = new Map<PeerId, Line<Item>>()
  /** Where each stands. Bound: what its owner lets wait, in one line of each peer at most. */
  readonly #standing = new Map<Item, PeerId[]>()

  get size(): number {
    return this.#standing.size
  }

  join(item: Item): void {
    this.#standing.set(item, [])
    for (const sender of item.senders) this.joinToo(item, sender)
  }

  /** Another waits with it, too: nothing changes where it does not wait here. */
  joinToo(item: Item, sender: PeerId): void {
    const senders = this.#standing.get(item)
    if (senders === undefined) return
    const line = this.#lines.get(sender) ?? new Line<Item>()
    if (!line.add(item)) return
    this.#lines.set(sender, line)
    senders.push(sender)
  }

  /** @returns false where it does not wait here */
  remove(item: Item): boolean {
    const senders = this.#standing.get(item)
    for (const sender of senders ?? []) {
      const line = this.#lines.get(sender)
      line?.delete(item)
      if (line?.isEmpty === true) this.#lines.delete(sender)
    }
    return this.#standing.delete(item)
  }

  next(): Item | null {
    const first = this.#lines.entries().next()
    if (first.done === true) return null
    const [sender, line] = first.value
    const item = line.first()
    this.#lines.delete(sender)
    this.#lines.set(sender, line)
    this.remove(item)
    return item
  }

  /** @returns those who leave */
  leave(isGone: (item: Item) => boolean): readonly Item[] {
    const gone = [...this.#standing.keys()].filter(isGone)
    for (const item of gone) this.remove(item)
    return gone
  }
}

/** One sender's, in the order they came. Any may leave at any time, and whoever is first leaves next. */
class Line<Item> {
  // Bound: what waits.
  readonly #items = new Set<Item>()
  // Goes on where it was: from the start, it would step over the gaps of all that have left.
  readonly #ahead = this.#items.values()

  get isEmpty(): boolean {
    return this.#items.size === 0
  }

  /** @returns false where it is here */
  add(item: Item): boolean {
    if (this.#items.has(item)) return false
    this.#items.add(item)
    return true
  }

  delete(item: Item): void {
    this.#items.delete(item)
  }

  /** To be asked once of each that is first, and never of an empty line. */
  first(): Item {
    const { value, done } = this.#ahead.next()
    if (done === true) throw new Error('nobody is in this line')
    return value
  }
}
