import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compact } from '../../src/kit/parcel.js'

/** Bytes in the middle of a buffer, with so much before and behind. */
const view = fc
  .record({ bytes: fc.uint8Array({ maxLength: 40 }), before: fc.nat({ max: 100 }), behind: fc.nat({ max: 100 }) })
  .map(({ bytes, before, behind }) => {
    const buffer = Buffer.alloc(before + bytes.length + behind, 0xff)
    buffer.set(bytes, before)
    return new Uint8Array(buffer.buffer, buffer.byteOffset + before, bytes.length)
  })
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, undefined, true, 7, 7n, 'text'),
    view,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
  ),
}))

describe('compact', () => {
  it('says the same in other memory, and leaves what it was given alone', () => {
    fc.assert(
      fc.property(value, (given) => {
        const before = structuredClone(given)
        expect(compact(given)).toEqual(before)
        expect(given).toEqual(before)
      }),
    )
  })

  it('leaves no view that is less than half of its buffer', () => {
    fc.assert(
      fc.property(value, (given) => {
        for (const { byteLength, buffer } of bytesIn(compact(given)))
          expect(byteLength).toBeGreaterThanOrEqual(buffer.byteLength / 2)
      }),
    )
  })

  it('copies nothing that has nothing to be copied for', () => {
    const whole = { bytes: new Uint8Array(8), list: [new Uint8Array(new ArrayBuffer(10), 2), 'text'], nothing: null }
    expect(compact(whole)).toBe(whole)
    const list = [whole, 1]
    expect(compact(list)).toBe(list)
  })

  it('copies what is around a copied view and nothing beside it', () => {
    const other = { deep: [1] }
    const given = { small: new Uint8Array(new ArrayBuffer(64), 8, 8), other }
    const compacted = compact(given) as typeof given
    expect(compacted).not.toBe(given)
    expect(compacted.other).toBe(other)
    expect(given.small.buffer.byteLength).toBe(64)
  })

  it('leaves shared memory, instances of classes and what lies too deep as they are', () => {
    const shared = new Uint8Array(new SharedArrayBuffer(64), 8, 8)
    expect(compact(shared)).toBe(shared)
    const small = new Uint8Array(new ArrayBuffer(64), 8, 8)
    class Holder {
      readonly small = small
    }
    const holder = new Holder()
    expect(compact(holder)).toBe(holder)
    const deep = [[[[[small]]]]]
    expect(compact(deep)).toBe(deep)
    expect(compact([[[[small]]]])).not.toBe(deep)
    const round: unknown[] = []
    round.push(round)
    expect(compact(round)).toBe(round)
  })
})

function bytesIn(given: unknown): readonly Uint8Array[] {
  if (given instanceof Uint8Array) return [given]
  return typeof given === 'object' && given !== null ? Object.values(given).flatMap(bytesIn) : []
}
