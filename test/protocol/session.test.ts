import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WireCode } from '../../src/errors.js'
import { WIRE_CODES } from '../../src/errors.js'
import type { Aead, Crypto } from '../../src/ports/crypto.js'
import { joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { encodeGoodbye } from '../../src/protocol/control.js'
import { Fragmenter } from '../../src/protocol/fragment.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import { varintBytes } from '../../src/protocol/varint.js'
import { anyChunks, BACKENDS, chunksOf } from './harness.js'
import { bytes, established, hearing, otherSide, refused, say, SIDES, told } from './talk.js'
import { toyCrypto, toyRecord } from './toy-crypto.js'

describe('an established session', () => {
  for (const { name, initiator: crypto, responder: responderCrypto } of BACKENDS)
    it(`carries messages of any size both ways, ${name}`, () => {
      const pair = established({ crypto, responderCrypto })
      for (const side of SIDES) {
        say(pair[side], 64, bytes(250))
        say(pair[side], 300, bytes(90_000))
        say(pair[side], FRAME.request, joinBytes([Uint8Array.of(7, 65), bytes(20)]))
      }
      pair.pump()
      for (const side of SIDES)
        expect(pair[side].events).toEqual([
          { kind: 'application', index: 0, body: bytes(250), size: 251 },
          { kind: 'fragment', size: 32_005, head: bytes(16) },
          { kind: 'fragment', size: 32_002, head: bytes(16) },
          { kind: 'application', index: 236, body: bytes(90_000), size: 90_011 },
          { kind: 'request', id: 7, index: 1, body: bytes(20), size: 23 },
        ])
    })

  it('hears the same whatever the chunks and the records', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 8 })
    fc.assert(
      fc.property(
        sizes,
        anyChunks,
        fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1 }),
        (said, pipe, cuts) => {
          const pair = established({ chunk: chunksOf(pipe) })
          const plain = joinBytes(said.map((size) => encodeFrame(64, bytes(size))))
          const next = chunksOf(cuts)
          for (let at = 0, end = next(); at < plain.length; at = end, end += next())
            pair.initiator.seal(plain.subarray(at, end))
          pair.pump()
          expect(pair.responder.events).toEqual(
            said.map((size) => ({ kind: 'application', index: 0, body: bytes(size), size: size + 1 })),
          )
        },
      ),
      { numRuns: 60 },
    )
  })

  it('hears large messages of three lanes that interleave', () => {
    const pair = established()
    const lanes = [0, 1, 2].map((lane) => new Fragmenter(lane, 64 + lane, [bytes(65_000, lane)]))
    for (let turn = 0; turn < 3; turn++) for (const lane of lanes) pair.initiator.seal(...lane.next())
    pair.pump()
    expect(pair.responder.kinds.slice(0, 6)).toEqual(new Array<string>(6).fill('fragment'))
    expect(pair.responder.events.slice(6)).toMatchObject(
      [0, 1, 2].map((lane) => ({ index: lane, body: bytes(65_000, lane) })),
    )
    expect(pair.responder.session.waiting).toBe(0)
  })

  it('tells of every control frame', () => {
    const frames = [
      encodeFrame(FRAME.ping, bytes(8)),
      encodeFrame(FRAME.pong, bytes(8)),
      encodeFrame(FRAME.window, varintBytes(5_000)),
      encodeFrame(FRAME.response, joinBytes([Uint8Array.of(7, 0), bytes(5)])),
      encodeFrame(FRAME.failure, joinBytes([Uint8Array.of(8), utf8('no')])),
      encodeFrame(FRAME.cancel, Uint8Array.of(9)),
      encodeFrame(FRAME.gap, new Uint8Array(0)),
      encodeFrame(40, bytes(10)),
      encodeFrame(FRAME.ping, bytes(1)),
    ]
    expect(hearing('responder', frames).heard).toEqual([
      { kind: 'ping', payload: bytes(8) },
      { kind: 'pong', payload: bytes(8) },
      { kind: 'window', bytes: 5_000 },
      { kind: 'response', id: 7, body: bytes(5) },
      { kind: 'failure', id: 8, text: 'no' },
      { kind: 'cancel', id: 9 },
      { kind: 'gap' },
      { kind: 'skipped' },
      { kind: 'ping', payload: bytes(1) },
    ])
  })

  it('holds of an unfinished message its fragments, and room for no more than the whole', () => {
    const pair = established()
    const fragmenter = new Fragmenter(0, 64, [bytes(70_000)])
    pair.initiator.seal(...fragmenter.next())
    pair.pump()
    expect(pair.responder.session.waiting).toBe(70_001)
  })

  it('holds nothing any more of what has not come whole once it is over', () => {
    const pair = established()
    pair.initiator.seal(...new Fragmenter(0, 64, [bytes(70_000)]).next())
    pair.initiator.seal(encodeFrame(64, bytes(500)).subarray(0, 300))
    pair.pump()
    expect(pair.responder.session.waiting).toBe(70_301)
    pair.responder.session.abandon()
    expect(pair.responder.session.waiting).toBe(0)
  })

  it('counts an unfinished frame among what it holds', () => {
    const pair = established()
    pair.initiator.seal(encodeFrame(64, bytes(500)).subarray(0, 300))
    pair.pump()
    expect(pair.responder.session.waiting).toBe(300)
  })

  it('holds of a fragment a copy, and not the record that brought it', () => {
    const lent: Uint8Array[] = []
    const crypto: Crypto = {
      ...toyCrypto,
      aead: (key) => {
        const aead = toyCrypto.aead(key)
        const open: Aead['open'] = (nonce, associated, sealed) => {
          const plain = aead.open(nonce, associated, sealed)
          if (plain !== null) lent.push(plain)
          return plain
        }
        return { open, seal: (nonce, associated, parts) => aead.seal(nonce, associated, parts) }
      },
    }
    const pair = established({ crypto })
    const fragmenter = new Fragmenter(0, 64, [bytes(70_000)])
    while (!fragmenter.done) {
      for (const plain of lent) plain.fill(0xee)
      pair.initiator.seal(...fragmenter.next())
      pair.pump()
    }
    expect(pair.responder.last).toMatchObject({ kind: 'application', body: bytes(70_000) })
  })

  it('seals nothing any more once it is over', () => {
    const pair = established()
    pair.initiator.session.close('shutdown')
    expect(pair.initiator.session.seal([bytes(3)])).toEqual([])
  })

  it('is over after a goodbye, and hears nothing behind it', () => {
    for (const side of SIDES) {
      const frames = [encodeFrame(FRAME.goodbye, encodeGoodbye('shutdown', 0, '')), encodeFrame(FRAME.ping, bytes(1))]
      const pair = established()
      pair[side].seal(...frames)
      pair.pump()
      expect(pair[otherSide(side)].events).toEqual([told('shutdown')])
      expect(pair[otherSide(side)].session.state).toBe('over')
      pair[otherSide(side)].receive(bytes(500))
      expect(pair[otherSide(side)].events).toHaveLength(1)
      expect(pair[otherSide(side)].take()).toHaveLength(0)
    }
  })

  it('closes with every code, a time to come back and a text, and the other side hears all three', () => {
    for (const code of Object.keys(WIRE_CODES) as WireCode[])
      for (const side of SIDES) {
        const pair = established()
        pair[side].session.close(code, 4_500, 'a reason')
        pair[side].session.close('closed')
        pair.pump()
        expect(pair[otherSide(side)].events).toEqual([told(code, { retryAfterMs: 5_000, cause: 'a reason' })])
        expect([pair.initiator.session.state, pair.responder.session.state]).toEqual(['over', 'over'])
      }
  })

  it('hears a number that nobody knows as closed', () => {
    expect(hearing('initiator', [encodeFrame(FRAME.goodbye, Uint8Array.of(99, 0))]).heard).toEqual([told('closed')])
  })

  it('says what else it has to say before its goodbye, in the same record', () => {
    const pair = established()
    pair.initiator.session.close('too-many-peers', 0, '', [encodeFrame(FRAME.ping, bytes(2))])
    expect(pair.pump().responder.events).toEqual([{ kind: 'ping', payload: bytes(2) }, told('too-many-peers')])
  })

  it('still hears what was on its way once it has left, and says nothing more itself', () => {
    for (const side of SIDES) {
      const pair = established()
      const other = pair[otherSide(side)]
      other.seal(encodeFrame(64, bytes(5)))
      pair[side].session.leave('shutdown')
      expect(pair[side].session.seal([bytes(3)])).toEqual([])
      pair.pump()
      expect(pair[side].events).toEqual([{ kind: 'application', index: 0, body: bytes(5), size: 6 }])
      expect([pair[side].session.state, other.last, other.session.state]).toEqual(['leaving', told('shutdown'), 'over'])
      pair[side].receive(toyRecord(encodeFrame(25, bytes(1))))
      expect(pair[side].last).toEqual(refused('protocol-error', 'unknown-frame'))
      expect([pair[side].session.state, pair[side].take().length]).toEqual(['over', 0])
    }
  })

  it('says nothing when it is abandoned', () => {
    const pair = established()
    pair.initiator.session.abandon()
    expect([pair.initiator.session.state, pair.initiator.take().length]).toEqual(['over', 0])
  })
})
