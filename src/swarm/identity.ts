/** Who this node is: an id, and a way to sign. The key itself need not be in this process. */
import { invalidOption } from '../errors.js'
import type { Crypto } from '../ports/crypto.js'
import type { PeerId } from '../ports/types.js'
import { copyBytes } from '../protocol/bytes.js'
import { formatPeerId } from '../protocol/peer-id.js'

/** An Ed25519 identity. `sign` may answer later, from a signer or HSM: it is asked once at start and once a day. */
export interface Identity {
  readonly id: PeerId
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>
}

const SEED_BYTES = 32

/** @throws HoldfastError `invalid-option` for a seed that is not 32 bytes */
export function identityFromSeed(seed: Uint8Array, crypto: Crypto): Identity {
  if (!(seed instanceof Uint8Array) || seed.length !== SEED_BYTES) throw invalidOption('seed', seed, '32 bytes')
  const keys = crypto.signingKeyPair(copyBytes(seed))
  return { id: formatPeerId(keys.publicKey, crypto), sign: (message) => keys.sign(message) }
}
