/** Signatures that one library or the other accepts, and that both backends must refuse. */
import { createHash, createPublicKey, verify as verifyByNode } from 'node:crypto'
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE, numberToBytesLE } from '@noble/curves/utils.js'
import { describe, expect, it } from 'vitest'
import { crypto as node } from '../../src/runtime/crypto-node.js'
import { crypto as web } from '../../src/runtime/crypto-web.js'
import { hex, toHex } from './vectors.js'

const { Point } = ed25519
const ORDER = Point.Fn.ORDER
const IDENTITY = `01${'00'.repeat(31)}`
const TOP = 'ff'.repeat(30)

/** y = 1 and y = p - 1 with a sign for x = 0, then y = p and y = p + 1 with either sign: the points of y = 0 and y = 1. */
const NON_CANONICAL = [`01${'00'.repeat(30)}80`, `ec${TOP}ff`, `ed${TOP}7f`, `ed${TOP}ff`, `ee${TOP}7f`, `ee${TOP}ff`]
const MESSAGES = Array.from({ length: 16 }, (_, at) => Uint8Array.of(at))

describe.each([
  ['node', node],
  ['web', web],
])('crypto-%s verify', (_, crypto) => {
  it.each([...ED25519_TORSION_SUBGROUP, ...NON_CANONICAL])('accepts no forgery for %s', (key) => {
    for (const [message, signature] of forgeries()) expect(crypto.verify(hex(key), message, signature)).toBe(false)
  })

  it('refuses s + L, the same signature in other bytes', () => {
    const pair = crypto.signingKeyPair(new Uint8Array(32).fill(7))
    const signature = pair.sign(hex('00'))
    const malleated = Uint8Array.from(signature)
    malleated.set(numberToBytesLE(bytesToNumberLE(signature.subarray(32)) + ORDER, 32), 32)
    expect(crypto.verify(pair.publicKey, hex('00'), signature)).toBe(true)
    expect(crypto.verify(pair.publicKey, hex('00'), malleated)).toBe(false)
  })

  it('refuses y off the curve, and every y from p to 2^255 - 1', () => {
    const signature = hex(IDENTITY + '00'.repeat(32))
    expect(crypto.verify(hex(`02${'00'.repeat(31)}`), hex('00'), signature)).toBe(false)
    for (let low = 0xed; low <= 0xff; low++) {
      expect(crypto.verify(hex(`${low.toString(16)}${TOP}7f`), hex('00'), signature)).toBe(false)
    }
  })

  it('checks the equation without the cofactor where the key has a part of small order', () => {
    const answers = MESSAGES.map((message) => {
      const { publicKey, signature, cofactorless } = signWithTorsion(message)
      expect(ed25519.verify(signature, message, publicKey, { zip215: false })).toBe(true)
      expect(crypto.verify(publicKey, message, signature)).toBe(cofactorless)
      return cofactorless
    })
    expect(new Set(answers)).toEqual(new Set([true, false]))
  })
})

describe('Node itself', () => {
  it('accepts forgeries for ownerless keys in version 20, so that looking first matters', () => {
    const keys = [...ED25519_TORSION_SUBGROUP, ...NON_CANONICAL]
    const forgeable = keys.filter((key) =>
      forgeries().some(([message, signature]) => verifyByNode(null, message, publicKeyObject(key), signature)),
    )
    console.log(
      `Node ${process.version} accepts forgeries for ${String(forgeable.length)} of ${String(keys.length)} keys`,
    )
    if (process.version.startsWith('v20.')) expect(forgeable).toEqual(keys)
  })
})

/** With s = 0 the equation is R = -k·A, which for a key of order n holds by luck for one R in n. */
function forgeries(): [message: Uint8Array, signature: Uint8Array][] {
  return MESSAGES.flatMap((message) =>
    ED25519_TORSION_SUBGROUP.map((r): [Uint8Array, Uint8Array] => [message, hex(r + '00'.repeat(32))]),
  )
}

/** Signs for A = a·B + T with T of order 8, as the owner of a can: k·T vanishes by itself for one message in eight. */
function signWithTorsion(message: Uint8Array): { publicKey: Uint8Array; signature: Uint8Array; cofactorless: boolean } {
  const [secret, blinding] = [1234567n, 7654321n]
  const torsion = Point.fromHex(ED25519_TORSION_SUBGROUP[1] ?? '')
  const publicKey = Point.BASE.multiply(secret).add(torsion).toBytes()
  const r = Point.BASE.multiply(blinding).toBytes()
  const k = bytesToNumberLE(sha512([r, publicKey, message])) % ORDER
  const s = numberToBytesLE((blinding + k * secret) % ORDER, 32)
  return { publicKey, signature: hex(toHex(r) + toHex(s)), cofactorless: k % 8n === 0n }
}

function sha512(parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha512')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function publicKeyObject(key: string): ReturnType<typeof createPublicKey> {
  const x = Buffer.from(key, 'hex').toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}
