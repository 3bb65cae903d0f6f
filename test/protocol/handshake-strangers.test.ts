import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyBytes, hex, joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { responderPreamble } from '../../src/protocol/preamble.js'
import {
  admit,
  End,
  makeHello,
  makePair,
  makeSetup,
  NETWORK,
  nodeCrypto,
  Pair,
  partiesOf,
  seedBytes,
} from './harness.js'
import { alone, editing, refused } from './door.js'

const { initiator, responder } = partiesOf(nodeCrypto)

describe('a stranger at the door', () => {
  for (const { name, opener, cause } of [
    { name: 'an HTTP request', opener: utf8('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), cause: 'http' },
    { name: 'a TLS hello', opener: Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3), cause: 'tls' },
    { name: 'a first byte that is ours and a second that is not', opener: Uint8Array.of(0x9d, 0x47) },
  ])
    it(`with ${name} is garbage, and hears nothing`, () => {
      for (const chunk of [1, 100]) {
        const end = alone()
        for (let at = 0; at < opener.length; at += chunk) end.receive(opener.subarray(at, at + chunk))
        expect(end.events).toEqual([refused('garbage', cause)])
        expect(end.take()).toHaveLength(0)
      }
    })

  it('is garbage to an initiator as well, which falls silent', () => {
    const pair = makePair()
    pair.initiator.take()
    pair.initiator.receive(utf8('HTTP/1.1 400 Bad Request\r\n'))
    expect(pair.initiator.events).toEqual([refused('garbage')])
    expect(pair.initiator.take()).toHaveLength(0)
  })

  it('that says nothing hears nothing, and nothing is held for it', () => {
    const end = alone()
    end.receive(new Uint8Array(0))
    expect([end.events.length, end.take().length, end.session.waiting, end.session.state]).toEqual([
      0,
      0,
      0,
      'preamble',
    ])
  })

  it('that announces a message over 512 bytes is refused before any of it came', () => {
    const opening = copyBytes(makePair().initiator.take(), 0, 16)
    const end = alone()
    end.receive(joinBytes([opening, Uint8Array.of(2, 1, 0)]))
    expect(end.last).toEqual(refused('bad-handshake'))
    expect(hex(end.take())).toBe(`${hex(responderPreamble(NETWORK, null))}00000f`)
    const patient = alone()
    patient.receive(joinBytes([opening, Uint8Array.of(2, 0, 0)]))
    expect(patient.session.state).toBe('keys')
  })

  it('that adds a payload to its ephemeral key, or sends half of one, is refused', () => {
    const opening = makePair().initiator.take()
    for (const message of [
      [Uint8Array.of(0, 33), copyBytes(opening, 18), Uint8Array.of(1)],
      [Uint8Array.of(0, 31), copyBytes(opening, 18, 49)],
    ]) {
      const end = alone()
      end.receive(joinBytes([copyBytes(opening, 0, 16), ...message]))
      expect(end.last).toEqual(refused('bad-handshake'))
    }
  })

  it('that replays both flights of another handshake proves nothing', () => {
    const { sent } = makePair().pump().initiator
    const same = alone()
    same.receive(sent)
    expect(same.kinds).toEqual(['proven', 'established'])
    const fresh = alone({ ephemeralKeys: () => nodeCrypto.dhKeyPair(seedBytes(99)) })
    fresh.receive(sent)
    expect(fresh.events).toEqual([refused('bad-handshake')])
  })
})

describe('a handshake in hostile hands', () => {
  it('never ends established on both sides after one bit was turned over anywhere', () => {
    const plain = makePair().pump()
    const lengths = [plain.initiator.sent.length * 8, plain.responder.sent.length * 8] as const
    const where = fc.oneof(
      fc.record({ side: fc.constant('initiator' as const), bit: fc.nat(lengths[0] - 1) }),
      fc.record({ side: fc.constant('responder' as const), bit: fc.nat(lengths[1] - 1) }),
    )
    fc.assert(
      fc.property(where, ({ side, bit }) => {
        const pair = makePair({ edit: editing(side, bit >> 3, (byte) => byte ^ (1 << (bit & 7))) }).pump()
        expect(pair.bothEstablished).toBe(false)
      }),
      { numRuns: 3_000 },
    )
  })

  it('waits, and says nothing more, wherever it was cut short', () => {
    const plain = makePair().pump()
    for (const side of ['initiator', 'responder'] as const)
      for (let kept = 0; kept < plain[side].sent.length; kept += 3) {
        const pair = makePair({
          edit: (from, bytes, at) => (from === side ? copyBytes(bytes, 0, Math.max(0, kept - at)) : bytes),
        }).pump()
        expect(pair.bothEstablished).toBe(false)
        expect([...pair.initiator.kinds, ...pair.responder.kinds]).not.toContain('refused')
        expect(pair.initiator.session.waiting + pair.responder.session.waiting).toBeLessThan(512)
      }
  })

  it('shows two initiators that dialled each other that neither answers', () => {
    const two = new Pair(
      new End(makeSetup('outbound', initiator), admit(makeHello(7))),
      new End(makeSetup('outbound', responder), admit(makeHello(9))),
    ).pump()
    expect(two.bothEstablished).toBe(false)
    expect([two.initiator.session.state, two.responder.session.state]).toEqual(['over', 'over'])
  })
})
