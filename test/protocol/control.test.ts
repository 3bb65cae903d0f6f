import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WIRE_CODES } from '../../src/errors.js'
import type { WireCode } from '../../src/errors.js'
import { joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { decodeControl, encodeFailure, encodeGoodbye } from '../../src/protocol/control.js'
import { FRAME } from '../../src/protocol/frame.js'
import { encodeNames } from '../../src/protocol/hello.js'
import { encodePeers } from '../../src/protocol/peers.js'
import { varintBytes } from '../../src/protocol/varint.js'
import { tell } from './tell.js'

const decode = (type: number, ...bytes: readonly number[]): unknown =>
  decodeControl({ type, body: Uint8Array.from(bytes) }, 77)
const goodbye = (body: Uint8Array): unknown => decodeControl({ type: FRAME.goodbye, body }, 0)

const ODD = 'a\nb\u001b[31mc\u2028d\u202ee\u200b'

describe('what peers say in words', () => {
  it('moves no cursor and begins no line', () => {
    const clean = 'a?b?[31mc?d?e?'
    const failure = decodeControl({ type: FRAME.failure, body: encodeFailure(7, ODD) }, 1)
    expect(failure).toEqual({ kind: 'failure', id: 7, text: clean })
    const goodbye = decodeControl({ type: FRAME.goodbye, body: encodeGoodbye('busy', 0, ODD) }, 1)
    expect(goodbye).toMatchObject({ kind: 'goodbye', reason: { code: 'busy', cause: clean } })
  })
})

describe('a control frame', () => {
  it('that pings or answers a ping carries up to 32 bytes', () => {
    for (const [type, kind] of [
      [FRAME.ping, 'ping'],
      [FRAME.pong, 'pong'],
    ] as const) {
      expect(decode(type, 1, 2)).toEqual({ kind, payload: Uint8Array.of(1, 2) })
      expect(decode(type)).toEqual({ kind, payload: new Uint8Array(0) })
      expect(decode(type, ...new Uint8Array(32))).toMatchObject({ kind })
      expect(decode(type, ...new Uint8Array(33))).toBe('broken')
    }
  })

  it('that asks carries an id, a type and a question, and counts as much as it came with', () => {
    expect(decode(FRAME.request, 0xac, 2, 65, 9, 8)).toEqual({
      kind: 'request',
      id: 300,
      index: 1,
      body: Uint8Array.of(9, 8),
      size: 77,
    })
    for (const bytes of [[], [1], [0x80], [1, 0x80], [0x81, 0, 64]])
      expect(decode(FRAME.request, ...bytes)).toBe('broken')
  })

  it('that answers carries an id, no flags and the answer', () => {
    expect(decode(FRAME.response, 5, 0, 7)).toEqual({ kind: 'response', id: 5, body: Uint8Array.of(7) })
    for (const bytes of [[], [5], [5, 1, 7], [5, 0x80]]) expect(decode(FRAME.response, ...bytes)).toBe('broken')
  })

  it('that fails a question carries an id and a text of at most 200 bytes', () => {
    expect(decode(FRAME.failure, ...encodeFailure(300, 'no'))).toEqual({ kind: 'failure', id: 300, text: 'no' })
    expect(decode(FRAME.failure, 5, 0xff)).toEqual({ kind: 'failure', id: 5, text: '' })
    expect(decode(FRAME.failure, ...encodeFailure(5, 'x'.repeat(999)))).toMatchObject({ text: 'x'.repeat(200) })
    expect(decode(FRAME.failure, 5, ...utf8('x'.repeat(999)))).toMatchObject({ text: 'x'.repeat(200) })
    expect(decode(FRAME.failure)).toBe('broken')
  })

  it('keeps the beginning of a long text whose cut falls inside a character', () => {
    const long = `x${'é'.repeat(150)}`
    const kept = `x${'é'.repeat(99)}`
    expect(decode(FRAME.failure, ...encodeFailure(5, long))).toMatchObject({ text: kept })
    expect(goodbye(encodeGoodbye('closed', 0, long))).toMatchObject({ reason: { cause: kept } })
  })

  it('that withdraws a question carries its id', () => {
    expect(decode(FRAME.cancel, 5)).toEqual({ kind: 'cancel', id: 5 })
    expect(decode(FRAME.cancel)).toBe('broken')
  })

  it('that grants credit grants something', () => {
    expect(decode(FRAME.window, 0xac, 2)).toEqual({ kind: 'window', bytes: 300 })
    expect(decode(FRAME.limits, 0xac, 2, 7)).toEqual({ kind: 'limits', messageBytesMax: 300, windowBytes: 7 })
    expect([decode(FRAME.limits, 1), decode(FRAME.limits, 0, 1)]).toEqual(['broken', 'broken'])
    for (const bytes of [[], [0], [0x80]]) expect(decode(FRAME.window, ...bytes)).toBe('broken')
  })

  it('that adds names carries a list of them', () => {
    const names = [{ kind: 'direct', name: 'vote' }] as const
    expect(decodeControl({ type: FRAME.types, body: encodeNames(names) }, 0)).toEqual({ kind: 'types', names })
    expect(decode(FRAME.types, 9, 1, 0x61)).toBe('broken')
  })

  it('that asks for peers says nothing more, and one that names them carries a list', () => {
    const hint = { publicKey: new Uint8Array(32).fill(7), ageS: 60, addresses: ['tcp://192.0.2.1:1'] }
    expect(decode(FRAME.getPeers, 9)).toEqual({ kind: 'get-peers' })
    expect(decodeControl({ type: FRAME.peers, body: encodePeers(tell([hint])) }, 0)).toEqual({
      kind: 'peers',
      hints: [hint],
    })
    expect(decode(FRAME.peers, 1, 2, 3)).toBe('broken')
  })

  it('that tells of a gap needs no body', () => {
    expect(decode(FRAME.gap)).toEqual({ kind: 'gap' })
    expect(decode(FRAME.gap, 1, 2)).toEqual({ kind: 'gap' })
  })

  it('of a later version is skipped where it is optional, and unknown where it is critical', () => {
    for (let type = 33; type < 64; type++) expect(decode(type, 1)).toEqual({ kind: 'skipped' })
    for (const type of [0, 1, 8, 15, 20, 25, 31]) expect(decode(type, 1)).toBe('unknown')
  })

  it('never makes the reader throw, whatever it holds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70 }), fc.uint8Array({ maxLength: 60 }), (type, body) => {
        decodeControl({ type, body }, body.length)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('a goodbye', () => {
  it('tells every code by its name', () => {
    for (const code of Object.keys(WIRE_CODES) as WireCode[])
      expect(goodbye(encodeGoodbye(code, 0, ''))).toEqual({ kind: 'goodbye', reason: { code, fault: 'remote' } })
  })

  it('has a number of its own for every code, for ever', () => {
    expect(Object.entries(WIRE_CODES).map(([name, number]) => `${String(number)} ${name}`)).toEqual([
      '0 shutdown',
      '1 protocol-error',
      '2 wrong-network',
      '3 wrong-version',
      '4 not-allowed',
      '5 banned',
      '6 too-many-peers',
      '7 duplicate',
      '8 self',
      '9 timeout',
      '10 slow-consumer',
      '11 rate-limit',
      '12 useless',
      '13 expired',
      '14 wrong-identity',
      '15 bad-handshake',
      '16 wrong-chain',
      '17 conflict',
      '18 superseded',
      '19 busy',
      '20 closed',
    ])
  })

  it('with a number that nobody knows says no more than that the peer closed', () => {
    for (const number of [21, 64, 127, 128, 2 ** 28 - 1])
      expect(goodbye(joinBytes([varintBytes(number), Uint8Array.of(0)]))).toEqual({
        kind: 'goodbye',
        reason: { code: 'closed', fault: 'remote' },
      })
  })

  it('asks for patience in whole seconds, rounded up, an hour at most on both ways', () => {
    const retry = (ms: number): unknown => goodbye(encodeGoodbye('busy', ms, ''))
    expect(retry(1)).toMatchObject({ reason: { retryAfterMs: 1_000 } })
    expect(retry(60_000)).toMatchObject({ reason: { retryAfterMs: 60_000 } })
    expect([...encodeGoodbye('busy', Number.POSITIVE_INFINITY, '')]).toEqual([19, ...varintBytes(3_600)])
    expect(goodbye(joinBytes([Uint8Array.of(19), varintBytes(100_000)]))).toMatchObject({
      reason: { retryAfterMs: 3_600_000 },
    })
  })

  it('carries a text of at most 200 bytes, and none where it is no text', () => {
    expect(goodbye(encodeGoodbye('closed', 0, 'why'))).toMatchObject({ reason: { cause: 'why' } })
    expect(goodbye(encodeGoodbye('closed', 0, 'x'.repeat(999)))).toMatchObject({ reason: { cause: 'x'.repeat(200) } })
    expect(goodbye(Uint8Array.of(1, 0, ...utf8('x'.repeat(999))))).toMatchObject({ reason: { cause: 'x'.repeat(200) } })
    expect(goodbye(Uint8Array.of(1, 0, 0xff))).toEqual({
      kind: 'goodbye',
      reason: { code: 'protocol-error', fault: 'remote' },
    })
  })

  it('is broken where code or patience is missing or has a longer form', () => {
    for (const bytes of [[], [1], [0x81, 0, 0], [1, 0x80, 0]]) expect(goodbye(Uint8Array.from(bytes))).toBe('broken')
  })
})
