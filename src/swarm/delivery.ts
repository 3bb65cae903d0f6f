/** One broadcast on its way through this node. */
import type { PeerId } from '../ports/types.js'
import type { Connection } from './connection.js'
import type { Peer } from './peer.js'
import type { ReceivedMessage } from './registry.js'

/** A broadcast between its arrival and its verdict. */
export interface Delivery {
  readonly key: string
  readonly received: ReceivedMessage
  readonly connection: Connection
  readonly peer: Peer
  /** id ‖ body, in memory of its own: relayed as it is. */
  readonly bytes: Uint8Array
  readonly size: number
  /** Who has it already. Bound: the peers. */
  readonly sources: Set<PeerId>
  /** Null where it does not compete for one. */
  appKey: string | null
  payload: unknown
  tries: number
}

/** Who brought it, whichever of its links that was. */
export function sourceOf(connection: Connection): PeerId {
  return connection.identity?.peerId ?? ('' as PeerId)
}
