import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PartitionChange } from '../../src/policy/partition.js'
import { PartitionDetector } from '../../src/policy/partition.js'
import type { PeerId } from '../../src/ports/types.js'

const ids = (count: number): PeerId[] => Array.from({ length: count }, (_, i) => `peer${String(i)}` as PeerId)
const view = (listed: number, missing: number) => ({ listed, missing: new Set(ids(missing)) })

/** A detector that has seen its whole list at 0. */
function whole(listed: number): PartitionDetector {
  const detector = new PartitionDetector(0)
  expect(detector.update(view(listed, 0), 0)).toBe(null)
  return detector
}

describe('a partition', () => {
  it('is suspected when the reachable share falls under two thirds, however slowly', () => {
    const detector = whole(12)
    for (const [missing, at] of [
      [2, 100_000],
      [4, 200_000],
    ] as const)
      expect(detector.update(view(12, missing), at)).toBe(null)
    expect(detector.update(view(12, 5), 300_000)).toEqual({ kind: 'suspected', missing: ids(5), listed: 12 })
    expect(detector.suspectedAt).toBe(300_000)
  })

  it('is suspected when the share falls by 30 points within a minute, and not within more', () => {
    expect(whole(10).update(view(10, 2), 60_000)).toBe(null)
    expect(whole(10).update(view(10, 3), 60_000)).toMatchObject({ kind: 'suspected' })
    for (const [ms, kind] of [
      [60_000, 'suspected'],
      [60_001, undefined],
    ] as const) {
      const detector = whole(10)
      expect(detector.update(view(10, 2), 1_000)).toBe(null)
      expect(detector.update(view(10, 3), 1_000 + ms)?.kind).toBe(kind)
    }
  })

  it('is suspected by a fall whenever the share before it was first seen', () => {
    const detector = new PartitionDetector(0)
    for (let at = 0; at < 59_000; at += 1_000) expect(detector.update(view(10, 0), at)).toBe(null)
    expect(detector.update(view(10, 2), 59_000)).toBe(null)
    expect(detector.update(view(10, 3), 61_000)).toMatchObject({ kind: 'suspected' })
  })

  it('is suspected for 30 points, of a list of any length', () => {
    for (let listed = 10; listed <= 200; listed += 10) {
      const detector = new PartitionDetector(0)
      detector.update(view(listed, 1), 0)
      expect(detector.update(view(listed, 1 + (3 * listed) / 10), 1_000)).toMatchObject({ kind: 'suspected' })
    }
  })

  it('is not suspected for one peer, nor of a list of three', () => {
    expect(whole(4).update(view(4, 1), 1_000)).toBe(null)
    expect(whole(4).update(view(4, 2), 1_000)).not.toBe(null)
    expect(whole(3).update(view(3, 3), 1_000)).toBe(null)
  })

  it('is not suspected in the first minute of a node that is still looking for its peers', () => {
    const detector = new PartitionDetector(5_000)
    expect(detector.update(view(10, 10), 5_000)).toBe(null)
    expect(detector.update(view(10, 10), 64_999)).toBe(null)
    expect(detector.update(view(10, 10), 65_000)).toMatchObject({ kind: 'suspected' })
  })

  it('is suspected in the first minute of a node that had found its peers', () => {
    expect(whole(10).update(view(10, 8), 1_000)).toMatchObject({ kind: 'suspected' })
  })

  it('heals when one is missing at most, and tells the most that were missing at a time, and for how long', () => {
    const detector = whole(10)
    detector.update(view(10, 5), 1_000)
    detector.update(view(10, 7), 2_000)
    expect(detector.update(view(10, 2), 3_000)).toBe(null)
    expect(detector.update(view(10, 1), 4_000)).toEqual({ kind: 'healed', missing: ids(7), forMs: 3_000 })
    expect(detector.suspectedAt).toBe(null)
  })

  it('is suspected by its fall as well long after the start, and right after another one has healed', () => {
    const detector = whole(10)
    expect(detector.update(view(10, 0), 600_000)).toBe(null)
    expect(detector.update(view(10, 3), 630_000)).toMatchObject({ kind: 'suspected' })
    expect(detector.update(view(10, 0), 640_000)).toMatchObject({ kind: 'healed' })
    expect(detector.update(view(10, 3), 650_000)).toMatchObject({ kind: 'suspected' })
  })

  it('tells of the first time when the most were missing, where others were missing later', () => {
    const detector = whole(10)
    const [early, late] = [ids(5), ids(10).filter((_, i) => i >= 5)]
    detector.update({ listed: 10, missing: new Set(early) }, 1_000)
    detector.update({ listed: 10, missing: new Set(late) }, 2_000)
    expect(detector.update(view(10, 0), 3_000)).toMatchObject({ kind: 'healed', missing: early })
  })

  it('is over once so few are missing for a minute that no partition would be suspected for them, and another can be told', () => {
    const detector = whole(20)
    expect(detector.update(view(20, 10), 1_000)).toMatchObject({ kind: 'suspected' })
    expect(detector.update(view(20, 2), 2_000)).toBe(null)
    // More in between: the minute begins anew.
    expect(detector.update(view(20, 6), 30_000)).toBe(null)
    expect(detector.update(view(20, 2), 40_000)).toBe(null)
    expect(detector.update(view(20, 2), 99_999)).toBe(null)
    expect(detector.update(view(20, 2), 100_000)).toEqual({ kind: 'healed', missing: ids(10), forMs: 99_000 })
    expect(detector.update(view(20, 2), 3_000_000)).toBe(null)
    expect(detector.update(view(20, 11), 3_001_000)).toMatchObject({ kind: 'suspected', missing: ids(11) })
  })

  it('is not over while as many are missing as would be one, however long', () => {
    const detector = whole(20)
    detector.update(view(20, 6), 1_000)
    for (let at = 2_000; at < 600_000; at += 5_000) expect(detector.update(view(20, 6), at)).toBe(null)
  })

  it('is over where fewer than four are listed any more', () => {
    const detector = whole(5)
    expect(detector.update(view(5, 3), 1_000)).toMatchObject({ kind: 'suspected' })
    expect(detector.update(view(3, 1), 5_000)).toEqual({ kind: 'healed', missing: ids(3), forMs: 4_000 })
    expect([detector.suspectedAt, detector.update(view(3, 3), 6_000)]).toEqual([null, null])
  })

  it('is suspected for a fall from the best share of the last minute, however it came and went meanwhile', () => {
    const step = fc.record({ missing: fc.nat(6), ms: fc.oneof(fc.nat(2_000), fc.nat(70_000)) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
        const detector = whole(20)
        // Whatever share there was, until when.
        let seen = [{ missing: 0, untilAt: 0 }]
        let now = 0
        for (const { missing, ms } of steps) {
          now += ms
          seen[seen.length - 1] = { missing: seen.at(-1)?.missing ?? 0, untilAt: now }
          seen.push({ missing, untilAt: now })
          const least = Math.min(...seen.filter(({ untilAt }) => now - untilAt <= 60_000).map((view) => view.missing))
          const wasSuspected = detector.suspectedAt !== null
          const change = detector.update(view(20, missing), now)
          if (!wasSuspected) expect(change?.kind).toBe(missing - least >= 6 ? 'suspected' : undefined)
          if (change?.kind === 'healed') seen = [{ missing, untilAt: now }]
        }
      }),
    )
  })

  it('is told once and healed once, in turn, whatever the view does', () => {
    const step = fc.record({ missing: fc.nat(10), ms: fc.nat(40_000) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const detector = whole(10)
        let told: PartitionChange['kind'] = 'healed'
        let suspectedAt = 0
        let worst = 0
        let now = 0
        for (const { missing, ms } of steps) {
          now += ms
          worst = Math.max(worst, missing)
          const change = detector.update(view(10, missing), now)
          if (change === null) {
            // What must be told at once is never put off.
            if (told === 'healed') expect(missing).toBeLessThan(4)
            else expect(missing).toBeGreaterThan(1)
            continue
          }
          expect(change.kind).not.toBe(told)
          told = change.kind
          if (change.kind === 'suspected') {
            expect(change.missing.length).toBe(missing)
            suspectedAt = now
            worst = missing
          } else {
            expect(change.missing.length).toBe(worst)
            expect(change.forMs).toBe(now - suspectedAt)
          }
          expect(detector.suspectedAt).toBe(told === 'suspected' ? suspectedAt : null)
        }
      }),
    )
  })
})
