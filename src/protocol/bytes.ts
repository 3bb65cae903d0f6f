/** Runs of bytes: joining, comparing, naming. No encoding of anything lives here. */

const TEXT_ENCODER = new TextEncoder()
const TEXT_DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const EMPTY: Uint8Array = new Uint8Array(0)
/** A call into the engine costs more than copying so few by hand. */
const BY_HAND_BYTES = 32
const ID_BYTES = 16

/** The chunks as one array. A single chunk is returned as it is, not copied. */
export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks
  if (chunks.length === 1 && only !== undefined) return only
  return placed(chunks, new Uint8Array(lengthOf(chunks)))
}

function lengthOf(chunks: readonly Uint8Array[]): number {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  return length
}

function placed(chunks: readonly Uint8Array[], whole: Uint8Array): Uint8Array {
  let at = 0
  for (const chunk of chunks) {
    copyInto(whole, at, chunk)
    at += chunk.length
  }
  return whole
}

/** Copies `bytes` to `into` from `at` on. */
export function copyInto(into: Uint8Array, at: number, bytes: Uint8Array): void {
  if (bytes.length > BY_HAND_BYTES) into.set(bytes, at)
  else for (let i = 0; i < bytes.length; i++) into[at + i] = bytes[i] as number
}

/**
 * A copy in memory of its own, from `from` up to `to`. For bytes always this and never `.slice()`: what comes from Node is a
 * `Buffer`, whose `slice` is only a view.
 */
export function copyBytes(bytes: Uint8Array, from = 0, to: number = bytes.length): Uint8Array {
  const copy = new Uint8Array(Math.max(0, Math.min(to, bytes.length) - from))
  if (copy.length > BY_HAND_BYTES) copy.set(bytes.subarray(from, to))
  else for (let i = 0; i < copy.length; i++) copy[i] = bytes[from + i] as number
  return copy
}

/** Small runs of bytes side by side, since memory of its own costs each far more than its bytes. None is ever given twice. */
export class BytePool {
  readonly #size: number
  #bytes: Uint8Array = EMPTY
  #end = 0

  /** @param size of the memory that they share: it lives for as long as any of them */
  constructor(size: number) {
    this.#size = size
  }

  /** Fresh bytes, all zero. */
  take(length: number): Uint8Array {
    if (length * 2 > this.#size) return new Uint8Array(length)
    this.#provide(length)
    return this.#bytes.subarray(this.#end - length, this.#end)
  }

  /** The bytes from `from` on. They are copied with what stands before it: a view fewer is worth more than some bytes. */
  copy(bytes: Uint8Array, from: number): Uint8Array {
    const { length } = bytes
    if (length * 2 > this.#size) return copyBytes(bytes, from)
    this.#provide(length)
    const at = this.#end - length
    copyInto(this.#bytes, at, bytes)
    return this.#bytes.subarray(at + from, this.#end)
  }

  #provide(length: number): void {
    if (this.#end + length > this.#bytes.length) {
      this.#bytes = new Uint8Array(this.#size)
      this.#end = 0
    }
    this.#end += length
  }
}

/** As large as that of Node's own small Buffers. */
const copies = new BytePool(8_192)
/** What is larger has memory of its own. */
export const POOLED_MAX = 1_024

/** A copy for who may keep it, from `from` on. A small one may be a view of memory that it shares with other such copies. */
export function copyPooled(bytes: Uint8Array, from = 0, pool: BytePool = copies): Uint8Array {
  const length = bytes.length - from
  if (length > POOLED_MAX || length < 0) return copyBytes(bytes, from)
  return pool.copy(bytes, from)
}

/** The chunks side by side, always as a copy. What is small may be a view of memory that it shares with other such copies. */
export function joinPooled(chunks: readonly Uint8Array[]): Uint8Array {
  const length = lengthOf(chunks)
  return placed(chunks, length > POOLED_MAX ? new Uint8Array(length) : copies.take(length))
}

/** Whether both hold the same bytes. Not constant in time: for public values only. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

export function utf8(text: string): Uint8Array {
  return TEXT_ENCODER.encode(text)
}

/** The beginning of a text, at most so many bytes of UTF-8, whole characters only. */
export function utf8Start(text: string, bytesMax: number): Uint8Array {
  const bytes = utf8(text)
  let end = Math.min(bytes.length, bytesMax)
  // 10xxxxxx continues a character: a cut before one would leave a broken character behind.
  while (end > 0 && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}

/** The text, or null where the bytes are not UTF-8. A byte order mark is a character like any other. */
export function utf8Text(bytes: Uint8Array): string | null {
  try {
    return TEXT_DECODER.decode(bytes)
  } catch {
    return null
  }
}

export function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte] ?? ''
  return text
}

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** One character per byte: the shortest string that can be the key of a map. */
export function keyOf(bytes: Uint8Array): string {
  return bytes.length === ID_BYTES ? idKeyOf(bytes) : String.fromCharCode(...bytes)
}

/** The key of the first sixteen bytes: of the id that a message begins with. */
export function idKeyOf(bytes: Uint8Array): string {
  const at = (index: number): number => bytes[index] as number
  // Spread into arguments, a typed array takes twenty times as long.
  return String.fromCharCode(
    at(0),
    at(1),
    at(2),
    at(3),
    at(4),
    at(5),
    at(6),
    at(7),
    at(8),
    at(9),
    at(10),
    at(11),
    at(12),
    at(13),
    at(14),
    at(15),
  )
}

/** The bytes that {@link keyOf} made a key of. */
export function bytesOfKey(key: string): Uint8Array {
  const bytes = new Uint8Array(key.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = key.charCodeAt(i)
  return bytes
}

/** An unsigned integer in big-endian order, up to 48 bits. */
export function uintBytes(value: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let rest = value
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return bytes
}

export function readUint(bytes: Uint8Array): number {
  let value = 0
  for (const byte of bytes) value = value * 256 + byte
  return value
}
