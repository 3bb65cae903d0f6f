/** Damage of every kind, on a suite that lets it through: a session may refuse, and it may wait, but nothing else. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyBytes, joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { encodeGoodbye } from '../../src/protocol/control.js'
import { Fragmenter } from '../../src/protocol/fragment.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import { encodeHello, encodeNames } from '../../src/protocol/hello.js'
import { encodePeers } from '../../src/protocol/peers.js'
import { varintBytes } from '../../src/protocol/varint.js'
import type { Edit } from './harness.js'
import { cut, End, admit, makeHello, makePair, makeSetup, partiesOf } from './harness.js'
import { toyCrypto, toyRecord } from './toy-crypto.js'
import { tell } from './tell.js'

type Damage =
  | { readonly kind: 'flip'; readonly at: number; readonly mask: number }
  | { readonly kind: 'set'; readonly at: number; readonly byte: number }
  | { readonly kind: 'remove' | 'repeat'; readonly at: number; readonly length: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'stop'; readonly at: number }

const at = fc.nat(2 ** 20)
const anyDamage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at, mask: fc.constantFrom(1, 2, 4, 8, 16, 32, 64, 128) }),
  fc.record({ kind: fc.constant('set' as const), at, byte: fc.constantFrom(0, 1, 0x7f, 0x80, 0xff) }),
  fc.record({
    kind: fc.constantFrom('remove' as const, 'repeat' as const),
    at,
    length: fc.integer({ min: 1, max: 40 }),
  }),
  fc.record({ kind: fc.constant('insert' as const), at, bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }) }),
  fc.record({ kind: fc.constant('stop' as const), at }),
)

function damaged(bytes: Uint8Array, damages: readonly Damage[]): Uint8Array {
  let result = copyBytes(bytes)
  for (const damage of damages) {
    const from = result.length === 0 ? 0 : damage.at % result.length
    const [head, tail] = [result.subarray(0, from), result.subarray(from)]
    switch (damage.kind) {
      case 'flip':
        result[from] = (result[from] ?? 0) ^ damage.mask
        break
      case 'set':
        result[from] = damage.byte
        break
      case 'remove':
        result = joinBytes([head, tail.subarray(damage.length)])
        break
      case 'repeat':
        result = joinBytes([head, tail.subarray(0, damage.length), tail])
        break
      case 'insert':
        result = joinBytes([head, damage.bytes, tail])
        break
      case 'stop':
        result = copyBytes(head)
    }
  }
  return result
}

const FRAMES: readonly Uint8Array[] = [
  encodeFrame(64, utf8('a message')),
  encodeFrame(319, utf8('another')),
  encodeFrame(FRAME.request, joinBytes([Uint8Array.of(7, 65), utf8('why')])),
  encodeFrame(FRAME.response, Uint8Array.of(7, 0, 1, 2)),
  encodeFrame(FRAME.failure, joinBytes([varintBytes(300), utf8('no')])),
  encodeFrame(FRAME.cancel, Uint8Array.of(7)),
  encodeFrame(FRAME.ping, utf8('12345678')),
  encodeFrame(FRAME.window, varintBytes(70_000)),
  encodeFrame(FRAME.gap, new Uint8Array(0)),
  encodeFrame(FRAME.types, encodeNames([{ kind: 'direct', name: 'vote' }])),
  encodeFrame(FRAME.hello, encodeHello(makeHello(3))),
  encodeFrame(FRAME.goodbye, encodeGoodbye('busy', 9_000, 'later')),
  encodeFrame(FRAME.getPeers, new Uint8Array(0)),
  encodeFrame(FRAME.peers, encodePeers(tell([{ publicKey: new Uint8Array(32), ageS: 9, addresses: ['a', 'b'] }]))),
  encodeFrame(45, utf8('optional')),
  ...[0, 1, 2].flatMap((lane) => {
    const first = joinBytes([Uint8Array.of(lane), varintBytes(1_030), Uint8Array.of(64), new Uint8Array(1_024)])
    return [first, Uint8Array.of(lane, 1, 2, 3, 4, 5)].map((body) => encodeFrame(FRAME.fragment, body))
  }),
  joinBytes(new Fragmenter(1, FRAME.response, [Uint8Array.of(7, 0, 9)]).next()),
]

const SIDES = ['initiator', 'responder'] as const
type Side = (typeof SIDES)[number]

function fresh(side: Side): End {
  const party = partiesOf(toyCrypto)[side]
  const direction = side === 'initiator' ? 'outbound' : 'inbound'
  return new End(makeSetup(direction, party, { delegation: DELEGATIONS[side] }), admit(makeHello(9)))
}

/** What each side hears of an undamaged session, with frames behind it. */
const pair = makePair({ crypto: toyCrypto }).pump()
const HEARD: Readonly<Record<Side, Uint8Array>> = { initiator: pair.responder.sent, responder: pair.initiator.sent }
const DELEGATIONS: Readonly<Record<Side, Uint8Array>> = {
  initiator: delegationIn(pair.initiator.sent, 50),
  responder: delegationIn(pair.responder.sent, 50),
}

