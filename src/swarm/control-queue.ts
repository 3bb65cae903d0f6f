/** Control frames that wait on one link: few and small, beside the node's budget, since what a peer asks for must find a way. */
import { isTrustedClass } from '../policy/peer-class.js'
import type { PeerClass } from '../ports/types.js'
import { typeOf } from '../protocol/frame.js'
import { Queue } from './queue.js'

/** More of them in waiting, or bytes of them, mean that the peer reads nothing and asks for everything. */
const FRAMES_MAX = 4_096
const BYTES_MAX = 128 * 1024
/** A trusted peer may be slow for longer. */
const TRUSTED_BYTES_MAX = 1024 * 1024

export class ControlQueue {
  readonly #peerClass: () => PeerClass
  // Bound: FRAMES_MAX, and bytes by class.
  readonly #frames = new Queue<Uint8Array>()
  #bytes = 0

  constructor(peerClass: () => PeerClass) {
    this.#peerClass = peerClass
  }

  get length(): number {
    return this.#frames.length
  }

  get first(): Uint8Array | undefined {
    return this.#frames.first
  }

  /** Whether half of the room is in use: what can be said later is not said now. */
  get isHigh(): boolean {
    return this.#bytes * 2 > this.#bytesMax || this.#frames.length * 2 > FRAMES_MAX
  }

  /** @returns false where a peer has made us owe it more of them than anybody could want */
  push(frame: Uint8Array): boolean {
    const bytes = this.#bytes + frame.length
    if (this.#frames.length >= FRAMES_MAX) return false
    if (bytes > BYTES_MAX && bytes > this.#bytesMax) return false
    this.#bytes = bytes
    this.#frames.push(frame)
    return true
  }

  shift(): void {
    this.#bytes -= this.#frames.first?.length ?? 0
    this.#frames.shift()
  }

  /** Whether a frame of this type waits. */
  holds(type: number): boolean {
    return this.#frames.last(FRAMES_MAX).some((frame) => typeOf(frame) === type)
  }

  get #bytesMax(): number {
    return isTrustedClass(this.#peerClass()) ? TRUSTED_BYTES_MAX : BYTES_MAX
  }
}
