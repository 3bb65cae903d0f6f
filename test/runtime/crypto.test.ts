import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Aead, Crypto } from '../../src/ports/crypto.js'
import { crypto as node } from '../../src/runtime/crypto-node.js'
import { crypto as web } from '../../src/runtime/crypto-web.js'
import { hex, toHex } from './vectors.js'

const backends: readonly (readonly [string, Crypto])[] = [
  ['node', node],
  ['web', web],
]
const NOTHING = new Uint8Array(0)
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 })
const bytes = fc.uint8Array({ maxLength: 300 })
const nonces = fc.oneof(fc.maxSafeNat(), fc.nat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1))

describe.each(backends)('crypto-%s, known answers', (_, crypto) => {
  it('hashes parts as their concatenation', () => {
    const digest = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    expect(toHex(crypto.sha256([hex('61'), NOTHING, hex('6263')]))).toBe(digest)
    expect(toHex(crypto.sha256([]))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  })

  it('derives the keys of RFC 5869, case 1', () => {
    const salt = hex('000102030405060708090a0b0c')
    const output = crypto.hkdf(salt, new Uint8Array(22).fill(0x0b), hex('f0f1f2f3f4f5f6f7f8f9'), 42)
    expect(toHex(output)).toBe('3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865')
  })

  it('derives at most 255 blocks', () => {
    expect(crypto.hkdf(NOTHING, NOTHING, NOTHING, 8160)).toHaveLength(8160)
    expect(() => crypto.hkdf(NOTHING, NOTHING, NOTHING, 8161)).toThrow()
  })

  it('agrees as in RFC 7748, section 6.1', () => {
    const alice = crypto.dhKeyPair(hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'))
    const bobKey = hex('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f')
    expect(toHex(alice.publicKey)).toBe('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a')
    const shared = alice.agree(bobKey)
    expect(shared && toHex(shared)).toBe('4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742')
  })

  it('signs as in RFC 8032, section 7.1, test 1', () => {
    const pair = crypto.signingKeyPair(hex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'))
    expect(toHex(pair.publicKey)).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a')
    const signature =
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
      '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'
    expect(toHex(pair.sign(NOTHING))).toBe(signature)
    expect(crypto.verify(pair.publicKey, NOTHING, hex(signature))).toBe(true)
  })

  it.each([
    [0, '', '79983054ce89d4b5330e3a41c22c3c42d8c59b948f8d343289d88b7d585120884edcef8a1189aa7fce9b642137dd'],
    [1, 'holdfast', 'fe77813ad645dd7c09d9c87c3ffaebe2e509836f294b0fc3a644c234ff8c28a39e6f0522c967aeb7ea260806ddfb'],
    [
      2 ** 32 + 1,
      'holdfast',
      '3e40504c18362da99cff79cd25aed704810b8eee4199fd5fc24427f76e195b64808cdb6fafbc575db01f1444bfe2',
    ],
    [2 ** 53 - 1, '', '69f0ff6d72cee107c6cefa4cd8dc7a02c6a52351669cd72b387feb080d97f15dd02927018f0c07527f56a2baf5dc'],
  ])('seals with nonce %d as a plain reading of RFC 8439 does', (nonce, associated, sealed) => {
    const aead = crypto.aead(Uint8Array.from({ length: 32 }, (_, at) => at))
    expect(toHex(seal(aead, nonce, ascii(associated), [ascii('a record of more'), ascii(' than one word')]))).toBe(
      sealed,
    )
  })
})

describe.each(backends)('crypto-%s, refusals and ownership', (_, crypto) => {
  it('makes no pair of a secret of the wrong length', () => {
    for (const length of [31, 33]) {
      expect(() => crypto.dhKeyPair(new Uint8Array(length))).toThrow()
      expect(() => crypto.signingKeyPair(new Uint8Array(length))).toThrow()
    }
  })

  it('agrees on nothing with a key of the wrong length', () => {
    const pair = crypto.dhKeyPair(new Uint8Array(32).fill(7))
    for (const length of [0, 31, 33]) expect(pair.agree(new Uint8Array(length).fill(9))).toBeNull()
  })

  it('agrees on nothing with the u of small order, in whatever form', () => {
    const pair = crypto.dhKeyPair(new Uint8Array(32).fill(7))
    const tail = 'ff'.repeat(30)
    for (const first of ['ec', 'ed', 'ee']) expect(pair.agree(hex(`${first}${tail}7f`))).toBeNull()
    for (const first of ['00', '01']) expect(pair.agree(hex(`${first}${'00'.repeat(31)}`))).toBeNull()
    expect(pair.agree(hex(`ef${tail}7f`))).not.toBeNull()
  })

  it('verifies nothing of the wrong length', () => {
    const pair = crypto.signingKeyPair(new Uint8Array(32).fill(7))
    const signature = pair.sign(NOTHING)
    expect(crypto.verify(pair.publicKey.subarray(1), NOTHING, signature)).toBe(false)
    expect(crypto.verify(concat([pair.publicKey, hex('00')]), NOTHING, signature)).toBe(false)
    expect(crypto.verify(pair.publicKey, NOTHING, signature.subarray(1))).toBe(false)
    expect(crypto.verify(pair.publicKey, NOTHING, concat([signature, hex('00')]))).toBe(false)
  })

  it('opens nothing shorter than a tag, and an empty record with one', () => {
    const aead = crypto.aead(new Uint8Array(32))
    for (const length of [0, 1, 15]) expect(aead.open(0, NOTHING, new Uint8Array(length))).toBeNull()
    expect(aead.open(0, NOTHING, seal(aead, 0, NOTHING, []))).toHaveLength(0)
  })

  it('opens into memory of its own', () => {
    const aead = crypto.aead(new Uint8Array(32))
    const sealed = seal(aead, 0, NOTHING, [ascii('kept')])
    const plaintext = aead.open(0, NOTHING, sealed)
    sealed.fill(0)
    expect(plaintext && toHex(plaintext)).toBe(toHex(ascii('kept')))
  })

  it('keeps its keys when the caller wipes them, also from a Buffer', () => {
    const secret = Buffer.alloc(32, 7)
    const [aead, dh, signing] = [crypto.aead(secret), crypto.dhKeyPair(secret), crypto.signingKeyPair(secret)]
    const use = (): string[] => [
      toHex(seal(aead, 0, NOTHING, [])),
      toHex(dh.agree(new Uint8Array(32).fill(9)) ?? NOTHING),
      toHex(signing.sign(NOTHING)),
    ]
    const before = use()
    secret.fill(0)
    expect(use()).toEqual(before)
  })
})

describe('crypto-node and crypto-web', () => {
  it('hash and derive the same', () => {
    fc.assert(
      fc.property(fc.array(bytes), bytes, bytes, fc.integer({ min: 1, max: 300 }), (parts, salt, info, length) => {
        const input = concat(parts)
        expect(toHex(node.sha256(parts))).toBe(toHex(web.sha256([input])))
        expect(toHex(node.hkdf(salt, input, info, length))).toBe(toHex(web.hkdf(salt, input, info, length)))
      }),
    )
  })

  it('agree the same with any public key', () => {
    fc.assert(
      fc.property(bytes32, bytes32, (secret, publicKey) => {
        const [ours, theirs] = [node.dhKeyPair(secret), web.dhKeyPair(secret)]
        expect(toHex(ours.publicKey)).toBe(toHex(theirs.publicKey))
        expect(optionalHex(ours.agree(publicKey))).toBe(optionalHex(theirs.agree(publicKey)))
        expect(optionalHex(web.dhKeyPair(publicKey).agree(ours.publicKey))).toBe(
          optionalHex(ours.agree(node.dhKeyPair(publicKey).publicKey)),
        )
      }),
      { numRuns: 30 },
    )
  })

  it('sign the same, verify each other, and refuse any flipped bit', () => {
    fc.assert(
      fc.property(bytes32, bytes, fc.nat(64 * 8 - 1), fc.nat(32 * 8 - 1), (seed, message, bit, keyBit) => {
        const [ours, theirs] = [node.signingKeyPair(seed), web.signingKeyPair(seed)]
        const signature = ours.sign(message)
        expect(toHex(ours.publicKey)).toBe(toHex(theirs.publicKey))
        expect(toHex(signature)).toBe(toHex(theirs.sign(message)))
        for (const [, crypto] of backends) {
          expect(crypto.verify(ours.publicKey, message, signature)).toBe(true)
          expect(crypto.verify(ours.publicKey, message, flipped(signature, bit))).toBe(false)
          expect(crypto.verify(flipped(ours.publicKey, keyBit), message, signature)).toBe(false)
          expect(crypto.verify(ours.publicKey, concat([message, hex('00')]), signature)).toBe(false)
        }
      }),
      { numRuns: 30 },
    )
  })

  it('seal the same, wherever the plaintext is split, and open each other', () => {
    fc.assert(
      fc.property(bytes32, nonces, bytes, fc.array(bytes), (key, nonce, associated, parts) => {
        const [ours, theirs] = [node.aead(key), web.aead(key)]
        const sealed = seal(ours, nonce, associated, [concat(parts)])
        for (const aead of [ours, theirs]) {
          expect(toHex(seal(aead, nonce, associated, parts))).toBe(toHex(sealed))
          expect(optionalHex(aead.open(nonce, associated, sealed))).toBe(toHex(concat(parts)))
        }
      }),
    )
  })

  it('open nothing that was changed by a bit, or under another nonce or associated data', () => {
    fc.assert(
      fc.property(bytes32, nonces, bytes, bytes, fc.nat(), (key, nonce, associated, plaintext, at) => {
        const sealed = seal(node.aead(key), nonce, associated, [plaintext])
        for (const aead of [node.aead(key), web.aead(key)]) {
          expect(aead.open(nonce, associated, flipped(sealed, at % (sealed.length * 8)))).toBeNull()
          expect(aead.open(nonce === 0 ? 1 : nonce - 1, associated, sealed)).toBeNull()
          expect(aead.open((nonce + 2 ** 32) % 2 ** 53, associated, sealed)).toBeNull()
          expect(aead.open(nonce, concat([associated, hex('00')]), sealed)).toBeNull()
          expect(aead.open(nonce, associated, sealed.subarray(0, -1))).toBeNull()
        }
      }),
    )
  })
})

function seal(aead: Aead, nonce: number, associated: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  return concat(aead.seal(nonce, associated, parts))
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  return bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'ascii'))
}

function optionalHex(bytes: Uint8Array | null): string | null {
  return bytes && toHex(bytes)
}