/** Behind the ephemeral key, where there is one, the static key and its tag. */
function delegationIn(sent: Uint8Array, from: number): Uint8Array {
  const start = from + (sent[from] === 0 && sent[from + 1] === 0xa7 ? 2 : 0) + 48
  return copyBytes(sent, start, start + 103)
}

/** Hands it everything in `chunks`, and holds it to what a session promises. */
function feed(end: End, stream: Uint8Array, lengths: readonly number[]): void {
  let come = 0
  end.take()
  for (const chunk of cut(stream, lengths)) {
    const wasOver = end.session.state === 'over'
    const before = end.events.length
    end.receive(chunk)
    const said = end.take()
    come += chunk.length
    if (wasOver) expect([end.events.length - before, said.length]).toEqual([0, 0])
    expect(end.session.waiting).toBeLessThanOrEqual(come)
  }
  const { kinds } = end
  const ends = kinds.findIndex((kind) => kind === 'told' || kind === 'refused')
  expect(ends === -1 ? null : ends).toBe(end.session.state === 'over' ? kinds.length - 1 : null)
  expect(['proven', 'told', 'refused', undefined]).toContain(kinds[0])
  // A full responder may name other peers before its goodbye.
  const greeted = kinds.slice(1).filter((kind, i) => kind !== 'peers' || kinds.indexOf('established') < i)
  if (kinds[0] === 'proven') expect(['established', 'told', 'refused', undefined]).toContain(greeted[0])
  expect(kinds.lastIndexOf('proven')).toBeLessThanOrEqual(0)
  expect(kinds.lastIndexOf('established')).toBe(kinds.indexOf('established'))
  if (end.session.state === 'established') expect(greeted[0]).toBe('established')
}

const lengths = fc.oneof(
  fc.constant([100_000]),
  fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 }),
)
const someDamage = fc.array(anyDamage, { minLength: 1, maxLength: 4 })
const side = fc.constantFrom(...SIDES)
const frames = fc
  .array(fc.nat(FRAMES.length - 1), { maxLength: 12 })
  .map((picks) => picks.map((pick) => FRAMES[pick] ?? FRAMES[0]))
const plain = frames.map((list) => joinBytes(list.filter((frame) => frame !== undefined)))

describe('a session under damage', () => {
  it('is sound where nothing is damaged', () => {
    for (const one of SIDES) {
      const end = fresh(one)
      feed(end, HEARD[one], [100_000])
      expect(end.session.state).toBe('established')
    }
  })

  it('takes 8,000 damaged handshakes without an error or an event out of order', () => {
    fc.assert(
      fc.property(side, someDamage, lengths, (one, damages, chunks) => {
        feed(fresh(one), damaged(HEARD[one], damages), chunks)
      }),
      { numRuns: 8_000 },
    )
  })

  it('takes 8,000 streams of damaged frames in sound records', () => {
    fc.assert(
      fc.property(side, plain, someDamage, lengths, lengths, (one, whole, damages, records, chunks) => {
        const sealed = cut(
          damaged(whole, damages),
          records.map((length) => Math.min(length, 60_000)),
        ).map(toyRecord)
        feed(fresh(one), joinBytes([HEARD[one], ...sealed]), chunks)
      }),
      { numRuns: 8_000 },
    )
  })

  it('takes 4,000 streams of sound frames in damaged records', () => {
    fc.assert(
      fc.property(side, plain, someDamage, lengths, lengths, (one, whole, damages, records, chunks) => {
        const sealed = joinBytes(
          cut(
            whole,
            records.map((length) => Math.min(length, 60_000)),
          ).map(toyRecord),
        )
        feed(fresh(one), joinBytes([HEARD[one], damaged(sealed, damages)]), chunks)
      }),
      { numRuns: 4_000 },
    )
  })

  it('takes damage between two live ends, each of which goes on or tells its owner why not', () => {
    fc.assert(
      fc.property(side, someDamage, (one, damages) => {
        const edit: Edit = (from, bytes, start) => (from === one && start > 0 ? damaged(bytes, damages) : bytes)
        const two = makePair({ crypto: toyCrypto, edit }).pump()
        for (const { session, events } of [two.initiator, two.responder])
          expect(session.state === 'over').toBe(events.some(({ kind }) => kind === 'told' || kind === 'refused'))
      }),
      { numRuns: 2_000 },
    )
  })
})
