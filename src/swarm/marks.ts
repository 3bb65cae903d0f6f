/**
 * Which links a message was told to and sent on: a bit for each, since there are as many marks as messages times links. A link has
 * a slot, which is another's once it is gone; so a mark counts only on messages that came after the link. What came before is
 * remembered by the link itself.
 */

const BITS = 30

/** Slots that are set. */
class Bits {
  // Bound: the most links that were ever open at once, by 30.
  readonly #words: number[] = []

  add(slot: number): void {
    const at = Math.floor(slot / BITS)
    while (this.#words.length <= at) this.#words.push(0)
    this.#words[at] = (this.#words[at] ?? 0) | (1 << (slot % BITS))
  }

  has(slot: number): boolean {
    return (((this.#words[Math.floor(slot / BITS)] ?? 0) >> (slot % BITS)) & 1) === 1
  }
}

/** A message that bears marks. */
export interface Marked {
  /** Later ones have higher numbers. */
  readonly number: number
  readonly told: Bits
  readonly sent: Bits
}

export const noMarks = (): Pick<Marked, 'told' | 'sent'> => ({ told: new Bits(), sent: new Bits() })

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

  has(mark: 'told' | 'sent', message: Marked): boolean {
    return message.number < this.since ? this.#earlier[mark].has(message.number) : message[mark].has(this.slot)
  }

  add(mark: 'told' | 'sent', message: Marked): void {
    if (message.number < this.since) this.#earlier[mark].add(message.number)
    else message[mark].add(this.slot)
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
