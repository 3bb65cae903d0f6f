/** Where frames are written: side by side, so that many small ones cost one piece of memory. */
import { BytePool, EMPTY } from './bytes.js'
import { frameLength, writeFrame } from './frame.js'

/** A slab grows up to this, but for a frame that is larger. */
const SLAB_BYTES_MAX = 32_768

/** What is written first is likely all there is: memory of its own would cost it more than its bytes. */
const small = new BytePool(8_192)
const POOLED_MAX = 1_024

/** A whole frame, and where it lies. */
export interface WrittenFrame {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
}

/** Memory that grows with what is written; what has been written never changes. */
export class FrameSlab {
  #bytes: Uint8Array = EMPTY
  #end = 0

  /** A whole frame. `parts` together are its body, of `bodyLength` bytes. */
  write(type: number, parts: readonly Uint8Array[], bodyLength: number): WrittenFrame {
    const needed = frameLength(type, bodyLength)
    if (this.#end + needed > this.#bytes.length) {
      const length = Math.max(needed, Math.min(2 * this.#bytes.length, SLAB_BYTES_MAX))
      this.#bytes = length > POOLED_MAX ? new Uint8Array(length) : small.take(length)
      this.#end = 0
    }
    const from = this.#end
    this.#end = writeFrame(this.#bytes, from, type, parts, bodyLength)
    return { bytes: this.#bytes, from, to: this.#end }
  }

  /** What comes next is likely little again, and need not share memory with what was. */
  rest(): void {
    this.#bytes = EMPTY
    this.#end = 0
  }
}
