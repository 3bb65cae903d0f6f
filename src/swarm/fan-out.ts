/**
 * One body, many links: queued on each as the same bytes. A link whose outbox is full costs its own peer this message, which it
 * is told, and nobody else anything.
 */
import type { SharedBody } from '../policy/memory.js'
import { isOversize } from '../protocol/frame.js'
import { FrameSlab } from '../protocol/frame-slab.js'
import type { Connection } from './connection.js'
import type { Counters } from './counters.js'
import type { Outgoing } from './outbox.js'
import type { Flusher } from './flusher.js'
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
  readonly #flusher: Flusher
  /** Frames of one turn. */
  readonly #frames = new FrameSlab()
  /** What was written last in this turn, for the next link with the same numbers. */
  #last: { readonly bytes: Uint8Array; readonly outgoing: Outgoing } | null = null

  constructor(connections: () => Iterable<Connection>, counters: Counters, flusher: Flusher) {
    this.#connections = connections
    this.#counters = counters
    this.#flusher = flusher
  }

  /** @param without told of each link that it fits and that has no room */
  send(
    { definition, bytes }: Outbound,
    wanted: (connection: Connection) => boolean,
    without: ((connection: Connection) => void) | null,
  ): FanOutResult {
    const { name, nameKind, priority } = definition
    const shared = { holders: 0 }
    // Mostly one for all: peers that run the same program have the same numbers.
    let outgoing: Outgoing | null = null
    let queued = 0
    let shed = 0
    for (const connection of this.#connections()) {
      const type = connection.remoteType(nameKind, name)
      if (type === null || !wanted(connection)) continue
      if (!fits(connection, bytes)) {
        shed++
        continue
      }
      if (outgoing?.type !== type) outgoing = this.#write(type, bytes, shared)
      if (connection.enqueue(priority, outgoing)) queued++
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
  sendOn(connection: Connection, outbound: Outbound & SharedBody): boolean {
    const { definition, bytes } = outbound
    const type = connection.remoteType(definition.nameKind, definition.name)
    if (type === null || !fits(connection, bytes)) return false
    if (!connection.enqueue(definition.priority, this.#write(type, bytes, outbound))) return false
    this.#counters.count('broadcast-queued')
    return true
  }

  /** The turn is over. */
  flush(): void {
    this.#last = null
    this.#frames.rest()
  }

  #write(type: number, bytes: Uint8Array, shared: SharedBody): Outgoing {
    if (this.#last?.bytes === bytes && this.#last.outgoing.type === type) return this.#last.outgoing
    const parts = [bytes]
    const whole = { type, parts, bodyBytes: bytes.length, counted: true, shared }
    if (isOversize(type, bytes.length)) return whole
    if (this.#last === null) this.#flusher.add(this)
    const outgoing = { ...whole, frame: this.#frames.write(type, parts, bytes.length) }
    this.#last = { bytes, outgoing }
    return outgoing
  }
}

/** Whether the peer takes messages so large. */
export function fits(connection: Connection, bytes: Uint8Array): boolean {
  return bytes.length <= (connection.hello?.limits.messageBytesMax ?? 0)
}
