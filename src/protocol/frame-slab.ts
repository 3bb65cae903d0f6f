/** Where frames are written: side by side, so that many small ones cost one piece of memory. */
import { BytePool, copyInto, EMPTY, POOLED_MAX } from './bytes.js'
import { frameLength, writeFrame } from './frame.js'

/** A slab grows up to this, but for a frame that is larger. */
const SLAB_BYTES_MAX = 32_768

/** For what leaves at once: what is written first is likely all there is, and memory of its own would cost it more than its bytes. */
export const briefly: BytePool = new BytePool(8_192)

/** A whole frame, and where it lies. */
export interface WrittenFrame {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
}

/** Memory that grows with what is written; what has been written never changes. */
export class FrameSlab {
  readonly #pool: BytePool | null
  #bytes: Uint8Array = EMPTY
  #end = 0

  /** @param pool where it begins; null: in memory of its own, just as large as what is written first */
  constructor(pool: BytePool | null) {
    this.#pool = pool
  }

  /** A whole frame. `parts` together are its body, of `bodyLength` bytes. */
  write(type: number, parts: readonly Uint8Array[], bodyLength: number): WrittenFrame {
    this.#provide(frameLength(type, bodyLength))
    const from = this.#end
    this.#end = writeFrame(this.#bytes, from, type, parts, bodyLength)
    return { bytes: this.#bytes, from, to: this.#end }
  }

  /** The same frame, here. */
  copy(frame: WrittenFrame): WrittenFrame {
    this.#provide(frame.to - frame.from)
    const from = this.#end
    copyInto(this.#bytes, from, frame.bytes.subarray(frame.from, frame.to))
    this.#end += frame.to - frame.from
    return { bytes: this.#bytes, from, to: this.#end }
  }

  /** What comes next is likely little again, and need not share memory with what was. */
  rest(): void {
    this.#bytes = EMPTY
    this.#end = 0
  }

  #provide(needed: number): void {
    if (this.#end + needed <= this.#bytes.length) return
    const length = Math.max(needed, Math.min(2 * this.#bytes.length, SLAB_BYTES_MAX))
    this.#bytes = this.#pool === null || length > POOLED_MAX ? new Uint8Array(length) : this.#pool.take(length)
    this.#end = 0
  }
}
