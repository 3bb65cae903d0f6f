import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PeerShelves } from '../../src/policy/peer-shelves.js'
import type { PeerId } from '../../src/ports/types.js'

const id = (n: number): PeerId => `peer ${String(n)}` as PeerId
const hearsay = { pinned: false, isLinked: false, lastSeenAt: null, isRegular: false }

describe('the shelves of a book', () => {
  it('let one teller fill an eighth, however its peers come and go', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('tell', 'see', 'forget'), fc.nat(40)), {
      maxLength: 200,
      size: 'max',
    })
    fc.assert(
      fc.property(steps, (given) => {
        const shelves = new PeerShelves(80)
        const told = new Set<number>()
        for (const [what, n] of given) {
          if (what === 'tell') {
            const room = shelves.mayTell('liar')
            expect(room).toBe(told.size < 10)
            if (!room) continue
            shelves.told(id(n), 'liar')
            told.add(n)
          } else if (what === 'see') {
            shelves.place({ ...hearsay, id: id(n), lastSeenAt: 1 })
            told.delete(n)
          } else {
            shelves.forget(id(n))
            told.delete(n)
          }
          expect(shelves.mayTell('somebody else')).toBe(true)
        }
      }),
    )
  })

  it('have hearsay make way first, then strangers, then regulars, and nobody who is pinned or linked', () => {
    const shelves = new PeerShelves(8)
    shelves.place({ ...hearsay, id: id(1), lastSeenAt: 1, isRegular: true })
    shelves.place({ ...hearsay, id: id(2), lastSeenAt: 1 })
    shelves.place({ ...hearsay, id: id(3) })
    shelves.place({ ...hearsay, id: id(4), pinned: true })
    shelves.place({ ...hearsay, id: id(5), isLinked: true })
    const gone: (PeerId | null)[] = []
    for (let i = 0; i < 4; i++) {
      const victim = shelves.victim(false)
      gone.push(victim)
      if (victim !== null) shelves.forget(victim)
    }
    expect(gone).toEqual([id(3), id(2), id(1), null])
  })

  it('keep a peer at its place in the queue however often it is put there, until it was linked', () => {
    const shelves = new PeerShelves(8)
    for (const n of [1, 2, 1]) shelves.place({ ...hearsay, id: id(n), lastSeenAt: 1 })
    expect(shelves.victim(false)).toBe(id(1))
    shelves.place({ ...hearsay, id: id(1), lastSeenAt: 1, isLinked: true })
    shelves.place({ ...hearsay, id: id(1), lastSeenAt: 2 })
    expect(shelves.victim(false)).toBe(id(2))
  })

  it('let even the smallest book be told of one', () => {
    const shelves = new PeerShelves(1)
    expect(shelves.mayTell('liar')).toBe(true)
    shelves.told(id(1), 'liar')
    expect(shelves.mayTell('liar')).toBe(false)
  })

  it('have nobody who was ever seen make way for hearsay', () => {
    const shelves = new PeerShelves(8)
    shelves.place({ ...hearsay, id: id(1), lastSeenAt: 1 })
    expect(shelves.victim(true)).toBeNull()
    shelves.place({ ...hearsay, id: id(2) })
    expect(shelves.victim(true)).toBe(id(2))
  })
})
