import fc from 'fast-check'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import type { WireCode } from '../../src/errors.js'
import { WIRE_CODES } from '../../src/errors.js'
import { copyBytes, joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { encodeGoodbye } from '../../src/protocol/control.js'
import { encodeFrame, FRAME, Fragmenter, isOversize } from '../../src/protocol/frame.js'
import { encodeHello } from '../../src/protocol/hello.js'
import { varintBytes } from '../../src/protocol/varint.js'
import type { End, Pair, PairOptions } from './harness.js'
import { anyChunks, BACKENDS, chunksOf, flipBit, makeHello, makePair } from './harness.js'
import { toyCrypto, toyRecord } from './toy-crypto.js'

const SIDES = ['initiator', 'responder'] as const
type Side = (typeof SIDES)[number]
const otherSide = (side: Side): Side => (side === 'initiator' ? 'responder' : 'initiator')

const refused = (code: string, cause: string): unknown => ({
  kind: 'refused',
  reason: { code, fault: 'remote', cause },
})
const told = (code: string, more: object = {}): unknown => ({
  kind: 'told',
  reason: { code, fault: 'remote', ...more },
})
/** Nobody is to blame for it: whoever stands in between can do it. */
const FORGED = { kind: 'refused', reason: { code: 'bad-record', fault: 'network' } }
const bytes = (length: number, salt = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 17 + salt) & 0xff)

/** An established pair on the suite without secrets, and what was said so far forgotten. */
function established(options: PairOptions = {}): Pair {
  const pair = makePair({ crypto: toyCrypto, ...options }).pump()
  expect(pair.bothEstablished).toBe(true)
  pair.initiator.events.length = 0
  pair.responder.events.length = 0
  return pair
}

function say(end: End, type: number, body: Uint8Array, lane = 1): void {
  if (!isOversize(type, body.length)) {
    end.seal(encodeFrame(type, body))
    return
  }
  const fragmenter = new Fragmenter(lane, type, [body])
  while (!fragmenter.done) end.seal(...fragmenter.next())
}

/** What `side` says, and what then happened at both ends. */
function hearing(
  side: Side,
  frames: readonly Uint8Array[],
  options: PairOptions = {},
): { heard: unknown; back: unknown } {
  const pair = established(options)
  for (const frame of frames) pair[side].seal(frame)
  pair.pump()
  return { heard: pair[otherSide(side)].events, back: pair[side].events }
}

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
          { kind: 'application', index: 236, body: bytes(90_000), size: 26_002 + 2 },
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
    expect(pair.responder.kinds).toEqual(['application', 'application', 'application'])
    expect(pair.responder.events).toMatchObject([0, 1, 2].map((lane) => ({ index: lane, body: bytes(65_000, lane) })))
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
      { kind: 'ping', payload: bytes(1) },
    ])
  })

  it('holds of an unfinished message no more than its fragments', () => {
    const pair = established()
    const fragmenter = new Fragmenter(0, 64, [bytes(70_000)])
    pair.initiator.seal(...fragmenter.next())
    pair.pump()
    expect(pair.responder.session.waiting).toBe(32_000)
  })

  it('counts an unfinished frame among what it holds', () => {
    const pair = established()
    pair.initiator.seal(encodeFrame(64, bytes(500)).subarray(0, 300))
    pair.pump()
    expect(pair.responder.session.waiting).toBe(300)
  })

  it('holds of a fragment not the whole record that brought it', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const held = (): number => {
      collect()
      return process.memoryUsage().arrayBuffers
    }
    const limits = { messageBytesMax: 1_000_000, requestsMax: 16, windowBytes: 1_000_000 }
    const pair = established({ responderHello: makeHello(9, { limits }) })
    const padding = encodeFrame(40, bytes(32_000))
    pair.initiator.seal(
      encodeFrame(FRAME.fragment, joinBytes([Uint8Array.of(0), varintBytes(900_000), bytes(1_100, 64)])),
    )
    pair.pump()
    const before = held()
    for (let i = 0; i < 300; i++)
      pair.responder.receive(toyRecord(joinBytes([encodeFrame(FRAME.fragment, bytes(1_025)), padding])))
    expect(pair.responder.events).toEqual([])
    expect(pair.responder.session.waiting).toBe(1_100 + 300 * 1_024)
    expect(held() - before).toBeLessThan(3_000_000)
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

  it('says nothing when it is abandoned', () => {
    const pair = established()
    pair.initiator.session.abandon()
    expect([pair.initiator.session.state, pair.initiator.take().length]).toEqual(['over', 0])
  })
})

interface Violation {
  readonly name: string
  readonly frames: readonly Uint8Array[]
  readonly cause: string
  readonly code?: string
}

