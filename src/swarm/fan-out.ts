/**
 * One body, many links: in a batch for those that have nothing else to send, and queued on each of the others as the same bytes.
 * A link whose outbox is full costs its own peer this message, which it is told, and nobody else anything.
 */
import type { PeerId } from '../ports/types.js'
import { POOLED_MAX } from '../protocol/bytes.js'
import { briefly, FrameSlab } from '../protocol/frame-slab.js'
import { Batch, BATCH_BODY_MAX } from './batch.js'
import type { Connection } from './connection.js'
import type { Counters } from './counters.js'
import type { Outgoing, Shared } from './outgoing.js'
import { NO_PARTS } from './outgoing.js'
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
  /** id ‖ body; what is larger than POOLED_MAX must not change any more. */
  readonly bytes: Uint8Array
}

export interface Receivers {
  /** Null: everybody. */
  readonly chosen: ((connection: Connection) => boolean) | null
  /** Who has it, and is not sent it. */
  readonly informed: ReadonlySet<PeerId>
}

export interface FanOutSetup {
  /** The one link of each peer: another list whenever one of them is another. */
  readonly connections: () => readonly Connection[]
  readonly connectionTo: (peerId: PeerId) => Connection | null
  readonly counters: Counters
  readonly flusher: Flusher
}

export class FanOut {
  readonly #setup: FanOutSetup
  /** Frames of one turn that go by themselves. */
  readonly #frames = new FrameSlab(briefly)
  /** What was written last in this turn, for the next link with the same numbers. */
  #last: { readonly bytes: Uint8Array; readonly outgoing: Outgoing } | null = null
  #batch = new Batch()
  /** The numbers by which everybody who rides on the batch knows these messages. Bound: the definitions. */
  readonly #types = new Map<Sendable, number>()
  /** All links, where the last message that was looked at link by link found each of them riding; and how many rode then. */
  #boarded: readonly Connection[] | null = null
  #boardedRiders = 0

  constructor(setup: FanOutSetup) {
    this.#setup = setup
  }

  /** @param without told of each link that it fits and that has no room */
  send(outbound: Outbound, to: Receivers, without: ((connection: Connection) => void) | null): FanOutResult {
    if (this.#isKnownToAll(to)) return { queued: 0, shed: 0 }
    const batch = this.#batchFor(outbound.bytes.length)
    const type = this.#types.get(outbound.definition)
    const ridesOnly = batch !== null && type !== undefined && to.chosen === null && this.#isFull(batch)
    return ridesOnly ? this.#sendToAll(outbound, type, to, batch) : this.#sendToEach(outbound, to, batch, without)
  }

  /** As where the one link that there is has brought it. */
  #isKnownToAll({ informed }: Receivers): boolean {
    const links = this.#setup.connections()
    return informed.size >= links.length && links.every(({ peerId }) => peerId !== null && informed.has(peerId))
  }

