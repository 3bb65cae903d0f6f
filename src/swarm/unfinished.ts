/**
 * What one link holds of what is not whole: all of it counts for the node's memory, and what nobody asked for, but for answers, for the
 * account of its peer.
 */
import type { Memory } from '../policy/memory.js'
import type { Reassembly } from '../protocol/fragment.js'
import type { Quota } from './quota.js'

interface Held {
  readonly partialBytes: () => number
  readonly reassembly: Pick<Reassembly, 'unasked'>
}

export class Unfinished {
  readonly #memory: Memory
  readonly #held: Held
  #quota: Quota
  #bytes = 0
  /** Of messages and questions. */
  #unasked = 0
  #isGone = false

  constructor(memory: Memory, quota: Quota, held: Held) {
    this.#memory = memory
    this.#quota = quota
    this.#held = held
  }

  /** Of messages, on all links of the peer together. */
  get ofPeer(): number {
    return this.#quota.partialBytes
  }

  /** Of messages, on the peer's other links. */
  get elsewhere(): number {
    return this.#quota.partialBytes - this.#unasked
  }

  /** It may have changed. */
  count(): void {
    if (!this.#isGone) this.#hold(this.#held.partialBytes(), this.#held.reassembly.unasked)
  }

  /** Nothing is held any more. */
  gone(): void {
    this.#isGone = true
    this.#hold(0, 0)
  }

  /** The peer has another account from now on. */
  move(quota: Quota): void {
    this.#quota.holdPart(-this.#unasked)
    this.#quota = quota
    this.#quota.holdPart(this.#unasked)
  }

  #hold(bytes: number, unasked: number): void {
    this.#memory.partialBytes += bytes - this.#bytes
    this.#quota.holdPart(unasked - this.#unasked)
    this.#bytes = bytes
    this.#unasked = unasked
  }
}
