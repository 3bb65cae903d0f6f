import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EvictionCandidate } from '../../src/policy/eviction.js'
import { pickEviction } from '../../src/policy/eviction.js'

type Candidate = EvictionCandidate<number>

const inOrder = (group: string): string => group
const many = (count: number, of: (i: number) => Partial<Candidate>): Candidate[] =>
  Array.from({ length: count }, (_, key) => ({
    key,
    group: 'a',
    rttMs: null,
    novelAt: null,
    openedAt: key,
    ...of(key),
  }))

const groups = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
const crowds = fc
  .array(
    fc.record({
      group: groups,
      rttMs: fc.option(fc.nat(500)),
      novelAt: fc.option(fc.nat(1_000)),
      openedAt: fc.nat(1_000),
    }),
    { maxLength: 94, size: 'max' },
  )
  .map((drawn): Candidate[] => drawn.map((candidate, key) => ({ ...candidate, key })))

describe('an eviction', () => {
  it('takes nobody while everybody stands out, unless somebody must go', () => {
    expect(pickEviction<number>([], inOrder, true)).toBe(null)
    const few = many(1, () => ({}))
    expect(pickEviction(few, inOrder, false)).toBe(null)
    expect(pickEviction(few, inOrder, true)).toBe(0)
  })

  it('takes the youngest of the most crowded network', () => {
    const crowd = many(40, (key) => ({ group: key < 30 ? 'crowded' : `g${String(key)}` }))
    expect(pickEviction(crowd, inOrder, false)).toBe(29)
  })

  it('spares the eight nearest', () => {
    const crowd = many(60, (key) => ({ rttMs: key >= 52 ? 1 : 200 }))
    expect(pickEviction(crowd, inOrder, false)).toBe(51)
  })

  it('spares the four who last brought news', () => {
    const crowd = many(60, (key) => ({ novelAt: key >= 56 ? 900 + key : key }))
    expect(pickEviction(crowd, inOrder, false)).toBe(55)
  })

  it('spares the older half of the rest', () => {
    for (const count of [2, 9, 40]) {
      const crowd = many(count, () => ({}))
      // One is spared for its network; half of those who are left, for their age.
      const spared = 1 + Math.floor((count - 1) / 2)
      const gone = new Set<number>()
      for (let i = 0; i < count; i++) {
        const rotated = crowd.map((one) => ({ ...one, openedAt: (one.openedAt + i) % count }))
        const key = pickEviction(rotated, inOrder, false)
        if (key !== null) gone.add(rotated[key]?.openedAt ?? -1)
      }
      expect([...gone]).toEqual([count - 1])
      expect(spared).toBeLessThan(count)
    }
  })

  it('spares the longest link of each of the four networks that are first in the secret order, whatever that is', () => {
    const networks = ['g0', 'g1', 'g2', 'g3', 'g4', 'g5']
    fc.assert(
      fc.property(fc.shuffledSubarray(networks, { minLength: 6 }), (secret) => {
        const crowd = many(6, (key) => ({ group: `g${String(key)}` }))
        const order = (group: string): string => String(secret.indexOf(group))
        // Two networks are left over, and of their links the older stays.
        const left = secret.slice(4).map((group) => networks.indexOf(group))
        expect(pickEviction(crowd, order, false)).toBe(Math.max(...left))
      }),
    )
  })

  it('takes from the network that is most crowded among those who stand out in nothing, though younger ones are elsewhere', () => {
    // By age: 20 of many networks, then ten of one, and last three of another.
    const old = many(20, (key) => ({ group: `g${String(key)}` }))
    const big = many(10, (i) => ({ key: 100 + i, group: 'big', openedAt: 100 + i }))
    const small = many(3, (i) => ({ key: 200 + i, group: 'small', openedAt: 200 + i }))
    expect(pickEviction([...old, ...big, ...small], inOrder, false)).toBe(109)
    expect(pickEviction([...old, ...small, ...big], inOrder, false)).toBe(109)
    expect(pickEviction([...big.toReversed(), ...small, ...old], inOrder, false)).toBe(109)
  })

  it('takes of those who came in one instant whoever is listed last', () => {
    for (const count of [2, 3, 20])
      expect(
        pickEviction(
          many(count, () => ({ openedAt: 7 })),
          inOrder,
          false,
        ),
      ).toBe(count - 1)
  })

  it('always finds somebody where somebody must go, and never one of the eight nearest while others are there', () => {
    fc.assert(
      fc.property(crowds, (crowd) => {
        const forced = pickEviction(crowd, inOrder, true)
        expect(forced === null).toBe(crowd.length === 0)
        const chosen = pickEviction(crowd, inOrder, false)
        if (chosen === null) return
        expect(forced).toBe(chosen)
        const victim = crowd[chosen]
        if (victim === undefined) throw new Error('it took somebody who is not there')
        const others = crowd.filter((one) => one !== victim)
        const { rttMs: far, novelAt: quiet, openedAt: young } = victim
        if (far !== null)
          expect(others.filter(({ rttMs }) => rttMs !== null && rttMs <= far).length).toBeGreaterThanOrEqual(8)
        if (quiet !== null)
          expect(others.filter(({ novelAt }) => novelAt !== null && novelAt >= quiet).length).toBeGreaterThanOrEqual(4)
        // Half of those left over were here before it, each of them at least as long.
        const stays = Math.floor((crowd.length - Math.min(crowd.length, 4 + 8 + 4)) / 2)
        expect(others.filter(({ openedAt }) => openedAt <= young).length).toBeGreaterThanOrEqual(stays)
      }),
    )
  })

  it('makes way for another network only where that leaves the crowd more diverse', () => {
    fc.assert(
      fc.property(crowds, groups, (crowd, newcomer) => {
        const size = (wanted: string): number => crowd.filter(({ group }) => group === wanted).length
        const key = pickEviction(crowd, inOrder, false, newcomer)
        if (key === null) return
        const leaving = crowd[key]?.group ?? ''
        expect(size(leaving) - 1).toBeGreaterThanOrEqual(size(newcomer) + 1)
      }),
    )
    const crowd = many(40, (key) => ({ group: key < 38 ? 'a' : 'b' }))
    expect(pickEviction(crowd, inOrder, false, 'b')).toBe(37)
    expect(pickEviction(crowd, inOrder, false, 'a')).toBe(null)
    const mixed = (ofB: number): Candidate[] => many(40, (key) => ({ group: key < ofB ? 'b' : 'a' }))
    expect(pickEviction(mixed(19), inOrder, false, 'b')).toBe(39)
    expect(pickEviction([...mixed(19), ...many(1, () => ({ group: 'b' }))], inOrder, false, 'b')).toBe(null)
  })

  it('keeps whoever was here before a flood from few networks', () => {
    // 40 honest peers of 20 networks; then an attacker comes with 400 links from two, one after the other.
    let crowd = many(40, (key) => ({ group: `h${String(key % 20)}`, rttMs: 50 + key, openedAt: key }))
    for (let i = 0; i < 400; i++) {
      const group = `x${String(i % 2)}`
      const key = crowd.length < 75 ? null : pickEviction(crowd, inOrder, false, group)
      if (crowd.length >= 75 && key === null) continue
      const left = crowd.filter((one) => one.key !== key)
      crowd = [...left, { key: 1_000 + i, group, rttMs: 1, novelAt: null, openedAt: 1_000 + i }]
    }
    expect(crowd.filter(({ group }) => group.startsWith('h'))).toHaveLength(40)
  })
})
