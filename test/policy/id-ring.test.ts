import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { IdRing } from '../../src/policy/id-ring.js'

const numbers = fc.integer({ min: 0, max: 400 })
const commands = fc.array(fc.oneof(fc.record({ add: numbers }), fc.record({ drop: fc.nat(6) })), {
  maxLength: 400,
  size: 'max',
})

describe('a ring of ids', () => {
  it('knows what was added and is not gone, oldest first, whatever its seed', () => {
    fc.assert(
      fc.property(commands, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (all, seed) => {
        const ring = new IdRing(seed, 401)
        // As plain as can be: a list.
        let model: { readonly id: string; readonly instant: number }[] = []
        all.forEach((command, instant) => {
          if ('drop' in command)
            for (let i = 0; i < command.drop && model.length > 0; i++) {
              ring.drop()
              model = model.slice(1)
            }
          else {
            const id = `id ${String(command.add)}`
            const known = model.find((other) => other.id === id)
            expect(ring.find(id)).toBe(known?.instant ?? null)
            if (known === undefined) {
              ring.add(id, instant)
              model.push({ id, instant })
            }
          }
          expect(ring.size).toBe(model.length)
          expect(ring.oldest).toBe(model[0]?.instant ?? null)
        })
        for (const { id, instant } of model) expect(ring.find(id)).toBe(instant)
        for (let n = 0; n <= 400; n++)
          if (!model.some(({ id }) => id === `id ${String(n)}`)) expect(ring.find(`id ${String(n)}`)).toBe(null)
      }),
      { numRuns: 300 },
    )
  })

  it('keeps its places through a hundred thousand that come and go', () => {
    const ring = new IdRing(7, 1_001)
    for (let n = 0; n < 100_000; n++) {
      ring.add(String(n), n)
      if (ring.size > 1_000) ring.drop()
    }
    expect(ring.size).toBe(1_000)
    expect(ring.oldest).toBe(99_000)
    for (let n = 98_000; n < 99_000; n++) expect(ring.find(String(n))).toBe(null)
    for (let n = 99_000; n < 100_000; n++) expect(ring.find(String(n))).toBe(n)
  })

  it('tells ids apart that share a beginning, an end, or everything but their length', () => {
    const ring = new IdRing(0, 11)
    const ids = ['', 'a', 'aa', 'ab', 'ba', 'aaa', '\0', '\0\0', '\u{1F600}', '__proto__', 'constructor']
    ids.forEach((id, instant) => {
      expect(ring.find(id)).toBe(null)
      ring.add(id, instant)
    })
    ids.forEach((id, instant) => {
      expect(ring.find(id)).toBe(instant)
    })
  })
})
