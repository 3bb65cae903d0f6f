/**
 * A message too big for a frame travels as fragments in one of three lanes, one message at a time in each, so that the lanes
 * interleave: lane varint ‖ (first fragment only) total varint ‖ bytes. Put together, the bytes are type varint ‖ body again.
 */
import { copyBytes, EMPTY } from './bytes.js'
import type { Frame } from './frame.js'
import { FRAME, frameHeader, HEADER_BYTES_MAX } from './frame.js'
import { ByteReader, varintLength, writeVarint } from './varint.js'

/** Fragments leave room for their own header, and for the record's. */
const FRAGMENT_DATA_MAX = 32_000
/** Every fragment but the last carries at least this much. */
const FRAGMENT_DATA_MIN = 1_024
/** Who begins with so much may be given room for more: most messages that large are little larger, and are copied once. */
const EARNEST_BYTES = 16_384
const FIRST_GROWTH = 3
/** A broadcast's body begins with an id of so many bytes. */
const HEAD_BYTES = 16
/** Urgent, normal, bulk: the priorities that may carry large messages. */
export const LANES = 3

/**
 * Cuts a message into fragment frames; each call of `next` gives one, as parts to be written in order: the frame's header, and
 * its body. The message is not copied, so that one that waits on many links is held once.
 */
export class Fragmenter {
  readonly #lane: number
  readonly #parts: readonly Uint8Array[]
  readonly #total: number
  #at = 0
  #part = 0
  #from = 0

  constructor(lane: number, type: number, parts: readonly Uint8Array[]) {
    this.#lane = lane
    const head = new Uint8Array(varintLength(type))
    writeVarint(head, 0, type)
    this.#parts = [head, ...parts]
    this.#total = this.#parts.reduce((sum, part) => sum + part.length, 0)
  }

  get done(): boolean {
    return this.#at === this.#total
  }

