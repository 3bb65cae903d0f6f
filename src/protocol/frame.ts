/**
 * Frames: length varint ‖ type varint ‖ body; the length covers type and body and is at most 32 KiB. A message that does not
 * fit travels as fragments in one of three lanes, one message at a time in each, so that the lanes interleave:
 * lane varint ‖ (first fragment only) total varint ‖ bytes. Put together, the bytes are type varint ‖ body again.
 */
import { copyInto, EMPTY } from './bytes.js'
import { ByteReader, varintLength, writeVarint } from './varint.js'

/** Frame types. 17–31 are critical: unknown there is a protocol error. 32–63 are optional: unknown there is skipped. */
export const FRAME = {
  hello: 1,
  goodbye: 2,
  ping: 3,
  pong: 4,
  getPeers: 5,
  peers: 6,
  types: 7,
  request: 9,
  response: 10,
  failure: 11,
  cancel: 12,
  inventory: 13,
  get: 14,
  notFound: 16,
  window: 17,
  gap: 18,
  fragment: 19,
  firstOptional: 32,
  firstApplication: 64,
} as const

/** Most bytes of type and body in one frame. */
export const FRAME_BYTES_MAX = 32_768
/** Fragments leave room for their own header, and for the record's. */
const FRAGMENT_DATA_MAX = 32_000
/** Every fragment but the last carries at least this much. */
const FRAGMENT_DATA_MIN = 1_024
/** A broadcast's body begins with an id of so many bytes. */
const HEAD_BYTES = 16
/** What a message's limit leaves out: its type, its request id and flags, or its broadcast id. */
export const HEADER_BYTES_MAX = 64
/** What a frame that spans records gets at least. */
const OWN_BYTES_MIN = 64
/** Urgent, normal, bulk: the priorities that may carry large messages. */
const LANES = 3

export interface Frame {
  readonly type: number
  /** A view of the record that brought it, or memory of its own where it was put together. */
  readonly body: Uint8Array
}

export type FrameFault = 'frame-too-big' | 'frame-broken' | 'fragment-broken' | 'message-too-big'

/** length ‖ type, ready to be followed by `bodyLength` bytes. */
export function frameHeader(type: number, bodyLength: number): Uint8Array {
  const length = varintLength(type) + bodyLength
  const header = new Uint8Array(varintLength(length) + varintLength(type))
  writeVarint(header, writeVarint(header, 0, length), type)
  return header
}

/** A whole small frame. */
export function encodeFrame(type: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(frameLength(type, body.length))
  writeFrame(frame, 0, type, [body], body.length)
  return frame
}

/** How long a frame is with its header. */
export function frameLength(type: number, bodyLength: number): number {
  const length = varintLength(type) + bodyLength
  return varintLength(length) + length
}

/** Writes a whole frame where there is room for it. `parts` together are its body, of `bodyLength` bytes. @returns where it ends */
export function writeFrame(
  into: Uint8Array,
  at: number,
  type: number,
  parts: readonly Uint8Array[],
  bodyLength: number,
): number {
  let end = writeVarint(into, writeVarint(into, at, varintLength(type) + bodyLength), type)
  for (const part of parts) {
    copyInto(into, end, part)
    end += part.length
  }
  return end
}

/** Whether a message of this type and body length must be fragmented. */
export function isOversize(type: number, bodyLength: number): boolean {
  return varintLength(type) + bodyLength > FRAME_BYTES_MAX
}

/** Whether a frame of this type spends credit. */
export function isCounted(type: number): boolean {
  return type >= FRAME.firstApplication || type === FRAME.request
}

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

/** Takes frames out of the decrypted stream, whatever its chunks. */
export class FrameReader {
  #chunk: Uint8Array = EMPTY
  #at = 0
  /** The memory that {@link #chunk} begins, where a frame spans records. Bound: a record and a frame. */
  #own: Uint8Array = EMPTY

  push(plain: Uint8Array): void {
    if (this.waiting === 0) {
      this.#chunk = plain
      this.#at = 0
      this.#own = EMPTY
    } else if (plain.length > 0) this.#append(plain)
  }

  /** Bytes of an unfinished frame. */
  get waiting(): number {
    return this.#chunk.length - this.#at
  }

