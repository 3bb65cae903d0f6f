import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Candidate } from '../../src/policy/candidates.js'
import { pickCandidates, pickCold } from '../../src/policy/candidates.js'
import type { PeerClass, PeerId } from '../../src/ports/types.js'
import type { Random } from '../../src/ports/clock.js'
import { SeededRandom } from '../../src/testing/index.js'

const HOUR_MS = 3_600_000
const CLASSES: readonly PeerClass[] = ['masternode', 'persistent', 'regular', 'unknown']
/** Chance that always draws the same. */
const always = (drawn: number): Random => ({ float: () => drawn, bytes: (length) => new Uint8Array(length) })
const one = (name: string, more: Partial<Candidate> = {}): Candidate => ({
  peerId: name as PeerId,
  peerClass: 'regular',
  score: 0,
  group: name,
  ageMs: HOUR_MS,
  ...more,
})
const namesOf = (picks: readonly Candidate[]): string[] => picks.map(({ peerId }) => peerId)
const ranked = (...candidates: Candidate[]): string[] =>
  namesOf(pickCandidates(candidates, candidates.length, new Map(), always(0.999)))

describe('pickCandidates', () => {
  it('picks as many as are wanted and there, each once, and only from those given', () => {
    const candidate = fc.record({
      peerClass: fc.constantFrom(...CLASSES),
      score: fc.integer({ min: -100, max: 100 }),
      group: fc.constantFrom('a', 'b', 'c'),
      ageMs: fc.option(fc.nat(10 * HOUR_MS)),
    })
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 40 }), fc.nat(50), fc.nat(), (given, count, seed) => {
        const candidates = given.map((more, i) => one(String(i), more))
        const picks = pickCandidates(candidates, count, new Map([['a', 2]]), new SeededRandom(seed))
        expect(picks.length).toBe(Math.min(count, candidates.length))
        expect(new Set(picks).size).toBe(picks.length)
        for (const pick of picks) expect(candidates).toContain(pick)
      }),
    )
  })

  it('goes by class also where the clock has gone back by days since', () => {
    const future = one('future', { peerClass: 'unknown', score: -100, ageMs: -30 * 24 * HOUR_MS })
    const known = one('known', { peerClass: 'regular', score: -20, ageMs: 10 * HOUR_MS })
    expect(pickCandidates([future, known], 1, new Map(), new SeededRandom(1))).toEqual([known])
  })

  it('goes by class before anything else', () => {
    const best = { score: 100, ageMs: 0 }
    const classes = CLASSES.map((peerClass, i) => one(peerClass, { peerClass, score: -100 + i * 60, ageMs: 1e12 }))
    expect(ranked(...classes.toReversed())).toEqual([...CLASSES])
    expect(ranked(one('regular', best), one('masternode', { peerClass: 'masternode', score: -100 }))).toEqual([
      'masternode',
      'regular',
    ])
  })

  it('puts an anchor before all other strangers, and a stranger that is avoided behind them', () => {
    const anchor = one('anchor', { peerClass: 'unknown', isAnchor: true, ageMs: 1e12 })
    expect(ranked(one('regular', { score: 100 }), anchor)).toEqual(['anchor', 'regular'])
    expect(ranked(one('persistent', { peerClass: 'persistent', score: -100 }), anchor)).toEqual([
      'persistent',
      'anchor',
    ])
    const poor = one('poor', { score: -20, ageMs: 0 })
    expect(ranked(poor, one('unknown', { peerClass: 'unknown', score: -19 }))).toEqual(['unknown', 'poor'])
    expect(ranked({ ...anchor, score: -20 }, poor, one('plain'))).toEqual(['plain', 'anchor', 'poor'])
  })

  it('prefers the better score, the fresher peer, and the network with fewer links', () => {
    expect(ranked(one('worse', { score: 10 }), one('better', { score: 11 }))).toEqual(['better', 'worse'])
    expect(ranked(one('older', { ageMs: 7 * HOUR_MS }), one('newer', { ageMs: HOUR_MS }))).toEqual(['newer', 'older'])
    const links = new Map([['crowded', 1]])
    const [crowded, empty] = [one('c', { group: 'crowded' }), one('e', { group: 'empty' })]
    expect(namesOf(pickCandidates([crowded, empty], 2, links, always(0.999)))).toEqual(['e', 'c'])
  })

  it('weighs as it says: 45 parts score, 25 diversity, 20 freshness', () => {
    // 0.45 · 60/200 = 0.135 outweighs 0.25 · 1/2 = 0.125, and 0.45 · 50/200 does not.
    const links = new Map([['crowded', 1]])
    const pick = (score: number): string[] =>
      namesOf(pickCandidates([one('empty'), one('crowded', { score })], 1, links, always(0.999)))
    expect([pick(60), pick(50)]).toEqual([['crowded'], ['empty']])
    // 0.20 · (1 − 2^(−1)) = 0.1 lies between 0.45 · 50/200 and 0.45 · 40/200.
    const old = { ageMs: 6 * HOUR_MS }
    expect(ranked(one('old', { ...old, score: 50 }), one('fresh', { ageMs: 0 }))[0]).toBe('old')
    expect(ranked(one('old', { ...old, score: 40 }), one('fresh', { ageMs: 0 }))[0]).toBe('fresh')
  })

  it('takes nobody for untried who was seen before, or is more than a stranger', () => {
    const seen = one('seen', { peerClass: 'unknown', ageMs: 0 })
    const known = one('known', { ageMs: null })
    const untried = one('untried', { peerClass: 'unknown', score: -19, ageMs: null })
    const first = (...candidates: Candidate[]): string[] => namesOf(pickCandidates(candidates, 1, new Map(), always(0)))
    expect(first(seen, known, untried)).toEqual(['untried'])
    expect(first(seen, one('plain', { score: 1 }), known)).toEqual(['plain'])
  })

  it('takes whoever was never seen for half as fresh as one that is here', () => {
    const never = one('never', { ageMs: null })
    expect(ranked(never, one('recent', { ageMs: 5 * HOUR_MS }))).toEqual(['recent', 'never'])
    expect(ranked(one('long ago', { ageMs: 7 * HOUR_MS }), never)).toEqual(['never', 'long ago'])
  })

  it('picks an address nobody has tried one time in five, while there are any', () => {
    const random = new SeededRandom(11)
    const tried = Array.from({ length: 30 }, (_, i) => one(`tried ${String(i)}`))
    const untried = Array.from({ length: 30 }, (_, i) =>
      one(`untried ${String(i)}`, { peerClass: 'unknown', ageMs: null }),
    )
    let count = 0
    for (let round = 0; round < 500; round++)
      for (const { ageMs } of pickCandidates([...tried, ...untried], 10, new Map(), random)) if (ageMs === null) count++
    expect(count / 5_000).toBeGreaterThan(0.18)
    expect(count / 5_000).toBeLessThan(0.22)
    expect(pickCandidates(tried, 10, new Map(), always(0)).length).toBe(10)
  })
})

