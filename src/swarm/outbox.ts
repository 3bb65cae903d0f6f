/**
 * What waits to be sent on one link: control frames first, then urgent, normal, bulk. Frames are gathered into one record at
 * 32 KiB, at the end of the turn, or when the link drains. A message too big for a frame goes out in fragments, and anything
 * of a higher priority passes between two of them. Control frames have their own small bound; the rest is bounded by bytes.
 */
import type { Memory } from '../policy/memory.js'
import type { PeerClass } from '../ports/types.js'
import type { SendCredit } from '../protocol/credit.js'
import { Fragmenter } from '../protocol/fragment.js'
import { FRAME, FRAME_BYTES_MAX, frameHeader, isOversize } from '../protocol/frame.js'
import { briefly, FrameSlab } from '../protocol/frame-slab.js'
import type { Priority } from '../protocol/message.js'
import { varintLength } from '../protocol/varint.js'
import type { Batch } from './batch.js'
import { BATCH_BYTES_MAX } from './batch.js'
import { ControlQueue } from './control-queue.js'
import { Lane } from './lane.js'
import type { Outgoing, Shared, Unsent } from './outgoing.js'
import { NO_PARTS } from './outgoing.js'
import type { RecordSlab } from './record-parts.js'
import { RECORD_TARGET, RecordParts } from './record-parts.js'

export interface OutboxSetup {
  /** What may wait for the peer as it is now. */
  readonly bytesMax: () => number
  readonly credit: SendCredit
  readonly slab: RecordSlab
  /** The node's, on which it draws as a peer of that class. */
  readonly memory: Memory
  readonly peerClass: () => PeerClass
}

const LANE_OF: Readonly<Record<Priority, number>> = { urgent: 0, normal: 1, bulk: 2 }

export class Outbox {
  readonly #control: ControlQueue
  // Bound: `bytesMax` over all three, and one message that is larger.
  readonly #lanes: readonly Lane[] = [0, 1, 2].map(() => new Lane())
  readonly #setup: OutboxSetup
  /** Where its own frames are written. It rests while nothing waits: an idle link holds no memory. */
  readonly #frames = new FrameSlab(briefly)
  #bytes = 0
  /** One message larger than the bound may wait beside what is within it: what a peer may have at all must find a way. */
  #giant: Outgoing | null = null
  /** Messages in waiting; one may have an empty body. */
  #messages = 0
  /** What it rides on; while it does, nothing else waits but control frames. */
  #batch: Batch | null = null
  /** Places of the batch that are not for this link, ascending. Bound: the batch. */
  #skipped: number[] = []

  constructor(setup: OutboxSetup) {
    this.#setup = setup
    this.#control = new ControlQueue(setup.peerClass)
  }

  /** Bytes of messages in waiting. */
  get bytes(): number {
    return this.#bytes + (this.#giant?.bodyBytes ?? 0) + (this.#batch?.length ?? 0)
  }

  get isEmpty(): boolean {
    return this.#messages === 0 && this.#control.length === 0 && this.#batch === null
  }

  /** Whether the next bytes would only wait: an eighth of the bound is in use. */
  get isHigh(): boolean {
    return this.#bytes * 8 > this.#setup.bytesMax()
  }

  /** Whether half of the room for control frames is in use: what can be said later is not said now. */
  get isControlHigh(): boolean {
    return this.#control.isHigh
  }

