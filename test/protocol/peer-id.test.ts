import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../../src/errors.js'
import { hex } from '../../src/protocol/bytes.js'
import { formatPeerId, parsePeerId } from '../../src/protocol/peer-id.js'
import { nodeCrypto, seedBytes, webCrypto } from './harness.js'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const KEYS = [new Uint8Array(32), new Uint8Array(32).fill(0xff), seedBytes(3)]

function isRefused(text: string): boolean {
  try {
    parsePeerId(text, nodeCrypto)
    return false
  } catch (error) {
    return error instanceof HoldfastError && error.code === 'invalid-peer-id'
  }
}

describe('a peer id', () => {
  it('is 55 characters of lower-case base32, and gives the key back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        const text = formatPeerId(key, nodeCrypto)
        expect(text).toMatch(/^[a-z2-7]{55}$/)
        expect(hex(parsePeerId(text, nodeCrypto))).toBe(hex(key))
        expect(formatPeerId(key, webCrypto)).toBe(text)
      }),
    )
  })

  it('is spelled for ever as it is today', () => {
    expect(formatPeerId(new Uint8Array(32), nodeCrypto)).toBe('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaagm2a')
  })

  it('catches every single mistyped character', () => {
    const missed: string[] = []
    for (const key of KEYS) {
      const text = formatPeerId(key, nodeCrypto)
      for (let at = 0; at < text.length; at++)
        for (const character of ALPHABET) {
          if (character === text[at]) continue
          const typo = text.slice(0, at) + character + text.slice(at + 1)
          if (!isRefused(typo)) missed.push(typo)
        }
    }
    expect(missed).toEqual([])
  })

  it('catches two neighbours in the wrong order', () => {
    const text = formatPeerId(seedBytes(3), nodeCrypto)
    for (let at = 0; at + 1 < text.length; at++) {
      const swapped = text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2)
      expect(swapped === text || isRefused(swapped)).toBe(true)
    }
  })

  it('has no other spelling: not in capitals, shorter, longer, padded or with a foreign letter', () => {
    const text = formatPeerId(seedBytes(3), nodeCrypto)
    const others = [
      text.toUpperCase(),
      text.slice(1),
      `${text}a`,
      `${text} `,
      `${text.slice(0, 54)}=`,
      '',
      'ä'.repeat(55),
    ]
    for (const other of others) expect(isRefused(other)).toBe(true)
  })

  it('is never quoted at length when it is refused', () => {
    expect(() => parsePeerId('x'.repeat(10_000), nodeCrypto)).toThrow(/^.{1,150}$/)
  })
})
