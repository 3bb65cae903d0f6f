/**
 * `Noise_XX_25519_ChaChaPoly_SHA256` (The Noise Protocol Framework, revision 34, §5 and §7.5) as three messages and a split.
 * Knows nothing of identities, lengths on the wire or time. After a failed read the state is spent: make no further call.
 */
import type { Aead, Crypto, DhKeyPair } from '../ports/crypto.js'
import { copyBytes, EMPTY, joinBytes } from './bytes.js'

const PROTOCOL = new TextEncoder().encode('Noise_XX_25519_ChaChaPoly_SHA256')
const DH_BYTES = 32
const TAG_BYTES = 16

type Token = 'e' | 's' | 'ee' | 'es' | 'se'

/** Who sends what, in turn; the initiator begins. */
const MESSAGES: readonly (readonly Token[])[] = [['e'], ['e', 'ee', 's', 'es'], ['s', 'se']]

export interface NoiseSetup {
  readonly initiator: boolean
  readonly prologue: Uint8Array
  readonly staticKeys: DhKeyPair
  readonly ephemeralKeys: DhKeyPair
  readonly crypto: Crypto
}

/** What a finished handshake leaves: a key for each direction, and the hash that binds everything said. */
export interface NoiseKeys {
  readonly send: Aead
  readonly receive: Aead
  readonly handshakeHash: Uint8Array
}

export class NoiseHandshake {
  readonly #setup: NoiseSetup
  #hash: Uint8Array
  #chainingKey: Uint8Array
  #aead: Aead | null = null
  #nonce = 0
  #turn = 0
  #remoteEphemeral: Uint8Array = EMPTY
  #remoteStatic: Uint8Array = EMPTY

  constructor(setup: NoiseSetup) {
    this.#setup = setup
    // The name has exactly the length of a hash, so it is the first hash itself.
    this.#hash = PROTOCOL
    this.#chainingKey = PROTOCOL
    this.#mixHash(setup.prologue)
  }

  /** The remote static key; empty until the message that carries it was read. */
  get remoteStatic(): Uint8Array {
    return this.#remoteStatic
  }

  /** @returns the next message, or null where the remote key was of small order */
  write(payload: Uint8Array): Uint8Array | null {
    const parts: Uint8Array[] = []
    for (const token of MESSAGES[this.#turn++] ?? []) {
      if (token === 'e') {
        const { publicKey } = this.#setup.ephemeralKeys
        this.#mixHash(publicKey)
        parts.push(publicKey)
      } else if (token === 's') parts.push(this.#encryptAndHash(this.#setup.staticKeys.publicKey))
      else if (!this.#mixDh(token)) return null
    }
    parts.push(this.#encryptAndHash(payload))
    return joinBytes(parts)
  }

  /** @returns the payload, or null where the message is too short, a tag fails, or a key is of small order */
  read(message: Uint8Array): Uint8Array | null {
    let at = 0
    const take = (length: number): Uint8Array => message.subarray(at, (at += length))
    for (const token of MESSAGES[this.#turn++] ?? []) {
      if (token === 'e') {
        this.#remoteEphemeral = copyBytes(take(DH_BYTES))
        if (this.#remoteEphemeral.length < DH_BYTES) return null
        this.#mixHash(this.#remoteEphemeral)
      } else if (token === 's') {
        const key = this.#decryptAndHash(take(this.#aead === null ? DH_BYTES : DH_BYTES + TAG_BYTES))
        if (key?.length !== DH_BYTES) return null
        this.#remoteStatic = key
      } else if (!this.#mixDh(token)) return null
    }
    return this.#decryptAndHash(message.subarray(at))
  }

  /** The transport keys. Only after the third message. */
  split(): NoiseKeys {
    const { crypto, initiator } = this.#setup
    const keys = crypto.hkdf(this.#chainingKey, EMPTY, EMPTY, 64)
    const first = crypto.aead(copyBytes(keys, 0, 32))
    const second = crypto.aead(copyBytes(keys, 32))
    return {
      send: initiator ? first : second,
      receive: initiator ? second : first,
      handshakeHash: this.#hash,
    }
  }

  #mixDh(token: 'ee' | 'es' | 'se'): boolean {
    const { initiator, staticKeys, ephemeralKeys, crypto } = this.#setup
    // The first letter names the initiator's key, the second the responder's.
    const ownIsStatic = token === (initiator ? 'se' : 'es')
    const remoteIsStatic = token === (initiator ? 'es' : 'se')
    const shared = (ownIsStatic ? staticKeys : ephemeralKeys).agree(
      remoteIsStatic ? this.#remoteStatic : this.#remoteEphemeral,
    )
    if (shared === null) return false
    const keys = crypto.hkdf(this.#chainingKey, shared, EMPTY, 64)
    this.#chainingKey = copyBytes(keys, 0, 32)
    this.#aead = crypto.aead(copyBytes(keys, 32))
    this.#nonce = 0
    return true
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = this.#setup.crypto.sha256([this.#hash, data])
  }

  #encryptAndHash(plain: Uint8Array): Uint8Array {
    const sealed = this.#aead === null ? plain : joinBytes(this.#aead.seal(this.#nonce++, this.#hash, [plain]))
    this.#mixHash(sealed)
    return sealed
  }

  #decryptAndHash(sealed: Uint8Array): Uint8Array | null {
    const plain = this.#aead === null ? copyBytes(sealed) : this.#aead.open(this.#nonce++, this.#hash, sealed)
    if (plain !== null) this.#mixHash(sealed)
    return plain
  }
}
