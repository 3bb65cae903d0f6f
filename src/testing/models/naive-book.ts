/**
 * What must be true of an address book, kept as plain facts about each peer: who is pinned, who is linked, how long it has
 * behaved, who told of it. Which of several peers makes way is the book's to choose; this file says which of them may.
 */
import type { PeerStoreOptions } from '../../policy/peer-store.js'
import type { PeerSource } from '../../policy/peer-record.js'
import type { PeerId } from '../../ports/types.js'

/** Options as the model draws them: all of them. */
export type PeerStoreModelOptions = Required<PeerStoreOptions>

/** What is known of one peer. */
export interface Fact {
  pinned: boolean
  linkedSince: number | null
  connectedAt: number | null
  linkedMs: number
  lastSeenAt: number | null
  dialedUs: boolean
  failures: number
  readonly source: PeerSource
  /** Who told of it; null for everybody who was not told of, and once it was seen. */
  teller: string | null
  /** Keys of addresses that the operator gave. Bound: the places of the model. */
  readonly configured: Set<string>
}

/** What one teller may fill. */
const SHARE = 1 / 8

export class NaiveBook {
  readonly options: PeerStoreModelOptions
  /** Bound: the ids of the model. */
  readonly facts: Map<PeerId, Fact> = new Map()
  now = 0
  wall = 1_700_000_000_000

  constructor(options: PeerStoreModelOptions) {
    this.options = options
  }

  pass(stepMs: number, wallJumpMs: number): void {
    this.now += stepMs
    this.wall += stepMs + wallJumpMs
  }

  penaltyFreeMs({ linkedMs, linkedSince }: Fact): number {
    return linkedMs + (linkedSince === null ? 0 : this.now - linkedSince)
  }

  classOf(id: PeerId): 'regular' | 'unknown' {
    const fact = this.facts.get(id)
    return fact !== undefined && this.penaltyFreeMs(fact) >= this.options.regularAfterMs ? 'regular' : 'unknown'
  }

  /** Who may make way for a newcomer. */
  victims(isHearsay: boolean): PeerId[] {
    const ranks = [...this.facts].map(([id, fact]) => ({ id, rank: this.#rank(fact) }))
    const least = Math.min(...ranks.map(({ rank }) => rank))
    if (least === Infinity || (isHearsay && least > 0)) return []
    return ranks.filter(({ rank }) => rank === least).map(({ id }) => id)
  }

  /** Whether there is a place for one more. */
  hasRoom(isHearsay: boolean): boolean {
    return this.facts.size < this.options.peersMax || this.victims(isHearsay).length > 0
  }

  told(teller: string): number {
    let count = 0
    for (const fact of this.facts.values()) if (fact.teller === teller) count++
    return count
  }

  get toldMax(): number {
    return Math.max(1, Math.floor(this.options.peersMax * SHARE))
  }

  add(id: PeerId, source: PeerSource, teller: string | null): Fact {
    const fact: Fact = {
      pinned: false,
      linkedSince: null,
      connectedAt: null,
      linkedMs: 0,
      lastSeenAt: null,
      dialedUs: false,
      failures: 0,
      source,
      teller,
      configured: new Set(),
    }
    this.facts.set(id, fact)
    return fact
  }

  link(fact: Fact, inbound: boolean): void {
    fact.linkedSince ??= this.now
    fact.connectedAt ??= this.wall
    fact.lastSeenAt = this.wall
    fact.teller = null
    if (inbound) fact.dialedUs = true
    else fact.failures = 0
  }

  unlink(fact: Fact, penalty: boolean): void {
    if (fact.linkedSince === null) return
    fact.linkedMs = penalty ? 0 : this.penaltyFreeMs(fact)
    fact.linkedSince = null
    fact.connectedAt = null
    fact.lastSeenAt = this.wall
  }

  penalize(fact: Fact): void {
    fact.linkedMs = 0
    if (fact.linkedSince !== null) fact.linkedSince = this.now
  }

  /** Another process goes on with what was saved; nobody is linked or pinned in it, and nobody was told of. */
  restart(now: number, wallJumpMs: number): void {
    this.wall += wallJumpMs
    for (const fact of this.facts.values()) {
      fact.linkedMs = this.penaltyFreeMs(fact)
      fact.linkedSince = null
      fact.connectedAt = null
      fact.pinned = false
      fact.teller = null
      if (fact.lastSeenAt !== null) fact.lastSeenAt = Math.min(fact.lastSeenAt, this.wall)
    }
    this.now = now
  }

  /** The lower, the sooner it makes way. */
  #rank({ pinned, linkedSince, lastSeenAt, linkedMs }: Fact): number {
    if (pinned || linkedSince !== null) return Infinity
    if (lastSeenAt === null) return 0
    return linkedMs >= this.options.regularAfterMs ? 2 : 1
  }
}
