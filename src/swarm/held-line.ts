/**
 * Who is next of those whose messages wait for the end of a break. Those who are here go in turn; all who have left have one turn
 * together, which goes among them in turn, or whoever comes and goes under ever new names would have a turn by each.
 */
import type { PeerId } from '../ports/types.js'
import { Turns } from './turns.js'

interface Held {
  readonly senders: Iterable<PeerId>
}

export class HeldLine<Item extends Held> {
  // Bound: what its owner lets wait, by each who is here.
  readonly #here = new Turns<Item>()
  // Bound: the same, each by one of those who have left.
  readonly #gone = new Turns<Item>()
  /** Which of them others had brought as well who have left: whoever else is sent away, they are heard. Bound: the same. */
  readonly #othersToo = new Set<Item>()
  /** Turns since the last of those who have left. */
  #turns = 0

  join(item: Item): void {
    for (const sender of item.senders) this.#stand(item, sender)
  }

  /** Another waits with it, too: nothing changes where it does not wait here. */
  joinToo(item: Item, sender: PeerId): void {
    if (this.has(item)) this.#stand(item, sender)
  }

  has(item: Item): boolean {
    return this.#here.has(item) || this.#gone.has(item)
  }

  /** @returns false where it does not wait here */
  remove(item: Item): boolean {
    const [wasHere, wasGone] = [this.#here.remove(item), this.#gone.remove(item)]
    this.#othersToo.delete(item)
    return wasHere || wasGone
  }

  /** @returns `isGone`: whoever brought it has left */
  next(): { readonly item: Item; readonly isGone: boolean } | null {
    const isGone = this.#gone.size > 0 && this.#turns >= this.#here.lines
    this.#turns = isGone ? 0 : this.#turns + 1
    const item = isGone ? this.#gone.next() : this.#here.next()
    if (item === null) return null
    const isHere = !isGone || this.#here.has(item)
    this.remove(item)
    return { item, isGone: !isHere }
  }

  /** What this one waits with, in its order. */
  of(sender: PeerId): readonly Item[] {
    return [...this.#gone.of(sender), ...this.#here.of(sender)]
  }

  /** The sender has left. */
  leaves(sender: PeerId): void {
    for (const item of this.#here.of(sender)) {
      this.#here.withdraw(item, sender)
      if (this.#gone.has(item)) this.#othersToo.add(item)
      else this.#gone.stand(item, sender)
    }
  }

  /** The sender is back, and has its turns again for what it left. */
  returns(sender: PeerId): void {
    for (const item of this.#gone.of(sender)) {
      this.#gone.withdraw(item, sender)
      this.#here.stand(item, sender)
    }
  }

  /** The sender waits no more. @returns what nobody else waits with */
  withdraw(sender: PeerId): readonly Item[] {
    const own = this.of(sender)
    for (const item of own) {
      this.#here.withdraw(item, sender)
      this.#gone.withdraw(item, sender)
      if (!this.has(item) && this.#othersToo.has(item)) this.#gone.stand(item, sender)
    }
    return own.filter((item) => !this.has(item))
  }

  /** @returns all that waited */
  end(): readonly Item[] {
    this.#othersToo.clear()
    return [...new Set([...this.#gone.leave(() => true), ...this.#here.leave(() => true)])]
  }

  #stand(item: Item, sender: PeerId): void {
    this.returns(sender)
    this.#here.stand(item, sender)
  }
}