  /** Whether every link rides: nobody has left, nor come, since all boarded. */
  #isFull(batch: Batch): boolean {
    return this.#boarded === this.#setup.connections() && this.#boardedRiders === batch.riders
  }

  #sendToAll({ definition, bytes }: Outbound, type: number, { informed }: Receivers, batch: Batch): FanOutResult {
    let queued = this.#setup.connections().length
    for (const peerId of informed) {
      const connection = this.#setup.connectionTo(peerId)
      if (connection === null) continue
      connection.sender?.outbox.skip(batch)
      queued--
    }
    batch.add(definition.priority, type, bytes, { holders: 0 })
    this.#setup.counters.count('broadcast-queued', queued)
    return { queued, shed: 0 }
  }

  #sendToEach(
    outbound: Outbound,
    to: Receivers,
    batch: Batch | null,
    without: ((connection: Connection) => void) | null,
  ): FanOutResult {
    const { definition, bytes } = outbound
    const links = this.#setup.connections()
    const shared: Shared = { holders: 0 }
    const boards = batch?.isEmpty === true && links.some((connection) => isFor(to, connection))
    const known = this.#types.get(definition) ?? null
    let type = known
    let queued = 0
    let shed = 0
    let riding = 0
    // Bound: the links. Who rides gets it first: what follows may reach the host, which may broadcast before this has returned.
    const alone: Connection[] = []
    for (const connection of links) {
      const isWanted = isFor(to, connection)
      // Also who has this one already: it may not have the next.
      if (batch !== null && rides(connection, batch, boards)) {
        const own = known ?? connection.remoteType(definition.nameKind, definition.name)
        type ??= own
        if (own !== null && own === type) {
          riding++
          if (isWanted) queued++
          else connection.sender?.outbox.skip(batch)
          continue
        }
        // It gets the message by itself, or not at all.
        connection.sender?.leave()
      }
      if (isWanted) alone.push(connection)
    }
    if (batch !== null && type !== null && batch.riders > 0) {
      this.#types.set(definition, type)
      batch.add(definition.priority, type, bytes, shared)
    }
    this.#boarded = riding === links.length ? links : null
    this.#boardedRiders = batch?.riders ?? 0
    for (const connection of alone) {
      const became = this.#sendAlone(connection, outbound, shared)
      if (became === 'queued') queued++
      else if (became !== 'unheard') shed++
      if (became === 'full') without?.(connection)
    }
    this.#setup.counters.count('broadcast-queued', queued)
    if (shed > 0) this.#setup.counters.count('broadcast-shed', shed)
    return { queued, shed }
  }

  /** To one who asked for it. @returns false where that cannot be */
  sendOn(connection: Connection, outbound: Outbound & Shared): boolean {
    const { definition, bytes } = outbound
    const type = connection.remoteType(definition.nameKind, definition.name)
    if (type === null || !fits(connection, bytes)) return false
    if (!connection.enqueue(definition.priority, this.#write(type, bytes, outbound))) return false
    this.#setup.counters.count('broadcast-queued')
    return true
  }

  /** The turn is over. */
  flush(): void {
    this.#last = null
    this.#frames.rest()
  }

  #sendAlone(
    connection: Connection,
    { definition: { name, nameKind, priority }, bytes }: Outbound,
    shared: Shared,
  ): 'queued' | 'unheard' | 'too-big' | 'full' {
    const type = connection.remoteType(nameKind, name)
    if (type === null) return 'unheard'
    if (!fits(connection, bytes)) return 'too-big'
    if (connection.enqueue(priority, this.#write(type, bytes, shared))) return 'queued'
    connection.overflowed()
    return 'full'
  }

  /** Where a message of so many bytes may ride; null: nowhere. */
  #batchFor(bytes: number): Batch | null {
    if (bytes > BATCH_BODY_MAX) return null
    if (!this.#batch.hasRoom(bytes))
      for (const { sender } of this.#setup.connections()) if (sender?.outbox.rides(this.#batch) === true) sender.flush()
    if (this.#batch.riders > 0 && this.#batch.hasRoom(bytes)) return this.#batch
    if (this.#batch.isFree) this.#batch.clear()
    else this.#batch = new Batch()
    this.#types.clear()
    return this.#batch
  }

  #write(type: number, bytes: Uint8Array, shared: Shared): Outgoing {
    if (this.#last?.bytes === bytes && this.#last.outgoing.type === type) return this.#last.outgoing
    const rest = { type, bodyBytes: bytes.length, counted: true, shared }
    // What is large has memory of its own, which all links share.
    if (bytes.length > POOLED_MAX) return { ...rest, parts: [bytes] }
    if (this.#last === null) this.#setup.flusher.add(this)
    const outgoing = { ...rest, parts: NO_PARTS, frame: this.#frames.write(type, [bytes], bytes.length) }
    this.#last = { bytes, outgoing }
    return outgoing
  }
}

function isFor({ chosen, informed }: Receivers, connection: Connection): boolean {
  if (informed.size > 0 && connection.peerId !== null && informed.has(connection.peerId)) return false
  return chosen === null || chosen(connection)
}

/** Whether the link goes with the others; into a batch that is empty it may go. */
function rides(connection: Connection, batch: Batch, boards: boolean): boolean {
  const { sender } = connection
  if (sender === null) return false
  if (!boards) return sender.outbox.rides(batch)
  return (connection.hello?.limits.messageBytesMax ?? 0) >= BATCH_BODY_MAX && sender.board(batch)
}

/** Whether the peer takes messages so large. */
export function fits(connection: Connection, bytes: Uint8Array): boolean {
  return bytes.length <= (connection.hello?.limits.messageBytesMax ?? 0)
}
