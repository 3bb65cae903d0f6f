/**
 * How often what others only say is tried, of others or of themselves. Whoever tells false addresses must not make this node knock
 * at one door again and again, least of all at the doors of those the operator lists, where it may need its own attempts. (Two new
 * dials a minute to one IPv4 /24 are the field's measure.)
 */
import { addressKey, ipPrefix, isPrivate } from '../policy/address.js'
import type { PeerStore } from '../policy/peer-store.js'
import { KeyedRateLimit } from '../policy/rate-limit.js'
import type { Address, PeerId } from '../ports/types.js'
import type { Roster } from './roster.js'

const DIALS_PER_MIN = 2
const BURST = 4

export class Hearsay {
  readonly #roster: Roster
  readonly #book: Pick<PeerStore, 'isFoundAt'>
  readonly #dials = new KeyedRateLimit({ perSec: DIALS_PER_MIN / 60, burst: BURST })

  constructor(roster: Roster, book: Pick<PeerStore, 'isFoundAt'>) {
    this.#roster = roster
    this.#book = book
  }

  /** Whether somebody whom we have never met may be looked for there at all. */
  isPlausible({ host }: Address): boolean {
    return this.#roster.listedAt(host) === 0
  }

  /**
   * Whether it may be tried now; if so, it counts. Whom we have found there ourselves is no hearsay. Private networks are small, and
   * their peers alone tell of them.
   */
  mayTry(peerId: PeerId | null, address: Address, now: number): boolean {
    const { host } = address
    if (peerId !== null && this.#book.isFoundAt(peerId, addressKey(address))) return true
    return isPrivate(host) || this.#dials.take(ipPrefix(host, 24, 48), 1, now)
  }
}
