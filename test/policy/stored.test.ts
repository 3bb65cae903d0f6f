import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isRecord, someOf, within } from '../../src/policy/stored.js'

describe('what was stored', () => {
  it('has fields where it is an object or a list, and nowhere else', () => {
    expect([{}, [], { a: 1 }].map(isRecord)).toEqual([true, true, true])
    expect([null, undefined, 0, 'text', true].map(isRecord)).toEqual([false, false, false, false, false])
  })

  it('is a list of so many items at most, or none', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(12), (list, most) => {
        const some = someOf(list, most)
        expect(some).toEqual(list.filter((_, i) => i < most))
      }),
    )
    for (const none of ['text', { length: 2, 0: 'a', 1: 'b' }, null, 7]) expect(someOf(none, 5)).toEqual([])
  })

  it('is a number from 0 to the most there may be, or another one in its place', () => {
    expect([0, 3, 4, 5, Infinity].map((given) => within(given, 4, 1))).toEqual([0, 3, 4, 4, 4])
    for (const given of [-1, NaN, '3', null, undefined, [2]]) expect(within(given, 4, 1)).toBe(1)
  })
})
