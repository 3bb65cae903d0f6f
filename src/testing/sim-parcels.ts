/** What travels on a simulated link, and the order in which it is handed over. */

/** Bytes, or the news that no more come. */
export type Content = Uint8Array | 'end'

/** By its number among what one end sent. */
export interface Parcel {
  readonly number: number
  readonly content: Content
}

export function sizeOf(content: Content): number {
  return content === 'end' ? 0 : content.length
}

/** Hands over in the order of sending what may arrive in another: what was sent again comes behind what was on its way. */
export class InOrder {
  // Bound: what one end wrote and the network has not carried.
  readonly #ahead = new Map<number, Content>()
  #next = 0

  /** @returns what may be handed over now */
  take({ number, content }: Parcel): readonly Content[] {
    if (number !== this.#next) {
      this.#ahead.set(number, content)
      return []
    }
    const ready = [content]
    for (;;) {
      const behind = this.#ahead.get(++this.#next)
      if (behind === undefined) return ready
      this.#ahead.delete(this.#next)
      ready.push(behind)
    }
  }
}
