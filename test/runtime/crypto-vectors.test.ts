/**
 * Both backends against Wycheproof. An {@link Aead} counts in 53 bits behind four zero bytes, and no case has a nonce like
 * that: so these tests put the case's nonce in place where the backend hands its own to the library.
 */
import type * as NodeCrypto from 'node:crypto'
import type * as NobleChacha from '@noble/ciphers/chacha.js'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { crypto as node } from '../../src/runtime/crypto-node.js'
import { crypto as web } from '../../src/runtime/crypto-web.js'
import { hex, readWycheproof, toHex } from './vectors.js'

const nonce = vi.hoisted((): { given: Uint8Array | null } => ({ given: null }))

vi.mock('node:crypto', async (importOriginal) => {
  const real = await importOriginal<typeof NodeCrypto>()
  type Args = [
    name: 'chacha20-poly1305',
    key: NodeCrypto.KeyObject,
    own: Uint8Array,
    options: { authTagLength: number },
  ]
  return {
    ...real,
    createCipheriv: (...[name, key, own, options]: Args) => real.createCipheriv(name, key, nonce.given ?? own, options),
    createDecipheriv: (...[name, key, own, options]: Args) =>
      real.createDecipheriv(name, key, nonce.given ?? own, options),
  }
})

vi.mock('@noble/ciphers/chacha.js', async (importOriginal) => {
  const real = await importOriginal<typeof NobleChacha>()
  return {
    ...real,
    chacha20poly1305: (key: Uint8Array, own: Uint8Array, associated: Uint8Array) =>
      real.chacha20poly1305(key, nonce.given ?? own, associated),
  }
})

afterEach(() => {
  nonce.given = null
})

const NONCE_LENGTH = 12
const x25519 = readWycheproof<'public' | 'private' | 'shared'>('x25519')
const ed25519 = readWycheproof<'msg' | 'sig'>('ed25519')
const chacha = readWycheproof<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag'>('chacha20_poly1305')
const hkdf = readWycheproof<'ikm' | 'salt' | 'info' | 'okm'>('hkdf_sha256')

describe.each([
  ['node', node],
  ['web', web],
])('crypto-%s agrees with Wycheproof', (_, crypto) => {
  /** Acceptable cases are twist and non-canonical keys, which count, and those of small order, which are null. */
  it('on x25519', () => {
    for (const test of x25519.flatMap((group) => group.tests)) {
      const shared = crypto.dhKeyPair(hex(test.private)).agree(hex(test.public))
      expect(toHex(shared ?? new Uint8Array(32)), String(test.tcId)).toBe(test.shared)
      expect(shared === null, String(test.tcId)).toBe(/^0+$/.test(test.shared))
    }
  })

  it('on ed25519', () => {
    for (const { publicKey, tests } of ed25519) {
      for (const test of tests) {
        const answer = crypto.verify(hex(publicKey?.pk ?? ''), hex(test.msg), hex(test.sig))
        expect(answer, String(test.tcId)).toBe(test.result === 'valid')
      }
    }
  })

  it('on chacha20-poly1305', () => {
    const tests = chacha.flatMap((group) => group.tests).filter((test) => test.iv.length === 2 * NONCE_LENGTH)
    for (const test of tests) {
      nonce.given = hex(test.iv)
      const aead = crypto.aead(hex(test.key))
      const opened = aead.open(0, hex(test.aad), hex(test.ct + test.tag))
      expect(opened && toHex(opened), String(test.tcId)).toBe(test.result === 'valid' ? test.msg : null)
      const sealed = aead
        .seal(0, hex(test.aad), [hex(test.msg)])
        .map(toHex)
        .join('')
      expect(sealed === test.ct + test.tag, String(test.tcId)).toBe(test.result === 'valid')
    }
  })

  it('on hkdf-sha-256', () => {
    for (const test of hkdf.flatMap((group) => group.tests)) {
      const derive = (): string => toHex(crypto.hkdf(hex(test.salt), hex(test.ikm), hex(test.info), test.size))
      if (test.result === 'valid') expect(derive(), String(test.tcId)).toBe(test.okm)
      else expect(derive, String(test.tcId)).toThrow()
    }
  })
})