  next(): readonly Uint8Array[] {
    const data: Uint8Array[] = []
    const length = Math.min(FRAGMENT_DATA_MAX, this.#total - this.#at)
    const total = this.#at === 0 ? this.#total : null
    for (let left = length; left > 0; ) {
      const part = this.#parts[this.#part] ?? EMPTY
      const piece = part.subarray(this.#from, this.#from + left)
      if (piece.length > 0) data.push(piece)
      left -= piece.length
      this.#from += piece.length
      if (this.#from < part.length) break
      this.#part++
      this.#from = 0
    }
    this.#at += length
    const head = new Uint8Array(1 + (total === null ? 0 : varintLength(total)))
    const end = writeVarint(head, 0, this.#lane)
    if (total !== null) writeVarint(head, end, total)
    return [frameHeader(FRAME.fragment, head.length + length), head, ...data]
  }
}

/** A message in the making, in one buffer that grows as its bytes come. */
interface PartialMessage {
  readonly total: number
  readonly innerType: number
  /** Which question it answers; null where it is no answer. */
  readonly answerId: number | null
  /** None of it is kept: an answer may be larger than was asked for where its definition is another version's, which is no offence. */
  readonly isTooBig: boolean
  /** Null where there was no room for it: what comes is counted, and dropped. */
  bytes: Uint8Array | null
  /** What its body begins with, as long as an id; empty before it has come. */
  head: Uint8Array
  length: number
  /** What its fragments so far counted in credit. */
  counted: number
}

export type FragmentFault = 'fragment-broken' | 'message-too-big'

export type FragmentRead =
  /** `head`: what its body begins with, as long as an id; empty where it is not kept. */
  | { readonly kind: 'partial'; readonly innerType: number; readonly head: Uint8Array }
  /** `early`: what the fragments before the last one counted in credit. */
  | { readonly kind: 'whole'; readonly innerType: number; readonly early: number; readonly frame: Frame }
  | { readonly kind: 'shed'; readonly innerType: number; readonly answerId: number | null; readonly head: Uint8Array }
  /** The first of an answer that is larger than was asked for. */
  | { readonly kind: 'too-big'; readonly answerId: number; readonly total: number; readonly isWhole: boolean }
  /** Of an answer that nobody waits for. */
  | { readonly kind: 'stray'; readonly isWhole: boolean }
  | { readonly kind: 'fault'; readonly fault: FragmentFault }

/**
 * Puts fragments together. Bound: one message in each lane, of at most `bytesMax`. An answer may be as large as has ever been
 * asked for; of one that nobody waits for, or no longer, nothing is held.
 */
export class Reassembly {
  /** What is larger is an offence. */
  bytesMax: number
  /** What is larger is not kept: the peer was told of it when it was linked already. */
  keptMax: number
  /** Whether there is no room for more at present: a message whose fragment comes meanwhile is not kept. */
  short = false
  #answerBytesMax = 0
  // Bound: the questions that one peer may owe an answer to.
  readonly #awaited = new Set<number>()
  readonly #lanes: (PartialMessage | null)[] = new Array<null>(LANES).fill(null)

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
    this.keptMax = bytesMax
  }

  /** Bytes of memory held for unfinished messages. */
  get waiting(): number {
    let length = 0
    for (const lane of this.#lanes) length += lane?.bytes?.length ?? 0
    return length
  }

  /** Of those, what no answer is. */
  get unasked(): number {
    let length = 0
    for (const lane of this.#lanes) if (lane?.answerId === null) length += lane.bytes?.length ?? 0
    return length
  }

  /** An answer of up to so many bytes may come. */
  awaitAnswer(id: number, bytesMax: number): void {
    this.#awaited.add(id)
    this.#answerBytesMax = Math.max(this.#answerBytesMax, bytesMax)
  }

  /** It has come, or nobody waits for it any more. */
  forgetAnswer(id: number): void {
    this.#awaited.delete(id)
    for (const lane of this.#lanes) if (lane?.answerId === id) lane.bytes = null
  }

  /** Holds nothing any more. */
  clear(): void {
    this.#lanes.fill(null)
  }

  add(body: Uint8Array): FragmentRead {
    const reader = new ByteReader(body)
    const lane = reader.varint()
    if (lane >= LANES) return { kind: 'fault', fault: 'fragment-broken' }
    const partial = this.#lanes[lane] ?? this.#begin(reader, body)
    if (typeof partial === 'string') return { kind: 'fault', fault: partial }
    const data = reader.rest()
    const left = partial.total - partial.length
    // Only the last fragment may be small: crumbs would cost more to keep than they weigh.
    const crumb = data.length < FRAGMENT_DATA_MIN && data.length < left
    if (reader.broken || data.length === 0 || data.length > left || crumb)
      return { kind: 'fault', fault: 'fragment-broken' }
    const isStray = partial.answerId !== null && !this.#awaited.has(partial.answerId)
    if (partial.length === 0) partial.head = headOf(partial, data)
    const isFirst = partial.length === 0
    if (this.short || isStray || partial.isTooBig) partial.bytes = null
    if (partial.bytes !== null) partial.bytes = append(partial.bytes, partial, data)
    partial.length += data.length
    const early = partial.counted
    partial.counted += body.length + 1
    const isWhole = partial.length === partial.total
    this.#lanes[lane] = isWhole ? null : partial
    if (isStray) return { kind: 'stray', isWhole }
    const { isTooBig, answerId, total } = partial
    if (isTooBig && isFirst && answerId !== null) return { kind: 'too-big', answerId, total, isWhole }
    return readOf(partial, isWhole, early)
  }

  #begin(reader: ByteReader, body: Uint8Array): PartialMessage | FragmentFault {
    const total = reader.varint()
    const inner = new ByteReader(body.subarray(body.length - reader.left))
    const innerType = inner.varint()
    const answerId = innerType === FRAME.response ? inner.varint() : null
    if (inner.broken) return 'fragment-broken'
    const bytesMax = answerId === null ? this.bytesMax : this.#answerBytesMax
    // Nor is an answer that nobody waits for any more; but who was never asked has nothing to answer.
    const isOffence = answerId === null || this.#answerBytesMax === 0
    if (isOffence && total > bytesMax + HEADER_BYTES_MAX) return 'message-too-big'
    const isTooBig = total > (answerId === null ? this.keptMax : bytesMax) + HEADER_BYTES_MAX
    return { total, innerType, answerId, isTooBig, bytes: EMPTY, head: EMPTY, length: 0, counted: 0 }
  }
}

function readOf(partial: PartialMessage, isWhole: boolean, early: number): FragmentRead {
  const { innerType, answerId, total, bytes, head } = partial
  if (!isWhole) return { kind: 'partial', innerType, head: bytes === null ? EMPTY : head }
  if (bytes === null) return { kind: 'shed', innerType, answerId, head }
  const body = bytes.subarray(varintLength(innerType), total)
  return { kind: 'whole', innerType, early, frame: { type: innerType, body } }
}

function headOf({ innerType }: PartialMessage, first: Uint8Array): Uint8Array {
  const at = varintLength(innerType)
  return copyBytes(first.subarray(at, at + HEAD_BYTES))
}

function append(bytes: Uint8Array, { length, total }: PartialMessage, data: Uint8Array): Uint8Array {
  const needed = length + data.length
  let room = bytes
  if (needed > room.length) {
    room = new Uint8Array(Math.min(total, Math.max(needed, length === 0 ? firstRoom(needed) : 2 * room.length)))
    room.set(bytes.subarray(0, length))
  }
  room.set(data, length)
  return room
}

function firstRoom(bytes: number): number {
  return bytes < EARNEST_BYTES ? bytes : FIRST_GROWTH * bytes
}
