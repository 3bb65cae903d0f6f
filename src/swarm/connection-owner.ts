/** What a connection is given and whom it answers to. Types only. */
import type { Reason } from '../errors.js'
import type { Memory } from '../policy/memory.js'
import type { Random } from '../ports/clock.js'
import type { PeerClass, PeerId } from '../ports/types.js'
import type { ControlEvent } from '../protocol/control.js'
import type { Agenda } from './agenda.js'
import type { Flusher } from './flusher.js'
import type { Ledger } from './ledger.js'
import type { Lingering } from './lingering.js'
import type { RecordSlab } from './record-parts.js'
import type { ClassLimits } from './profile.js'
import type { Pulse } from './pulse.js'

/** What every connection of a swarm shares. */
export interface ConnectionWorld {
  readonly agenda: Agenda
  readonly pulse: Pulse
  readonly random: Random
  readonly flusher: Flusher
  readonly slab: RecordSlab
  readonly lingering: Lingering
  readonly ledger: Ledger
  readonly memory: Memory
}

/** What a frame of the protocol says that is not about the link alone. */
export type OwnersEvent = Exclude<ControlEvent, { kind: 'ping' | 'pong' | 'window' | 'limits' | 'types' }>

/** Who decides. Every call comes from the link's events or from a deadline, but for `lost`, which also follows `close` at once. */
export interface ConnectionOwner<Connection> {
  /** The identity is proven: answer with `admit` or `close`. */
  proven(connection: Connection, publicKey: Uint8Array, skewMs: number): void
  established(connection: Connection): void
  application(connection: Connection, index: number, body: Uint8Array, size: number): void
  control(connection: Connection, event: OwnersEvent): void
  suspected(connection: Connection): void
  /** A suspect link has brought something after all. */
  cleared(connection: Connection): void
  slow(connection: Connection): void
  /** Once: the connection is of no more use. `judged`: this side found fault with the other. */
  lost(connection: Connection, reason: Reason, judged: boolean): void
  /** Once, last: the link is closed. `torn`: it had been left for another, and what was on its way on it may be lost. */
  gone(connection: Connection, torn: boolean): void
}

export interface PeerIdentity {
  readonly peerId: PeerId
  readonly publicKey: Uint8Array
  readonly peerClass: PeerClass
  readonly limits: ClassLimits
}

export interface CloseOptions {
  readonly retryAfterMs?: number
  readonly text?: string
  /** Frames to send before the goodbye, where it can be sealed. */
  readonly farewell?: readonly Uint8Array[]
  /** This side found fault with the other. */
  readonly judged?: boolean
}
