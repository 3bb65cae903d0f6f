/**
 * What follows a violation. For strangers: points, and a ban when they are many. For trusted peers, who are never banned:
 * quarantine, in which their messages are dropped and their link stays, and an alarm for the operator.
 */
import type { LocalCode } from '../errors.js'
import { isLoopback } from '../policy/address.js'
import type { Ban, Blacklist } from '../policy/blacklist.js'
import type { PeerStore } from '../policy/peer-store.js'
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
  readonly banned: (notice: BanNotice, ban: Ban) => void
  readonly quarantined: (notice: QuarantineNotice) => void
}

/** What a peer did that no honest peer can do. */
export type Violation = LocalCode | 'bad-handshake' | 'protocol-error'

const QUARANTINE_FIRST_MS = 60_000
const QUARANTINE_MAX_MS = 3_600_000
const STRIKES_TO_QUARANTINE = 50
const FOREVER_MS = Number.MAX_SAFE_INTEGER

export class Discipline {
  readonly #setup: DisciplineSetup
  // Bound: trusted peers, which the operator lists.
  readonly #quarantines = new Map<PeerId, { untilAt: number; nextMs: number }>()

  constructor(setup: DisciplineSetup) {
    this.#setup = setup
  }

  /** @param ip null where the transport has none */
  strike(peerId: PeerId | null, ip: string | null, violation: Violation): void {
    const { agenda, blacklist, peerStore, counters, perIpLimits, isTrusted, banned } = this.#setup
    const now = agenda.now()
    counters.count(`strike-${violation}`)
    if (peerId !== null) peerStore.penalized(peerId, now)
    const trusted = peerId !== null && isTrusted(peerId)
    // Behind one loopback address stands whatever a proxy lets through.
    const counts = perIpLimits && !trusted && ip !== null && !isLoopback(ip)
    const { points, banned: bans } = blacklist.strike({ peerId, ip: counts ? ip : null }, now)
    if (trusted) {
      if (points >= STRIKES_TO_QUARANTINE) this.#quarantine(peerId, violation, now)
      return
    }
    for (const ban of bans) {
      const forMs = ban.untilAt === 'permanent' ? FOREVER_MS : ban.untilAt - now
      banned({ key: ban.key, cause: violation, forMs }, ban)
    }
  }

  /** Whether a trusted peer's messages are dropped at present. */
  isQuarantined(peerId: PeerId): boolean {
    const quarantine = this.#quarantines.get(peerId)
    return quarantine !== undefined && this.#setup.agenda.now() < quarantine.untilAt
  }

  #quarantine(peerId: PeerId, cause: string, now: number): void {
    const known = this.#quarantines.get(peerId)
    if (known !== undefined && now < known.untilAt) return
    const forMs = known?.nextMs ?? QUARANTINE_FIRST_MS
    this.#quarantines.set(peerId, { untilAt: now + forMs, nextMs: Math.min(2 * forMs, QUARANTINE_MAX_MS) })
    this.#setup.quarantined({ peerId, cause, forMs })
  }
}
