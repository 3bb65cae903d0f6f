/**
 * A suite that keeps no secret, only the shape of one: both ends agree, a flipped byte is found, and thousands of handshakes
 * take seconds. For tests of who stays and who goes; never for tests of the wire.
 */
import { hash } from 'node:crypto'
import type { Aead, Crypto } from '../../src/ports/crypto.js'
import { joinBytes, keyOf, sameBytes, uintBytes, utf8 } from '../../src/protocol/bytes.js'
import { formatPeerId } from '../../src/protocol/peer-id.js'
import type { Identity } from '../../src/swarm/identity.js'

const TAG_BYTES = 16

function digest(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(hash('sha256', joinBytes(parts), 'buffer'))
}

function signed(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const half = digest([publicKey, message])
  return joinBytes([half, half])
}

function aead(key: Uint8Array): Aead {
  const tag = (nonce: number, associated: Uint8Array, text: Uint8Array): Uint8Array =>
    digest([key, uintBytes(nonce, 6), associated, text]).subarray(0, TAG_BYTES)
  return {
    seal(nonce, associated, parts) {
      const text = joinBytes(parts)
      return [text, tag(nonce, associated, text)]
    },
    open(nonce, associated, sealed) {
      const text = Uint8Array.from(sealed.subarray(0, sealed.length - TAG_BYTES))
      return sameBytes(sealed.subarray(text.length), tag(nonce, associated, text)) ? text : null
    },
  }
}

export const toyCrypto: Crypto = {
  sha256: digest,
  sha256Key: (parts) => keyOf(digest(parts)),
  hkdf(salt, input, info, length) {
    const blocks: Uint8Array[] = []
    for (let at = 0; at < length; at += 32) blocks.push(digest([salt, input, info, Uint8Array.of(at)]))
    return joinBytes(blocks).subarray(0, length)
  },
  dhKeyPair(secret) {
    const publicKey = digest([utf8('dh'), secret])
    return {
      publicKey,
      agree: (other) => {
        const sum = publicKey.map((byte, i) => byte ^ (other[i] ?? 0))
        return digest([sum])
      },
    }
  },
  signingKeyPair(seed) {
    const publicKey = digest([utf8('sign'), seed])
    return { publicKey, sign: (message) => signed(publicKey, message) }
  },
  verify: (publicKey, message, signature) => sameBytes(signature, signed(publicKey, message)),
  aead,
}

/** An identity of this suite. */
export function toyIdentity(seed: Uint8Array): Identity {
  const keys = toyCrypto.signingKeyPair(seed)
  return { id: formatPeerId(keys.publicKey, toyCrypto), sign: (message) => keys.sign(message) }
}
