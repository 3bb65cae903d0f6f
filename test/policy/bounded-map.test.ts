import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BoundedMap } from '../../src/policy/bounded-map.js'

describe('BoundedMap', () => {
  it('forgets what was set or used least recently, as a naive list does', () => {
    const calls = fc.array(fc.tuple(fc.constantFrom('set', 'use', 'get', 'delete'), fc.integer({ min: 0, max: 300 })), {
      maxLength: 400,
      size: 'max',
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), calls, (max, steps) => {
        const map = new BoundedMap<number>(max)
        let model: [string, number][] = []
        for (const [call, n] of steps) {
          const key = String(n)
          const found = model.find(([other]) => other === key)
          const others = model.filter(([other]) => other !== key)
          if (call === 'set') {
            map.set(key, n)
            model = [...others, [key, n] satisfies [string, number]].slice(-max)
          } else if (call === 'delete') {
            expect(map.delete(key)).toBe(found !== undefined)
            model = others
          } else {
            expect(map[call](key)).toBe(found?.[1])
            if (call === 'use' && found !== undefined) model = [...others, found]
          }
          expect(map.size).toBe(model.length)
          expect(map.oldest()).toEqual(model[0])
        }
        expect([...map.entries()]).toEqual(model)
      }),
    )
  })
})
