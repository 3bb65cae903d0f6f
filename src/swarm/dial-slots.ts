/**
 * Sockets that are being opened: a bounded number at once, with more room for trusted peers the more of them there are, and
 * none that strangers could take. Whoever finds no slot waits its turn. Those that are long dead hang for seconds each: they
 * never have all slots, and go last, so that a peer that was lost a moment ago does not wait for them.
 */
import { OTHER_DIALS_MAX, trustedDialsMax } from '../policy/dial.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { PeerClass } from '../ports/types.js'

/** So many failures in a row, and more, are alike: long dead. */
const LONG_DEAD = 8
/** Of the slots so many are for the others. */
const KEPT_FREE = 2

/** Who is dialled. `inVain`: failures in a row, whatever a recovery has forgiven. */
interface Dialled {
  readonly inVain: number
}

/** A dial that may have to wait. */
export interface SlotUser {
  readonly peerClass: PeerClass
  readonly target: Dialled
}

interface Waiting<Target, Place> {
  readonly target: Target
  readonly address: Place
  readonly peerClass: PeerClass
}

export class DialSlots<Target extends Dialled, Place> {
  readonly #trustedCount: () => number
  #trusted = 0
  #others = 0
  // Bound: the targets.
  #queue: Waiting<Target, Place>[] = []

  constructor(trustedCount: () => number) {
    this.#trustedCount = trustedCount
  }

  isFull(user: SlotUser): boolean {
    const kept = failuresOf(user) >= LONG_DEAD ? KEPT_FREE : 0
    return isTrustedClass(user.peerClass)
      ? this.#trusted >= trustedDialsMax(this.#trustedCount()) - kept
      : this.#others >= OTHER_DIALS_MAX - kept
  }

  occupy(peerClass: PeerClass): void {
    if (isTrustedClass(peerClass)) this.#trusted++
    else this.#others++
  }

  wait(waiting: Waiting<Target, Place>): void {
    this.#queue.push(waiting)
  }

  /** It keeps its place, and is dialled there. */
  readdress(target: Target, address: Place): void {
    this.#queue = this.#queue.map((waiting) => (waiting.target === target ? { ...waiting, address } : waiting))
  }

  vacate(peerClass: PeerClass): void {
    if (isTrustedClass(peerClass)) this.#trusted--
    else this.#others--
  }

  /** @returns who is next for what is free, and waits no more: of those that failed least, whoever has waited longest */
  next(): Waiting<Target, Place> | null {
    let next: Waiting<Target, Place> | null = null
    for (const waiting of this.#queue)
      if (!this.isFull(waiting) && (next === null || failuresOf(waiting) < failuresOf(next))) next = waiting
    if (next !== null) this.#queue = this.#queue.filter((waiting) => waiting !== next)
    return next
  }

  /** No longer wait. @returns who did */
  leave(target: Target): readonly Waiting<Target, Place>[] {
    const gone = this.#queue.filter((waiting) => waiting.target === target)
    this.#queue = this.#queue.filter((waiting) => waiting.target !== target)
    return gone
  }

  clear(): void {
    this.#queue = []
  }
}

function failuresOf({ target }: SlotUser): number {
  return Math.min(target.inVain, LONG_DEAD)
}
