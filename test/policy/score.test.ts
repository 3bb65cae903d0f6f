import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ScoreBook } from '../../src/policy/score.js'
import type { PeerId } from '../../src/ports/types.js'

const PEER = 'peer' as PeerId
const DAY_MS = 86_400_000

describe('a score', () => {
  it('of somebody unknown is nothing, and costs nothing', () => {
    const nothing = { total: 0, success: 0, uptime: 0, latency: 0, penalty: 0 }
    expect(new ScoreBook().score(PEER, null, 0, 1_000)).toEqual(nothing)
  })

  it('stays within its bounds, term by term, whatever happens', () => {
    const happening = fc.record({
      what: fc.constantFrom('succeeded', 'failed', 'linked', 'unlinked'),
      ms: fc.nat(2 * DAY_MS),
      rttMs: fc.option(fc.nat(20_000)),
      penalty: fc.nat(1_000),
    })
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 50, size: 'max' }), (happenings) => {
        const book = new ScoreBook()
        let now = 0
        for (const { what, ms, rttMs, penalty } of happenings) {
          now += ms
          if (what === 'linked') book.linked(PEER, now)
          else if (what === 'unlinked') book.unlinked(PEER, rttMs, now)
          else book.outcome(PEER, what === 'succeeded', now)
          const { total, success, uptime, latency, ...rest } = book.score(PEER, rttMs, penalty, now)
          expect(Math.abs(success)).toBeLessThanOrEqual(1)
          for (const share of [uptime, latency]) {
            expect(share).toBeGreaterThanOrEqual(0)
            expect(share).toBeLessThanOrEqual(1)
          }
          expect(rest.penalty).toBe(penalty)
          const sum = 50 * success + 25 * uptime + 25 * latency - penalty
          expect(total).toBeCloseTo(Math.min(100, Math.max(-100, sum)), 9)
        }
      }),
    )
  })

  it('rises with success and falls with failure, the latest counting a fifth', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 30, size: 'max' }), (outcomes) => {
        const book = new ScoreBook()
        let before = 0
        for (const succeeded of outcomes) {
          book.outcome(PEER, succeeded, 0)
          const { success } = book.score(PEER, null, 0, 0)
          expect(success).toBeCloseTo(0.8 * before + (succeeded ? 0.2 : -0.2), 9)
          before = success
        }
      }),
    )
  })

  it('falls with latency, from the whole of it to nothing at a second', () => {
    fc.assert(
      fc.property(fc.nat(3_000), fc.nat(3_000), (a, b) => {
        const book = new ScoreBook()
        const [fast, slow] = [book.score(PEER, Math.min(a, b), 0, 0), book.score(PEER, Math.max(a, b), 0, 0)]
        expect(fast.total).toBeGreaterThanOrEqual(slow.total)
        if (Math.min(a, b) < Math.min(1_000, Math.max(a, b))) expect(fast.latency).toBeGreaterThan(slow.latency)
      }),
    )
    expect(new ScoreBook().score(PEER, 0, 0, 0)).toMatchObject({ latency: 1, total: 25 })
    expect(new ScoreBook().score(PEER, 1_000, 0, 0)).toMatchObject({ latency: 0, total: 0 })
  })

  it('falls by every point of penalty', () => {
    expect(new ScoreBook().score(PEER, 0, 40, 0)).toMatchObject({ penalty: 40, total: -15 })
    expect(new ScoreBook().score(PEER, 0, 500, 0)).toMatchObject({ penalty: 500, total: -100 })
  })

  it('counts as uptime the share of the time since the peer is known in which it was linked', () => {
    const book = new ScoreBook()
    book.linked(PEER, 0)
    expect(book.score(PEER, null, 0, 1_000).uptime).toBe(1)
    book.unlinked(PEER, null, 1_000)
    expect(book.score(PEER, null, 0, 4_000).uptime).toBeCloseTo(0.25, 9)
    book.linked(PEER, 4_000)
    expect(book.score(PEER, null, 0, 6_000).uptime).toBeCloseTo(0.5, 9)
  })

  it('counts a second link beside the first only once', () => {
    const book = new ScoreBook()
    book.linked(PEER, 0)
    book.linked(PEER, 500)
    book.unlinked(PEER, null, 1_000)
    book.unlinked(PEER, null, 2_000)
    expect(book.score(PEER, null, 0, 2_000).uptime).toBeCloseTo(0.5, 9)
  })

  it('reaches full uptime after a day on one link, however long the peer had been away', () => {
    const book = new ScoreBook()
    book.outcome(PEER, true, 0)
    book.linked(PEER, 30 * DAY_MS)
    expect(book.score(PEER, null, 0, 30.5 * DAY_MS).uptime).toBeCloseTo(0.5, 9)
    expect(book.score(PEER, null, 0, 31 * DAY_MS).uptime).toBe(1)
  })

  it('keeps the share of all its time where the peer is known for days and gone', () => {
    const book = new ScoreBook()
    book.linked(PEER, DAY_MS)
    book.unlinked(PEER, null, 3 * DAY_MS)
    expect(book.score(PEER, null, 0, 5 * DAY_MS).uptime).toBeCloseTo(0.5, 9)
  })

  it('remembers the last round trip of a link that is gone', () => {
    const book = new ScoreBook()
    book.linked(PEER, 0)
    book.unlinked(PEER, 100, 1_000)
    expect(book.score(PEER, null, 0, 1_000).latency).toBeCloseTo(0.9, 9)
    book.unlinked(PEER, null, 1_000)
    expect(book.score(PEER, null, 0, 1_000).latency).toBeCloseTo(0.9, 9)
    expect(book.score(PEER, 500, 0, 1_000).latency).toBeCloseTo(0.5, 9)
  })

  it('is forgotten for the peer that has changed least recently, where there are too many', () => {
    const book = new ScoreBook(2)
    const [a, b, c] = ['a', 'b', 'c'] as PeerId[] as [PeerId, PeerId, PeerId]
    for (const id of [a, b, a, c]) book.outcome(id, true, 0)
    expect([a, b, c].map((id) => book.score(id, null, 0, 0).success > 0)).toEqual([true, false, true])
  })

  it('keeps a bound that is a sensible number', () => {
    for (const peersMax of [0, -1, 1.5, Number.NaN])
      expect(() => new ScoreBook(peersMax)).toThrow('peersMax must be a whole number from 1 to 1048576')
  })
})

