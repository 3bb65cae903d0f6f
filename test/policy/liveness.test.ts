import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { LivenessRule } from '../../src/policy/liveness.js'
import { Liveness } from '../../src/policy/liveness.js'

const MASTERNODE: LivenessRule = { idlePingMs: 10_000, silenceMaxMs: 180_000, missesMax: 6 }
const REGULAR: LivenessRule = { idlePingMs: 30_000, silenceMaxMs: 90_000, missesMax: 3 }

interface Course {
  readonly pingsAt: readonly number[]
  readonly suspectAt: number | null
  readonly closedAt: number | null
}

/** Asks at the times that each check names, as its owner does. */
function watch(liveness: Liveness, from: number, untilMs: number, lagMs = 0): Course {
  const pingsAt: number[] = []
  let suspectAt: number | null = null
  for (let now = from; now <= untilMs; ) {
    const check = liveness.check(now, lagMs)
    if (check.kind === 'close') return { pingsAt, suspectAt, closedAt: now }
    if (check.kind === 'ping') {
      pingsAt.push(now)
      if (check.suspect) suspectAt ??= now
    }
    expect(check.nextAt).toBeGreaterThan(now)
    now = check.nextAt
  }
  return { pingsAt, suspectAt, closedAt: null }
}

describe('a silent link', () => {
  it('of a masternode is suspect after 16 s with a quick round trip, and closed after 180 s', () => {
    const course = watch(new Liveness(MASTERNODE, 0), 0, 1_000_000)
    expect(course.suspectAt).toBe(16_000)
    expect(course.closedAt).toBe(180_000)
  })

  it('of a regular peer is suspect after 36 s, and closed after 90 s', () => {
    const course = watch(new Liveness(REGULAR, 0), 0, 1_000_000)
    expect(course.suspectAt).toBe(36_000)
    expect(course.closedAt).toBe(90_000)
  })

  it('of a masternode is suspect between 16 and 20 s, whatever round trip below 250 ms was measured', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 250 }), { maxLength: 20 }), (trips) => {
        const liveness = new Liveness(MASTERNODE, 0)
        for (const trip of trips) liveness.measured(trip)
        const { suspectAt } = watch(liveness, 0, 1_000_000)
        expect(suspectAt).toBeGreaterThanOrEqual(16_000)
        expect(suspectAt).toBeLessThanOrEqual(20_000)
      }),
    )
  })

  it('is never closed before its time, nor with fewer pings than the class allows to miss', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(MASTERNODE, REGULAR),
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 0, max: 10_000 }),
        (rule, trip, lagMs) => {
          const liveness = new Liveness(rule, 0)
          liveness.measured(trip)
          const { closedAt, pingsAt } = watch(liveness, 0, 10_000_000, lagMs)
          expect(closedAt).toBeGreaterThanOrEqual(rule.silenceMaxMs)
          expect(pingsAt.length).toBeGreaterThanOrEqual(rule.missesMax)
        },
      ),
    )
  })

  it('is not closed in time where too few pings went unanswered by then', () => {
    const { closedAt, pingsAt } = watch(new Liveness({ ...MASTERNODE, missesMax: 12 }, 0), 0, 1_000_000)
    expect(pingsAt.length).toBe(12)
    expect(closedAt).toBe(286_000)
  })

  it('is pinged every 30 s while suspect', () => {
    const { pingsAt } = watch(new Liveness(MASTERNODE, 0), 0, 1_000_000)
    expect(pingsAt).toEqual([10_000, 12_000, 14_000, 16_000, 46_000, 76_000, 106_000, 136_000, 166_000])
  })

  it('is cleared by any byte at any time, and starts afresh', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 179_999 }), (at) => {
        const liveness = new Liveness(MASTERNODE, 0)
        const { suspectAt } = watch(liveness, 0, at)
        expect(liveness.suspect).toBe(suspectAt !== null)
        expect(liveness.heard(at)).toBe(suspectAt !== null)
        expect(liveness.suspect).toBe(false)
        expect(liveness.heardAt).toBe(at)
        const after = watch(liveness, at, at + 179_999)
        expect(after.suspectAt).toBe(at + 16_000)
        expect(after.closedAt).toBe(null)
      }),
    )
  })
})

describe('a probe', () => {
  it('may take srtt + 4·rttvar + lag, within 2 and 10 s', () => {
    const liveness = new Liveness(MASTERNODE, 0)
    expect(liveness.probeTimeoutMs(0)).toBe(2_000)
    expect(liveness.probeTimeoutMs(500)).toBe(2_500)
    liveness.measured(1_000)
    expect(liveness.rttMs).toBe(1_000)
    expect(liveness.probeTimeoutMs(0)).toBe(3_000)
    expect(liveness.probeTimeoutMs(50_000)).toBe(10_000)
    liveness.measured(2_000)
    expect(liveness.rttMs).toBe(1_125)
    expect(liveness.probeTimeoutMs(0)).toBe(1_125 + 4 * 625)
  })

  it('of a link that speaks is never sent', () => {
    const liveness = new Liveness(REGULAR, 0)
    for (let now = 0; now < 1_000_000; now += 29_999) {
      expect(liveness.check(now, 0)).toEqual({ kind: 'fine', nextAt: now + (now === 0 ? 30_000 : 1) })
      liveness.heard(now)
      expect(liveness.check(now, 0)).toEqual({ kind: 'fine', nextAt: now + 30_000 })
    }
  })
})
