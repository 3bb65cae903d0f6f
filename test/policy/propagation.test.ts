import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ReachQuestion } from '../../src/policy/propagation.js'
import { OFFER_AT_ONCE, OFFER_LATER_MS, reachOf } from '../../src/policy/propagation.js'

const KIB = 1_024
const question = (own: Partial<ReachQuestion>): ReachQuestion => ({
  mode: 'hybrid',
  bytes: 250,
  links: 20,
  isOrigin: false,
  ...own,
})
const anyBytes = fc.oneof(fc.integer({ min: 16, max: 8 * KIB }), fc.nat(4 * KIB * KIB))

describe('a broadcast', () => {
  it('is pushed by everybody at up to eight links, and offered by relays from the ninth on', () => {
    for (const [links, reach] of [
      [0, 'push'],
      [8, 'push'],
      [9, 'offer'],
      [125, 'offer'],
    ] as const)
      expect(reachOf(question({ links })), String(links)).toBe(reach)
  })

  it('is pushed by whoever made it, however many links that takes', () => {
    for (const links of [0, 8, 9, 1_000]) expect(reachOf(question({ links, isOrigin: true }))).toBe('push')
  })

  it('is announced from 4 KiB on, by whoever made it as by relays, with few links as with many', () => {
    for (const isOrigin of [true, false])
      for (const links of [1, 9]) {
        expect(reachOf(question({ bytes: 4 * KIB + 1, links, isOrigin }))).toBe('announce')
        expect(reachOf(question({ bytes: 4 * KIB, links, isOrigin }))).not.toBe('announce')
      }
  })

  it('is pushed whatever it weighs and to however many where the mode is flood', () => {
    fc.assert(
      fc.property(anyBytes, fc.nat(2_000), fc.boolean(), (bytes, links, isOrigin) => {
        expect(reachOf({ mode: 'flood', bytes, links, isOrigin })).toBe('push')
      }),
    )
  })

  it('is never pushed further for being larger, or by more links', () => {
    const effort = { push: 2, offer: 1, announce: 0 }
    fc.assert(
      fc.property(anyBytes, anyBytes, fc.nat(200), fc.nat(200), fc.boolean(), (a, b, c, d, isOrigin) => {
        const less = reachOf(question({ bytes: Math.min(a, b), links: Math.min(c, d), isOrigin }))
        const more = reachOf(question({ bytes: Math.max(a, b), links: Math.max(c, d), isOrigin }))
        expect(effort[more]).toBeLessThanOrEqual(effort[less])
      }),
    )
  })

  it('is offered to sixteen at once, and to the others within a second and a half', () => {
    expect([OFFER_AT_ONCE, ...OFFER_LATER_MS]).toEqual([16, 500, 1_500])
  })
})
