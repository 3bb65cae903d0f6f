import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WireCode } from '../../src/errors.js'
import { WIRE_CODES } from '../../src/errors.js'
import { copyBytes, hex, joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { responderPreamble } from '../../src/protocol/preamble.js'
import type { SessionSetup } from '../../src/protocol/session.js'
import type { Edit, PairOptions } from './harness.js'
import {
  admit,
  anyChunks,
  BACKENDS,
  chunksOf,
  DAY_MS,
  delegate,
  End,
  flipBit,
  makeHello,
  makePair,
  makeParty,
  makeSetup,
  NETWORK,
  nodeCrypto,
  Pair,
  partiesOf,
  seedBytes,
  WALL_MS,
} from './harness.js'

const { initiator, responder } = partiesOf(nodeCrypto)
const FLIGHT_1 = 16 + 2 + 32
const FLIGHT_2 = 16 + 2 + 32 + 48 + 119
const FLIGHT_3 = 2 + 48 + 119

const refused = (code: string, cause?: string): unknown => ({
  kind: 'refused',
  reason: { code, fault: 'remote', ...(cause === undefined ? {} : { cause }) },
})
const told = (code: string): unknown => ({ kind: 'told', reason: { code, fault: 'remote' } })
const alone = (over: Partial<SessionSetup> = {}): End =>
  new End(makeSetup('inbound', responder, over), admit(makeHello(9)))

function editing(side: 'initiator' | 'responder', at: number, change: (byte: number) => number): Edit {
  return (from, bytes, start) => {
    if (from === side && at >= start && at < start + bytes.length) bytes[at - start] = change(bytes[at - start] ?? 0)
    return bytes
  }
}

function replacing(side: 'initiator' | 'responder', at: number, by: Uint8Array): Edit {
  return (from, bytes, start) => {
    if (from === side && at >= start && at + by.length <= start + bytes.length) bytes.set(by, at - start)
    return bytes
  }
}

describe('a handshake that succeeds', () => {
  for (const { name, initiator: crypto, responder: responderCrypto } of BACKENDS)
    it(`proves both identities and gives both the same connection id, ${name}`, () => {
      const pair = makePair({ crypto, responderCrypto }).pump()
      expect(pair.initiator.events).toEqual([
        { kind: 'proven', publicKey: responder.identity.publicKey, skewMs: 0 },
        { kind: 'established', hello: makeHello(9) },
      ])
      expect(pair.responder.events).toEqual([
        { kind: 'proven', publicKey: initiator.identity.publicKey, skewMs: 0 },
        { kind: 'established', hello: makeHello(7) },
      ])
      expect(pair.bothEstablished).toBe(true)
      expect(pair.initiator.session.connectionId).toHaveLength(8)
      expect(pair.initiator.session.connectionId).toEqual(pair.responder.session.connectionId)
    })

  it('does so whatever the chunks', () => {
    fc.assert(
      fc.property(anyChunks, (lengths) => {
        expect(makePair({ chunk: chunksOf(lengths) }).pump().bothEstablished).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('has the flights that the wire says', () => {
    const pair = makePair()
    expect(pair.initiator.take()).toHaveLength(FLIGHT_1)
    expect(
      makePair({ responderDecides: () => undefined, initiatorDecides: () => undefined }).pump().responder.sent,
    ).toHaveLength(FLIGHT_2)
    const shy = makePair({ initiatorDecides: () => undefined }).pump()
    expect(shy.initiator.sent).toHaveLength(FLIGHT_1)
    expect(
      hex(
        makePair()
          .pump()
          .initiator.sent.subarray(FLIGHT_1, FLIGHT_1 + 2),
      ),
    ).toBe('00a7')
    expect(FLIGHT_3).toBe(2 + 0xa7)
  })

  it('gives another connection id with another ephemeral key', () => {
    const other = { ephemeralKeys: () => nodeCrypto.dhKeyPair(seedBytes(77)) }
    const ids = [{}, other].map((initiatorSetup) =>
      hex(makePair({ initiatorSetup }).pump().initiator.session.connectionId),
    )
    expect(ids[0]).not.toBe(ids[1])
  })

  it('with the expected peer goes on', () => {
    const initiatorSetup = { expectedPublicKey: responder.identity.publicKey }
    expect(makePair({ initiatorSetup }).pump().bothEstablished).toBe(true)
  })

  it('takes nothing more until its owner has answered', () => {
    const pair = makePair({ responderDecides: () => undefined }).pump()
    const undecided = makePair({ initiatorDecides: () => undefined }).pump().initiator
    expect(undecided.session.state).toBe('deciding')
    expect(() => {
      undecided.receive(pair.responder.sent)
    }).toThrow('admitted or refused')
  })
})

/** What the other side makes of a code that nobody has sealed: nothing that would change how it treats the peer. */
const hinted = (code: WireCode): unknown =>
  told(['self', 'duplicate', 'superseded', 'conflict'].includes(code) ? 'closed' : code)

/** One side finds it, the other hears it: what each records last. */
interface Refusal {
  readonly name: string
  readonly options: PairOptions
  readonly initiator: unknown
  readonly responder: unknown
}

const other = makeParty(nodeCrypto, 60)
const changed = (networkId: Uint8Array, bit: number): Partial<SessionSetup> => ({ networkId: flipBit(networkId, bit) })
const showing = (delegation: Uint8Array): Partial<SessionSetup> => ({ delegation })
const REFUSALS: readonly Refusal[] = [
  {
    name: 'another network',
    options: { initiatorSetup: changed(NETWORK, 0) },
    initiator: told('wrong-network'),
    responder: refused('wrong-network'),
  },
  {
    name: 'another chain of the same network',
    options: { initiatorSetup: changed(NETWORK, 63) },
    initiator: told('wrong-chain'),
    responder: refused('wrong-chain'),
  },
  {
    name: 'a wire version that the responder does not speak',
    options: { edit: replacing('initiator', 12, Uint8Array.of(9, 2)) },
    initiator: told('wrong-version'),
    responder: refused('wrong-version'),
  },
  {
    name: 'a wire version that the initiator never offered',
    options: { edit: editing('responder', 12, () => 2) },
    initiator: refused('wrong-version'),
    responder: told('wrong-version'),
  },
  {
    name: 'a responder with another identity than the dialled one',
    options: { initiatorSetup: { expectedPublicKey: other.identity.publicKey } },
    initiator: refused('wrong-identity'),
    responder: told('wrong-identity'),
  },
  {
    name: 'an initiator with another identity than the expected one',
    options: { responderSetup: { expectedPublicKey: other.identity.publicKey } },
    initiator: told('wrong-identity'),
    responder: refused('wrong-identity'),
  },
  {
    name: 'oneself, found by the initiator',
    options: { initiatorSetup: { ownPublicKey: responder.identity.publicKey } },
    initiator: refused('self'),
    responder: told('closed'),
  },
  {
    name: 'oneself, found by the responder',
    options: { responderSetup: { ownPublicKey: initiator.identity.publicKey } },
    initiator: told('closed'),
    responder: refused('self'),
  },
  {
    name: "a responder's delegation for another static key",
    options: { responderSetup: showing(delegate(responder, { staticKey: seedBytes(5) })) },
    initiator: refused('bad-handshake'),
    responder: told('bad-handshake'),
  },
  {
    name: "an initiator's delegation for another static key",
    options: { initiatorSetup: showing(delegate(initiator, { staticKey: seedBytes(5) })) },
    initiator: told('bad-handshake'),
    responder: refused('bad-handshake'),
  },
  {
    name: "an initiator's delegation for another network",
    options: { initiatorSetup: showing(delegate(initiator, { networkId: flipBit(NETWORK, 1) })) },
    initiator: told('bad-handshake'),
    responder: refused('bad-handshake'),
  },
  {
    name: 'no delegation at all',
    options: { initiatorSetup: showing(new Uint8Array(0)) },
    initiator: told('bad-handshake'),
    responder: refused('bad-handshake'),
  },
  {
    name: 'an identity of small order',
    options: { initiatorSetup: showing(joinBytes([Uint8Array.of(1, 1), new Uint8Array(101)])) },
    initiator: told('bad-handshake'),
    responder: refused('bad-handshake'),
  },
  {
    name: "flags edited in the initiator's preamble",
    options: { edit: editing('initiator', 14, (byte) => byte ^ 1) },
    initiator: refused('bad-handshake'),
    responder: told('bad-handshake'),
  },
  {
    name: "the last byte edited in the responder's preamble",
    options: { edit: editing('responder', 15, (byte) => byte ^ 128) },
    initiator: refused('bad-handshake'),
    responder: told('bad-handshake'),
  },
  {
    name: "a stranger's ephemeral key in place of the initiator's",
    options: { edit: replacing('initiator', 18, other.ephemeralKeys.publicKey) },
    initiator: refused('bad-handshake'),
    responder: told('bad-handshake'),
  },
  {
    name: "a stranger's ephemeral key in place of the responder's",
    options: { edit: replacing('responder', 18, other.ephemeralKeys.publicKey) },
    initiator: refused('bad-handshake'),
    responder: told('bad-handshake'),
  },
  {
    name: 'an ephemeral key of small order from the initiator',
    options: { edit: replacing('initiator', 18, new Uint8Array(32)) },
    initiator: told('bad-handshake'),
    responder: refused('bad-handshake'),
  },
  {
    name: 'an ephemeral key of small order from the responder',
    options: { edit: replacing('responder', 18, Uint8Array.of(1, ...new Uint8Array(31))) },
    initiator: refused('bad-handshake'),
    responder: told('bad-handshake'),
  },
]

describe('a handshake that is refused', () => {
  for (const { name, options, initiator: atInitiator, responder: atResponder } of REFUSALS)
    it(`names ${name}, on both sides`, () => {
      for (const lengths of [[100_000], [1]]) {
        const pair = makePair({ ...options, chunk: chunksOf(lengths) }).pump()
        expect(pair.initiator.last).toEqual(atInitiator)
        expect(pair.responder.last).toEqual(atResponder)
        expect([pair.initiator.session.state, pair.responder.session.state]).toEqual(['over', 'over'])
      }
    })

  it('for a wrong identity shows nothing of the initiator', () => {
    const initiatorSetup = { expectedPublicKey: other.identity.publicKey }
    const { sent } = makePair({ initiatorSetup }).pump().initiator
    expect(hex(sent.subarray(FLIGHT_1))).toBe('00000e')
    expect(sent).toHaveLength(FLIGHT_1 + 3)
    expect(hex(sent)).not.toContain(hex(initiator.identity.publicKey))
    expect(hex(sent)).not.toContain(hex(initiator.staticKeys.publicKey))
  })

  it('never shows an identity or a static key in the clear, not even when it succeeds', () => {
    const pair = makePair().pump()
    const wire = hex(joinBytes([pair.initiator.sent, pair.responder.sent]))
    for (const { identity, staticKeys } of [initiator, responder])
      for (const key of [identity.publicKey, staticKeys.publicKey]) expect(wire).not.toContain(hex(key))
  })

  it('is left to the owner where a delegation has expired or reaches too far', () => {
    for (const [aheadMs, skewMs] of [
      [-3 * DAY_MS, 2 * DAY_MS],
      [40 * DAY_MS, 9 * DAY_MS],
    ] as const) {
      const notAfterMs = WALL_MS + aheadMs
      const pair = makePair({
        initiatorSetup: showing(delegate(initiator, { notAfterMs })),
        responderSetup: showing(delegate(responder, { notAfterMs })),
      }).pump()
      expect(pair.initiator.events[0]).toMatchObject({ kind: 'proven', skewMs })
      expect(pair.responder.events[0]).toMatchObject({ kind: 'proven', skewMs })
    }
  })

  it('tells every code that an owner can refuse with, whichever side decides', () => {
    for (const code of Object.keys(WIRE_CODES) as WireCode[]) {
      const closing = (session: { close: (code: WireCode) => void }): void => {
        session.close(code)
      }
      expect(makePair({ responderDecides: closing }).pump().initiator.last).toEqual(told(code))
      expect(makePair({ initiatorDecides: closing }).pump().responder.last).toEqual(hinted(code))
    }
  })

  it('by its owner before anything came tells every code in the clear', () => {
    for (const code of Object.keys(WIRE_CODES) as WireCode[]) {
      const early = makePair()
      early.responder.session.close(code)
      expect(early.pump().initiator.last).toEqual(hinted(code))
      const impatient = makePair()
      impatient.initiator.session.close(code)
      expect(impatient.pump().responder.last).toEqual(hinted(code))
    }
  })

  it('by a responder that has a status for it is sixteen bytes', () => {
    const end = alone()
    end.session.close('busy')
    expect(hex(end.take())).toBe(hex(responderPreamble(NETWORK, 'busy')))
  })

  it('with a number that nobody knows means that the peer closed', () => {
    const end = alone()
    end.receive(joinBytes([copyBytes(makePair().initiator.take(), 0, 16), Uint8Array.of(0, 0, 200)]))
    expect(end.last).toEqual(told('closed'))
  })
})

describe('a stranger at the door', () => {
  for (const { name, opener } of [
    { name: 'an HTTP request', opener: utf8('GET / HTTP/1.1\r\nHost: x\r\n\r\n') },
    { name: 'a TLS hello', opener: Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3) },
    { name: 'a first byte that is ours and a second that is not', opener: Uint8Array.of(0x9d, 0x47) },
  ])
    it(`with ${name} is garbage, and hears nothing`, () => {
      for (const chunk of [1, 100]) {
        const end = alone()
        for (let at = 0; at < opener.length; at += chunk) end.receive(opener.subarray(at, at + chunk))
        expect(end.events).toEqual([refused('garbage')])
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
