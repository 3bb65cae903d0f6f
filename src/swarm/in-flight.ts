/** Broadcasts that are being judged, and those that wait for a place: strangers' never keep those of trusted peers waiting. */
import type { DedupCache } from '../policy/dedup.js'
import type { PeerId } from '../ports/types.js'
import type { Delivery } from './delivery.js'
import { Ranks } from './ranks.js'

/** Of the ids that may be in flight, those beyond this share are for trusted peers' messages. */
const STRANGERS_SHARE = 0.75

export class InFlight {
  readonly #dedup: DedupCache
  // Bound: the in-flight bound of the DedupCache; what comes beyond waits in #held.
  readonly #begun = new Map<string, Delivery>()
  // Bound: the credit of all peers together: none of it returns before the verdict.
  readonly #held = new Ranks<Delivery>()

  constructor(dedup: DedupCache) {
    this.#dedup = dedup
  }

  get size(): number {
    return this.#begun.size + this.#held.size
  }

  /** The one of that id that has a place. */
  get(key: string): Delivery | undefined {
    return this.#begun.get(key)
  }

  /** Those that have a place, the oldest first. */
  begun(): Iterable<Delivery> {
    return this.#begun.values()
  }

  /** All of them: those that have a place, and those that wait for one, each the oldest first. */
  all(): readonly Delivery[] {
    return [...this.#begun.values(), ...this.#held.items()]
  }

  /** Takes a place, or waits for one; `known`: another of its id is here, or has been. */
  begin(delivery: Delivery, now: number): 'begun' | 'held' | 'known' {
    const begun = this.#hasRoom(delivery.isTrusted) ? this.#dedup.begin(delivery.key, now) : 'full'
    if (begun === 'begun') this.#begun.set(delivery.key, delivery)
    else if (begun !== 'full') return 'known'
    else {
      delivery.keepBytes()
      this.#held.join(delivery)
      return 'held'
    }
    return begun
  }

  /** It has no place any more. */
  over(key: string): void {
    this.#begun.delete(key)
  }

  /** Another has brought it, too. */
  broughtBy(delivery: Delivery, sender: PeerId, isTrusted: boolean): void {
    this.#held.joinToo(delivery, sender, isTrusted)
  }

  /** Whose turn it is among those that wait for a place; null: nobody's, or there is none. */
  next(): Delivery | null {
    return this.#held.size === 0 ? null : this.#held.next(this.#hasRoom(true), this.#hasRoom(false))
  }

  /** @returns those of them that waited for a place */
  leave(isGone: (delivery: Delivery) => boolean): readonly Delivery[] {
    return this.#held.leave(isGone)
  }

  /** A stranger is gone: it has no turns any more but for what nobody else waits with. */
  disband(sender: PeerId): void {
    this.#held.disband(sender)
  }

  /** Whether one more may be in flight. */
  #hasRoom(isTrusted: boolean): boolean {
    const { inFlight, inFlightMax } = this.#dedup
    return inFlight < inFlightMax * (isTrusted ? 1 : STRANGERS_SHARE)
  }
}
