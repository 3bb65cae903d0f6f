/** What waits, in two ranks: that of trusted peers never behind that of others; in each, peer by peer in turn. */
import type { PeerId } from '../ports/types.js'
import { Turns } from './turns.js'

/** What waits for its turn. */
export interface Ranked {
  /** Whose turns it takes: of all who have brought it, or of those of them who are trusted. */
  readonly senders: Iterable<PeerId>
  /** Whether a trusted peer waits for it: it waits for no stranger's. */
  readonly isTrusted: boolean
}

export class Ranks<Item extends Ranked> {
  readonly #trusted = new Turns<Item>()
  readonly #strangers = new Turns<Item>()

  get size(): number {
    return this.#trusted.size + this.#strangers.size
  }

  join(item: Item): void {
    ;(item.isTrusted ? this.#trusted : this.#strangers).join(item)
  }

  /**
   * Another has brought it, too: it has that one's turn as well, and waits for no stranger's once `isTrusted`.
   * @returns whether it has risen
   */
  joinToo(item: Item, sender: PeerId, isTrusted: boolean): boolean {
    const rises = isTrusted && this.#strangers.remove(item)
    if (rises) this.#trusted.join(item)
    else (isTrusted ? this.#trusted : this.#strangers).joinToo(item, sender)
    return rises
  }

  /** What this one waits with, and no other trusted peer does, goes to the rank of strangers, in its order. */
  fall(sender: PeerId): void {
    for (const item of this.#trusted.of(sender))
      if (!item.isTrusted && this.#trusted.remove(item)) this.#strangers.join(item)
  }

  /** @returns false where it does not wait here */
  remove(item: Item): boolean {
    return this.#trusted.remove(item) || this.#strangers.remove(item)
  }

  /** @returns null where nobody waits in a rank that is to be looked at */
  next(ofTrusted: boolean, ofStrangers: boolean): Item | null {
    return (ofTrusted ? this.#trusted.next() : null) ?? (ofStrangers ? this.#strangers.next() : null)
  }

  /** All that wait, in no order. */
  items(): readonly Item[] {
    return [...this.#trusted.items(), ...this.#strangers.items()]
  }

  /** What this one waits with in the rank of strangers, in its order. */
  ofStranger(sender: PeerId): readonly Item[] {
    return this.#strangers.of(sender)
  }

  /** @returns those who leave */
  leave(isGone: (item: Item) => boolean): readonly Item[] {
    return [...this.#trusted.leave(isGone), ...this.#strangers.leave(isGone)]
  }

  /** A stranger is gone: it has no turns any more but for what nobody else waits with. */
  disband(sender: PeerId): void {
    this.#strangers.disband(sender)
  }
}
