/**
 * Which links a message was told to and sent on: a bit for each, since there are as many marks as messages times links. A link has
 * a slot, which is another's once it is gone; so a mark counts only on messages that came after the link. What came before is
 * remembered by the link itself.
 */

const BITS = 30

type Mark = 'told' | 'sent'

/** A message that bears marks. */
export interface Marked {
  /** Later ones have higher numbers. */
  readonly number: number
  /** Slots that are set, 30 to a number; null: none, as for most messages of most nodes. Bound: the most links ever open at once. */
  told: number[] | null
  sent: number[] | null
}

/** The marks of one link. */
export class LinkMarks {
  /** The number of the first message after it. */
  readonly since: number
  readonly slot: number
  // Bound: the messages that were kept when it came.
  readonly #earlier = { told: new Set<number>(), sent: new Set<number>() }

  constructor(slot: number, since: number) {
    this.slot = slot
    this.since = since
  }

  has(mark: Mark, message: Marked): boolean {
    if (message.number < this.since) return this.#earlier[mark].has(message.number)
    const word = message[mark]?.[Math.floor(this.slot / BITS)] ?? 0
    return ((word >> (this.slot % BITS)) & 1) === 1
  }

  add(mark: Mark, message: Marked): void {
    if (message.number < this.since) {
      this.#earlier[mark].add(message.number)
      return
    }
    const words = (message[mark] ??= [])
    const at = Math.floor(this.slot / BITS)
    while (words.length <= at) words.push(0)
    words[at] = (words[at] ?? 0) | (1 << (this.slot % BITS))
  }
}

/** Gives each link the lowest slot that is free. */
export class LinkSlots {
  // Bound: the most links that were ever open at once.
  readonly #taken: boolean[] = []

  take(): number {
    const free = this.#taken.indexOf(false)
    const slot = free < 0 ? this.#taken.length : free
    this.#taken[slot] = true
    return slot
  }

  giveBack(slot: number): void {
    this.#taken[slot] = false
  }
}
