import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Crypto } from '../../src/ports/crypto.js'
import { copyBytes, utf8 } from '../../src/protocol/bytes.js'
import { verifyingOnce } from '../../src/protocol/verified.js'
import { flipBit, nodeCrypto, seedBytes, webCrypto } from './harness.js'

/** The suite, and how often it was asked in earnest. */
function counted(crypto: Crypto): { readonly once: Crypto; asked: () => number } {
  let asked = 0
  const once = verifyingOnce({
    ...crypto,
    verify: (publicKey, message, signature) => {
      asked++
      return crypto.verify(publicKey, message, signature)
    },
  })
  return { once, asked: () => asked }
}

const pair = nodeCrypto.signingKeyPair(seedBytes(1))
const message = utf8('this process speaks for me')
const signature = pair.sign(message)

describe('a signature that was found good', () => {
  it('is examined once, with either implementation of the suite', () => {
    for (const crypto of [nodeCrypto, webCrypto]) {
      const { once, asked } = counted(crypto)
      for (let i = 0; i < 3; i++) expect(once.verify(pair.publicKey, message, signature)).toBe(true)
      expect(asked()).toBe(1)
    }
  })

  it('makes nothing good that differs from it by a bit', () => {
    const { once, asked } = counted(nodeCrypto)
    const given = [pair.publicKey, message, signature] as const
    expect(once.verify(...given)).toBe(true)
    let others = 0
    for (const [part, bytes] of given.entries())
      for (let bit = 0; bit < bytes.length * 8; bit += 5) {
        const [publicKey, said, signed] = given.map((same, i) => (i === part ? flipBit(same, bit) : same))
        if (publicKey === undefined || said === undefined || signed === undefined) throw new Error('three parts')
        expect(once.verify(publicKey, said, signed), `${String(part)} ${String(bit)}`).toBe(false)
        others++
      }
    for (const cut of [copyBytes(signature, 0, 63), new Uint8Array(0)])
      expect(once.verify(pair.publicKey, message, cut)).toBe(false)
    expect(once.verify(pair.publicKey, copyBytes(message, 0, message.length - 1), signature)).toBe(false)
    expect(asked()).toBe(1 + others + 3)
    // And what is false drives out nothing that is good.
    expect([once.verify(...given), asked()]).toEqual([true, 1 + others + 3])
  })

  it('is kept in memory of its own', () => {
    for (const changes of [0, 1]) {
      const { once } = counted(nodeCrypto)
      const given = [copyBytes(message), copyBytes(signature)] as const
      expect(once.verify(pair.publicKey, ...given)).toBe(true)
      given[changes]?.fill(0)
      expect(once.verify(pair.publicKey, ...given)).toBe(false)
    }
  })

  it('is forgotten for a later one of the same key, and for those of a thousand others', () => {
    const { once, asked } = counted({ ...nodeCrypto, verify: () => true })
    const key = (i: number): Uint8Array => Uint8Array.from({ length: 32 }, (_, at) => (i >> (8 * (at % 2))) & 0xff)
    once.verify(key(0), message, signature)
    once.verify(key(0), utf8('another'), signature)
    once.verify(key(0), message, signature)
    expect(asked()).toBe(3)
    for (let i = 1; i < 1_024; i++) once.verify(key(i), message, signature)
    once.verify(key(0), message, signature)
    expect(asked()).toBe(3 + 1_023)
    // The second is now who came longest ago.
    once.verify(key(1_024), message, signature)
    once.verify(key(0), message, signature)
    expect(asked()).toBe(3 + 1_024)
    once.verify(key(1), message, signature)
    expect(asked()).toBe(3 + 1_025)
  })

  it('leaves every answer as it was, whatever is asked in whatever order', () => {
    const pairs = [1, 2, 3].map((salt) => nodeCrypto.signingKeyPair(seedBytes(salt)))
    const texts = [utf8('one'), utf8('two')]
    const one = fc.record({ key: fc.nat(2), text: fc.nat(1), signer: fc.nat(2), said: fc.nat(1) })
    fc.assert(
      fc.property(fc.array(one, { maxLength: 40, size: 'max' }), (asks) => {
        const { once } = counted(nodeCrypto)
        for (const { key, text, signer, said } of asks) {
          const [publicKey, heard, made, meant] = [pairs[key]?.publicKey, texts[text], pairs[signer], texts[said]]
          if (publicKey === undefined || heard === undefined || made === undefined || meant === undefined) continue
          expect(once.verify(publicKey, heard, made.sign(meant))).toBe(key === signer && text === said)
        }
      }),
      { numRuns: 60 },
    )
  })
})
