/**
 * One body, many links: queued on each as the same bytes. A link whose outbox is full costs its own peer this message, which it
 * is told, and nobody else anything.
 */
import type { SharedBody } from '../policy/memory.js'
import type { Connection } from './connection.js'
import type { Counters } from './counters.js'
import type { Sendable } from './shelf.js'

/** What became of a broadcast, as far as this node can tell. */
export interface BroadcastResult {
  /** The message's id, 32 hex digits. */
  readonly id: string
  /** Links it was queued on, whole or, where it is large, as an announcement. */
  readonly queued: number
  /**
   * Links it was not queued on: their outbox is full or this node short of memory, and they are told that they miss something;
   * or the message is larger than they take.
   */
  readonly shed: number
}

export type FanOutResult = Pick<BroadcastResult, 'queued' | 'shed'>

/** What is sent. */
export interface Outbound {
  readonly definition: Sendable
  /** id ‖ body, which must not change any more. */
  readonly bytes: Uint8Array
}

export class FanOut {
  readonly #connections: () => Iterable<Connection>
  readonly #counters: Counters

  constructor(connections: () => Iterable<Connection>, counters: Counters) {
    this.#connections = connections
    this.#counters = counters
  }

  /** @param without told of each link that it fits and that has no room */
  send(
    { definition, bytes }: Outbound,
    wanted: (connection: Connection) => boolean,
    without: ((connection: Connection) => void) | null,
  ): FanOutResult {
    const shared = { holders: 0 }
    let queued = 0
    let shed = 0
    for (const connection of this.#connections()) {
      const type = connection.remoteType(definition.nameKind, definition.name)
      if (type === null || !wanted(connection)) continue
      if (!fits(connection, bytes)) shed++
      else if (enqueue(connection, type, { definition, bytes, shared })) queued++
      else {
        shed++
        connection.overflowed()
        without?.(connection)
      }
    }
    this.#counters.count('broadcast-queued', queued)
    if (shed > 0) this.#counters.count('broadcast-shed', shed)
    return { queued, shed }
  }

  /** To one who asked for it. @returns false where that cannot be */
  sendOn(connection: Connection, outbound: Outbound & { readonly shared: SharedBody }): boolean {
    const { definition, bytes } = outbound
    const type = connection.remoteType(definition.nameKind, definition.name)
    if (type === null || !fits(connection, bytes) || !enqueue(connection, type, outbound)) return false
    this.#counters.count('broadcast-queued')
    return true
  }
}

/** Whether the peer takes messages so large. */
export function fits(connection: Connection, bytes: Uint8Array): boolean {
  return bytes.length <= (connection.hello?.limits.messageBytesMax ?? 0)
}

function enqueue(
  connection: Connection,
  type: number,
  { definition, bytes, shared }: Outbound & { readonly shared: SharedBody },
): boolean {
  return connection.enqueue(definition.priority, {
    type,
    parts: [bytes],
    bodyBytes: bytes.length,
    counted: true,
    shared,
  })
}
