import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyedRateLimit, TokenBucket } from '../../src/policy/rate-limit.js'

const rates = fc.record({
  perSec: fc.double({ min: 1, max: 1e8, noNaN: true }),
  burst: fc.double({ min: 1, max: 1e8, noNaN: true }),
})

describe('TokenBucket', () => {
  it('starts full and fills by its rate', () => {
    const bucket = new TokenBucket({ perSec: 10, burst: 5 })
    expect(bucket.take(5, 1000)).toBe(true)
    expect(bucket.take(1, 1000)).toBe(false)
    expect(bucket.waitMs(1, 1000)).toBe(100)
    expect(bucket.take(1, 1099)).toBe(false)
    expect(bucket.take(1, 1100)).toBe(true)
    expect(bucket.take(5, 9000)).toBe(true)
    expect(bucket.take(1, 9000)).toBe(false)
  })

  it('never gives more than burst plus rate times time, counting time that went forward only', () => {
    const steps = fc.array(
      fc.record({ n: fc.double({ min: 0, max: 1, noNaN: true }), stepMs: fc.integer({ min: -500, max: 500 }) }),
    )
    fc.assert(
      fc.property(rates, steps, ({ perSec, burst }, takes) => {
        const bucket = new TokenBucket({ perSec, burst })
        let now = 0
        let latest = 0
        let taken = 0
        bucket.take(0, 0)
        for (const { n, stepMs } of takes) {
          now += stepMs
          latest = Math.max(latest, now)
          if (bucket.take(n * burst, now)) taken += n * burst
          expect(taken).toBeLessThanOrEqual((burst + (perSec * latest) / 1000) * (1 + 1e-9) + 1e-5)
        }
      }),
    )
  })

  it('announces a wait that suffices, and at most a millisecond more', () => {
    fc.assert(
      fc.property(rates, floatShare(), floatShare(), ({ perSec, burst }, first, second) => {
        const bucket = new TokenBucket({ perSec, burst })
        bucket.take(first * burst, 0)
        const waitMs = bucket.waitMs(second * burst, 0)
        if (waitMs > 1) expect(bucket.waitMs(second * burst, waitMs - 1.01)).toBeGreaterThan(0)
        expect(bucket.take(second * burst, waitMs)).toBe(true)
      }),
    )
  })

  it('announces whole milliseconds', () => {
    const bucket = new TokenBucket({ perSec: 3, burst: 1 })
    bucket.take(1, 0)
    expect(bucket.waitMs(1, 0)).toBe(334)
  })

  it('stands by a wait whose refill is rounded down', () => {
    const bucket = new TokenBucket({ perSec: 9, burst: 27 })
    bucket.take(27, 0)
    expect(bucket.waitMs(27, 0)).toBe(3000)
    expect(bucket.take(27, 3000)).toBe(true)
  })

  it('takes back what was not used, up to the burst', () => {
    const bucket = new TokenBucket({ perSec: 1, burst: 10 })
    bucket.take(4, 0)
    bucket.refund(3)
    expect(bucket.waitMs(10, 0)).toBe(1000)
    bucket.refund(100)
    expect(bucket.take(10, 0)).toBe(true)
    expect(bucket.take(1, 0)).toBe(false)
    bucket.refund(10)
    bucket.refund(-5)
    expect(bucket.take(10, 0)).toBe(true)
    bucket.refund(10)
    bucket.refund(NaN)
    expect(bucket.take(10, 0)).toBe(true)
  })

  it('is never owed more than one burst, and says when it would be', () => {
    fc.assert(
      fc.property(rates, fc.array(fc.double({ min: 0, max: 3, noNaN: true })), ({ perSec, burst }, spends) => {
        const bucket = new TokenBucket({ perSec, burst })
        let left = burst
        for (const n of spends) {
          left -= n * burst
          if (Math.abs(left + burst) > 1e-6 * burst) expect(bucket.spend(n * burst, 0)).toBe(left > -burst)
          else bucket.spend(n * burst, 0)
          left = Math.max(left, -burst)
        }
        expect(bucket.waitMs(0, 0)).toBeLessThanOrEqual(Math.ceil((burst / perSec) * 1000) + 1)
        expect(bucket.take(burst, (2 * burst * 1000) / perSec + 1)).toBe(true)
      }),
    )
  })

  it('fills what is owed first', () => {
    const bucket = new TokenBucket({ perSec: 10, burst: 5 })
    expect([bucket.spend(8, 0), bucket.waitMs(0, 0), bucket.waitMs(1, 0)]).toEqual([true, 300, 400])
    expect([bucket.spend(Infinity, 0), bucket.waitMs(0, 0)]).toEqual([false, 500])
    expect([bucket.spend(NaN, 0), bucket.spend(-9, 0), bucket.waitMs(0, 0)]).toEqual([true, true, 500])
  })

  it('has no answer but no for what is no amount', () => {
    const bucket = new TokenBucket({ perSec: 1, burst: 1 })
    for (const n of [-1, NaN, 2, Infinity]) expect(bucket.take(n, 0)).toBe(false)
    expect(bucket.waitMs(2, 0)).toBe(Infinity)
    expect(bucket.take(1, NaN)).toBe(true)
    expect(bucket.take(1, NaN)).toBe(false)
  })

  it('refuses bad options by name', () => {
    for (const perSec of [0, -1, NaN, Infinity]) expect(() => new TokenBucket({ perSec, burst: 1 })).toThrow('perSec')
    for (const burst of [0, NaN, Infinity]) expect(() => new TokenBucket({ perSec: 1, burst })).toThrow('burst')
  })
})

describe('KeyedRateLimit', () => {
  it('counts each key by itself', () => {
    const limit = new KeyedRateLimit({ perSec: 1, burst: 2 })
    expect([limit.take('a', 2, 0), limit.take('a', 1, 0), limit.take('b', 1, 0)]).toEqual([true, false, true])
    expect(limit.waitMs('a', 1, 0)).toBe(1000)
  })

  it('forgets the key that was used least recently, and only that', () => {
    const limit = new KeyedRateLimit({ perSec: 1, burst: 1, keysMax: 2 })
    limit.take('a', 1, 0)
    limit.take('b', 1, 0)
    expect(limit.take('a', 1, 0)).toBe(false)
    limit.take('c', 1, 0)
    expect(limit.size).toBe(2)
    expect(limit.take('a', 1, 0)).toBe(false)
    expect(limit.take('b', 1, 0)).toBe(true)
  })

  it('refuses bad options at once', () => {
    expect(() => new KeyedRateLimit({ perSec: 1, burst: 1, keysMax: 0 })).toThrow('keysMax')
    expect(() => new KeyedRateLimit({ perSec: 0, burst: 1 })).toThrow('perSec')
  })
})

function floatShare(): fc.Arbitrary<number> {
  return fc.double({ min: 0, max: 1, noNaN: true })
}
