/**
 * Frames: length varint ‖ type varint ‖ body; the length covers type and body and is at most 32 KiB. A message that does not
 * fit travels as fragments.
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
  limits: 32,
  firstOptional: 32,
  firstApplication: 64,
} as const

/** Most bytes of type and body in one frame. */
export const FRAME_BYTES_MAX = 32_768
/** What a message's limit leaves out: its type, its request id and flags, or its broadcast id. */
export const HEADER_BYTES_MAX = 64
/** What a frame that spans records gets at least. */
const OWN_BYTES_MIN = 64

export interface Frame {
  readonly type: number
  /** A view of the record that brought it, or memory of its own where it was put together. */
  readonly body: Uint8Array
}

export type FrameFault = 'frame-too-big' | 'frame-broken'

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

/** The type of a whole frame of the protocol's own. */
export function typeOf(frame: Uint8Array): number {
  return frame[frame.findIndex((byte) => byte < 0x80) + 1] ?? 0
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

  /** Holds nothing any more. */
  clear(): void {
    this.#chunk = EMPTY
    this.#own = EMPTY
    this.#at = 0
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
    // The last one may be given away with its memory.
    if (end === chunk.length) this.clear()
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
