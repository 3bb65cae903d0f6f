import { describe, expect, it } from 'vitest'
import { pickAnchors } from '../../src/policy/anchors.js'
import type { PeerId } from '../../src/ports/types.js'

const one = (id: string, linkedMs: number, group = id): Parameters<typeof pickAnchors>[0][number] => ({
  id: id as PeerId,
  group,
  linkedMs,
})

describe('anchors', () => {
  it('are the four that were linked for longest', () => {
    const six = [one('a', 1), one('b', 6), one('c', 3), one('d', 4), one('e', 5), one('f', 2)]
    expect([...pickAnchors(six)]).toEqual(['b', 'e', 'd', 'c'])
    expect(pickAnchors([]).size).toBe(0)
  })

  it('lie in four networks, however long others have been linked in the same', () => {
    const crowd = [one('a', 9, 'x'), one('b', 8, 'x'), one('c', 7, 'x'), one('d', 1, 'y')]
    expect([...pickAnchors(crowd)]).toEqual(['a', 'd'])
  })
})
