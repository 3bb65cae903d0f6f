import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyBytes, hex, joinBytes, utf8 } from '../../src/protocol/bytes.js'
import type { PreambleStatus } from '../../src/protocol/preamble.js'
import { checkPreamble, initiatorPreamble, PREAMBLE_BYTES, responderPreamble } from '../../src/protocol/preamble.js'
import { flipBit, NETWORK } from './harness.js'

const SIDES = ['initiator', 'responder'] as const
const ofSide = (side: (typeof SIDES)[number]): Uint8Array =>
  side === 'initiator' ? initiatorPreamble(NETWORK) : responderPreamble(NETWORK, null)
const STATUS: Readonly<Record<PreambleStatus, number>> = {
  'wrong-network': 1,
  'wrong-chain': 2,
  'wrong-version': 3,
  busy: 4,
  banned: 6,
  'rate-limit': 7,
}

function with12to15(side: (typeof SIDES)[number], ...last: readonly number[]): Uint8Array {
  return joinBytes([copyBytes(ofSide(side), 0, 12), Uint8Array.from(last)])
}

describe('a preamble', () => {
  it('has the sixteen bytes that the wire says', () => {
    expect(hex(initiatorPreamble(NETWORK))).toBe('9d48460a54494d450102030401010000')
    expect(hex(responderPreamble(NETWORK, null))).toBe('9d48460a54494d450102030401000000')
    for (const [status, number] of Object.entries(STATUS))
      expect(hex(responderPreamble(NETWORK, status as PreambleStatus))).toBe(
        `9d48460a54494d4501020304010${String(number)}0000`,
      )
  })

  it('is good for the other side of the same network', () => {
    for (const side of SIDES) expect(checkPreamble(ofSide(side), NETWORK, side)).toEqual({ kind: 'good' })
  })

  it('is partial until it is whole', () => {
    for (const side of SIDES)
      for (let length = 0; length < PREAMBLE_BYTES; length++)
        expect(checkPreamble(copyBytes(ofSide(side), 0, length), NETWORK, side)).toEqual({ kind: 'partial' })
  })

  it('is garbage at its first wrong byte', () => {
    for (const [opener, foreign] of [
      [utf8('GET / HTTP/1.1\r\n\r\n'), 'http'],
      [Uint8Array.of(0x16, 3, 1, 2), 'tls'],
      [utf8('POST / HTTP/1.1\r\n\r\n'), null],
      [Uint8Array.of(0x9d, 0x49), null],
    ] as const)
      for (const side of SIDES)
        for (let length = opener[0] === 0x9d ? 2 : 1; length <= opener.length; length++)
          expect(checkPreamble(copyBytes(opener, 0, length), NETWORK, side)).toEqual({ kind: 'garbage', foreign })
    for (let bit = 0; bit < 32; bit++) {
      const seen = copyBytes(flipBit(initiatorPreamble(NETWORK), bit), 0, 1 + (bit >> 3))
      expect(checkPreamble(seen, NETWORK, 'initiator')).toEqual({ kind: 'garbage', foreign: null })
    }
  })

  it('tells another network from another chain', () => {
    for (const side of SIDES)
      for (let byte = 4; byte < 12; byte++)
        expect(checkPreamble(flipBit(ofSide(side), byte * 8), NETWORK, side)).toEqual({
          kind: 'refused',
          status: byte < 8 ? 'wrong-network' : 'wrong-chain',
          said: false,
        })
  })

  it('of an initiator is refused unless it speaks version 1 among others', () => {
    for (const [max, min] of [
      [1, 1],
      [1, 0],
      [9, 1],
    ] as const)
      expect(checkPreamble(with12to15('initiator', max, min, 0, 0), NETWORK, 'initiator')).toEqual({ kind: 'good' })
    for (const [max, min] of [
      [0, 0],
      [9, 2],
      [2, 2],
      [1, 2],
    ] as const)
      expect(checkPreamble(with12to15('initiator', max, min, 0, 0), NETWORK, 'initiator')).toEqual({
        kind: 'refused',
        status: 'wrong-version',
        said: false,
      })
  })

  it('of a responder is refused unless it chose version 1', () => {
    for (const version of [0, 2, 255])
      expect(checkPreamble(with12to15('responder', version, 0, 0, 0), NETWORK, 'responder')).toEqual({
        kind: 'refused',
        status: 'wrong-version',
        said: false,
      })
  })

  it('of a responder that refuses says why, even from another network and in another version', () => {
    for (const status of Object.keys(STATUS) as PreambleStatus[]) {
      const refusal = responderPreamble(Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9), status)
      refusal[12] = 7
      expect(checkPreamble(refusal, NETWORK, 'responder')).toEqual({ kind: 'refused', status, said: true })
    }
  })

  it('of a responder that refuses for a reason of a later version counts as busy', () => {
    for (const status of [5, 8, 255])
      expect(checkPreamble(with12to15('responder', 1, status, 0, 0), NETWORK, 'responder')).toEqual({
        kind: 'refused',
        status: 'busy',
        said: true,
      })
  })

  it('may hold flags of a later version', () => {
    expect(checkPreamble(with12to15('initiator', 1, 1, 0xff, 0xff), NETWORK, 'initiator')).toEqual({ kind: 'good' })
    expect(checkPreamble(with12to15('responder', 1, 0, 0xff, 0xff), NETWORK, 'responder')).toEqual({ kind: 'good' })
  })

  it('is judged without an error, whatever the bytes', () => {
    const start = fc.constantFrom(copyBytes(ofSide('initiator'), 0, 4), copyBytes(ofSide('initiator'), 0, 12))
    const bytes = fc.tuple(fc.oneof(fc.constant(new Uint8Array(0)), start), fc.uint8Array({ maxLength: 30 }))
    fc.assert(
      fc.property(bytes, fc.constantFrom(...SIDES), (parts, side) => {
        const { kind } = checkPreamble(joinBytes(parts), NETWORK, side)
        expect(['partial', 'good', 'garbage', 'refused']).toContain(kind)
      }),
      { numRuns: 1_000 },
    )
  })
})
