/** One plaintext put together: what is small side by side in memory that all links of a swarm use in turn, what is large as it lies. */
import { copyInto, EMPTY } from '../protocol/bytes.js'
import { FRAME_BYTES_MAX } from '../protocol/frame.js'
import type { WrittenFrame } from '../protocol/frame-slab.js'

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
  /** Frames that lie behind each other: the memory, and from where to where. */
  #run: Uint8Array = EMPTY
  #runFrom = 0
  #runTo = 0

  constructor(slab: RecordSlab) {
    this.#slab = slab
  }

  add(part: Uint8Array): void {
    this.#endRun()
    this.length += part.length
    this.#place(part)
  }

  /** The same for a frame, right behind which the next may lie. */
  addWritten({ bytes, from, to }: WrittenFrame): void {
    this.length += to - from
    if (bytes !== this.#run || from !== this.#runTo) {
      this.#endRun()
      this.#run = bytes
      this.#runFrom = from
    }
    this.#runTo = to
  }

  parts(): readonly Uint8Array[] {
    this.#endRun()
    this.#cut()
    return this.#parts
  }

  #endRun(): void {
    if (this.#runTo === this.#runFrom) return
    this.#place(this.#run.subarray(this.#runFrom, this.#runTo))
    this.#run = EMPTY
    this.#runFrom = 0
    this.#runTo = 0
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
