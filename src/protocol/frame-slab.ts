/** Where frames are written: side by side, so that many small ones cost one piece of memory. */
import { copyInto, EMPTY } from './bytes.js'
import { varintLength, writeVarint } from './varint.js'

/** A slab grows up to this, but for a frame that is larger. */
const SLAB_BYTES_MAX = 32_768

/** Memory that grows with what is written; what has been written never changes. */
export class FrameSlab {
  #bytes: Uint8Array = EMPTY
  #end = 0

  /** A whole frame. `parts` together are its body, of `bodyLength` bytes. @returns a view of it */
  write(type: number, parts: readonly Uint8Array[], bodyLength: number): Uint8Array {
    const length = varintLength(type) + bodyLength
    const needed = varintLength(length) + length
    if (this.#end + needed > this.#bytes.length) {
      this.#bytes = new Uint8Array(Math.max(needed, Math.min(2 * this.#bytes.length, SLAB_BYTES_MAX)))
      this.#end = 0
    }
    const from = this.#end
    this.#end = writeVarint(this.#bytes, writeVarint(this.#bytes, from, length), type)
    for (const part of parts) {
      copyInto(this.#bytes, this.#end, part)
      this.#end += part.length
    }
    return this.#bytes.subarray(from, this.#end)
  }

  /** What comes next is likely little again, and need not share memory with what was. */
  rest(): void {
    this.#bytes = EMPTY
    this.#end = 0
  }
}
