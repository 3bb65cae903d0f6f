/**
 * How often what others only say is tried, of others or of themselves. Whoever tells false addresses must not make this node knock
 * at one door again and again, least of all at the doors of those the operator lists, where it may need its own attempts. (Two new
 * dials a minute to one IPv4 /24 are the field's measure.) Whom we have met is tried at the expense of nobody's lies, and most
 * freely where it came from.
 */
import { canonicalIp, ipPrefix, reachOf } from '../policy/address.js'
import { BoundedMap } from '../policy/bounded-map.js'
import type { PeerStore } from '../policy/peer-store.js'
import { KeyedRateLimit, TokenBucket } from '../policy/rate-limit.js'
import type { Address, PeerId } from '../ports/types.js'
import type { Roster } from './roster.js'

const SELDOM = { perSec: 2 / 60, burst: 4 }
/** At a host from which links of the very peer have come, or of a private network: so many may share it. */
const OFTEN = { perSec: 20 / 60, burst: 32 }
/** A domain costs less than a network, and any name may lead to any door: all of them together. */
const NAMES = { perSec: 20 / 60, burst: 20 }
/** Peers whose hosts are remembered. */
const HOSTS_MAX = 8_192

export class Hearsay {
  readonly #roster: Roster
  readonly #book: Pick<PeerStore, 'get'>
  // Bound: HOSTS_MAX.
  readonly #hosts = new BoundedMap<string>(HOSTS_MAX)
  readonly #there = new KeyedRateLimit(OFTEN)
  readonly #met = { networks: new KeyedRateLimit(SELDOM), names: new TokenBucket(NAMES) }
  readonly #told = { networks: new KeyedRateLimit(SELDOM), names: new TokenBucket(NAMES) }

  constructor(roster: Roster, book: Pick<PeerStore, 'get'>) {
    this.#roster = roster
    this.#book = book
  }

  /** A link has proven that the peer is at that host. */
  linked(peerId: PeerId, host: string): void {
    this.#hosts.set(peerId, host)
  }

  /** Whether it may be looked for there at all. */
  isPlausible(peerId: PeerId | null, { host }: Address): boolean {
    return this.#cameFrom(peerId, host) || this.#roster.listedAt(host) === 0
  }

  /** Whether it may be tried there now; if so, it counts. Private networks are small, and their peers alone tell of them; so are machines. */
  mayTry(peerId: PeerId | null, address: Address, now: number): boolean {
    const { host } = address
    if (!this.isPlausible(peerId, address)) return false
    const reach = reachOf(host)
    if (reach === 'here') return true
    if (reach === 'nearby' || this.#cameFrom(peerId, host)) return this.#there.take(host, 1, now)
    const isMet = peerId !== null && (this.#book.get(peerId)?.lastSeenAt ?? null) !== null
    const { networks, names } = isMet ? this.#met : this.#told
    // Its network first: a domain that may not be tried again must not use up what all names share.
    return networks.take(networkOf(host), 1, now) && (canonicalIp(host) !== null || names.take(1, now))
  }

  #cameFrom(peerId: PeerId | null, host: string): boolean {
    return peerId !== null && this.#hosts.get(peerId) === host
  }
}

/** What one liar has for little: a /24 or a /48, or a domain with all its names. */
function networkOf(host: string): string {
  return canonicalIp(host) !== null ? ipPrefix(host, 24, 48) : host.split('.').slice(-2).join('.')
}
