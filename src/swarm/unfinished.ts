/** What one link holds of messages that are not whole: it counts for the node's memory, and for the account of its peer. */
import type { Memory } from '../policy/memory.js'
import type { Quota } from './quota.js'

export class Unfinished {
  readonly #memory: Memory
  readonly #bytesNow: () => number
  #quota: Quota
  #bytes = 0
  #isGone = false

  constructor(memory: Memory, quota: Quota, bytesNow: () => number) {
    this.#memory = memory
    this.#quota = quota
    this.#bytesNow = bytesNow
  }

  /** On all links of the peer together. */
  get ofPeer(): number {
    return this.#quota.partialBytes
  }

  /** On the peer's other links. */
  get elsewhere(): number {
    return this.#quota.partialBytes - this.#bytes
  }

  /** It may have changed. */
  count(): void {
    if (!this.#isGone) this.#hold(this.#bytesNow())
  }

  /** Nothing is held any more. */
  gone(): void {
    this.#isGone = true
    this.#hold(0)
  }

  /** The peer has another account from now on. */
  move(quota: Quota): void {
    this.#quota.holdPart(-this.#bytes)
    this.#quota = quota
    this.#quota.holdPart(this.#bytes)
  }

  #hold(bytes: number): void {
    this.#memory.partialBytes += bytes - this.#bytes
    this.#quota.holdPart(bytes - this.#bytes)
    this.#bytes = bytes
  }
}
