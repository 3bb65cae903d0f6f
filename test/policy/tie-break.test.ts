import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Contest, Judgement } from '../../src/policy/tie-break.js'
import { EpochHistory, isPreferredDialer, judgeDuplicate } from '../../src/policy/tie-break.js'
import { crypto } from '../../src/runtime/crypto-node.js'

const keys = fc.uint8Array({ minLength: 32, maxLength: 32 })

describe('isPreferredDialer', () => {
  it('holds for exactly one of any two', () => {
    fc.assert(
      fc.property(keys, keys, (a, b) => {
        fc.pre(Buffer.compare(a, b) !== 0)
        expect(isPreferredDialer(a, b, crypto)).toBe(!isPreferredDialer(b, a, crypto))
      }),
    )
  })

  it('is a fair draw: over many ids neither the lower nor the higher is favoured, nor any one id everywhere', () => {
    const ids = Array.from({ length: 200 }, (_, i) => crypto.sha256([Uint8Array.of(i)]))
    let lower = 0
    let pairs = 0
    for (const [i, a] of ids.entries()) {
      let won = 0
      for (const [j, b] of ids.entries()) {
        if (i === j) continue
        const preferred = isPreferredDialer(a, b, crypto)
        if (preferred) won++
        if (i > j) continue
        pairs++
        if (preferred === Buffer.compare(a, b) < 0) lower++
      }
      // Of 199 fair draws, 60 to 139 wins is within five and a half deviations.
      expect(won).toBeGreaterThanOrEqual(60)
      expect(won).toBeLessThanOrEqual(139)
    }
    expect(Math.abs(lower / pairs - 0.5)).toBeLessThan(0.02)
  })

  it('is the draw that every other version makes: the lower key wins where the hash of both, lower first, is even', () => {
    const key = (first: number): Uint8Array => new Uint8Array(32).fill(first, 0, 1)
    // By sha256sum the first bytes of the hashes are ca for 1 and 3, and ff for 1 and 2.
    expect([isPreferredDialer(key(1), key(3), crypto), isPreferredDialer(key(3), key(1), crypto)]).toEqual([
      true,
      false,
    ])
    expect([isPreferredDialer(key(1), key(2), crypto), isPreferredDialer(key(2), key(1), crypto)]).toEqual([
      false,
      true,
    ])
  })
})

/** Two links between two processes, as each end judges them once every pong that will ever come has come. */
interface Duel {
  readonly preferred: 'a' | 'b'
  /** Who dialled each link. */
  readonly dialled: readonly ['a' | 'b', 'a' | 'b']
  /** Whether bytes pass on each link. */
  readonly alive: readonly [boolean, boolean]
  /** Which link each end had first. */
  readonly first: Readonly<Record<'a' | 'b', 0 | 1>>
  readonly superseded: boolean
}

const duels = fc.record<Duel>({
  preferred: fc.constantFrom('a', 'b'),
  dialled: fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom('a', 'b')),
  alive: fc.tuple(fc.boolean(), fc.boolean()),
  first: fc.record({ a: fc.constantFrom(0, 1), b: fc.constantFrom(0, 1) }),
  superseded: fc.constant(false),
})

function judgedBy(end: 'a' | 'b', { preferred, dialled, alive, first }: Duel, overdue: boolean): Judgement {
  const incumbent = first[end]
  const newcomer = incumbent === 0 ? 1 : 0
  return judgeDuplicate({
    newcomerAnswered: alive[newcomer],
    incumbentAnswered: alive[incumbent],
    overdue,
    sameEpoch: true,
    returning: false,
    superseded: false,
    preferred: preferred === end,
    patient: true,
    incumbentOutbound: dialled[incumbent] === end,
    newcomerOutbound: dialled[newcomer] === end,
  })
}

/** The link that an end closes by that judgement, null for none. */
function closedBy(end: 'a' | 'b', duel: Duel, overdue: boolean): 0 | 1 | null {
  const incumbent = duel.first[end]
  switch (judgedBy(end, duel, overdue)) {
    case 'wait':
    case 'leave':
    case 'conflict':
      return null
    case 'keep-newcomer':
      return incumbent
    case 'keep-incumbent':
    case 'newcomer-silent':
      return incumbent === 0 ? 1 : 0
  }
}

