import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Reason } from '../../src/errors.js'
import type { FailurePlan } from '../../src/policy/dial.js'
import { OfflineDetector, soonerOffline } from '../../src/policy/offline.js'

const UNREACHABLE: Reason = { code: 'unreachable', fault: 'network' }
const REFUSED: Reason = { code: 'connection-refused', fault: 'network' }
const TURNED_AWAY: Reason = { code: 'busy', fault: 'remote' }

/** Three different peers have failed, at 1, 2 and 3 s. */
function failedThrice(): OfflineDetector {
  const detector = new OfflineDetector()
  for (const [i, key] of ['a', 'b', 'c'].entries()) detector.failed(key, UNREACHABLE, 1_000 * (i + 1))
  return detector
}

describe('a node', () => {
  it('is offline once three different peers have failed and no link is left', () => {
    expect(failedThrice().isOffline(0)).toBe(true)
    expect(failedThrice().isOffline(1)).toBe(false)
  })

  it('is not offline after two peers, however often they fail', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(5_000))), (failures) => {
        const detector = new OfflineDetector()
        let now = 0
        for (const [key, ms] of failures) {
          now += ms
          detector.failed(key, UNREACHABLE, now)
          expect(detector.isOffline(0)).toBe(false)
        }
      }),
    )
  })

  it('counts only failures within half a minute of each other, to the millisecond', () => {
    const offlineAfter = (lastAt: number): boolean => {
      const detector = new OfflineDetector()
      detector.failed('a', UNREACHABLE, 1_000)
      detector.failed('b', UNREACHABLE, 2_000)
      detector.failed('c', UNREACHABLE, lastAt)
      return detector.isOffline(0)
    }
    expect(offlineAfter(31_000)).toBe(true)
    expect(offlineAfter(31_001)).toBe(false)
  })

  it('stays offline for as long as nothing is heard, however seldom it tries', () => {
    const detector = failedThrice()
    detector.failed('a', UNREACHABLE, 600_000)
    expect(detector.isOffline(0)).toBe(true)
  })

  it('is online again after any sign of life', () => {
    const signs: readonly ((detector: OfflineDetector) => void)[] = [
      (detector) => {
        detector.heard()
      },
      (detector) => {
        detector.failed('d', REFUSED, 3_000)
      },
      (detector) => {
        detector.failed('d', TURNED_AWAY, 3_000)
      },
    ]
    for (const sign of signs) {
      const detector = failedThrice()
      sign(detector)
      expect(detector.isOffline(0)).toBe(false)
      detector.failed('d', UNREACHABLE, 3_500)
      detector.failed('e', UNREACHABLE, 3_500)
      expect(detector.isOffline(0)).toBe(false)
      detector.failed('f', UNREACHABLE, 3_500)
      expect(detector.isOffline(0)).toBe(true)
    }
  })
})

describe('soonerOffline', () => {
  it('waits half a minute at most, and gives nobody up', () => {
    const retry = fc.record({ kind: fc.constant('retry' as const), delayMs: fc.nat(3_600_000), alarm: fc.boolean() })
    const end = fc.constantFrom<FailurePlan['next']>({ kind: 'cold' }, { kind: 'forget' }, { kind: 'give-up' })
    fc.assert(
      fc.property(fc.oneof<[typeof retry, typeof end]>(retry, end), (next) => {
        const delayMs = next.kind === 'retry' ? Math.min(next.delayMs, 30_000) : 30_000
        expect(soonerOffline(next)).toEqual({ kind: 'retry', delayMs, alarm: false })
      }),
    )
  })
})
