/**
 * The suite in plain JavaScript, on @noble: for browsers, and wherever there is no `node:crypto`. No Node globals.
 * Gives the same bytes and the same refusals as `crypto-node`. Copies by `from`: a Buffer's `slice` is a view.
 */
import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import { ed25519, x25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE, equalBytes } from '@noble/curves/utils.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import type { Aead, Crypto, DhKeyPair, SigningKeyPair } from '../ports/crypto.js'

/** {@link Crypto} for browsers. A record of 32 KiB takes about ten times as long as on Node, a key agreement 25 times. */
export const crypto: Crypto = {
  sha256(parts: readonly Uint8Array[]): Uint8Array {
    const hash = sha256.create()
    for (const part of parts) hash.update(part)
    return hash.digest()
  },

  sha256Key(parts: readonly Uint8Array[]): string {
    return String.fromCharCode(...crypto.sha256(parts))
  },

  hkdf(salt: Uint8Array, input: Uint8Array, info: Uint8Array, length: number): Uint8Array {
    return hkdf(sha256, input, salt, info, length)
  },

  dhKeyPair(secret: Uint8Array): DhKeyPair {
    const own = Uint8Array.from(secret)
    return {
      publicKey: x25519.getPublicKey(own),
      agree(publicKey: Uint8Array): Uint8Array | null {
        try {
          return x25519.getSharedSecret(own, publicKey)
        } catch {
          return null
        }
      },
    }
  },

  signingKeyPair(seed: Uint8Array): SigningKeyPair {
    const own = Uint8Array.from(seed)
    return {
      publicKey: ed25519.getPublicKey(own),
      sign: (message: Uint8Array): Uint8Array => ed25519.sign(message, own),
    }
  },

  /**
   * R = s·B - k·A, byte for byte, as OpenSSL has it. Not `ed25519.verify`: that multiplies both sides by the cofactor,
   * and so accepts signatures that Node refuses where the key or R has a part of small order.
   */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    if (signature.length !== SIGNATURE_LENGTH) return false
    const encodedR = signature.subarray(0, R_LENGTH)
    const s = bytesToNumberLE(signature.subarray(R_LENGTH))
    if (s >= Point.Fn.ORDER) return false
    const key = pointOf(publicKey)
    if (key === null || key.isSmallOrder()) return false
    const hash = sha512.create().update(encodedR).update(publicKey).update(message).digest()
    const k = bytesToNumberLE(hash) % Point.Fn.ORDER
    return equalBytes(Point.BASE.multiplyUnsafe(s).subtract(key.multiplyUnsafe(k)).toBytes(), encodedR)
  },

  aead(key: Uint8Array): Aead {
    return new WebAead(key)
  },
}

const { Point } = ed25519
const R_LENGTH = 32
const SIGNATURE_LENGTH = 64
const TAG_LENGTH = 16

class WebAead implements Aead {
  readonly #key: Uint8Array
  /** Written anew by each call, within which it is used up. */
  readonly #nonce = new Uint8Array(12)
  readonly #counter = new DataView(this.#nonce.buffer, 4)

  constructor(key: Uint8Array) {
    this.#key = Uint8Array.from(key)
  }

  seal(nonce: number, associated: Uint8Array, parts: readonly Uint8Array[]): readonly Uint8Array[] {
    let length = 0
    for (const part of parts) length += part.length
    const sealed = new Uint8Array(length + TAG_LENGTH)
    let at = 0
    for (const part of parts) {
      sealed.set(part, at)
      at += part.length
    }
    this.#cipher(nonce, associated).encrypt(sealed.subarray(0, length), sealed)
    return [sealed]
  }

  open(nonce: number, associated: Uint8Array, sealed: Uint8Array): Uint8Array | null {
    try {
      return this.#cipher(nonce, associated).decrypt(sealed)
    } catch {
      return null
    }
  }

  #cipher(nonce: number, associated: Uint8Array): ReturnType<typeof chacha20poly1305> {
    this.#counter.setUint32(0, nonce, true)
    this.#counter.setUint32(4, nonce / 0x1_0000_0000, true)
    return chacha20poly1305(this.#key, this.#nonce, associated)
  }
}

/** Null unless these are 32 bytes, canonical, and on the curve. */
function pointOf(encoded: Uint8Array): InstanceType<typeof Point> | null {
  try {
    return Point.fromBytes(encoded)
  } catch {
    return null
  }
}
