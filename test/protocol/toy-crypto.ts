/**
 * A suite without any secrecy: records are their plaintext and sixteen zeros. Damage therefore gets past the tags, and down
 * to the parsers behind them, which with real keys it never does. As fast as a hash.
 */
import type { Crypto, DhKeyPair, SigningKeyPair } from '../../src/ports/crypto.js'
import { copyBytes, joinBytes, sameBytes } from '../../src/protocol/bytes.js'
import { crypto as nodeCrypto } from '../../src/runtime/crypto-node.js'

const TAG = new Uint8Array(16)

function toySignature(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const half = nodeCrypto.sha256([publicKey, message])
  return joinBytes([half, half])
}

export const toyCrypto: Crypto = {
  sha256(parts) {
    return nodeCrypto.sha256(parts)
  },
  sha256Key(parts) {
    return nodeCrypto.sha256Key(parts)
  },
  hkdf(salt, input, info, length) {
    const block = nodeCrypto.sha256([salt, input, info])
    return joinBytes([block, block]).subarray(0, length)
  },
  dhKeyPair(secret): DhKeyPair {
    return {
      publicKey: copyBytes(secret),
      agree: (publicKey) =>
        publicKey.every((byte) => byte === 0) ? null : secret.map((byte, i) => byte ^ (publicKey[i] ?? 0)),
    }
  },
  signingKeyPair(seed): SigningKeyPair {
    return { publicKey: copyBytes(seed), sign: (message) => toySignature(seed, message) }
  },
  verify(publicKey, message, signature) {
    return sameBytes(signature, toySignature(publicKey, message))
  },
  aead() {
    return {
      seal: (_nonce, _associated, parts) => [...parts.map((part) => copyBytes(part)), TAG],
      open: (_nonce, _associated, sealed) =>
        sealed.length >= TAG.length && sameBytes(sealed.subarray(sealed.length - TAG.length), TAG)
          ? copyBytes(sealed, 0, sealed.length - TAG.length)
          : null,
    }
  },
}

/** What {@link toyCrypto} makes of a plaintext: a record by hand. */
export function toyRecord(plain: Uint8Array): Uint8Array {
  const length = plain.length + TAG.length
  return joinBytes([Uint8Array.of(length >>> 8, length & 0xff), plain, TAG])
}
