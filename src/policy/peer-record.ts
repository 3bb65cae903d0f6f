/** What is known of one peer. Types only. */
import type { Address, PeerId } from '../ports/types.js'

/** Who told us of a peer first: the operator, the peer itself, another peer, or the peer by dialing us. */
export type PeerSource = 'configured' | 'hello' | 'exchange' | 'inbound'

/** What is known of one peer, as it was when asked for. */
export interface PeerRecord {
  readonly id: PeerId
  /** Preferred first; each names the peer's id, no place twice. */
  readonly addresses: readonly Address[]
  /** Never evicted. */
  readonly pinned: boolean
  /** Link time since the last penalty, over all links that have ended. */
  readonly linkedMs: number
  /** Wall instant at which the present link began, or null. */
  readonly connectedAt: number | null
  /** Wall instant of the last link's beginning or end, or null. */
  readonly lastSeenAt: number | null
  readonly source: PeerSource
  /** Whether the peer has ever dialled us. */
  readonly dialedUs: boolean
  /** Failed dials since the last success. */
  readonly failures: number
  /** It was one of the four best links when the book was saved, and has not been linked since: it is dialled first. */
  readonly anchor: boolean
}
