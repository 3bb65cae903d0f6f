/**
 * What waits to be sent on one link: control frames first, then urgent, normal, bulk. Frames are gathered into one record at
 * 32 KiB, at the end of the turn, or when the link drains. A message too big for a frame goes out in fragments, and anything
 * of a higher priority passes between two of them. Control frames have their own small bound; the rest is bounded by bytes.
 */
import type { Memory, SharedBody } from '../policy/memory.js'
import type { PeerClass } from '../ports/types.js'
import { copyInto } from '../protocol/bytes.js'
import type { SendCredit } from '../protocol/credit.js'
import { FRAME, FRAME_BYTES_MAX, Fragmenter, isOversize } from '../protocol/frame.js'
import { FrameSlab } from '../protocol/frame-slab.js'
import type { Priority } from '../protocol/message.js'
import { varintLength } from '../protocol/varint.js'

/** One message or answer. */
export interface Outgoing {
  readonly type: number
  /** The body. Where it is too large for a frame it is shared between links and must not change; else it need not stay. */
  readonly parts: readonly Uint8Array[]
  readonly bodyBytes: number
  /** Whether it needs the receiver's credit. */
  readonly counted: boolean
  /** Where the same body waits in other outboxes, too. */
  readonly shared?: SharedBody | undefined
  /** All of it as a frame, where somebody has written that: it must not change. */
  readonly frame?: Uint8Array
}

export interface OutboxSetup {
  readonly bytesMax: number
  readonly credit: SendCredit
  readonly slab: RecordSlab
  /** The node's, on which it draws as a peer of that class. */
  readonly memory: Memory
  readonly peerClass: () => PeerClass
}

/** A record is closed at this much plaintext: with one more whole frame it still fits. */
const RECORD_TARGET = 32_000
const SLAB_MAX = RECORD_TARGET + FRAME_BYTES_MAX + 1024
/** Parts at least this large are sealed where they lie; smaller ones are copied side by side first. */
const COPY_BELOW = 8 * 1024
/** More control frames than this in waiting means that the peer reads nothing and asks for everything. */
const CONTROL_MAX = 4_096

const LANE_OF: Readonly<Record<Priority, number>> = { urgent: 0, normal: 1, bulk: 2 }

/** First in, first out; taking is cheap however long it is. */
class Queue<T> {
  #items: T[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get first(): T | undefined {
    return this.#items[this.#head]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): void {
    this.#head++
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
  }

  takeAll(): T[] {
    const items = this.#head === 0 ? this.#items : this.#items.slice(this.#head)
    this.#items = []
    this.#head = 0
    return items
  }
}

interface Lane {
  readonly queue: Queue<Outgoing>
  fragments: Fragmenter | null
}

/** Memory that records are put together in; one serves all links of a swarm, since sealing is done before the next begins. */
export class RecordSlab {
  // Bound: RECORD_TARGET and one frame more.
  bytes: Uint8Array = new Uint8Array(1024)

  /** Larger memory in place of what is too small for so many bytes more. */
  grow(needed: number): void {
    this.bytes = new Uint8Array(Math.max(needed, Math.min(2 * this.bytes.length, SLAB_MAX)))
  }
}

export class Outbox {
  // Bound: CONTROL_MAX frames of a few dozen bytes.
  readonly #control = new Queue<Uint8Array>()
  // Bound: `bytesMax` over all three.
  readonly #lanes: readonly Lane[] = [0, 1, 2].map(() => ({ queue: new Queue<Outgoing>(), fragments: null }))
  readonly #setup: OutboxSetup
  /** Where its own frames are written. It rests while nothing waits: an idle link holds no memory. */
  readonly #frames = new FrameSlab()
  #bytes = 0
  /** Messages in waiting; one may have an empty body. */
  #messages = 0

  constructor(setup: OutboxSetup) {
    this.#setup = setup
  }

