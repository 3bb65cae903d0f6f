/**
 * One body, many links: queued on each as the same bytes. A link whose outbox is full costs its own peer this message, which it
 * is told, and nobody else anything.
 */
import type { MessageDefinition } from '../protocol/message.js'
import type { Connection } from './connection.js'
import type { Counters } from './counters.js'

/** What became of a broadcast, as far as this node can tell. */
export interface BroadcastResult {
  /** The message's id, 32 hex digits. */
  readonly id: string
  /** Links it was queued on. */
  readonly queued: number
  /**
   * Links it was not queued on: their outbox is full or this node short of memory, and they are told that they miss something;
   * or the message is larger than they take.
   */
  readonly shed: number
}

export class FanOut {
  readonly #connections: () => Iterable<Connection>
  readonly #counters: Counters

  constructor(connections: () => Iterable<Connection>, counters: Counters) {
    this.#connections = connections
    this.#counters = counters
  }

  /** @param bytes id ‖ body, which must not change any more */
  send(
    { name, nameKind, priority }: Pick<MessageDefinition<unknown>, 'name' | 'nameKind' | 'priority'>,
    bytes: Uint8Array,
    wanted: (connection: Connection) => boolean,
  ): { readonly queued: number; readonly shed: number } {
    const parts = [bytes]
    const shared = { holders: 0 }
    let queued = 0
    let shed = 0
    for (const connection of this.#connections()) {
      const type = connection.remoteType(nameKind, name)
      if (type === null || !wanted(connection)) continue
      const fits = bytes.length <= (connection.hello?.limits.messageBytesMax ?? 0)
      if (fits && connection.enqueue(priority, { type, parts, bodyBytes: bytes.length, counted: true, shared }))
        queued++
      else {
        shed++
        if (fits) connection.overflowed()
      }
    }
    this.#counters.count('broadcast-queued', queued)
    if (shed > 0) this.#counters.count('broadcast-shed', shed)
    return { queued, shed }
  }
}
