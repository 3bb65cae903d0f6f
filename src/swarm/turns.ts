/**
 * Who is next: those who have something waiting go in turn, so that nobody waits for all that another has; each one's in its order.
 * What several wait with stands in the line of each of them, and the first turn of any is its own.
 */
import type { PeerId } from '../ports/types.js'

interface Waiting {
  /** Whose turns it takes. */
  readonly senders: Iterable<PeerId>
}

/** Theirs who have left. */
const GONE = Symbol('gone')

export class Turns<Item extends Waiting> {
  // Bound: the peers, and one; none is empty.
  readonly #lines = new Map<PeerId | typeof GONE, Line<Item>>()
  /** Who has left, and with how many it waits. Bound: what waits; none has nothing. */
  readonly #gone = new Map<PeerId, number>()
  /** Where each stands. Bound: what its owner lets wait, in one line of each peer at most. */
  readonly #standing = new Map<Item, Place<Item>[]>()

  get size(): number {
    return this.#standing.size
  }

  join(item: Item): void {
    this.#standing.set(item, [])
    for (const sender of item.senders) this.joinToo(item, sender)
  }

  /** Another waits with it, too: nothing changes where it does not wait here. */
  joinToo(item: Item, sender: PeerId): void {
    const places = this.#standing.get(item)
    if (places === undefined || places.some((place) => place.sender === sender)) return
    const key = this.#keyOf(sender)
    const line = this.#lines.get(key) ?? new Line<Item>()
    this.#lines.set(key, line)
    places.push(line.add(item, sender))
    if (key === GONE) this.#gone.set(sender, (this.#gone.get(sender) ?? 0) + 1)
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
    return this.#placesOf(sender).map(({ item }) => item)
  }

  /** @returns those who leave */
  leave(isGone: (item: Item) => boolean): readonly Item[] {
    const gone = [...this.#standing.keys()].filter(isGone)
    for (const item of gone) this.remove(item)
    return gone
  }

  /** The sender is gone: it has no turns any more but for what nobody else waits with. */
  disband(sender: PeerId): void {
    for (const place of this.#placesOf(sender)) {
      const places = this.#standing.get(place.item) ?? []
      if (places.length > 1) this.#giveUp(place, places)
    }
  }

  /**
   * The sender is gone: all who are have one turn together, each in its order. As long as any of it waits, so does what it waits
   * with once it is back.
   */
  leaves(sender: PeerId): void {
    const left = this.#gone.has(sender) ? [] : this.#placesOf(sender)
    for (const place of left) this.#giveUp(place, this.#standing.get(place.item) ?? [])
    if (left.length > 0) this.#gone.set(sender, 0)
    for (const { item } of left) this.joinToo(item, sender)
  }

  #keyOf(sender: PeerId): PeerId | typeof GONE {
    return this.#gone.has(sender) ? GONE : sender
  }

  #placesOf(sender: PeerId): readonly Place<Item>[] {
    const found: Place<Item>[] = []
    const line = this.#lines.get(this.#keyOf(sender))
    for (let place = line?.first ?? null; place !== null; place = place.behind)
      if (place.sender === sender) found.push(place)
    return found
  }

  #giveUp(place: Place<Item>, places: Place<Item>[]): void {
    places.splice(places.indexOf(place), 1)
    this.#vacate(place)
  }

  #vacate(place: Place<Item>): void {
    const { line, sender } = place
    const key = this.#keyOf(sender)
    line.remove(place)
    if (line.first === null) this.#lines.delete(key)
    if (key !== GONE) return
    const left = (this.#gone.get(sender) ?? 0) - 1
    if (left > 0) this.#gone.set(sender, left)
    else this.#gone.delete(sender)
  }
}

interface Place<Item> {
  readonly item: Item
  readonly sender: PeerId
  readonly line: Line<Item>
  before: Place<Item> | null
  behind: Place<Item> | null
}

/** One sender's, or theirs who have left, in the order they came. Each holds on to its neighbours alone: any may leave at once, and nothing is held of who has left. */
class Line<Item> {
  first: Place<Item> | null = null
  #last: Place<Item> | null = null

  add(item: Item, sender: PeerId): Place<Item> {
    const place: Place<Item> = { item, sender, line: this, before: this.#last, behind: null }
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
