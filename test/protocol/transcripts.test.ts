/**
 * Whole sessions from fixed keys, frozen byte for byte: no change of the wire goes unnoticed. Where one is meant, run this
 * file with HOLDFAST_FREEZE=1, and say so in the changelog.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Crypto } from '../../src/ports/crypto.js'
import { hex, joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { Fragmenter } from '../../src/protocol/fragment.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import { encodeNames } from '../../src/protocol/hello.js'
import { broadcastId } from '../../src/protocol/message.js'
import type { SessionEvent, SessionSetup } from '../../src/protocol/session.js'
import { varintBytes } from '../../src/protocol/varint.js'
import { admit, BACKENDS, delegate, End, flipBit, makeHello, makeSetup, Pair, WALL_MS } from './harness.js'

interface Keys {
  readonly identitySeed: string
  readonly staticSecret: string
  readonly ephemeralSecret: string
  readonly epoch: string
}

interface Transcript {
  readonly networkId: string
  readonly wallMs: number
  readonly initiator: Keys
  readonly responder: Keys
  readonly fromInitiator: string
  readonly fromResponder: string
}

const count = (from: number): string => hex(Uint8Array.from({ length: 32 }, (_, i) => (from + i) & 0xff))
const KEYS = {
  networkId: '54494d45deadbeef',
  wallMs: WALL_MS,
  initiator: {
    identitySeed: count(0x00),
    staticSecret: count(0x20),
    ephemeralSecret: count(0x40),
    epoch: 'a0a1a2a3a4a5a6a7',
  },
  responder: {
    identitySeed: count(0x80),
    staticSecret: count(0xa0),
    ephemeralSecret: count(0xc0),
    epoch: 'b0b1b2b3b4b5b6b7',
  },
}
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff)

function makeEnd(direction: 'outbound' | 'inbound', crypto: Crypto, over: Partial<SessionSetup> = {}): End {
  const keys = direction === 'outbound' ? KEYS.initiator : KEYS.responder
  const ephemeralKeys = crypto.dhKeyPair(unhex(keys.ephemeralSecret))
  const party = {
    crypto,
    identity: crypto.signingKeyPair(unhex(keys.identitySeed)),
    staticKeys: crypto.dhKeyPair(unhex(keys.staticSecret)),
    ephemeralKeys,
  }
  const networkId = unhex(KEYS.networkId)
  const delegation = delegate(party, { networkId })
  const hello = makeHello(0, { epoch: unhex(keys.epoch), supersedes: [unhex('0102030405060708')] })
  return new End(makeSetup(direction, party, { networkId, delegation, ...over }), admit(hello))
}

/** Every kind of frame once, and a message in fragments. */
function converse(initiator: End, responder: End, crypto: Crypto): void {
  const pair = new Pair(initiator, responder).pump()
  const body = joinBytes([Uint8Array.of(0), utf8('a transaction')])
  initiator.seal(encodeFrame(64, joinBytes([broadcastId('tx', body, crypto), body])))
  pair.pump()
  initiator.seal(encodeFrame(FRAME.request, joinBytes([Uint8Array.of(1, 65), utf8('{"from":7}')])))
  pair.pump()
  responder.seal(encodeFrame(FRAME.response, joinBytes([Uint8Array.of(1, 0), utf8('[]')])))
  responder.seal(encodeFrame(FRAME.failure, joinBytes([Uint8Array.of(2), utf8('handler-failed')])))
  responder.seal(encodeFrame(FRAME.cancel, Uint8Array.of(3)), encodeFrame(FRAME.gap, new Uint8Array(0)))
  pair.pump()
  const fragmenter = new Fragmenter(2, 64, [pattern(33_000)])
  while (!fragmenter.done) responder.seal(...fragmenter.next())
  pair.pump()
  initiator.seal(encodeFrame(FRAME.ping, unhex('0001020304050607')), encodeFrame(FRAME.window, varintBytes(33_004)))
  responder.seal(encodeFrame(FRAME.pong, unhex('0001020304050607')))
  responder.seal(encodeFrame(FRAME.types, encodeNames([{ kind: 'repeat', name: 'heartbeat' }])))
  pair.pump()
  responder.session.close('shutdown', 30_000, 'back soon')
  pair.pump()
}

