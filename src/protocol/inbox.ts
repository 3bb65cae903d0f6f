/**
 * Bytes as they come, taken in the lengths that are needed. A run that lies whole within what arrived is handed on as a
 * view; only a run that straddles two arrivals is copied. Memory grows with what has come, never with what was announced, but for
 * a few pieces that all share.
 */
import { EMPTY } from './bytes.js'

/** A partial run up to this size keeps its memory for the next one. */
const KEPT_BYTES = 1024
/**
 * Memory for larger runs, which whoever has one next uses again: of a busy link every other record straddles two arrivals. Bound: SPARES_MAX
 * in all, with those that wait on links for the rest of a run; who finds none has memory of its own, as large as what has come.
 */
const spares: Uint8Array[] = []
const SPARES_MAX = 8
const SPARE_BYTES = 65_536
let sparesMade = 0

export class Inbox {
  #view: Uint8Array = EMPTY
  #at = 0
  // Bound: the largest length ever asked of `take`.
  #partial: Uint8Array = EMPTY
  #partialLength = 0
  /** Whether it is one of the {@link spares}. */
  #isSpare = false

  /** Adds what has arrived. Everything before must have been taken, or found too short by `take` or `peek`. */
  push(bytes: Uint8Array): void {
    this.#view = bytes
    this.#at = 0
  }

  /** How many bytes of an unfinished run are waiting. */
  get waiting(): number {
    return this.#partialLength
  }

  /** The next `length` bytes, valid until the next call of any inbox, or null until that many have come. */
  take(length: number): Uint8Array | null {
    const left = this.#view.length - this.#at
    if (this.#partialLength === 0 && left >= length) {
      this.#at += length
      return this.#view.subarray(this.#at - length, this.#at)
    }
    this.#gather(Math.min(length - this.#partialLength, left), length)
    if (this.#partialLength < length) return null
    const whole = this.#partial.subarray(0, length)
    this.#partialLength = 0
    this.#rest()
    return whole
  }

  /** The next two bytes as a number, or null until they have come. */
  takeUint16(): number | null {
    const at = this.#at
    if (this.#partialLength === 0 && this.#view.length - at >= 2) {
      this.#at = at + 2
      return ((this.#view[at] ?? 0) << 8) | (this.#view[at + 1] ?? 0)
    }
    const bytes = this.take(2)
    return bytes === null ? null : ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  }

  /** A look at what is there of the next run, without taking it: at most `length` bytes. */
  peek(length: number): Uint8Array {
    const left = this.#view.length - this.#at
    if (this.#partialLength === 0 && left >= length) return this.#view.subarray(this.#at, this.#at + length)
    this.#gather(Math.max(0, Math.min(length - this.#partialLength, left)), length)
    return this.#partial.subarray(0, Math.min(length, this.#partialLength))
  }

  /** Holds nothing any more. */
  clear(): void {
    this.#view = EMPTY
    this.#at = 0
    this.#partialLength = 0
    this.#rest()
    this.#partial = EMPTY
  }

  #gather(count: number, wanted: number): void {
    if (count === 0) return
    const needed = this.#partialLength + count
    if (needed > this.#partial.length) {
      const spare = needed > KEPT_BYTES && wanted <= SPARE_BYTES ? spares.pop() : undefined
      const grown = spare ?? new Uint8Array(Math.min(wanted, Math.max(needed, 2 * this.#partial.length, 64)))
      grown.set(this.#partial.subarray(0, this.#partialLength))
      this.#partial = grown
      this.#isSpare = spare !== undefined
    }
    this.#partial.set(this.#view.subarray(this.#at, this.#at + count), this.#partialLength)
    this.#partialLength = needed
    this.#at += count
  }

  /** What is small stays; what is large is for whoever needs it next. */
  #rest(): void {
    const { length } = this.#partial
    if (length <= KEPT_BYTES) return
    if (this.#isSpare) spares.push(this.#partial)
    else if (sparesMade < SPARES_MAX) {
      sparesMade++
      spares.push(new Uint8Array(SPARE_BYTES))
    }
    this.#isSpare = false
    this.#partial = EMPTY
  }
}
