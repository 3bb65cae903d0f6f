/**
 * The broadcasts of one turn, written side by side, once for all links that have nothing else to send: each seals the same
 * plaintext. An outbox rides until the batch departs, or leaves it, and queues what it was to send, where something else
 * must go in order with it.
 */
import { copyInto } from '../protocol/bytes.js'
import type { Priority } from '../protocol/message.js'
import { frameLength, HEADER_BYTES_MAX, writeFrame } from '../protocol/frame.js'
import { varintLength } from '../protocol/varint.js'
import type { Outgoing, Shared } from './outgoing.js'
import { NO_PARTS } from './outgoing.js'
import { RECORD_TARGET } from './record-parts.js'

/** As much as fits into one record, beside control frames. Also the credit that a link must have to ride. */
export const BATCH_BYTES_MAX: number = RECORD_TARGET
/** A body that is larger goes by itself: there is little to be won. */
export const BATCH_BODY_MAX: number = 8 * 1024
const FIRST_BYTES = 1_024

interface Entry {
  readonly priority: Priority
  readonly type: number
  readonly bodyBytes: number
  readonly shared: Shared
  readonly from: number
  readonly to: number
}

export class Batch {
  /** Outboxes that have not departed, nor left. */
  riders = 0
  #bytes = new Uint8Array(FIRST_BYTES)
  #end = 0
  /** What a type and a body count in credit. */
  #credit = 0
  // Bound: BATCH_BYTES_MAX, of which each takes its id at least.
  readonly #entries: Entry[] = []
  #isRetained = false

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /** The place that the next one gets. */
  get next(): number {
    return this.#entries.length
  }

  get length(): number {
    return this.#end
  }

  get credit(): number {
    return this.#credit
  }

  /** Whether nobody needs its memory any more. */
  get isFree(): boolean {
    return this.riders === 0 && !this.#isRetained
  }

  hasRoom(bodyBytes: number): boolean {
    return this.#end + HEADER_BYTES_MAX + bodyBytes <= BATCH_BYTES_MAX
  }

  /** The caller has asked whether there is room. */
  add(priority: Priority, type: number, body: Uint8Array, shared: Shared): void {
    const from = this.#end
    const to = from + frameLength(type, body.length)
    if (to > this.#bytes.length) this.#grow(to)
    this.#end = writeFrame(this.#bytes, from, type, [body], body.length)
    this.#credit += varintLength(type) + body.length
    this.#entries.push({ priority, type, bodyBytes: body.length, shared, from, to })
  }

  /** The plaintext from one place to another, at most to the end. Valid while somebody rides. */
  plaintext(from: number, to: number): Uint8Array {
    const first = this.#entries[from]?.from ?? this.#end
    return this.#bytes.subarray(first, this.#entries[to]?.from ?? this.#end)
  }

  /** What the message at this place counts in credit. */
  creditAt(place: number): number {
    const entry = this.#entries[place]
    return entry === undefined ? 0 : varintLength(entry.type) + entry.bodyBytes
  }

  /** The message at this place, for one who leaves. */
  outgoing(place: number): { readonly priority: Priority; readonly outgoing: Outgoing } | null {
    const entry = this.#entries[place]
    if (entry === undefined) return null
    this.#isRetained = true
    const { type, bodyBytes, shared, from, to, priority } = entry
    const frame = { bytes: this.#bytes, from, to }
    return { priority, outgoing: { type, parts: NO_PARTS, bodyBytes, counted: true, shared, frame } }
  }

  /** Begins anew, in the same memory. Only when it is free. */
  clear(): void {
    this.#entries.length = 0
    this.#end = 0
    this.#credit = 0
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.min(Math.max(needed, 2 * this.#bytes.length), BATCH_BYTES_MAX))
    copyInto(grown, 0, this.#bytes.subarray(0, this.#end))
    this.#bytes = grown
  }
}