/** One of these fails before there are keys, one after. */
const SESSIONS: readonly {
  readonly name: string
  readonly run: (first: Crypto, second: Crypto) => readonly [End, End]
}[] = [
  {
    name: 'whole-session',
    run: (first, second) => {
      const ends = [makeEnd('outbound', first), makeEnd('inbound', second)] as const
      converse(...ends, first)
      return ends
    },
  },
  {
    name: 'wrong-chain',
    run: (first, second) => {
      const networkId = flipBit(unhex(KEYS.networkId), 60)
      const ends = [makeEnd('outbound', first, { networkId }), makeEnd('inbound', second)] as const
      new Pair(...ends).pump()
      return ends
    },
  },
  {
    name: 'wrong-identity',
    run: (first, second) => {
      const ends = [
        makeEnd('outbound', first, { expectedPublicKey: unhex(count(1)) }),
        makeEnd('inbound', second),
      ] as const
      new Pair(...ends).pump()
      return ends
    },
  },
]

const pathOf = (name: string): string => fileURLToPath(new URL(`../fixtures/transcripts/${name}.json`, import.meta.url))
const [freezing] = BACKENDS

describe('a frozen transcript', () => {
  for (const { name, run } of SESSIONS) {
    if (process.env['HOLDFAST_FREEZE'] === '1' && freezing !== undefined) {
      const [initiator, responder] = run(freezing.initiator, freezing.responder)
      const frozen = { ...KEYS, fromInitiator: hex(initiator.sent), fromResponder: hex(responder.sent) }
      writeFileSync(pathOf(name), `${JSON.stringify(frozen, null, 2)}\n`)
    }
    for (const backend of BACKENDS)
      it(`of ${name} is said again byte for byte, ${backend.name}`, () => {
        const transcript = JSON.parse(readFileSync(pathOf(name), 'utf8')) as Transcript
        expect(transcript).toMatchObject(KEYS)
        const [initiator, responder] = run(backend.initiator, backend.responder)
        expect(hex(initiator.sent)).toBe(transcript.fromInitiator)
        expect(hex(responder.sent)).toBe(transcript.fromResponder)
      })
  }

  it('of a whole session is understood as it was meant', () => {
    const transcript = JSON.parse(readFileSync(pathOf('whole-session'), 'utf8')) as Transcript
    for (const { initiator, responder } of BACKENDS) {
      const first = makeEnd('outbound', initiator)
      const second = makeEnd('inbound', responder)
      first.receive(unhex(transcript.fromResponder))
      second.receive(unhex(transcript.fromInitiator))
      const goodbye = { code: 'shutdown', fault: 'remote', retryAfterMs: 30_000, cause: 'back soon' } as const
      expect(first.events.slice(2)).toEqual([
        { kind: 'response', id: 1, body: utf8('[]') },
        { kind: 'failure', id: 2, text: 'handler-failed' },
        { kind: 'cancel', id: 3 },
        { kind: 'gap' },
        { kind: 'fragment', size: 32_005, head: pattern(33_000).subarray(0, 16) },
        { kind: 'application', index: 0, body: pattern(33_000), size: 33_008 },
        { kind: 'pong', payload: unhex('0001020304050607') },
        { kind: 'types', names: [{ kind: 'repeat', name: 'heartbeat' }] },
        { kind: 'told', reason: goodbye },
      ] satisfies readonly SessionEvent[])
      expect(second.kinds).toEqual(['proven', 'established', 'application', 'request', 'ping', 'window'])
    }
  })
})
