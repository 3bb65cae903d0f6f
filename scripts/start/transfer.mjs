/** What the nodes say to each other: signed transfers, flooded to all, and heartbeats from each to each. */
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { direct, message } from 'holdfast'
import { z } from 'zod'

/**
 * @typedef {object} Transfer keys and signature as base64url
 * @property {string} from
 * @property {number} sequence
 * @property {number} amount
 * @property {string} to
 * @property {string} signature
 */

const key = z.string().regex(/^[\w-]{43}$/)
const schema = z.strictObject({
  from: key,
  sequence: z.int().positive(),
  amount: z.int().positive(),
  to: key,
  signature: z.string().regex(/^[\w-]{86}$/),
})

export const TRANSFER = message('transfer', { schema, id: transferId })

/** Sent over one link and never relayed: the proof that this very link carries messages. Urgent, or it would measure the load. */
export const BEAT = direct('beat', {
  schema: z.strictObject({ boot: z.int(), count: z.int(), at: z.number() }),
  priority: 'urgent',
})

/** Milliseconds on a clock that all processes of this machine share. */
export function now() {
  return Number(process.hrtime.bigint() / 1000n) / 1000
}

/**
 * The hash of what is signed. The signature is left out, or whoever relays a transfer could give it a second id.
 * @param {Transfer} transfer
 */
export function transferId(transfer) {
  return createHash('sha256').update(signedText(transfer)).digest('hex')
}

/** @param {Transfer} transfer */
export function isSigned(transfer) {
  const signer = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: transfer.from }, format: 'jwk' })
  return verify(null, signedText(transfer), signer, Buffer.from(transfer.signature, 'base64url'))
}

/** An account of its own, and the transfers it makes. */
export class Wallet {
  #keys = generateKeyPairSync('ed25519')
  #from = this.#keys.publicKey.export({ format: 'jwk' }).x ?? ''
  #sequence = 0

  /** @returns {Transfer} */
  next() {
    this.#sequence++
    const unsigned = { from: this.#from, sequence: this.#sequence, amount: 1 + (this.#sequence % 1000), to: this.#from }
    const signature = sign(null, signedText(unsigned), this.#keys.privateKey).toString('base64url')
    return { ...unsigned, signature }
  }

  /**
   * A transfer whose signature is off by one bit, another bit each time.
   * @returns {Transfer}
   */
  nextForged() {
    const transfer = this.next()
    const signature = Buffer.from(transfer.signature, 'base64url')
    const at = this.#sequence % signature.length
    signature[at] = (signature[at] ?? 0) ^ (1 << (this.#sequence % 8))
    return { ...transfer, signature: signature.toString('base64url') }
  }
}

/** @param {Omit<Transfer, 'signature'>} transfer */
function signedText({ from, sequence, amount, to }) {
  return Buffer.from(`transfer ${from} ${sequence} ${amount} ${to}`)
}
