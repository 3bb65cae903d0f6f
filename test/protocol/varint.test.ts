import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex } from '../../src/protocol/bytes.js'
import { ByteReader, VARINT_MAX, varintBytes, varintLength, writeVarint } from '../../src/protocol/varint.js'

const anyVarint = fc.oneof(
  fc.integer({ min: 0, max: VARINT_MAX }),
  fc.constantFrom(0, 0x7f, 0x80, 0x3fff, 0x4000, 0x1f_ffff, 0x20_0000, VARINT_MAX),
)

describe('a varint', () => {
  it('comes back as it was, from the shortest form', () => {
    fc.assert(
      fc.property(anyVarint, (value) => {
        const bytes = varintBytes(value)
        const reader = new ByteReader(bytes)
        expect(bytes).toHaveLength(varintLength(value))
        expect(varintLength(value)).toBe(Math.max(1, Math.ceil(value.toString(2).length / 7)))
        expect(reader.varint()).toBe(value)
        expect([reader.left, reader.broken]).toEqual([0, false])
      }),
      { numRuns: 500 },
    )
  })

  it('has the bytes that LEB128 gives it', () => {
    expect([0, 1, 127, 128, 300, 16_384, VARINT_MAX].map((value) => hex(varintBytes(value)))).toEqual([
      '00',
      '01',
      '7f',
      '8001',
      'ac02',
      '808001',
      'ffffff7f',
    ])
  })

  it('is written where it is asked to be, and tells the position behind', () => {
    const into = new Uint8Array(5)
    expect(writeVarint(into, 1, 300)).toBe(3)
    expect(hex(into)).toBe('00ac020000')
  })

  it('is refused in every longer form', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x1f_ffff }), fc.integer({ min: 1, max: 3 }), (value, extra) => {
        const shortest = [...varintBytes(value)]
        const padded = shortest.map((byte, i) => (i === shortest.length - 1 ? byte | 0x80 : byte))
        for (let i = 1; i < extra; i++) padded.push(0x80)
        padded.push(0)
        const reader = new ByteReader(Uint8Array.from(padded))
        expect([reader.varint(), reader.broken]).toEqual([0, true])
      }),
    )
  })

  it('is refused beyond four bytes, and where it is cut short', () => {
    for (const bytes of [[0x80, 0x80, 0x80, 0x80, 1], [0xff, 0xff, 0xff, 0xff], [0x80], [0x80, 0x80, 0x80], []]) {
      const reader = new ByteReader(Uint8Array.from(bytes))
      expect([reader.varint(), reader.broken]).toEqual([0, true])
    }
  })
})

describe('a reader of bytes', () => {
  it('gives numbers and runs in order', () => {
    const reader = new ByteReader(Uint8Array.of(7, 0xac, 2, 1, 2, 3, 4))
    expect(reader.byte()).toBe(7)
    expect(reader.varint()).toBe(300)
    expect([...reader.take(2)]).toEqual([1, 2])
    expect([...reader.rest()]).toEqual([3, 4])
    expect([reader.left, reader.broken]).toEqual([0, false])
  })

  it('gives zeros and nothing for ever, once anything was short', () => {
    for (const fail of [
      (reader: ByteReader): unknown => reader.take(4),
      (reader: ByteReader): unknown => [reader.rest(), reader.byte()],
      (reader: ByteReader): unknown => [reader.take(2), reader.varint()],
    ]) {
      const reader = new ByteReader(Uint8Array.of(1, 2, 0x80))
      fail(reader)
      expect(reader.broken).toBe(true)
      expect([reader.left, reader.byte(), reader.varint(), reader.take(1).length, reader.rest().length]).toEqual([
        0, 0, 0, 0, 0,
      ])
      expect(reader.broken).toBe(true)
    }
  })
})