const fragment = (...body: readonly number[]): Uint8Array => encodeFrame(FRAME.fragment, Uint8Array.from(body))
const VIOLATIONS: readonly Violation[] = [
  { name: 'a second hello', frames: [encodeFrame(FRAME.hello, encodeHello(makeHello(1)))], cause: 'unknown-frame' },
  { name: 'an unknown critical frame', frames: [encodeFrame(25, bytes(3))], cause: 'unknown-frame' },
  { name: 'a frame of type 0', frames: [encodeFrame(0, bytes(3))], cause: 'unknown-frame' },
  { name: 'a ping that is too long', frames: [encodeFrame(FRAME.ping, bytes(33))], cause: 'frame-broken' },
  { name: 'a window of nothing', frames: [encodeFrame(FRAME.window, Uint8Array.of(0))], cause: 'frame-broken' },
  { name: 'a goodbye without a code', frames: [encodeFrame(FRAME.goodbye, bytes(0))], cause: 'frame-broken' },
  { name: 'a frame without a type', frames: [Uint8Array.of(0)], cause: 'frame-broken' },
  { name: 'a frame over its size', frames: [varintBytes(32_769)], cause: 'frame-too-big' },
  { name: 'a fragment in no lane', frames: [fragment(3, 2, 64, 1)], cause: 'fragment-broken' },
  { name: 'a crumb of a message', frames: [fragment(0, ...varintBytes(5_000), 64, 1)], cause: 'fragment-broken' },
  { name: 'a fragment of a ping', frames: [fragment(0, 2, FRAME.ping, 1)], cause: 'fragment-broken' },
  { name: 'a fragment of a fragment', frames: [fragment(0, 2, FRAME.fragment, 1)], cause: 'fragment-broken' },
  { name: 'a whole goodbye in a fragment', frames: [fragment(0, 3, FRAME.goodbye, 1, 0)], cause: 'fragment-broken' },
  {
    name: 'a message over its size',
    frames: [fragment(0, ...varintBytes(100_065), 64, 1)],
    cause: 'message-too-big',
    code: 'message-too-big',
  },
  {
    name: 'an answer that nobody asked for',
    frames: [fragment(0, ...varintBytes(40_000), FRAME.response, 1)],
    cause: 'message-too-big',
    code: 'message-too-big',
  },
]

describe('an established session is refused', () => {
  for (const { name, frames, cause, code = 'protocol-error' } of VIOLATIONS)
    it(`for ${name}, and the other side hears of a protocol error`, () => {
      for (const side of SIDES) {
        const { heard, back } = hearing(side, [...frames, encodeFrame(FRAME.ping, bytes(1))])
        expect(heard).toEqual([refused(code, cause)])
        expect(back).toEqual([told('protocol-error', { cause })])
      }
    })

  for (const { name, type, head } of [
    { name: 'messages', type: 64, head: [] },
    { name: 'questions', type: FRAME.request, head: [5, 64] },
  ])
    it(`for ${name} beyond its credit, to the byte`, () => {
      const limits = { messageBytesMax: 100_000, requestsMax: 16, windowBytes: 1_000 }
      const options = { responderHello: makeHello(9, { limits }) }
      const filling = encodeFrame(type, joinBytes([Uint8Array.from(head), bytes(999 - head.length)]))
      expect(hearing('initiator', [filling], options).heard).toMatchObject([{ size: 1_000 }])
      const { heard, back } = hearing('initiator', [filling, encodeFrame(type, Uint8Array.from(head))], options)
      expect(heard).toMatchObject([{ size: 1_000 }, refused('credit-overrun', 'credit-overrun')])
      expect(back).toEqual([told('protocol-error', { cause: 'credit-overrun' })])
    })

  it('for fragments beyond its credit', () => {
    const limits = { messageBytesMax: 100_000, requestsMax: 16, windowBytes: 40_000 }
    const pair = established({ responderHello: makeHello(9, { limits }) })
    say(pair.initiator, 64, bytes(70_000))
    pair.pump()
    expect(pair.responder.events).toEqual([refused('credit-overrun', 'credit-overrun')])
  })

  it('never for want of credit where an answer, a ping or a goodbye comes', () => {
    const limits = { messageBytesMax: 100_000, requestsMax: 16, windowBytes: 0 }
    const pair = established({ responderHello: makeHello(9, { limits }) })
    pair.responder.session.expectAnswer(70_000)
    say(pair.initiator, FRAME.response, joinBytes([Uint8Array.of(5, 0), bytes(69_000)]))
    say(pair.initiator, FRAME.ping, bytes(3))
    pair.initiator.session.close('shutdown')
    pair.pump()
    expect(pair.responder.kinds).toEqual(['response', 'ping', 'told'])
  })

  it('gets credit back for fragments of a message that is not yet whole', () => {
    const limits = { messageBytesMax: 100_000, requestsMax: 16, windowBytes: 70_000 }
    const pair = established({ responderHello: makeHello(9, { limits }) })
    const fragmenter = new Fragmenter(0, 64, [bytes(90_000)])
    pair.initiator.seal(...fragmenter.next())
    pair.pump()
    expect(pair.responder.session.credit.pickGrant()).toBe(32_000 + 1 + 1 + 3)
  })
})

