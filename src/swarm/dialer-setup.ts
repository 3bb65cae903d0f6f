/** What a dialer is given. Types only. */
import type { Backoff } from '../policy/backoff.js'
import type { Random } from '../ports/clock.js'
import type { Link, Transport } from '../ports/transport.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
import type { Agenda } from './agenda.js'
import type { Connection } from './connection.js'
import type { Target } from './dial-target.js'
import type { DialFailure } from './events.js'
import type { Healing } from './healing.js'

export interface DialerSetup {
  readonly agenda: Agenda
  readonly random: Random
  readonly backoff: Backoff
  readonly transports: ReadonlyMap<string, Transport>
  /** Where the host has said that somebody to begin with may be found: as good as its list, of whom it names there. */
  readonly seeds: readonly Address[]
  readonly healing: Healing
  readonly connectMs: (peerClass: PeerClass) => number
  readonly trustedCount: () => number
  /** Authenticated links, and how many of them are suspect. */
  readonly linkCount: () => number
  readonly suspectCount: () => number
  readonly isConnected: (peerId: PeerId) => boolean
  /** Whether its link is silent. */
  readonly isSuspect: (peerId: PeerId | null) => boolean
  readonly isBanned: (peerId: PeerId) => boolean
  readonly isPreferred: (peerId: PeerId) => boolean
  /** An opened link becomes a connection; the dialer is told how that ended. */
  readonly adopt: (link: Link, address: Address) => Connection
  readonly failed: (failure: DialFailure) => void
  /** Trusted for long without a link: the operator should know. */
  readonly alarmed: (failure: DialFailure) => void
  readonly maintenance: () => Maintenance
}

/** What is to become of a stranger: `cool` is one that is remembered, and tried one day. */
export type Need = 'dial' | 'cool' | 'forget'

/** Who knows whether strangers are needed. */
export interface Maintenance {
  /** One that had been given up has been reached: somebody on the other side of a split, perhaps. */
  bridged(peerId: PeerId, connection: Connection): void
  /**
   * A stranger's turn has come: is another link wanted, and if not, is this one worth remembering?
   * @param isBridging it would be a link to a side long lost
   */
  need(target: Target, isBridging: boolean): Need
  /** It is about to be dialled, on nobody's word but its own or others': the first of its addresses that may be tried now, or what else. */
  choose(target: Target): Address | Exclude<Need, 'dial'>
}
