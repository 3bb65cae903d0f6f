/**
 * Whether a peer depends on us for its news: it mostly asks for what it is told of, as one does who has few other links. To such a
 * peer a relay pushes, now and then telling it instead, to see whether it still asks.
 */

/** Of the last so many ids that it was told. */
const TOLD_MAX = 16
/** Fewer tell nothing. */
const TOLD_MIN = 4
/** Of so many messages one is told and not pushed. */
const PROBE_EVERY = 16

export class Dependence {
  #told = 0
  #asked = 0
  #pushed = 0

  /** It has been told of so many messages. */
  told(count: number): void {
    this.#told += count
    if (this.#told <= TOLD_MAX) return
    this.#asked *= TOLD_MAX / this.#told
    this.#told = TOLD_MAX
  }

  /** It has asked for so many. */
  asked(count: number): void {
    this.#asked = Math.min(this.#asked + count, this.#told)
  }

  /** Whether the next message is best pushed. */
  takePush(): boolean {
    if (this.#told < TOLD_MIN || this.#asked * 2 <= this.#told) return false
    this.#pushed = (this.#pushed + 1) % PROBE_EVERY
    return this.#pushed !== 0
  }
}
