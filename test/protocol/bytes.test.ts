import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BytePool,
  copyBytes,
  copyPooled,
  hex,
  joinBytes,
  keyOf,
  readUint,
  sameBytes,
  uintBytes,
  utf8,
  utf8Text,
} from '../../src/protocol/bytes.js'

const anyBytes = fc.uint8Array({ maxLength: 40 })

describe('runs of bytes', () => {
  it('join in order, and a single chunk is not copied', () => {
    fc.assert(
      fc.property(fc.array(anyBytes), (chunks) => {
        expect(Buffer.from(joinBytes(chunks)).equals(Buffer.concat(chunks))).toBe(true)
      }),
    )
    const only = Uint8Array.of(1, 2)
    expect(joinBytes([only])).toBe(only)
  })

  it('are copied into memory of their own, even from a Buffer', () => {
    const pooled = Buffer.from([1, 2, 3, 4, 5])
    const copy = copyBytes(pooled, 1, 4)
    pooled.fill(9)
    expect([...copy]).toEqual([2, 3, 4])
    expect(copy.buffer.byteLength).toBe(3)
    expect(Buffer.isBuffer(copy)).toBe(false)
  })

  it('are copied side by side where they are small, and none is ever written over', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(40))), (wanted) => {
        const pool = new BytePool(64)
        const copies = wanted.map(([bytes, from]) => pool.copy(Buffer.from(bytes), Math.min(from, bytes.length)))
        const fresh = pool.take(7)
        expect([...fresh]).toEqual([0, 0, 0, 0, 0, 0, 0])
        fresh.fill(0xff)
        for (const [i, [bytes, from]] of wanted.entries()) {
          expect([...(copies[i] ?? [])]).toEqual([...bytes.subarray(Math.min(from, bytes.length))])
          expect(Buffer.isBuffer(copies[i])).toBe(false)
        }
      }),
    )
    const small = copyPooled(new Uint8Array(100), 1)
    const large = copyPooled(new Uint8Array(2_000), 1)
    expect([small.length, small.buffer.byteLength, large.length, large.buffer.byteLength]).toEqual([
      99, 8_192, 1_999, 1_999,
    ])
  })

  it('are the same only where every byte is, and the length', () => {
    const close = fc.uint8Array({ maxLength: 3, max: 2 })
    fc.assert(
      fc.property(fc.oneof(close, anyBytes), fc.oneof(close, anyBytes), (a, b) => {
        expect(sameBytes(a, b)).toBe(Buffer.compare(a, b) === 0)
      }),
      { numRuns: 500 },
    )
  })

  it('are written in hexadecimal with two digits each', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(hex(bytes)).toBe(Buffer.from(bytes).toString('hex'))
      }),
    )
  })

  it('become the key of a map, one character a byte', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        expect(Array.from(keyOf(bytes), (character) => character.charCodeAt(0))).toEqual([...bytes])
      }),
    )
  })
})

describe('text in bytes', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8Text(utf8(text))).toBe(text)
      }),
    )
  })

  it('keeps a byte order mark at its beginning, so that two texts are never one', () => {
    expect(utf8Text(utf8('\ufefftx'))).toBe('\ufefftx')
  })

  it('is nothing where the bytes are not UTF-8', () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xe2, 0x82], [0xed, 0xa0, 0x80]])
      expect(utf8Text(Uint8Array.from(bytes))).toBeNull()
  })
})

describe('unsigned integers', () => {
  it('are big-endian, and come back up to 48 bits', () => {
    expect(hex(uintBytes(0x0102_0304_0506, 6))).toBe('010203040506')
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 - 1 }), (value) => {
        expect(readUint(uintBytes(value, 6))).toBe(value)
      }),
    )
  })
})
