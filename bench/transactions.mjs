/**
 * What is broadcast under load. Each begins with when it was handed over, on the machine's common clock, its number, and who
 * made it; a transaction ends with that one's Ed25519 signature of all before.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { commonMs } from './common-clock.mjs'

const FILL = 0x5a
const HEAD_BYTES = 14
const SIGNATURE_BYTES = 64

const instant = new Float64Array(1)
const instantBytes = new Uint8Array(instant.buffer)

/** Signs as one origin. */
export class Maker {
  /** For who is to verify. */
  key
  #secret
  #number = 0

  /** @param {number} origin @param {number} size */
  constructor(origin, size) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    this.key = publicKey.export({ format: 'jwk' })
    // As a JWK: keys that were made from DER are slower at every use.
    this.#secret = createPrivateKey({ key: privateKey.export({ format: 'jwk' }), format: 'jwk' })
    this.origin = origin
    this.size = size
  }

  /** How many were made. */
  get made() {
    return this.#number
  }

  make() {
    const payload = written(this.#number++, this.origin, this.size)
    const end = this.size - SIGNATURE_BYTES
    payload.set(sign(null, payload.subarray(0, end), this.#secret), end)
    return payload
  }
}

/** Whether its signature is that of its origin. @param {readonly import('node:crypto').JsonWebKey[]} keys by origin */
export function verifierOf(keys) {
  const known = keys.map((key) => createPublicKey({ key, format: 'jwk' }))
  return (/** @type {Uint8Array} */ payload) => {
    const end = payload.length - SIGNATURE_BYTES
    const key = end < HEAD_BYTES ? undefined : known[originOf(payload)]
    return key !== undefined && verify(null, payload.subarray(0, end), key, payload.subarray(end))
  }
}

/** For what is believed for another reason, as a block is. @param {number} number @param {number} size */
export const makeUnsigned = (number, size) => written(number, 0, size)

export const isWhole = (/** @type {Uint8Array} */ payload, /** @type {number} */ size) =>
  payload.length === size && payload[size - SIGNATURE_BYTES - 1] === FILL

export const numberOf = (/** @type {Uint8Array} */ payload) =>
  ((payload[8] << 24) | (payload[9] << 16) | (payload[10] << 8) | payload[11]) >>> 0

export const originOf = (/** @type {Uint8Array} */ payload) => (payload[12] << 8) | payload[13]

/** When it was handed over. */
export function instantOf(/** @type {Uint8Array} */ payload) {
  for (let i = 0; i < 8; i++) instantBytes[i] = payload[i]
  return instant[0]
}

/** @param {number} number @param {number} origin @param {number} size */
function written(number, origin, size) {
  const payload = Buffer.allocUnsafe(size).fill(FILL)
  payload.writeUInt32BE(number, 8)
  payload.writeUInt16BE(origin, 12)
  instant[0] = commonMs()
  payload.set(instantBytes)
  return payload
}
