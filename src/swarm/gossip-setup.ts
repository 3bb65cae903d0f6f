/** What gossip is given. Types only. */
import type { HoldfastError, LocalCode } from '../errors.js'
import type { DedupCache } from '../policy/dedup.js'
import type { Random } from '../ports/clock.js'
import type { Crypto } from '../ports/crypto.js'
import type { Agenda } from './agenda.js'
import type { Connection } from './connection.js'
import type { Counters } from './counters.js'
import type { HandlerCall } from './handler-call.js'
import type { Peer } from './peer.js'

export interface GossipSetup {
  readonly running: Set<HandlerCall>
  readonly crypto: Crypto
  readonly random: Random
  readonly agenda: Agenda
  readonly dedup: DedupCache
  readonly counters: Counters
  /** The one connection to send on, for each peer. */
  readonly connections: () => Iterable<Connection>
  /** Whether the sender's quota has room for a broadcast that is new; takes it. */
  readonly mayPass: (connection: Connection) => boolean
  readonly peerOf: (connection: Connection) => Peer | null
  /** A message of this peer was dropped for want of room. */
  readonly missed: (connection: Connection) => void
  readonly strike: (connection: Connection, violation: LocalCode, cause?: unknown) => void
  readonly failed: (error: HoldfastError) => void
}