describe('pickCold', () => {
  it('gives nobody of nobody', () => {
    expect(pickCold([], new SeededRandom(1))).toBe(null)
  })

  it('always gives one of those there are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.nat(1_000 * HOUR_MS)), { minLength: 1 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (ages, drawn) => {
          const cold = ages.map((ageMs) => ({ ageMs }))
          expect(cold).toContain(pickCold(cold, always(drawn)))
        },
      ),
    )
  })

  it('draws by a weight that halves every hour, and leaves the oldest a chance', () => {
    const cold = [{ ageMs: 0 }, { ageMs: HOUR_MS }, { ageMs: 2 * HOUR_MS }]
    const counts = [0, 0, 0]
    const random = new SeededRandom(5)
    for (let i = 0; i < 7_000; i++) {
      const drawn = pickCold(cold, random)
      const at = cold.findIndex((other) => other === drawn)
      counts[at] = (counts[at] ?? 0) + 1
    }
    for (const [i, expected] of [4_000, 2_000, 1_000].entries())
      expect(Math.abs((counts[i] ?? 0) - expected)).toBeLessThan(0.1 * expected)
    expect(pickCold([{ ageMs: 0 }, { ageMs: 1e12 }], always(0.999_999_9))).toEqual({ ageMs: 1e12 })
  })
})