describe('a record that was tampered with', () => {
  it('ends the session without a word, whichever bit it was', () => {
    for (const side of SIDES) {
      const length = established()
        [side].session.seal([encodeFrame(FRAME.ping, bytes(8))])
        .reduce((sum, { length }) => sum + length, 0)
      for (let bit = 16; bit < length * 8; bit += 7) {
        const pair = makePair().pump()
        pair[side].seal(encodeFrame(FRAME.ping, bytes(8)))
        const target = pair[otherSide(side)]
        target.receive(flipBit(pair[side].take(), bit))
        expect(target.last).toEqual(FORGED)
        expect([target.take().length, target.session.state]).toEqual([0, 'over'])
      }
    }
  })

  it('ends it when it is replayed, left out, or too short to be one', () => {
    const records = (): { pair: Pair; first: Uint8Array; second: Uint8Array } => {
      const pair = makePair().pump()
      pair.initiator.seal(encodeFrame(FRAME.ping, bytes(1)))
      const first = pair.initiator.take()
      pair.initiator.seal(encodeFrame(FRAME.ping, bytes(2)))
      return { pair, first, second: pair.initiator.take() }
    }
    for (const pick of [
      ({ first }: { first: Uint8Array }): Uint8Array => joinBytes([first, first]),
      ({ second }: { second: Uint8Array }): Uint8Array => second,
      (): Uint8Array => Uint8Array.of(0, 15),
      (): Uint8Array => Uint8Array.of(0, 0, 1),
    ]) {
      const made = records()
      made.pair.responder.receive(pick(made))
      expect(made.pair.responder.last).toEqual(FORGED)
      expect(made.pair.responder.take()).toHaveLength(0)
    }
  })

  it('ends it before hello just the same', () => {
    const pair = makePair({
      edit: (from, sent, at) => (from === 'initiator' && at > 0 ? flipBit(sent, sent.length * 8 - 1) : sent),
    }).pump()
    expect(pair.responder.last).toEqual(FORGED)
    expect(pair.responder.session.state).toBe('over')
  })
})

describe('a greeting', () => {
  /** An initiator that is let in and then says `frame` in place of its hello. */
  function greeting(frame: Uint8Array): Pair {
    const pair = makePair({ crypto: toyCrypto })
    pair.responder.receive(pair.initiator.take())
    pair.initiator.receive(pair.responder.take())
    const flight = pair.initiator.take()
    pair.responder.receive(copyBytes(flight, 0, 2 + 48 + 119))
    pair.responder.receive(toyRecord(frame))
    return pair.pump()
  }

  for (const { name, frame } of [
    { name: 'an application frame', frame: encodeFrame(64, bytes(3)) },
    { name: 'a ping', frame: encodeFrame(FRAME.ping, bytes(3)) },
    { name: 'an optional frame', frame: encodeFrame(40, bytes(3)) },
    { name: 'a hello that makes no sense', frame: encodeFrame(FRAME.hello, bytes(30)) },
    { name: 'a fragment of a hello', frame: fragment(0, 5, FRAME.hello, 1, 2) },
  ])
    it(`that is ${name} is refused`, () => {
      const pair = greeting(frame)
      expect(pair.responder.last).toEqual(refused('protocol-error', 'hello-broken'))
      expect(pair.initiator.last).toEqual(told('protocol-error', { cause: 'hello-broken' }))
    })

  it('with a field that must be understood, and is not, comes from a later version', () => {
    const hello = joinBytes([encodeHello(makeHello(7)), Uint8Array.of(12, 1, 0)])
    const pair = greeting(encodeFrame(FRAME.hello, hello))
    expect(pair.responder.last).toEqual(refused('wrong-version', 'unknown-hello-field'))
    expect(pair.initiator.last).toEqual(told('protocol-error', { cause: 'unknown-hello-field' }))
  })

  it('that is a goodbye ends it', () => {
    expect(greeting(encodeFrame(FRAME.goodbye, encodeGoodbye('busy', 0, ''))).responder.last).toEqual(told('busy'))
  })

  it('in a version that one side does not speak is refused with the version as the reason', () => {
    const version = (at: number, least: number): object => ({ version: at, minVersion: least })
    for (const wrong of [version(1, 0), version(9, 4)]) {
      const byResponder = makePair({ initiatorHello: makeHello(7, wrong) }).pump()
      expect(byResponder.responder.last).toEqual({
        kind: 'refused',
        reason: { code: 'wrong-version', fault: 'remote' },
      })
      expect(byResponder.initiator.last).toEqual(told('wrong-version', { cause: 'wrong-version' }))
      const byInitiator = makePair({ responderHello: makeHello(9, wrong) }).pump()
      expect(byInitiator.initiator.last).toEqual({
        kind: 'refused',
        reason: { code: 'wrong-version', fault: 'remote' },
      })
      expect(byInitiator.responder.last).toEqual(told('wrong-version', { cause: 'wrong-version' }))
    }
    for (const fine of [version(2, 1), version(9, 3)])
      expect(makePair({ initiatorHello: makeHello(7, fine) }).pump().bothEstablished).toBe(true)
  })
})
