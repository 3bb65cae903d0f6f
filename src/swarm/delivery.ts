/** One broadcast on its way through this node. */
import type { PeerId } from '../ports/types.js'
import type { Connection } from './connection.js'
import { isTrustedClass } from './dial-slots.js'
import type { Peer } from './peer.js'
import type { ReceivedMessage } from './registry.js'

/** A broadcast between its arrival and its verdict. */
export interface Delivery {
  readonly key: string
  readonly received: ReceivedMessage
  /** Who answers for it: whoever brought it first, or is left of those who did. */
  connection: Connection
  peer: Peer
  /** id ‖ body, in memory of its own: relayed as it is. */
  readonly bytes: Uint8Array
  readonly size: number
  /** Whether its credit has gone back already, to whoever brought it first and is gone. */
  isInherited: boolean
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

export function isFromTrusted({ connection }: Delivery): boolean {
  return connection.identity !== null && isTrustedClass(connection.identity.peerClass)
}

/** The delivery is over: what it held goes back. */
export function release({ connection, size, isInherited }: Delivery): void {
  if (isInherited) connection.intake?.dropped(size)
  else connection.intake?.release(size)
}

/**
 * Whoever answered for it has left before it was judged. Somebody else who brought it takes it over, so that nobody makes a
 * message vanish by bringing it first.
 * @returns false where nobody is left, or there is no memory for it
 */
export function inherit(
  delivery: Delivery,
  connections: Iterable<Connection>,
  peerOf: (connection: Connection) => Peer | null,
): boolean {
  const { sources, size } = delivery
  sources.delete(sourceOf(delivery.connection))
  for (const connection of connections) {
    const peer = sources.has(sourceOf(connection)) && connection.isOpen ? peerOf(connection) : null
    if (peer === null || connection.intake?.arrived(size) !== true) continue
    release(delivery)
    delivery.connection = connection
    delivery.peer = peer
    delivery.isInherited = true
    return true
  }
  return false
}
