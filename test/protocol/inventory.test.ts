/** Ids on the wire: what the encoders write is read again, and whatever else comes is refused as a whole. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { joinBytes } from '../../src/protocol/bytes.js'
import { decodeControl } from '../../src/protocol/control.js'
import { FRAME, FRAME_BYTES_MAX } from '../../src/protocol/frame.js'
import type { Announced } from '../../src/protocol/inventory.js'
import { decodeIds, decodeInventory, encodeIds, encodeInventory, IDS_MAX } from '../../src/protocol/inventory.js'
import { VARINT_MAX, varintBytes } from '../../src/protocol/varint.js'

const anyId = fc.uint8Array({ minLength: 16, maxLength: 16 })
const anyAnnounced = fc.record({ id: anyId, size: fc.integer({ min: 16, max: VARINT_MAX }) })
const many = (count: number): Announced[] =>
  Array.from({ length: count }, (_, i) => ({ id: new Uint8Array(16).fill(i), size: VARINT_MAX }))
const control = (type: number, body: Uint8Array): unknown => decodeControl({ type, body }, body.length)

describe('an inventory', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.array(anyAnnounced, { minLength: 1, maxLength: 40 }), (announced) => {
        const body = encodeInventory(announced)
        expect(decodeInventory(body)).toEqual(announced)
        expect(control(FRAME.inventory, body)).toEqual({ kind: 'inventory', announced })
      }),
    )
  })

  it('has one spelling: whatever is read would be written the same', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.tuple(anyId, fc.uint8Array({ maxLength: 5 })).map(([id, rest]) => joinBytes([id, rest])),
    )
    fc.assert(
      fc.property(bytes, (body) => {
        const announced = decodeInventory(body)
        if (announced !== null) expect(encodeInventory(announced)).toEqual(body)
      }),
    )
  })

  it('holds a thousand ids of any size in one frame, and no more', () => {
    const full = encodeInventory(many(IDS_MAX))
    expect(IDS_MAX).toBe(1_000)
    expect(full.length).toBeLessThan(FRAME_BYTES_MAX)
    expect(decodeInventory(full)?.length).toBe(IDS_MAX)
    const more = encodeInventory(many(IDS_MAX + 1))
    expect(decodeInventory(more)).toBe(null)
    expect(control(FRAME.inventory, more)).toBe('broken')
  })

  it('is refused as a whole where its last id is cut off, at whichever byte', () => {
    const [one, two] = [many(1), many(2)].map(encodeInventory)
    for (let length = (one?.length ?? 0) + 1; length < (two?.length ?? 0); length++)
      expect(decodeInventory(two?.subarray(0, length) ?? new Uint8Array(0)), String(length)).toBe(null)
  })

  it('names no message that is smaller than its own id', () => {
    const id = new Uint8Array(16)
    for (const size of [0, 15]) expect(decodeInventory(joinBytes([id, varintBytes(size)]))).toBe(null)
    expect(decodeInventory(joinBytes([id, varintBytes(16)]))).toEqual([{ id, size: 16 }])
  })

  it('is refused where it says nothing, which would be free', () => {
    expect(decodeInventory(new Uint8Array(0))).toBe(null)
    expect(control(FRAME.inventory, new Uint8Array(0))).toBe('broken')
  })
})

describe('a list of ids', () => {
  it('is read as it was written, as what is wanted and as what is not there', () => {
    fc.assert(
      fc.property(fc.array(anyId, { minLength: 1, maxLength: 40 }), (ids) => {
        const body = encodeIds(ids)
        expect(decodeIds(body)).toEqual(ids)
        expect(control(FRAME.get, body)).toEqual({ kind: 'get', ids })
        expect(control(FRAME.notFound, body)).toEqual({ kind: 'not-found', ids })
      }),
    )
  })

  it('is refused where it is empty, or no multiple of sixteen bytes', () => {
    for (let length = 0; length <= 48; length++)
      expect(decodeIds(new Uint8Array(length)) === null, String(length)).toBe(length === 0 || length % 16 !== 0)
    for (const type of [FRAME.get, FRAME.notFound]) expect(control(type, new Uint8Array(17))).toBe('broken')
  })

  it('holds a thousand and no more', () => {
    expect(decodeIds(new Uint8Array(16 * IDS_MAX))?.length).toBe(IDS_MAX)
    expect(decodeIds(new Uint8Array(16 * (IDS_MAX + 1)))).toBe(null)
  })
})