  /** Bytes of messages in waiting. */
  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#messages === 0 && this.#control.length === 0
  }

  /** Whether the next bytes would only wait: an eighth of the bound is in use. */
  get isHigh(): boolean {
    return this.#bytes * 8 > this.#setup.bytesMax
  }

  /** @returns false where its own bound or the node's is reached, and nothing was added */
  push(priority: Priority, outgoing: Outgoing): boolean {
    const { bytesMax, memory, peerClass } = this.#setup
    if (this.#bytes + outgoing.bodyBytes > bytesMax || !memory.queue(peerClass(), priority, outgoing)) return false
    this.#bytes += outgoing.bodyBytes
    this.#messages++
    this.#lanes[LANE_OF[priority]]?.queue.push(this.#written(outgoing))
    return true
  }

  /** @returns false where a peer has made us owe it more control frames than anybody could want */
  pushControl(frame: Uint8Array): boolean {
    if (this.#control.length >= CONTROL_MAX) return false
    this.#control.push(frame)
    return true
  }

  /** Everything that was not sent, a message in fragments from its beginning, to be moved to the link that takes over. */
  takeUnsent(): readonly { readonly priority: Priority; readonly outgoing: Outgoing }[] {
    const unsent = (Object.keys(LANE_OF) as Priority[]).flatMap((priority) => {
      const lane = this.#lanes[LANE_OF[priority]]
      if (lane !== undefined) lane.fragments = null
      const outgoings = lane?.queue.takeAll() ?? []
      for (const outgoing of outgoings) this.#setup.memory.unqueue(outgoing)
      return outgoings.map((outgoing) => ({ priority, outgoing }))
    })
    this.#bytes = 0
    this.#messages = 0
    return unsent
  }

  /**
   * The plaintext of the next record, at most 64 KiB, as parts; empty when nothing may be sent now. The parts are valid until
   * the next call, of any outbox on this slab.
   */
  pickRecord(): readonly Uint8Array[] {
    const [only] = this.#control.length === 1 && this.#messages === 0 ? this.#control.takeAll() : []
    if (only !== undefined) return [only]
    const record = new RecordParts(this.#setup.slab)
    for (
      let frame = this.#control.first;
      frame !== undefined && record.length < RECORD_TARGET;
      frame = this.#control.first
    ) {
      this.#control.shift()
      record.add(frame)
    }
    if (this.#messages === 0) return record.parts()
    for (let index = 0; index < this.#lanes.length; index++) {
      const lane = this.#lanes[index]
      while (lane !== undefined && record.length < RECORD_TARGET && this.#pickFrame(lane, index, record));
    }
    return record.parts()
  }

  /** @returns false when the lane has nothing that may go now */
  #pickFrame(lane: Lane, index: number, record: RecordParts): boolean {
    const outgoing = lane.queue.first
    if (outgoing === undefined) return false
    const { type, frame, bodyBytes, counted } = outgoing
    if (frame === undefined) return this.#pickFragment(lane, index, outgoing, record)
    const size = varintLength(type) + bodyBytes
    if (counted && this.#setup.credit.left < size) return false
    if (counted) this.#setup.credit.spend(size)
    record.add(frame)
    this.#sent(lane, outgoing)
    return true
  }

  #pickFragment(lane: Lane, index: number, outgoing: Outgoing, record: RecordParts): boolean {
    // Room for a whole fragment is required before it is cut, so that its credit is known to be there.
    if (outgoing.counted && this.#setup.credit.left < FRAME_BYTES_MAX) return false
    lane.fragments ??= new Fragmenter(index, outgoing.type, outgoing.parts)
    const parts = lane.fragments.next()
    let size = varintLength(FRAME.fragment)
    for (const part of parts.slice(1)) size += part.length
    if (outgoing.counted) this.#setup.credit.spend(size)
    for (const part of parts) record.add(part)
    if (lane.fragments.done) {
      lane.fragments = null
      this.#sent(lane, outgoing)
    }
    return true
  }

  #sent(lane: Lane, outgoing: Outgoing): void {
    this.#setup.memory.unqueue(outgoing)
    this.#bytes -= outgoing.bodyBytes
    this.#messages--
    lane.queue.shift()
    if (this.#messages === 0) this.#frames.rest()
  }

  #written(outgoing: Outgoing): Outgoing {
    const { type, parts, bodyBytes, counted, shared } = outgoing
    if (outgoing.frame !== undefined || isOversize(type, bodyBytes)) return outgoing
    const frame = this.#frames.write(type, parts, bodyBytes)
    return { type, parts: NONE, bodyBytes, counted, frame, shared }
  }
}

const NONE: readonly Uint8Array[] = []

/** Puts one plaintext together: small parts side by side in the slab, large ones as they are. */
class RecordParts {
  length = 0
  readonly #slab: RecordSlab
  readonly #parts: Uint8Array[] = []
  #from = 0
  #to = 0

  constructor(slab: RecordSlab) {
    this.#slab = slab
  }

  add(part: Uint8Array): void {
    this.length += part.length
    if (part.length < COPY_BELOW) {
      if (this.#to + part.length > this.#slab.bytes.length) {
        this.#cut()
        this.#slab.grow(part.length)
        this.#from = 0
        this.#to = 0
      }
      copyInto(this.#slab.bytes, this.#to, part)
      this.#to += part.length
      return
    }
    this.#cut()
    this.#parts.push(part)
  }

  parts(): readonly Uint8Array[] {
    this.#cut()
    return this.#parts
  }

  #cut(): void {
    if (this.#to > this.#from) this.#parts.push(this.#slab.bytes.subarray(this.#from, this.#to))
    this.#from = this.#to
  }
}
