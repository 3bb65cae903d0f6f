/** What this backend decides itself, before OpenSSL or in spite of it; the rest is in `crypto.test`. */
import type * as NodeCrypto from 'node:crypto'
import { createPrivateKey, diffieHellman, verify } from 'node:crypto'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { crypto } from '../../src/runtime/crypto-node.js'

vi.mock('node:crypto', { spy: true })

afterEach(() => {
  vi.resetAllMocks()
})

const pair = crypto.signingKeyPair(new Uint8Array(32).fill(7))
const message = new Uint8Array(5)
const signature = pair.sign(message)

describe('crypto-node', () => {
  it('agrees on nothing where the library returns zeros', () => {
    const own = crypto.dhKeyPair(new Uint8Array(32).fill(7))
    expect(own.agree(own.publicKey)).not.toBeNull()
    vi.mocked(diffieHellman).mockReturnValueOnce(Buffer.alloc(32))
    expect(own.agree(own.publicKey)).toBeNull()
  })

  it('makes the same pairs where Node wants a JWK to be complete', async () => {
    const real = await vi.importActual<typeof NodeCrypto>('node:crypto')
    const secret = new Uint8Array(32).fill(7)
    const dh = crypto.dhKeyPair(secret)
    vi.mocked(createPrivateKey).mockImplementation((key) => {
      if (typeof key === 'object' && 'format' in key && key.format === 'jwk') throw new TypeError('Invalid JWK OKP key')
      return real.createPrivateKey(key)
    })
    const [again, pairAgain] = [crypto.dhKeyPair(secret), crypto.signingKeyPair(secret)]
    expect(createPrivateKey).toHaveBeenLastCalledWith(expect.objectContaining({ type: 'pkcs8' }))
    expect(again.publicKey).toEqual(dh.publicKey)
    expect(again.agree(pair.publicKey)).toEqual(dh.agree(pair.publicKey))
    expect(pairAgain.publicKey).toEqual(pair.publicKey)
    expect(pairAgain.sign(message)).toEqual(signature)
  })

  it.each([
    ['a short signature', pair.publicKey, signature.subarray(1)],
    ['s of 2^255 and more', pair.publicKey, Uint8Array.from([...signature.subarray(0, 63), 0xff])],
    ['s = L', pair.publicKey, Uint8Array.from([...signature.subarray(0, 32), ...groupOrder()])],
    ['a short key', pair.publicKey.subarray(1), signature],
    ['a key of small order', new Uint8Array(32), signature],
    ['a key with y = p + 3', Uint8Array.from([0xf0, ...new Uint8Array(30).fill(0xff), 0x7f]), signature],
  ])('does not ask OpenSSL about %s', (_, publicKey, given) => {
    expect(crypto.verify(publicKey, message, given)).toBe(false)
    expect(verify).not.toHaveBeenCalled()
  })

  it('asks OpenSSL about s = L - 1', () => {
    const [lowest = 0, ...rest] = groupOrder()
    crypto.verify(pair.publicKey, message, Uint8Array.from([...signature.subarray(0, 32), lowest - 1, ...rest]))
    expect(verify).toHaveBeenCalledOnce()
  })

  it('leaves the key as it was, also as a Buffer', () => {
    const publicKey = Buffer.from(crypto.signingKeyPair(new Uint8Array(32).fill(SIGN_BIT_SEED)).publicKey)
    const before = publicKey.toString('hex')
    expect(Number(publicKey[31]) >> 7).toBe(1)
    crypto.verify(publicKey, message, signature)
    expect(publicKey.toString('hex')).toBe(before)
  })
})

/** Its public key has the sign bit set. */
const SIGN_BIT_SEED = 2

/** L, little-endian. */
function groupOrder(): number[] {
  return [...Buffer.from('1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed', 'hex').reverse()]
}
