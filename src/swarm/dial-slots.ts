/**
 * Sockets that are being opened: a bounded number at once, with more room for trusted peers the more of them there are, and
 * none that strangers could take. Whoever finds no slot waits its turn.
 */
import { OTHER_DIALS_MAX, trustedDialsMax } from '../policy/dial.js'
import type { PeerClass } from '../ports/types.js'

export class DialSlots<Waiting extends { readonly peerClass: PeerClass }> {
  readonly #trustedCount: () => number
  #trusted = 0
  #others = 0
  // Bound: the targets.
  #queue: Waiting[] = []

  constructor(trustedCount: () => number) {
    this.#trustedCount = trustedCount
  }

  isFull(peerClass: PeerClass): boolean {
    return isTrustedClass(peerClass)
      ? this.#trusted >= trustedDialsMax(this.#trustedCount())
      : this.#others >= OTHER_DIALS_MAX
  }

  occupy(peerClass: PeerClass): void {
    if (isTrustedClass(peerClass)) this.#trusted++
    else this.#others++
  }

  wait(waiting: Waiting): void {
    this.#queue.push(waiting)
  }

  /** @returns whoever has waited longest for what is free now */
  vacate(peerClass: PeerClass): Waiting | null {
    if (isTrustedClass(peerClass)) this.#trusted--
    else this.#others--
    const next = this.#queue.find((waiting) => !this.isFull(waiting.peerClass)) ?? null
    if (next !== null) this.#queue = this.#queue.filter((waiting) => waiting !== next)
    return next
  }

  /** No longer waits. */
  leave(gone: (waiting: Waiting) => boolean): void {
    this.#queue = this.#queue.filter((waiting) => !gone(waiting))
  }

  clear(): void {
    this.#queue = []
  }
}

export function isTrustedClass(peerClass: PeerClass): boolean {
  return peerClass === 'masternode' || peerClass === 'persistent'
}
