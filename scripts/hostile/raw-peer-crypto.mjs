/**
 * The suite of the wire, on `node:crypto` alone, and Noise XX written out message by message. Checks nothing that an attacker
 * would rather leave unchecked: a low-order point gives zeros, and a signature is whatever the caller says.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  randomBytes,
  sign,
} from 'node:crypto'

/** @typedef {{ privateKey: import('node:crypto').KeyObject, publicKey: Buffer }} KeyPair */

const TAG_BYTES = 16
const EMPTY = Buffer.alloc(0)
/** The 32 bytes of a secret follow this in PKCS #8. */
const PKCS8 = {
  X25519: Buffer.from('302e020100300506032b656e04220420', 'hex'),
  Ed25519: Buffer.from('302e020100300506032b657004220420', 'hex'),
}

/**
 * @param {'X25519' | 'Ed25519'} curve
 * @param {Uint8Array} secret
 * @returns {KeyPair}
 */
export function keyPair(curve, secret = randomBytes(32)) {
  const key = Buffer.concat([PKCS8[curve], secret])
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { privateKey, publicKey: Buffer.from(String(x), 'base64url') }
}

/** @param {KeyPair} keys @param {Uint8Array} message */
export function signWith(keys, message) {
  return sign(null, message, keys.privateKey)
}

/** @param {readonly Uint8Array[]} parts */
export function sha256(...parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** @param {KeyPair} keys @param {Uint8Array} remote @returns {Buffer} zeros for a point of low order, which an honest side refuses */
function agree({ privateKey }, remote) {
  const x = Buffer.from(remote).toString('base64url')
  try {
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' })
    return diffieHellman({ privateKey, publicKey })
  } catch {
    return Buffer.alloc(32)
  }
}

/** One direction's key; `nonce` may be set to anything, which is how records are made to fail. */
export class Cipher {
  nonce = 0
  #key

  /** @param {Uint8Array} key */
  constructor(key) {
    this.#key = key
  }

  /** @param {Uint8Array} plain @param {Uint8Array} associated */
  seal(plain, associated = EMPTY) {
    const cipher = createCipheriv('chacha20-poly1305', this.#key, this.#next(), { authTagLength: TAG_BYTES })
    if (associated.length > 0) cipher.setAAD(associated, { plaintextLength: plain.length })
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  }

  /** @param {Uint8Array} sealed @param {Uint8Array} associated @throws where the tag does not hold */
  open(sealed, associated = EMPTY) {
    const end = sealed.length - TAG_BYTES
    const decipher = createDecipheriv('chacha20-poly1305', this.#key, this.#next(), { authTagLength: TAG_BYTES })
    if (associated.length > 0) decipher.setAAD(associated, { plaintextLength: end })
    decipher.setAuthTag(sealed.subarray(end))
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()])
  }

  #next() {
    const nonce = Buffer.alloc(12)
    nonce.writeBigUInt64LE(BigInt(this.nonce++), 4)
    return nonce
  }
}

/** `Noise_XX_25519_ChaChaPoly_SHA256`: → e · ← e, ee, s, es · → s, se. */
export class Noise {
  hash
  /** What the other side's messages have shown so far. */
  remote = { ephemeral: EMPTY, fixed: EMPTY }
  #chain
  #cipher = /** @type {Cipher | null} */ (null)

  /** @param {{ prologue: Uint8Array, ephemeral: KeyPair, fixed: KeyPair }} own */
  constructor(own) {
    this.own = own
    const name = Buffer.from('Noise_XX_25519_ChaChaPoly_SHA256')
    this.#chain = name
    this.hash = sha256(name, own.prologue)
  }

  writeFirst() {
    const { publicKey } = this.own.ephemeral
    this.#mixHash(publicKey)
    return Buffer.concat([publicKey, this.#seal(EMPTY)])
  }

  /** @param {Buffer} message */
  readFirst(message) {
    this.#takeEphemeral(message)
    return this.#open(message.subarray(32))
  }

  /** @param {Uint8Array} payload */
  writeSecond(payload) {
    const { ephemeral, fixed } = this.own
    this.#mixHash(ephemeral.publicKey)
    this.#mixKey(agree(ephemeral, this.remote.ephemeral))
    const shown = this.#seal(fixed.publicKey)
    this.#mixKey(agree(fixed, this.remote.ephemeral))
    return Buffer.concat([ephemeral.publicKey, shown, this.#seal(payload)])
  }

  /** @param {Buffer} message */
  readSecond(message) {
    const { ephemeral } = this.own
    this.#takeEphemeral(message)
    this.#mixKey(agree(ephemeral, this.remote.ephemeral))
    this.remote.fixed = this.#open(message.subarray(32, 80))
    this.#mixKey(agree(ephemeral, this.remote.fixed))
    return this.#open(message.subarray(80))
  }

  /** @param {Uint8Array} payload @param {Uint8Array} shown the static key to show: another than the own one proves nothing */
  writeThird(payload, shown = this.own.fixed.publicKey) {
    const sealed = this.#seal(shown)
    this.#mixKey(agree(this.own.fixed, this.remote.ephemeral))
    return Buffer.concat([sealed, this.#seal(payload)])
  }

  /** @param {Buffer} message */
  readThird(message) {
    this.remote.fixed = this.#open(message.subarray(0, 48))
    this.#mixKey(agree(this.own.ephemeral, this.remote.fixed))
    return this.#open(message.subarray(48))
  }

  /** @returns {readonly [Cipher, Cipher]} the initiator's sending key, and the responder's */
  split() {
    const [first, second] = expand(this.#chain, EMPTY)
    return [new Cipher(first), new Cipher(second)]
  }

  /** @param {Buffer} message */
  #takeEphemeral(message) {
    this.remote.ephemeral = Buffer.from(message.subarray(0, 32))
    this.#mixHash(this.remote.ephemeral)
  }

  /** @param {Uint8Array} data */
  #mixHash(data) {
    this.hash = sha256(this.hash, data)
  }

  /** @param {Uint8Array} shared */
  #mixKey(shared) {
    const [chain, key] = expand(this.#chain, shared)
    this.#chain = chain
    this.#cipher = new Cipher(key)
  }

  /** @param {Uint8Array} plain */
  #seal(plain) {
    const sealed = this.#cipher === null ? plain : this.#cipher.seal(plain, this.hash)
    this.#mixHash(sealed)
    return sealed
  }

  /** @param {Buffer} sealed */
  #open(sealed) {
    const plain = this.#cipher === null ? sealed : this.#cipher.open(sealed, this.hash)
    this.#mixHash(sealed)
    return Buffer.from(plain)
  }
}

/** HKDF of Noise, two outputs. @param {Uint8Array} chain @param {Uint8Array} input @returns {readonly [Buffer, Buffer]} */
function expand(chain, input) {
  const temporary = hmac(chain, input)
  const first = hmac(temporary, Buffer.of(1))
  return [first, hmac(temporary, first, Buffer.of(2))]
}

/** @param {Uint8Array} key @param {readonly Uint8Array[]} parts */
function hmac(key, ...parts) {
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(part)
  return mac.digest()
}
