/**
 * Signatures that were found good: what an identity says of its process stays the same for a day, and after a split everybody comes
 * back at once. Only what is the same to the last byte is known again; whether it is still in time is another question.
 */
import type { Crypto } from '../ports/crypto.js'
import { copyBytes, keyOf, sameBytes } from './bytes.js'

/** Some hundred masternodes, and those who come often. */
const KNOWN_MAX = 1_024

interface Verified {
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** The same suite, which verifies the latest good signature of a key once. */
export function verifyingOnce(crypto: Crypto): Crypto {
  /** By public key. Bound: KNOWN_MAX; whose came longest ago is forgotten. */
  const known = new Map<string, Verified>()
  return {
    ...crypto,
    verify(publicKey, message, signature) {
      const key = keyOf(publicKey)
      const latest = known.get(key)
      const isKnown =
        latest !== undefined && sameBytes(latest.message, message) && sameBytes(latest.signature, signature)
      if (!isKnown && !crypto.verify(publicKey, message, signature)) return false
      known.delete(key)
      known.set(key, isKnown ? latest : { message: copyBytes(message), signature: copyBytes(signature) })
      const [longestAgo] = known.keys()
      if (known.size > KNOWN_MAX && longestAgo !== undefined) known.delete(longestAgo)
      return true
    },
  }
}