describe('the snapshot of scores', () => {
  const [A, B] = ['a', 'b'].map((letter) => letter.repeat(55)) as [PeerId, PeerId]
  const item = (changes: object): object => ({
    id: A,
    success: 0.5,
    linkedMs: 1_000,
    knownMs: 4_000,
    rttMs: 100,
    ...changes,
  })
  const restored = (snapshot: unknown, peersMax = 8): ScoreBook => {
    const book = new ScoreBook(peersMax)
    book.restore(snapshot, 50_000)
    return book
  }
  const holding = (...scores: unknown[]): unknown => ({ version: 1, scores })
  const NOTHING = { version: 1, scores: [] }

  it('holds durations, the present link among them, and gives the same scores at any other time', () => {
    const book = new ScoreBook()
    book.outcome(A, true, 10_000)
    book.linked(A, 11_000)
    book.unlinked(A, 100, 13_000)
    book.linked(A, 15_000)
    book.outcome(B, false, 12_000)
    const snapshot = book.snapshot(16_000)
    expect(snapshot).toEqual(
      holding(
        { id: A, success: 0.6, linkedMs: 3_000, knownMs: 6_000, rttMs: 100 },
        { id: B, success: 0.4, linkedMs: 0, knownMs: 4_000, rttMs: null },
      ),
    )
    const copy = restored(JSON.parse(JSON.stringify(snapshot)))
    for (const id of [A, B]) expect(copy.score(id, null, 0, 50_000)).toEqual(book.score(id, null, 0, 16_000))
    expect(copy.snapshot(50_000)).toEqual(snapshot)
  })

  it('of another version, or of no such form, brings nothing', () => {
    for (const snapshot of [
      null,
      undefined,
      1,
      'text',
      {},
      { version: 2, scores: [item({})] },
      { version: 1, scores: item({}) },
    ])
      expect(restored(snapshot).snapshot(50_000)).toEqual(NOTHING)
  })

  it('brings nothing of a peer of which anything makes no sense', () => {
    const durations = [-1, '1', NaN, Infinity, undefined, [1]]
    const senseless = [
      ...['x', 1, [A]].map((id) => ({ id })),
      ...['0.5', -0.01, 1.01, NaN, null].map((success) => ({ success })),
      ...[...durations, null].flatMap((ms) => [{ linkedMs: ms }, { knownMs: ms }]),
      ...durations.map((rttMs) => ({ rttMs })),
    ]
    for (const changes of senseless) expect(restored(holding(item(changes))).snapshot(50_000)).toEqual(NOTHING)
    for (const odd of [null, 1, 'text']) expect(restored(holding(odd)).snapshot(50_000)).toEqual(NOTHING)
  })

  it('brings what lies just within its bounds, and no more link time than there was time', () => {
    for (const changes of [
      {},
      { success: 0 },
      { success: 1 },
      { linkedMs: 0 },
      { linkedMs: 0, knownMs: 0 },
      { rttMs: 0 },
      { rttMs: null },
    ])
      expect(restored(holding(item(changes))).snapshot(50_000)).toEqual(holding(item(changes)))
    expect(restored(holding(item({ linkedMs: 9_000 }))).snapshot(50_000)).toEqual(holding(item({ linkedMs: 4_000 })))
  })

  it('takes nothing from what is known, and brings no more peers than there may be', () => {
    const book = new ScoreBook()
    book.outcome(A, true, 50_000)
    book.restore(holding(item({ success: 0 })), 50_000)
    expect(book.score(A, null, 0, 50_000).success).toBeCloseTo(0.2, 9)
    expect(restored(holding(item({}), item({ id: B })), 1).snapshot(50_000)).toEqual(holding(item({})))
  })
})
