/** One plaintext put together: what is small side by side in memory that all links of a swarm use in turn, what is large as it lies. */
import { copyInto, EMPTY } from '../protocol/bytes.js'
import { FRAME_BYTES_MAX } from '../protocol/frame.js'

/** A record is closed at this much plaintext: with one more whole frame it still fits. */
export const RECORD_TARGET = 32_000
const SLAB_MAX: number = RECORD_TARGET + FRAME_BYTES_MAX + 1024
/** Parts at least this large are sealed where they lie; smaller ones are copied side by side first. */
const COPY_BELOW: number = 8 * 1024

/** Memory that records are put together in; one serves all links of a swarm, since sealing is done before the next begins. */
export class RecordSlab {
  // Bound: RECORD_TARGET and one frame more.
  bytes: Uint8Array = new Uint8Array(1024)

  /** Larger memory in place of what is too small for so many bytes more. */
  grow(needed: number): void {
    this.bytes = new Uint8Array(Math.max(needed, Math.min(2 * this.bytes.length, SLAB_MAX)))
  }
}

/** Puts one plaintext together: small parts side by side in the slab, large ones as they are, and so those that lie side by side already. */
export class RecordParts {
  length = 0
  readonly #slab: RecordSlab
  readonly #parts: Uint8Array[] = []
  #from = 0
  #to = 0
  /** Parts that lie behind each other in memory: where they begin, and all their bytes. */
  #run: Uint8Array = EMPTY
  #runBytes = 0

  constructor(slab: RecordSlab) {
    this.#slab = slab
  }

  add(part: Uint8Array): void {
    this.#endRun()
    this.length += part.length
    this.#place(part)
  }

  /** The same for a view of larger memory, where the next part may lie right behind. Of small memory this would cost a copy. */
  addView(part: Uint8Array): void {
    this.length += part.length
    const { buffer, byteOffset } = this.#run
    if (part.buffer === buffer && part.byteOffset === byteOffset + this.#runBytes) this.#runBytes += part.length
    else {
      this.#endRun()
      this.#run = part
      this.#runBytes = part.length
    }
  }

  parts(): readonly Uint8Array[] {
    this.#endRun()
    this.#cut()
    return this.#parts
  }

  #endRun(): void {
    if (this.#runBytes === 0) return
    const { length, buffer, byteOffset } = this.#run
    this.#place(length === this.#runBytes ? this.#run : new Uint8Array(buffer, byteOffset, this.#runBytes))
    this.#run = EMPTY
    this.#runBytes = 0
  }

  #place(part: Uint8Array): void {
    if (part.length < COPY_BELOW) {
      this.#copy(part)
      return
    }
    this.#cut()
    this.#parts.push(part)
  }

  #copy(part: Uint8Array): void {
    if (this.#to + part.length > this.#slab.bytes.length) {
      this.#cut()
      this.#slab.grow(part.length)
      this.#from = 0
      this.#to = 0
    }
    copyInto(this.#slab.bytes, this.#to, part)
    this.#to += part.length
  }

  #cut(): void {
    if (this.#to > this.#from) this.#parts.push(this.#slab.bytes.subarray(this.#from, this.#to))
    this.#from = this.#to
  }
}
