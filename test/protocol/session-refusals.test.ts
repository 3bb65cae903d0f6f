import { describe, expect, it } from 'vitest'
import { copyBytes, joinBytes } from '../../src/protocol/bytes.js'
import { encodeGoodbye } from '../../src/protocol/control.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import { encodeHello } from '../../src/protocol/hello.js'
import { encodePeers } from '../../src/protocol/peers.js'
import { varintBytes } from '../../src/protocol/varint.js'
import type { Pair } from './harness.js'
import { flipBit, makeHello, makePair } from './harness.js'
import { bytes, established, FORGED, fragment, hearing, otherSide, refused, say, SIDES, told } from './talk.js'
import { toyCrypto, toyRecord } from './toy-crypto.js'

interface Violation {
  readonly name: string
  readonly frames: readonly Uint8Array[]
  readonly cause: string
  readonly code?: string
}

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
    expect(pair.responder.events).toEqual([
      { kind: 'fragment', size: 32_005, head: bytes(16) },
      refused('credit-overrun', 'credit-overrun'),
    ])
  })

  it('never for want of credit where an answer, a ping or a goodbye comes', () => {
    const limits = { messageBytesMax: 100_000, requestsMax: 16, windowBytes: 0 }
    const pair = established({ responderHello: makeHello(9, { limits }) })
    pair.responder.session.reassembly.awaitAnswer(5, 70_000)
    say(pair.initiator, FRAME.response, joinBytes([Uint8Array.of(5, 0), bytes(69_000)]))
    say(pair.initiator, FRAME.ping, bytes(3))
    pair.initiator.session.close('shutdown')
    pair.pump()
    expect(pair.responder.kinds).toEqual(['response', 'ping', 'told'])
  })

  it('tells of no fragment that costs no credit', () => {
    const pair = established()
    pair.responder.session.reassembly.awaitAnswer(5, 70_000)
    say(pair.initiator, FRAME.response, joinBytes([Uint8Array.of(5, 0), bytes(69_000)]))
    pair.pump()
    expect(pair.responder.kinds).toEqual(['response'])
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

  it('may be preceded by the names of other peers, where a full responder sends the initiator away', () => {
    const peers = encodeFrame(FRAME.peers, encodePeers([]))
    const leaving = makePair({
      responderDecides: (session) => {
        session.close('too-many-peers', 0, '', [peers])
      },
    }).pump()
    expect(leaving.initiator.events.slice(1)).toEqual([{ kind: 'peers', hints: [] }, told('too-many-peers')])
    expect(greeting(peers).responder.last).toEqual(refused('protocol-error', 'hello-broken'))
  })

  it('may come in a few records, and behind many that hold nothing it never comes', () => {
    const hello = encodeFrame(FRAME.hello, encodeHello(makeHello(7)))
    /** A responder that hears this many empty records before the hello. */
    const after = (records: number): Pair => {
      const pair = makePair({ crypto: toyCrypto })
      pair.responder.receive(pair.initiator.take())
      pair.initiator.receive(pair.responder.take())
      pair.responder.receive(copyBytes(pair.initiator.take(), 0, 2 + 48 + 119))
      for (let at = 0; at < records; at++) pair.responder.receive(toyRecord(new Uint8Array(0)))
      if (pair.responder.session.state !== 'over') pair.responder.receive(toyRecord(hello))
      return pair
    }
    expect(after(15).responder.session.state).toBe('established')
    expect(after(16).responder.last).toEqual(refused('protocol-error', 'hello-broken'))
  })

  it('that is a goodbye ends it', () => {
    expect(greeting(encodeFrame(FRAME.goodbye, encodeGoodbye('busy', 0, ''))).responder.last).toEqual(told('busy'))
  })

  it('in a version that one side does not speak is refused with the version as the reason', () => {
    const version = (at: number, least: number): object => ({ version: at, minVersion: least })
    for (const [wrong, cause] of [
      [version(1, 0), 'offered version 0 to 1, wanted 2 to 3'],
      [version(9, 4), 'offered version 4 to 9, wanted 2 to 3'],
      [version(4, 4), 'offered version 4, wanted 2 to 3'],
    ] as const) {
      const refusal = { kind: 'refused', reason: { code: 'wrong-version', fault: 'remote', cause } }
      const byResponder = makePair({ initiatorHello: makeHello(7, wrong) }).pump()
      expect(byResponder.responder.last).toEqual(refusal)
      expect(byResponder.initiator.last).toEqual(told('wrong-version', { cause }))
      const byInitiator = makePair({ responderHello: makeHello(9, wrong) }).pump()
      expect(byInitiator.initiator.last).toEqual(refusal)
      expect(byInitiator.responder.last).toEqual(told('wrong-version', { cause }))
    }
    for (const fine of [version(2, 1), version(9, 3)])
      expect(makePair({ initiatorHello: makeHello(7, fine) }).pump().bothEstablished).toBe(true)
  })
})
