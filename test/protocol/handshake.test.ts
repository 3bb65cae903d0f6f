import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { WireCode } from '../../src/errors.js'
import { WIRE_CODES } from '../../src/errors.js'
import { copyBytes, hex, joinBytes } from '../../src/protocol/bytes.js'
import { responderPreamble } from '../../src/protocol/preamble.js'
import type { SessionSetup } from '../../src/protocol/session.js'
import type { PairOptions } from './harness.js'
import {
  anyChunks,
  BACKENDS,
  chunksOf,
  DAY_MS,
  delegate,
  flipBit,
  makeHello,
  makePair,
  makeParty,
  NETWORK,
  nodeCrypto,
  partiesOf,
  seedBytes,
  WALL_MS,
} from './harness.js'
import { formatPeerId } from '../../src/protocol/peer-id.js'
import { alone, editing, refused, replacing, told } from './door.js'

const { initiator, responder } = partiesOf(nodeCrypto)
const FLIGHT_1 = 16 + 2 + 32
const FLIGHT_2 = 16 + 2 + 32 + 48 + 119

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
    initiator: refused('wrong-identity', `answered by ${formatPeerId(responder.identity.publicKey, nodeCrypto)}`),
    responder: told('wrong-identity'),
  },
  {
    name: 'an initiator with another identity than the expected one',
    options: { responderSetup: { expectedPublicKey: other.identity.publicKey } },
    initiator: told('wrong-identity'),
    responder: refused('wrong-identity', `answered by ${formatPeerId(initiator.identity.publicKey, nodeCrypto)}`),
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