  /** The next frame, null until one is whole, or what is wrong with it. */
  next(): Frame | FrameFault | null {
    const chunk = this.#chunk
    let at = this.#at
    let length = 0
    for (let shift = 0; ; shift += 7) {
      // A fourth byte means too much, whatever it is: so it need not have come.
      if (shift > 14) return 'frame-too-big'
      const byte = chunk[at]
      if (byte === undefined) return null
      at++
      length |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) return 'frame-broken'
        break
      }
    }
    if (length > FRAME_BYTES_MAX) return 'frame-too-big'
    if (length === 0) return 'frame-broken'
    const end = at + length
    if (end > chunk.length) return null
    const first = chunk[at] ?? 0
    this.#at = end
    if (first < 0x80) return { type: first, body: chunk.subarray(at + 1, end) }
    const reader = new ByteReader(chunk.subarray(at, end))
    const type = reader.varint()
    return reader.broken ? 'frame-broken' : { type, body: reader.rest() }
  }

  /** Behind what waits, in memory that doubles: or crumbs would be copied again and again. Nothing handed out is written over. */
  #append(plain: Uint8Array): void {
    let end = this.#chunk.length
    if (end + plain.length > this.#own.length) {
      const { waiting } = this
      this.#own = new Uint8Array(Math.max(waiting + plain.length, 2 * waiting, OWN_BYTES_MIN))
      this.#own.set(this.#chunk.subarray(this.#at))
      this.#at = 0
      end = waiting
    }
    this.#own.set(plain, end)
    this.#chunk = this.#own.subarray(0, end + plain.length)
  }
}

/** A message in the making, in one buffer that grows as its bytes come. */
interface PartialMessage {
  readonly total: number
  readonly innerType: number
  /** Null where there was no room for it: what comes is counted, and dropped. */
  bytes: Uint8Array | null
  length: number
  /** What its fragments so far counted in credit. */
  counted: number
}

export type FragmentRead =
  /** `head`: what its body begins with, as long as an id; empty where it is not kept. */
  | { readonly kind: 'partial'; readonly innerType: number; readonly head: Uint8Array }
  /** `early`: what the fragments before the last one counted in credit. */
  | { readonly kind: 'whole'; readonly innerType: number; readonly early: number; readonly frame: Frame }
  | { readonly kind: 'shed'; readonly innerType: number }
  | { readonly kind: 'fault'; readonly fault: FrameFault }

/** Puts fragments together. Bound: one message in each lane, of at most `bytesMax`, or `answerBytesMax` for an answer. */
export class Reassembly {
  bytesMax: number
  answerBytesMax = 0
  /** Whether there is no room for more at present: a message whose fragment comes meanwhile is not kept. */
  short = false
  readonly #lanes: (PartialMessage | null)[] = new Array<null>(LANES).fill(null)

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** Bytes of memory held for unfinished messages. */
  get waiting(): number {
    let length = 0
    for (const lane of this.#lanes) length += lane?.bytes?.length ?? 0
    return length
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
    if (this.short) partial.bytes = null
    if (partial.bytes !== null) partial.bytes = append(partial.bytes, partial, data)
    partial.length += data.length
    const early = partial.counted
    partial.counted += body.length + 1
    const { innerType, total, bytes } = partial
    this.#lanes[lane] = partial.length < total ? partial : null
    const at = varintLength(innerType)
    if (partial.length < total)
      return { kind: 'partial', innerType, head: (bytes ?? EMPTY).subarray(at, at + HEAD_BYTES) }
    if (bytes === null) return { kind: 'shed', innerType }
    return { kind: 'whole', innerType, early, frame: { type: innerType, body: bytes.subarray(at, total) } }
  }

  #begin(reader: ByteReader, body: Uint8Array): PartialMessage | FrameFault {
    const total = reader.varint()
    const inner = new ByteReader(body.subarray(body.length - reader.left))
    const innerType = inner.varint()
    if (inner.broken) return 'fragment-broken'
    const bytesMax = innerType === FRAME.response ? this.answerBytesMax : this.bytesMax
    if (total > bytesMax + HEADER_BYTES_MAX) return 'message-too-big'
    return { total, innerType, bytes: EMPTY, length: 0, counted: 0 }
  }
}

function append(bytes: Uint8Array, { length, total }: PartialMessage, data: Uint8Array): Uint8Array {
  const needed = length + data.length
  let room = bytes
  if (needed > room.length) {
    room = new Uint8Array(Math.min(total, Math.max(needed, 2 * room.length)))
    room.set(bytes.subarray(0, length))
  }
  room.set(data, length)
  return room
}
