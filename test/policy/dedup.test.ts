import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DedupCache } from '../../src/policy/dedup.js'

const IDS = ['a', 'b', 'c', 'd', 'e', '__proto__', 'constructor']
const commands = fc.array(
  fc.record({
    call: fc.constantFrom('add', 'begin', 'settle', 'forget', 'check'),
    id: fc.constantFrom(...IDS),
    stepMs: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: -20, max: 0 })),
  }),
  { maxLength: 200, size: 'max' },
)

/** The same promises, kept naively: a list of what is seen, oldest first. */
class Model {
  seen: { id: string; expiresAt: number }[] = []
  inFlight: string[] = []
  latest = -Infinity

  readonly idsMax: number
  readonly ttlMs: number
  readonly inFlightMax: number

  constructor(idsMax: number, ttlMs: number, inFlightMax: number) {
    this.idsMax = idsMax
    this.ttlMs = ttlMs
    this.inFlightMax = inFlightMax
  }

  check(id: string, now: number): string {
    this.latest = Math.max(this.latest, now)
    this.seen = this.seen.filter(({ expiresAt }) => expiresAt > this.latest)
    if (this.inFlight.includes(id)) return 'in-flight'
    return this.seen.some((other) => other.id === id) ? 'seen' : 'new'
  }

  add(id: string, now: number): boolean {
    if (this.check(id, now) !== 'new') return false
    this.seen = [...this.seen, { id, expiresAt: this.latest + this.ttlMs }].slice(-this.idsMax)
    return true
  }

  begin(id: string, now: number): string {
    const state = this.check(id, now)
    if (state !== 'new') return state
    if (this.inFlight.length >= this.inFlightMax) return 'full'
    this.inFlight.push(id)
    return 'begun'
  }

  forget(id: string): void {
    this.inFlight = this.inFlight.filter((other) => other !== id)
  }

  settle(id: string, now: number): void {
    this.forget(id)
    this.add(id, now)
  }
}

describe('DedupCache', () => {
  it('does what a naive list does, whatever the clock does', () => {
    const options = fc.record({
      idsMax: fc.integer({ min: 1, max: 4 }),
      ttlMs: fc.integer({ min: 1, max: 20 }),
      inFlightMax: fc.integer({ min: 1, max: 2 }),
    })
    fc.assert(
      fc.property(options, commands, ({ idsMax, ttlMs, inFlightMax }, steps) => {
        const cache = new DedupCache({ idsMax, ttlMs, inFlightMax })
        const model = new Model(idsMax, ttlMs, inFlightMax)
        let now = 0
        for (const { call, id, stepMs } of steps) {
          now += stepMs
          expect(cache[call](id, now)).toEqual(model[call](id, now))
          expect(cache.size).toBeLessThanOrEqual(idsMax)
          expect(cache.inFlight).toBe(model.inFlight.length)
          for (const each of IDS) expect(cache.check(each, now)).toBe(model.check(each, now))
        }
      }),
    )
  })

  it('forgets an id exactly when its time is over, also one that was added at 0', () => {
    const cache = new DedupCache({ ttlMs: 10 })
    expect(cache.add('a', 0)).toBe(true)
    expect(cache.add('a', 9)).toBe(false)
    expect(cache.check('a', 9)).toBe('seen')
    expect(cache.check('a', 10)).toBe('new')
    expect(cache.check('a', 9)).toBe('new')
  })

  it('forgets the oldest first when it is full, across every doubling', () => {
    const cache = new DedupCache({ idsMax: 1000 })
    for (let i = 0; i < 5000; i += 1) {
      expect(cache.add(String(i), 0)).toBe(true)
      expect(cache.size).toBe(Math.min(i + 1, 1000))
      expect(cache.check(String(Math.max(0, i - 999)), 0)).toBe('seen')
      if (i >= 1000) expect(cache.check(String(i - 1000), 0)).toBe('new')
    }
  })

  it('does not grow where places of expired ids can be used again', () => {
    const cache = new DedupCache({ ttlMs: 50 })
    for (let i = 0; i < 10_000; i += 1) cache.add(String(i), i)
    expect(cache.size).toBeLessThanOrEqual(64)
  })

  it('takes the place of one expired id where it is full, also at the very instant, and of no other', () => {
    const cache = new DedupCache({ idsMax: 64, ttlMs: 10 })
    for (let i = 0; i < 64; i++) cache.add(`early ${String(i)}`, i === 0 ? 0 : 5)
    cache.add('late', 10)
    expect([cache.size, cache.check('early 1', 10), cache.check('late', 10)]).toEqual([64, 'seen', 'seen'])
  })

  it('forgets what has expired when the next id is added, and holds one that comes again once', () => {
    const cache = new DedupCache({ ttlMs: 10 })
    for (const id of ['a', 'b', 'c']) cache.add(id, 0)
    expect([cache.size, cache.check('a', 10)]).toEqual([3, 'new'])
    cache.add('b', 10)
    expect([cache.size, cache.check('b', 19), cache.check('b', 20)]).toEqual([1, 'seen', 'new'])
  })

  it('goes on forgetting the oldest first through many times its bound', () => {
    const cache = new DedupCache({ idsMax: 3, ttlMs: 1_000_000 })
    for (let i = 0; i < 10_000; i++) cache.add(String(i), i)
    expect(cache.size).toBe(3)
    expect(['9996', '9997', '9998', '9999'].map((id) => cache.check(id, 10_000))).toEqual([
      'new',
      'seen',
      'seen',
      'seen',
    ])
  })

  it('refuses ids that are too long', () => {
    const cache = new DedupCache()
    const long = 'x'.repeat(65)
    expect(cache.check(long, 0)).toBe('too-long')
    expect(cache.begin(long, 0)).toBe('too-long')
    expect(cache.add(long, 0)).toBe(false)
    cache.settle(long, 0)
    expect(cache.size + cache.inFlight).toBe(0)
    expect(cache.add('x'.repeat(64), 0)).toBe(true)
  })

  it.each([
    ['idsMax', 0],
    ['idsMax', 2 ** 24 + 1],
    ['ttlMs', NaN],
    ['ttlMs', 86_400_001],
    ['inFlightMax', 1.5],
  ])('refuses %s = %s by name', (field, value) => {
    expect(() => new DedupCache({ [field]: value })).toThrow(field)
  })
})
