/** LEB128, at most four bytes (28 bits), shortest form only: a number has exactly one encoding. */

export const VARINT_MAX: number = 2 ** 28 - 1

export function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4
}

/** Writes at `at`. @returns the position behind it */
export function writeVarint(into: Uint8Array, at: number, value: number): number {
  let rest = value
  let position = at
  while (rest >= 0x80) {
    into[position++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[position++] = rest
  return position
}

export function varintBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value))
  writeVarint(bytes, 0, value)
  return bytes
}

/** Reads numbers and runs of bytes in order. Once anything was wrong or short, `broken` stays true and all reads give 0 or nothing. */
export class ByteReader {
  broken = false
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  byte(): number {
    const value = this.#bytes[this.#at]
    if (value === undefined) return this.#fail()
    this.#at++
    return value
  }

  varint(): number {
    let value = 0
    for (let i = 0; i < 4; i++) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) return this.#fail()
      this.#at++
      value |= (byte & 0x7f) << (7 * i)
      if (byte < 0x80) return byte === 0 && i > 0 ? this.#fail() : value
    }
    return this.#fail()
  }

  /** A view of the next `length` bytes. */
  take(length: number): Uint8Array {
    if (length > this.left) {
      this.#fail()
      return this.#bytes.subarray(0, 0)
    }
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  rest(): Uint8Array {
    return this.take(this.left)
  }

  #fail(): number {
    this.broken = true
    this.#at = this.#bytes.length
    return 0
  }
}
