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
  readonly #standing = new Map<Item, Place<Item>[]>()

  get size(): number {
    return this.#standing.size
  }

  /** How many have something waiting. */
  get lines(): number {
    return this.#lines.size
  }

  has(item: Item): boolean {
    return this.#standing.has(item)
  }

  join(item: Item): void {
    for (const sender of item.senders) this.stand(item, sender)
  }

  /** Another waits with it, too: nothing changes where it does not wait here. */
  joinToo(item: Item, sender: PeerId): void {
    if (this.has(item)) this.stand(item, sender)
  }

  /** It waits with this sender, and maybe with others. */
  stand(item: Item, sender: PeerId): void {
    const places = this.#standing.get(item) ?? []
    if (places.some(({ line }) => line.sender === sender)) return
    const line = this.#lines.get(sender) ?? new Line<Item>(sender)
    this.#lines.set(sender, line)
    places.push(line.add(item))
    this.#standing.set(item, places)
  }

  /** It does not wait with this sender any more. */
  withdraw(item: Item, sender: PeerId): void {
    const places = this.#standing.get(item)
    const place = places?.find(({ line }) => line.sender === sender)
    if (places === undefined || place === undefined) return
    places.splice(places.indexOf(place), 1)
    this.#vacate(place)
    if (places.length === 0) this.#standing.delete(item)
  }

  /** @returns false where it does not wait here */
  remove(item: Item): boolean {
    for (const place of this.#standing.get(item) ?? []) this.#vacate(place)
    return this.#standing.delete(item)
  }

  next(): Item | null {
    const first = this.#lines.entries().next()
    if (first.done === true) return null
    const [sender, line] = first.value
    const item = line.first?.item ?? null
    this.#lines.delete(sender)
    this.#lines.set(sender, line)
    if (item !== null) this.remove(item)
    return item
  }

  /** All that wait, in no order. */
  items(): Iterable<Item> {
    return this.#standing.keys()
  }

  /** What this one waits with, in its order. */
  of(sender: PeerId): readonly Item[] {
    const items: Item[] = []
    for (let place = this.#lines.get(sender)?.first ?? null; place !== null; place = place.behind)
      items.push(place.item)
    return items
  }

  /** @returns those who leave */
  leave(isGone: (item: Item) => boolean): readonly Item[] {
    const gone = [...this.#standing.keys()].filter(isGone)
    for (const item of gone) this.remove(item)
    return gone
  }

  /** The sender is gone: it has no turns any more but for what nobody else waits with. */
  disband(sender: PeerId): void {
    for (const item of this.of(sender)) if ((this.#standing.get(item)?.length ?? 0) > 1) this.withdraw(item, sender)
  }

  #vacate(place: Place<Item>): void {
    const { line } = place
    line.remove(place)
    if (line.first === null) this.#lines.delete(line.sender)
  }
}

interface Place<Item> {
  readonly item: Item
  readonly line: Line<Item>
  before: Place<Item> | null
  behind: Place<Item> | null
}

/** One sender's, in the order they came. Each holds on to its neighbours alone: any may leave at once, and nothing is held of who has left. */
class Line<Item> {
  readonly sender: PeerId
  first: Place<Item> | null = null
  #last: Place<Item> | null = null

  constructor(sender: PeerId) {
    this.sender = sender
  }

  add(item: Item): Place<Item> {
    const place: Place<Item> = { item, line: this, before: this.#last, behind: null }
    if (this.#last === null) this.first = place
    else this.#last.behind = place
    this.#last = place
    return place
  }

  remove({ before, behind }: Place<Item>): void {
    if (before === null) this.first = behind
    else before.behind = behind
    if (behind === null) this.#last = before
    else behind.before = before
  }
}
