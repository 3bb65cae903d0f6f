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

  it('spares the longest link of each of the four networks that are first in the secret order', () => {
    const crowd = many(12, (key) => ({ group: `g${String(key % 6)}` }))
    const isFirst = (group: string): boolean => ['g1', 'g2', 'g4', 'g5'].includes(group)
    const order = (group: string): string => (isFirst(group) ? `0${group}` : `1${group}`)
    // Of the two left over, g0 and g3, and of the younger links of all, the older half stays.
    const key = pickEviction(crowd, order, false)
    expect(key).not.toBe(null)
    for (const safe of [1, 2, 4, 5]) {
      const aged = crowd.map((one) => ({ ...one, openedAt: one.key === safe ? 99 : 100 + one.key }))
      expect(pickEviction(aged, order, false)).not.toBe(safe)
    }
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
