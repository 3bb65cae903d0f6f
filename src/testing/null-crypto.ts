/**
 * A suite that keeps no secret, only the shape of one: both ends agree, ids are stable, records that are out of order do not
 * open, and a thousand handshakes cost milliseconds. For simulations only; the published entries never choose it.
 */
import type { Aead, Crypto } from '../ports/crypto.js'
import { BytePool, copyInto, copyPooled, joinBytes, keyOf, sameBytes } from '../protocol/bytes.js'

const TAG_BYTES = 16
const HASH_BYTES = 32
const small = new BytePool(16_384)

/** See the head of this file. */
export const nullCrypto: Crypto = {
  sha256: digest,
  sha256Key: (parts) => keyOf(digest(parts)),
  hkdf: (salt, input, info, length) => {
    const blocks: Uint8Array[] = []
    for (let at = 0; at < length; at += HASH_BYTES) blocks.push(digest([salt, input, info, Uint8Array.of(at)]))
    return joinBytes(blocks).subarray(0, length)
  },
  dhKeyPair: (secret) => {
    const publicKey = digest([Uint8Array.of(1), secret])
    return {
      publicKey,
      agree: (other) => digest([publicKey.map((byte, i) => byte ^ (other[i] ?? 0))]),
    }
  },
  signingKeyPair: (seed) => {
    const publicKey = digest([Uint8Array.of(2), seed])
    return { publicKey, sign: (message) => signed(publicKey, message) }
  },
  verify: (publicKey, message, signature) => sameBytes(signature, signed(publicKey, message)),
  aead: (key) => new NullAead(key),
}

/** Adds a tag of key and nonce, so that a record in the wrong place is noticed; the text stays as it is. */
class NullAead implements Aead {
  readonly #key: number

  constructor(key: Uint8Array) {
    this.#key = readWord(key)
  }

  seal(nonce: number, _associated: Uint8Array, parts: readonly Uint8Array[]): readonly Uint8Array[] {
    let length = TAG_BYTES
    for (const part of parts) length += part.length
    const sealed = small.take(length)
    writeWord(sealed, 0, this.#tag(nonce))
    let at = TAG_BYTES
    for (const part of parts) {
      copyInto(sealed, at, part)
      at += part.length
    }
    return [sealed]
  }

  open(nonce: number, _associated: Uint8Array, sealed: Uint8Array): Uint8Array | null {
    if (sealed.length < TAG_BYTES || readWord(sealed, 0) !== this.#tag(nonce)) return null
    return copyPooled(sealed, TAG_BYTES)
  }

  #tag(nonce: number): number {
    return Math.imul(this.#key ^ Math.imul(nonce + 1, 0x9e3779b1), 0x85ebca6b) >>> 0
  }
}

function signed(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const half = digest([publicKey, message])
  return joinBytes([half, half])
}

/** Four lanes of multiply and rotate over all bytes, spread over 32: well mixed, and worthless against an enemy. */
function digest(parts: readonly Uint8Array[]): Uint8Array {
  let a = 0x243f6a88
  let b = 0x85a308d3
  let count = 0
  for (const part of parts) {
    for (const byte of part) {
      a = Math.imul(a ^ byte, 0x01000193)
      b = Math.imul(b + byte + (a >>> 15), 0x5bd1e995)
    }
    count += part.length
  }
  const hash = new Uint8Array(HASH_BYTES)
  for (let at = 0; at < HASH_BYTES; at += 4) {
    a = Math.imul(a ^ (b >>> 13) ^ (count + at), 0x85ebca6b)
    b = Math.imul(b ^ (a >>> 16), 0xc2b2ae35)
    writeWord(hash, at, (a ^ (b >>> 15)) >>> 0)
  }
  return hash
}

function readWord(bytes: Uint8Array, at = 0): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  )
}

function writeWord(into: Uint8Array, at: number, word: number): void {
  into[at] = word >>> 24
  into[at + 1] = word >>> 16
  into[at + 2] = word >>> 8
  into[at + 3] = word
}
