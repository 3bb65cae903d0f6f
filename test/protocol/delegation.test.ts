import { describe, expect, it } from 'vitest'
import { copyBytes, hex, joinBytes, uintBytes, utf8 } from '../../src/protocol/bytes.js'
import type { DelegationCheck } from '../../src/protocol/delegation.js'
import { checkDelegation, delegationMessage, encodeDelegation } from '../../src/protocol/delegation.js'
import { DAY_MS, delegate, flipBit, makeParty, NETWORK, nodeCrypto, seedBytes, WALL_MS, webCrypto } from './harness.js'

const party = makeParty(nodeCrypto, 40)
const staticKey = party.staticKeys.publicKey
const good = delegate(party)
const check = (delegation: Uint8Array, wallMs = WALL_MS): DelegationCheck =>
  checkDelegation(delegation, staticKey, NETWORK, wallMs, nodeCrypto)
const forged: DelegationCheck = { kind: 'forged' }

describe('a delegation', () => {
  it('is a version, the identity, the end of its life and the signature, 103 bytes', () => {
    const notAfterS = WALL_MS / 1000 + 7 * 86_400
    const message = joinBytes([utf8('holdfast static key v1\0'), NETWORK, staticKey, uintBytes(notAfterS, 6)])
    expect(hex(delegationMessage(NETWORK, staticKey, notAfterS))).toBe(hex(message))
    const expected = [Uint8Array.of(1), party.identity.publicKey, uintBytes(notAfterS, 6), party.identity.sign(message)]
    expect(hex(good)).toBe(hex(joinBytes(expected)))
    expect(good).toHaveLength(103)
  })

  it('is genuine with either implementation of the suite, and gives the identity in memory of its own', () => {
    for (const crypto of [nodeCrypto, webCrypto]) {
      const lent = copyBytes(good)
      const result = checkDelegation(lent, staticKey, NETWORK, WALL_MS, crypto)
      lent.fill(0)
      expect(result).toEqual({ kind: 'genuine', publicKey: party.identity.publicKey, skewMs: 0 })
    }
  })

  it('is forged wherever one bit is turned over', () => {
    for (let bit = 0; bit < good.length * 8; bit += 3) expect(check(flipBit(good, bit)), String(bit)).toEqual(forged)
  })

  it('is forged at any other length', () => {
    for (const length of [0, 1, 102]) expect(check(copyBytes(good, 0, length))).toEqual(forged)
    expect(check(joinBytes([good, Uint8Array.of(0)]))).toEqual(forged)
  })

  it('is forged for another static key, another network or another chain', () => {
    expect(check(delegate(party, { staticKey: seedBytes(3) }))).toEqual(forged)
    expect(check(delegate(party, { networkId: flipBit(NETWORK, 0) }))).toEqual(forged)
    expect(check(delegate(party, { networkId: flipBit(NETWORK, 63) }))).toEqual(forged)
  })

  it('of a later version is forged, though its signature holds', () => {
    const later = copyBytes(good)
    later[0] = 2
    expect(check(later)).toEqual(forged)
  })

  it('of an identity that nobody owns is forged', () => {
    const points = [
      '0100000000000000000000000000000000000000000000000000000000000000',
      '0000000000000000000000000000000000000000000000000000000000000000',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    ]
    // With R of small order, too, and s = 0, a lenient verifier accepts this for some messages.
    for (const point of points)
      for (let notAfterS = 0; notAfterS < 16; notAfterS++)
        for (const crypto of [nodeCrypto, webCrypto]) {
          const key = Uint8Array.from(Buffer.from(point, 'hex'))
          const signature = joinBytes([key, new Uint8Array(32)])
          const claim = encodeDelegation(key, WALL_MS / 1000 + notAfterS, signature)
          expect(checkDelegation(claim, staticKey, NETWORK, WALL_MS, crypto)).toEqual(forged)
        }
  })

  it('has no skew from 24 hours after its end to 31 days before it', () => {
    for (const aheadMs of [-DAY_MS, -1_000, 0, 31 * DAY_MS])
      expect(check(delegate(party, { notAfterMs: WALL_MS + aheadMs }))).toMatchObject({ kind: 'genuine', skewMs: 0 })
  })

  it('tells how far beyond that its end lies', () => {
    for (const [aheadMs, skewMs] of [
      [-DAY_MS - 1_000, 1_000],
      [-20 * DAY_MS, 19 * DAY_MS],
      [31 * DAY_MS + 1_000, 1_000],
      [400 * DAY_MS, 369 * DAY_MS],
    ] as const)
      expect(check(delegate(party, { notAfterMs: WALL_MS + aheadMs }))).toMatchObject({ kind: 'genuine', skewMs })
    expect(check(good, WALL_MS + 8 * DAY_MS + 1)).toMatchObject({ skewMs: 1 })
  })
})
