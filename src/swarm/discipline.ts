/**
 * What follows a violation. For strangers: points, and a ban when they are many. For trusted peers, who are never banned, and
 * for strangers when bans would take too many links at once: quarantine, in which their messages are dropped and their link
 * stays, and an alarm for the operator.
 */
import type { LocalCode } from '../errors.js'
import { ipBucket, isLoopback } from '../policy/address.js'
import { BanGuard } from '../policy/ban-guard.js'
import type { Ban } from '../policy/ban.js'
import type { Blacklist } from '../policy/blacklist.js'
import type { PeerStore } from '../policy/peer-store.js'
import { KeyedRateLimit } from '../policy/rate-limit.js'
import type { PeerId } from '../ports/types.js'
import type { Agenda } from './agenda.js'
import type { Counters } from './counters.js'
import type { BanNotice, QuarantineNotice } from './events.js'

export interface DisciplineSetup {
  readonly agenda: Agenda
  readonly blacklist: Blacklist
  readonly peerStore: PeerStore
  readonly counters: Counters
  readonly perIpLimits: boolean
  readonly isTrusted: (peerId: PeerId) => boolean
  readonly isLinked: (peerId: PeerId) => boolean
  /** Peers linked at present. */
  readonly linkCount: () => number
  /** Trusted peers may come from there. */
  readonly isListed: (ip: string) => boolean
  readonly banned: (notice: BanNotice, key: string) => void
  readonly quarantined: (notice: QuarantineNotice) => void
}

/** What a peer did that no honest peer can do. */
export type Violation = LocalCode | 'bad-handshake' | 'protocol-error' | 'handshakes-abandoned'

const QUARANTINE_FIRST_MS = 60_000
const QUARANTINE_MAX_MS = 3_600_000
const STRIKES_TO_QUARANTINE = 50
const QUARANTINES_MAX = 4_096
/** Handshakes that an IP may leave unfinished in a minute; more are worth a ban. */
const ABANDONED_PER_MIN = 5
const BAN_POINTS = 50
/** What a permanent ban is told as. */
export const FOREVER_MS: number = Number.MAX_SAFE_INTEGER

interface Quarantine {
  readonly cause: string
  readonly untilAt: number
  /** How long the next one is. */
  readonly nextMs: number
}

export class Discipline {
  readonly #setup: DisciplineSetup
  readonly #guard = new BanGuard()
  readonly #abandoned = new KeyedRateLimit({ perSec: ABANDONED_PER_MIN / 60, burst: ABANDONED_PER_MIN })
  /** Bound: QUARANTINES_MAX; the oldest is forgotten. */
  readonly #quarantines = new Map<PeerId, Quarantine>()

  constructor(setup: DisciplineSetup) {
    this.#setup = setup
  }

  /** @param ip null where the transport has none */
  strike(peerId: PeerId | null, ip: string | null, violation: Violation): void {
    const { agenda, blacklist, peerStore, counters, isTrusted } = this.#setup
    const now = agenda.now()
    counters.count(`strike-${violation}`)
    if (peerId !== null) peerStore.penalized(peerId, now)
    const trusted = peerId !== null && isTrusted(peerId)
    const counted = !trusted && ip !== null && this.#isBannable(ip) ? ip : null
    const { points, banned: bans } = blacklist.strike({ peerId, ip: counted }, now)
    if (trusted) {
      if (points >= STRIKES_TO_QUARANTINE) this.#quarantine(peerId, violation, now)
      return
    }
    for (const ban of bans) this.#ban(ban, violation, now)
  }

  /** A stranger came, and left in the middle of its handshake or let it run out of time. Once is bad luck. */
  abandoned(ip: string): void {
    const { agenda, blacklist, counters, isListed } = this.#setup
    const now = agenda.now()
    if (!this.#isBannable(ip) || isListed(ip) || this.#abandoned.take(ipBucket(ip), 1, now)) return
    counters.count('strike-handshakes-abandoned')
    const { banned: bans } = blacklist.strike({ ip, points: BAN_POINTS }, now)
    for (const ban of bans) this.#ban(ban, 'handshakes-abandoned', now)
  }

  /** The host's own ban. @throws HoldfastError `invalid-option` for a key of no such form */
  order(key: string, forMs: number | 'permanent', cause: string): 'banned' | 'exempt' | 'full' {
    const { agenda, blacklist, banned } = this.#setup
    const now = agenda.now()
    const answer = blacklist.ban(key, forMs === 'permanent' ? forMs : now + forMs, cause, now)
    if (answer === 'banned') banned({ key, cause, forMs: forMs === 'permanent' ? FOREVER_MS : forMs }, key)
    return answer
  }

  /** The host's own word: no ban of it holds any more, nor a quarantine. @returns whether one did */
  pardon(key: string): boolean {
    const wasQuarantined = this.#quarantines.delete(key as PeerId)
    return this.#setup.blacklist.unban(key) || wasQuarantined
  }

  /** Whether a peer's messages are dropped at present. */
  isQuarantined(peerId: PeerId): boolean {
    if (this.#quarantines.size === 0) return false
    return this.quarantineOf(peerId) !== null
  }

  /** What a peer's messages are dropped for at present, and until when; null: nothing. */
  quarantineOf(peerId: PeerId): Pick<Quarantine, 'cause' | 'untilAt'> | null {
    const quarantine = this.#quarantines.get(peerId)
    return quarantine !== undefined && this.#setup.agenda.now() < quarantine.untilAt ? quarantine : null
  }

  #ban(ban: Ban, cause: Violation, now: number): void {
    const { blacklist, isLinked, linkCount, banned } = this.#setup
    const peerId = ban.key as PeerId
    if (isLinked(peerId) && !this.#guard.mayEnd(linkCount(), now)) {
      blacklist.lift(peerId)
      this.#quarantine(peerId, cause, now)
      return
    }
    const forMs = ban.untilAt === 'permanent' ? FOREVER_MS : ban.untilAt - now
    banned({ key: ban.key, cause, forMs }, ban.key)
  }

  /** Behind one loopback address stands whatever a proxy lets through. */
  #isBannable(ip: string): boolean {
    return this.#setup.perIpLimits && !isLoopback(ip)
  }

  #quarantine(peerId: PeerId, cause: string, now: number): void {
    const known = this.#quarantines.get(peerId)
    if (known !== undefined && now < known.untilAt) return
    const forMs = known?.nextMs ?? QUARANTINE_FIRST_MS
    const [oldest] = this.#quarantines.keys()
    if (known === undefined && oldest !== undefined && this.#quarantines.size >= QUARANTINES_MAX)
      this.#quarantines.delete(oldest)
    this.#quarantines.set(peerId, { cause, untilAt: now + forMs, nextMs: Math.min(2 * forMs, QUARANTINE_MAX_MS) })
    this.#setup.quarantined({ peerId, cause, forMs })
  }
}
