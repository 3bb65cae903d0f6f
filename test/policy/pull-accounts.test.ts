import { describe, expect, it } from 'vitest'
import { PullAccounts } from '../../src/policy/pull-accounts.js'
import type { PeerId } from '../../src/ports/types.js'

const [a, b, c] = ['a', 'b', 'c'] as unknown as [PeerId, PeerId, PeerId]
const wanted = (by: PeerId) => ({ by })

describe('accounts of what is wanted', () => {
  it('count what is wanted of each, and forget who has nothing', () => {
    const accounts = new PullAccounts<{ by: PeerId }>()
    const [one, two] = [wanted(a), wanted(a)]
    accounts.remove(one)
    for (const each of [one, one, two]) accounts.add(each, false)
    expect([accounts.countOf(a), accounts.countOf(b)]).toEqual([2, 0])
    accounts.remove(one)
    accounts.remove(one)
    expect(accounts.countOf(a)).toBe(1)
    accounts.remove(two)
    expect(accounts.countOf(a)).toBe(0)
    // Who has nothing and comes back is as new: the last to be asked to make room.
    for (const by of [b, a]) for (let n = 0; n < 3; n++) accounts.add(wanted(by), false)
    expect(accounts.oldestOfMost(0, false)?.by).toBe(b)
  })

  it('have whoever has most make room, its oldest first, and only for one who has less by two', () => {
    const accounts = new PullAccounts<{ by: PeerId }>()
    expect(accounts.oldestOfMost(0, true)).toBe(null)
    const [first, second] = [wanted(b), wanted(b)]
    accounts.add(wanted(a), false)
    for (const each of [first, second]) accounts.add(each, false)
    expect([accounts.oldestOfMost(0, false), accounts.oldestOfMost(1, false)]).toEqual([first, null])
    accounts.add(wanted(b), false)
    expect([accounts.oldestOfMost(1, false), accounts.oldestOfMost(2, false)]).toEqual([first, null])
    accounts.remove(first)
    expect(accounts.oldestOfMost(0, false)).toBe(second)
  })

  it('have trusted peers make room for trusted ones alone', () => {
    const accounts = new PullAccounts<{ by: PeerId }>()
    for (let n = 0; n < 5; n++) accounts.add(wanted(a), true)
    for (let n = 0; n < 3; n++) accounts.add(wanted(b), false)
    expect([accounts.oldestOfMost(0, false)?.by, accounts.oldestOfMost(0, true)?.by]).toEqual([b, a])
  })

  it('put what a stranger announced first on that of a trusted peer that has it, too, while it has room', () => {
    const accounts = new PullAccounts<{ by: PeerId }>()
    const [one, two, three] = [wanted(a), wanted(a), wanted(a)]
    for (const each of [one, two, three]) accounts.add(each, false)
    for (const each of [one, two, three]) accounts.adopt(each, b, 2)
    expect([one.by, two.by, three.by]).toEqual([b, b, a])
    expect([accounts.countOf(a), accounts.countOf(b)]).toEqual([1, 2])
    accounts.adopt(one, c, 2)
    expect(one.by).toBe(b)
    // What is on nobody's account stays so.
    accounts.adopt(wanted(c), b, 9)
    expect(accounts.countOf(b)).toBe(2)
  })
})
