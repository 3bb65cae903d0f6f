import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Deadline } from '../../src/policy/due-heap.js'
import { DueHeap } from '../../src/policy/due-heap.js'

const nothing = (): void => undefined

describe('a heap of what is due', () => {
  it('gives back what was added and not cancelled, by time and then by order, whatever is done in between', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: fc.nat(40) }) },
      { weight: 1, arbitrary: fc.record({ cancel: fc.nat(200) }) },
      { weight: 1, arbitrary: fc.constant('take' as const) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const heap = new DueHeap()
        const made: { readonly at: number; readonly deadline: Deadline }[] = []
        let waiting: number[] = []
        const taken: number[] = []
        const first = (): number | undefined =>
          waiting.toSorted((a, b) => (made[a]?.at ?? 0) - (made[b]?.at ?? 0) || a - b)[0]
        for (const what of steps) {
          const expected = first()
          expect(heap.nextAt).toBe(expected === undefined ? Number.POSITIVE_INFINITY : made[expected]?.at)
          expect(heap.size).toBe(waiting.length)
          if (what === 'take') {
            const run = heap.take()
            expect(run === null).toBe(expected === undefined)
            run?.()
            expect(taken.at(-1)).toBe(expected ?? taken.at(-1))
            waiting = waiting.filter((i) => i !== expected)
          } else if ('add' in what) {
            const i = made.length
            made.push({ at: what.add, deadline: heap.add(what.add, () => taken.push(i)) })
            waiting.push(i)
          } else {
            made[what.cancel]?.deadline.cancel()
            waiting = waiting.filter((i) => i !== what.cancel)
          }
        }
      }),
    )
  })

  it('keeps no more cancelled entries than live ones, once they are many', () => {
    const heap = new DueHeap()
    const kept = Array.from({ length: 10 }, (_, i) => heap.add(1e6 + i, nothing))
    for (let i = 0; i < 10_000; i++) heap.add(i, nothing).cancel()
    expect(heap.size).toBe(kept.length)
    expect(heap.nextAt).toBe(1e6)
  })

  it('holds nothing after it was cleared, and what was in it can be cancelled late', () => {
    const heap = new DueHeap()
    const deadline = heap.add(1, nothing)
    heap.add(2, nothing)
    heap.add(3, nothing).cancel()
    heap.clear()
    expect([heap.size, heap.nextAt]).toEqual([0, Number.POSITIVE_INFINITY])
    deadline.cancel()
    deadline.cancel()
    expect([heap.size, heap.nextAt, heap.take()]).toEqual([0, Number.POSITIVE_INFINITY, null])
  })
})