  /** To send what others send, too, until it has departed. @returns false where something waits, or credit might not last */
  board(batch: Batch): boolean {
    const { credit, bytesMax, memory, peerClass } = this.#setup
    if (this.#messages > 0 || this.#batch !== null) return false
    // It is not to be high because of what it rides on.
    const isRoomy = credit.left >= BATCH_BYTES_MAX && bytesMax() >= 8 * BATCH_BYTES_MAX
    if (!isRoomy || !memory.fits(peerClass(), BATCH_BYTES_MAX)) return false
    this.#batch = batch
    batch.riders++
    return true
  }

  rides(batch: Batch): boolean {
    return this.#batch === batch
  }

  /** The next message of the batch is not for this link. */
  skip(batch: Batch): void {
    this.#skipped.push(batch.next)
  }

  /** Queues what it was to send with others, since something else must keep its place behind. @returns what no memory was left for */
  leave(): number {
    const batch = this.#batch
    if (batch === null) return 0
    const skipped = this.#depart(batch)
    let shed = 0
    for (let place = 0, at = 0; place < batch.next; place++) {
      const entry = place === skipped[at] ? null : batch.outgoing(place)
      if (entry === null) at++
      else if (!this.push(entry.priority, entry.outgoing)) shed++
    }
    return shed
  }

  /** @returns false where its own bound or the node's is reached, and nothing was added. Who rides must leave first. */
  push(priority: Priority, outgoing: Outgoing): boolean {
    const { memory, peerClass } = this.#setup
    const bytesMax = this.#setup.bytesMax()
    const isGiant = outgoing.bodyBytes > bytesMax
    if (isGiant ? this.#giant !== null : this.#bytes + outgoing.bodyBytes > bytesMax) return false
    if (!memory.queue(peerClass(), priority, outgoing)) return false
    const written = this.#written(outgoing)
    if (isGiant) this.#giant = written
    else this.#bytes += outgoing.bodyBytes
    this.#messages++
    this.#lanes[LANE_OF[priority]]?.push(written)
    return true
  }

  /** @returns false where a peer has made us owe it more control frames than anybody could want */
  pushControl(frame: Uint8Array): boolean {
    return this.#control.push(frame)
  }

  /** Whether a control frame of this type waits. */
  holdsControl(type: number): boolean {
    return this.#control.holds(type)
  }

  /** The link takes no more for now: what waits is moved to memory that it does not share with what does not. */
  stay(): void {
    if (this.#messages > 0) for (const lane of this.#lanes) lane.stay()
  }

  /** Takes back a question, if nothing of it has left. If some of it has, `word` follows it; where all has, nothing is done. */
  withdraw(requestId: number, word: Uint8Array): 'unsent' | 'leaving' | 'gone' {
    for (const lane of this.#lanes) {
      if (lane.fragments !== null && lane.first?.requestId === requestId) {
        lane.word = word
        return 'leaving'
      }
      const outgoing = lane.remove(requestId)
      if (outgoing === null) continue
      this.#forget(outgoing)
      return 'unsent'
    }
    return 'gone'
  }

  /** Bodies that wait here, and may wait on other links. */
  shared(): ReadonlySet<Shared> {
    return new Set(this.#lanes.flatMap((lane) => lane.all().flatMap(({ shared = [] }) => shared)))
  }

  /** What was not sent and means the same on another link: no question or answer, whose ids do not. A message in fragments is whole again. */
  takeUnsent(): readonly Unsent[] {
    const unsent = (Object.keys(LANE_OF) as Priority[]).flatMap((priority) => {
      const outgoings = this.#lanes[LANE_OF[priority]]?.takeAll() ?? []
      for (const outgoing of outgoings) {
        this.#setup.memory.unqueue(outgoing)
        letGo(outgoing)
      }
      const moving = outgoings.filter(({ type }) => type !== FRAME.request && type !== FRAME.response)
      return moving.map((outgoing) => ({ priority, outgoing }))
    })
    this.#bytes = 0
    this.#giant = null
    this.#messages = 0
    return unsent
  }

  /**
   * The plaintext of the next record, at most 64 KiB, as parts; empty when nothing may be sent now. The parts are valid until
   * the next call, of any outbox on this slab.
   */
  pickRecord(): readonly Uint8Array[] {
    const isAlone = this.#messages === 0 && this.#batch === null
    const only = this.#control.length === 1 && isAlone ? this.#control.first : undefined
    if (only !== undefined) {
      this.#control.shift()
      return [only]
    }
    const record = new RecordParts(this.#setup.slab)
    for (
      let frame = this.#control.first;
      frame !== undefined && record.length < RECORD_TARGET;
      frame = this.#control.first
    ) {
      this.#control.shift()
      record.add(frame)
    }
    if (this.#batch !== null && record.length < RECORD_TARGET) this.#pickBatch(this.#batch, record)
    if (this.#messages === 0) return record.parts()
    for (let index = 0; index < this.#lanes.length; index++) {
      const lane = this.#lanes[index]
      while (lane !== undefined && record.length < RECORD_TARGET && this.#pickFrame(lane, index, record));
    }
    return record.parts()
  }

  #pickBatch(batch: Batch, record: RecordParts): void {
    const skipped = this.#depart(batch)
    let credit = batch.credit
    let from = 0
    for (const place of skipped) {
      credit -= batch.creditAt(place)
      if (place > from) record.add(batch.plaintext(from, place))
      from = place + 1
    }
    if (from < batch.next) record.add(batch.plaintext(from, batch.next))
    this.#setup.credit.spend(credit)
  }

  /** @returns what was not for this link */
  #depart(batch: Batch): readonly number[] {
    const skipped = this.#skipped
    this.#batch = null
    if (skipped.length > 0) this.#skipped = []
    batch.riders--
    return skipped
  }

  /** @returns false when the lane has nothing that may go now */
  #pickFrame(lane: Lane, index: number, record: RecordParts): boolean {
    const outgoing = lane.first
    if (outgoing === undefined) return false
    const { type, frame, bodyBytes, counted } = outgoing
    if (isOversize(type, bodyBytes)) return this.#pickFragment(lane, index, outgoing, record)
    const size = varintLength(type) + bodyBytes
    if (counted && this.#setup.credit.left < size) return false
    if (counted) this.#setup.credit.spend(size)
    if (frame !== undefined) record.addWritten(frame)
    else for (const part of [frameHeader(type, bodyBytes), ...outgoing.parts]) record.add(part)
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
      if (lane.word !== null) this.pushControl(lane.word)
      lane.word = null
    }
    return true
  }

  #sent(lane: Lane, outgoing: Outgoing): void {
    lane.shift()
    this.#forget(outgoing)
  }

  #forget(outgoing: Outgoing): void {
    this.#setup.memory.unqueue(outgoing)
    letGo(outgoing)
    // Not by the object: what stays is moved. Nor by the bound, which may have changed.
    if (outgoing.bodyBytes === this.#giant?.bodyBytes) this.#giant = null
    else this.#bytes -= outgoing.bodyBytes
    this.#messages--
    if (this.#messages === 0) this.#frames.rest()
  }

  #written(outgoing: Outgoing): Outgoing {
    const { type, parts, bodyBytes, counted, shared, requestId } = outgoing
    if (outgoing.frame !== undefined || shared !== undefined || isOversize(type, bodyBytes)) return outgoing
    const frame = this.#frames.write(type, parts, bodyBytes)
    return { type, parts: NO_PARTS, bodyBytes, counted, frame, shared, requestId }
  }
}

/** Nobody waits with it any more. */
function letGo({ shared }: Outgoing): void {
  if (shared?.own !== undefined && shared.holders === 0) shared.own = undefined
}
