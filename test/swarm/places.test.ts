/** Which links are in use, as one list that tells by being another that one of them is another. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { PeerId } from '../../src/ports/types.js'
import type { Connection } from '../../src/swarm/connection.js'
import { Places } from '../../src/swarm/places.js'

it('lists the links in use, and gives another list whenever one of them is another, and else the same', () => {
  const command = fc.record({
    kind: fc.constantFrom('set', 'delete', 'move', 'look'),
    peer: fc.constantFrom('a', 'b', 'c'),
  })
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      const places = new Places<{ current: Connection }>()
      const model = new Map<string, Connection>()
      let seen = places.currents()
      let listed: readonly Connection[] = []
      for (const { kind, peer } of commands) {
        const link = {} as never
        const place = places.get(peer as PeerId)
        if (kind === 'set') places.set(peer as PeerId, { current: link })
        else if (kind === 'delete') places.delete(peer as PeerId)
        else if (kind === 'move' && place !== undefined) places.move(place, link)
        if (kind === 'set' || (kind === 'move' && place !== undefined)) model.set(peer, link)
        if (kind === 'delete') model.delete(peer)
        const now = places.currents()
        const isSame = listed.length === model.size && [...model.values()].every((one, index) => listed[index] === one)
        expect([...now]).toEqual([...model.values()])
        expect(now.every((one, index) => one === [...model.values()][index])).toBe(true)
        if (now === seen) expect(isSame).toBe(true)
        if (kind === 'look') expect(now).toBe(seen)
        expect(places.size).toBe(model.size)
        seen = now
        listed = [...model.values()]
      }
    }),
  )
})