describe('judgeDuplicate', () => {
  it('never has the two ends close both of two living links, and closes exactly one', () => {
    fc.assert(
      fc.property(duels, fc.boolean(), (duel, overdue) => {
        const living: Duel = { ...duel, alive: [true, true] }
        const closed = [closedBy('a', living, overdue), closedBy('b', living, overdue)].filter((link) => link !== null)
        expect(new Set(closed).size).toBe(1)
        const judge = living.preferred
        expect(closedBy(judge, living, overdue)).not.toBe(null)
      }),
      { numRuns: 1_000 },
    )
  })

  it('keeps the link that the preferred side dialled, where each side dialled one', () => {
    fc.assert(
      fc.property(duels, (duel) => {
        const living: Duel = { ...duel, alive: [true, true], dialled: ['a', 'b'] }
        const closed = closedBy(living.preferred, living, false)
        expect(closed).toBe(living.preferred === 'a' ? 1 : 0)
      }),
    )
  })

  it('keeps the newer where one side dialled both', () => {
    fc.assert(
      fc.property(duels, fc.constantFrom('a' as const, 'b' as const), (duel, dialler) => {
        const living: Duel = { ...duel, alive: [true, true], dialled: [dialler, dialler] }
        expect(closedBy(living.preferred, living, false)).toBe(living.first[living.preferred])
      }),
    )
  })

  it('never closes a living link in favour of a dead one', () => {
    fc.assert(
      fc.property(duels, fc.constantFrom('a' as const, 'b' as const), fc.boolean(), (duel, end, overdue) => {
        const closed = closedBy(end, duel, overdue)
        if (closed !== null && duel.alive[closed]) expect(duel.alive[closed === 0 ? 1 : 0]).toBe(true)
      }),
      { numRuns: 1_000 },
    )
  })

  it('waits for neither longer than the probe', () => {
    fc.assert(
      fc.property(duels, fc.constantFrom('a' as const, 'b' as const), (duel, end) => {
        expect(judgedBy(end, duel, true)).not.toBe('wait')
      }),
    )
  })

  it('is the other side’s to judge where that is preferred, for as long as it takes a trusted one, and else in time', () => {
    const contest = {
      newcomerAnswered: true,
      incumbentAnswered: true,
      overdue: false,
      sameEpoch: true,
      returning: false,
      superseded: false,
      preferred: false,
      patient: true,
      incumbentOutbound: false,
      newcomerOutbound: false,
    }
    expect(judgeDuplicate(contest)).toBe('leave')
    expect(judgeDuplicate({ ...contest, overdue: true })).toBe('leave')
    expect(judgeDuplicate({ ...contest, patient: false })).toBe('leave')
    expect(judgeDuplicate({ ...contest, overdue: true, patient: false })).toBe('keep-incumbent')
  })

  it('waits for a proof before anything else, new process or not', () => {
    const contest: Contest = {
      newcomerAnswered: false,
      incumbentAnswered: false,
      overdue: false,
      sameEpoch: false,
      returning: false,
      superseded: true,
      preferred: true,
      patient: true,
      incumbentOutbound: false,
      newcomerOutbound: false,
    }
    expect(judgeDuplicate(contest)).toBe('wait')
    expect(judgeDuplicate({ ...contest, overdue: true })).toBe('newcomer-silent')
    expect(judgeDuplicate({ ...contest, newcomerAnswered: true })).toBe('keep-newcomer')
    expect(judgeDuplicate({ ...contest, newcomerAnswered: true, sameEpoch: true })).toBe('keep-newcomer')
    expect(judgeDuplicate({ ...contest, newcomerAnswered: true, sameEpoch: true, superseded: false })).toBe('wait')
  })

  it('finds a conflict between two processes that live, and none with one that stays silent', () => {
    const contest: Contest = {
      newcomerAnswered: true,
      incumbentAnswered: true,
      overdue: false,
      sameEpoch: false,
      returning: true,
      superseded: true,
      preferred: true,
      patient: true,
      incumbentOutbound: false,
      newcomerOutbound: false,
    }
    expect(judgeDuplicate(contest)).toBe('conflict')
    expect(judgeDuplicate({ ...contest, newcomerAnswered: false })).toBe('wait')
    expect(judgeDuplicate({ ...contest, incumbentAnswered: false })).toBe('wait')
    expect(judgeDuplicate({ ...contest, incumbentAnswered: false, overdue: true })).toBe('keep-newcomer')
  })

  it('gives the place of a link that stays silent to the one that answers, whoever is preferred', () => {
    fc.assert(
      fc.property(duels, fc.constantFrom('a' as const, 'b' as const), (duel, end) => {
        const living = duel.first[end] === 0 ? 1 : 0
        expect(judgedBy(end, { ...duel, alive: [living === 0, living === 1] }, true)).toBe('keep-newcomer')
      }),
    )
  })
})

describe('EpochHistory', () => {
  const MINUTE = 60_000

  it('finds A, B, A within ten minutes a conflict, and waits twice as long each time, up to an hour', () => {
    const history = new EpochHistory()
    history.took('A', 0)
    history.took('B', 1)
    expect(history.isReturning('A', 10 * MINUTE)).toBe(true)
    const waits = Array.from({ length: 9 }, () => history.refuse() / MINUTE)
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60])
  })

  it('finds nothing wrong with the same process, with a third one, or after ten minutes', () => {
    const history = new EpochHistory()
    history.took('A', 0)
    history.took('B', 1)
    history.took('B', 5 * MINUTE)
    const returning = (epoch: string, at: number): boolean => history.isReturning(epoch, at)
    expect([returning('B', 2), returning('C', 2)]).toEqual([false, false])
    expect([returning('A', 10 * MINUTE + 1), returning('A', 10 * MINUTE + 2)]).toEqual([true, false])
  })
})
