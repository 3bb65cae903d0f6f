import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Pool } from '../../src/policy/pool.js'
import { SeededRandom } from '../../src/testing/index.js'

describe('a pool', () => {
  it('holds what was added and not deleted, and draws each once, whatever was done before', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('add', 'delete', 'draw'), fc.nat(20)), {
      maxLength: 200,
      size: 'max',
    })
    fc.assert(
      fc.property(steps, fc.integer(), (given, seed) => {
        const random = new SeededRandom(seed)
        const pool = new Pool<number>()
        const held = new Set<number>()
        for (const [what, item] of given) {
          if (what === 'add') {
            pool.add(item)
            held.add(item)
          } else if (what === 'delete') {
            pool.delete(item)
            held.delete(item)
          } else {
            // Whoever draws may stop at any time.
            let count = 0
            for (const drawn of pool.drawn(random)) {
              expect(held.has(drawn)).toBe(true)
              if (++count > item) break
            }
          }
          expect([...pool.items].sort((a, b) => a - b)).toEqual([...held].sort((a, b) => a - b))
        }
        const all = [...pool.drawn(random)]
        expect(all.length).toBe(held.size)
        expect(new Set(all)).toEqual(held)
      }),
    )
  })

  it('draws each about as often as any other', () => {
    const pool = new Pool<number>()
    for (let i = 0; i < 10; i++) pool.add(i)
    const random = new SeededRandom(1)
    const first = new Array<number>(10).fill(0)
    for (let i = 0; i < 10_000; i++) {
      const [drawn = 0] = pool.drawn(random)
      first[drawn] = (first[drawn] ?? 0) + 1
    }
    // Ten thousand draws of one in ten: 1,000 ± 5 standard deviations.
    for (const count of first) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })
})
