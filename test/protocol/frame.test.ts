import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, joinBytes } from '../../src/protocol/bytes.js'
import { encodeFrame, FRAME_BYTES_MAX, FrameReader, frameHeader, isOversize } from '../../src/protocol/frame.js'
import { varintBytes } from '../../src/protocol/varint.js'
import { readAll, run, show } from './frames.js'
import { anyChunks, cut } from './harness.js'

const anyType = fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 2 ** 28 - 1 }))

describe('a stream of frames', () => {
  it('gives the same frames whatever the chunks, one byte at a time included', () => {
    const said = fc.array(fc.tuple(anyType, fc.uint8Array({ maxLength: 300 })), { maxLength: 12 })
    fc.assert(
      fc.property(said, anyChunks, (frames, lengths) => {
        const stream = joinBytes(frames.map(([type, body]) => encodeFrame(type, body)))
        const reader = new FrameReader()
        const heard = cut(stream, lengths).flatMap((chunk) => readAll(reader, chunk))
        expect(heard.map(show)).toEqual(frames.map(([type, body]) => `${String(type)} ${hex(body)}`))
      }),
    )
  })

  it('is length, type and body, the length counting type and body', () => {
    expect(hex(encodeFrame(3, Uint8Array.of(0xaa)))).toBe('0203aa')
    expect(hex(encodeFrame(300, Uint8Array.of(0xaa, 0xbb)))).toBe('04ac02aabb')
    expect(hex(frameHeader(64, 200))).toBe('c90140')
  })

  it('takes a frame of exactly the largest size, and not one byte more', () => {
    const largest = encodeFrame(64, run(FRAME_BYTES_MAX - 1))
    expect(readAll(new FrameReader(), largest).map((frame) => typeof frame)).toEqual(['object'])
    expect(readAll(new FrameReader(), varintBytes(FRAME_BYTES_MAX + 1))).toEqual(['frame-too-big'])
    expect([isOversize(64, FRAME_BYTES_MAX - 1), isOversize(64, FRAME_BYTES_MAX)]).toEqual([false, true])
    expect([isOversize(128, FRAME_BYTES_MAX - 2), isOversize(128, FRAME_BYTES_MAX - 1)]).toEqual([false, true])
  })

  it('is refused as soon as a length can only be too big', () => {
    for (const bytes of [
      [0x81, 0x80, 0x02],
      [0xff, 0xff, 0xff],
      [0xff, 0xff, 0xff, 0xff],
    ])
      expect(readAll(new FrameReader(), Uint8Array.from(bytes))).toEqual(['frame-too-big'])
  })

  it('is refused for the same reason wherever it is cut', () => {
    for (const last of [0, 1, 0x7f, 0x80]) {
      const bytes = Uint8Array.of(0xff, 0xff, 0xff, last, 0)
      expect(readAll(new FrameReader(), bytes)).toEqual(['frame-too-big'])
      const reader = new FrameReader()
      expect(cut(bytes, [1]).map((byte) => readAll(reader, byte))[2]).toEqual(['frame-too-big'])
    }
  })

  it('leaves what it has handed out as it was, whatever comes behind', () => {
    const frames = Array.from({ length: 40 }, (_, i) => encodeFrame(64 + i, run(10 + 7 * i, i)))
    const reader = new FrameReader()
    const given = cut(joinBytes(frames), [1, 50, 3, 400]).flatMap((chunk) => readAll(reader, chunk))
    expect(given.map(show)).toEqual(frames.flatMap((frame) => readAll(new FrameReader(), frame)).map(show))
  })

  it('holds nothing of what it has given whole: it may be given away with its memory', () => {
    const reader = new FrameReader()
    const record = encodeFrame(64, new Uint8Array(3_000))
    reader.push(record)
    const frame = reader.next()
    structuredClone(record.buffer, { transfer: [record.buffer as ArrayBuffer] })
    expect([record.length, reader.next(), reader.waiting]).toEqual([0, null, 0])
    reader.push(encodeFrame(65, Uint8Array.of(1)))
    expect([frame === null, reader.next()]).toEqual([false, { type: 65, body: Uint8Array.of(1) }])
  })

  it('is refused where a frame has no type, or a number has more bytes than it needs', () => {
    for (const bytes of [
      [0],
      [0x82, 0],
      [0x82, 0x80, 0],
      [3, 0x81, 0, 7],
      [1, 0x80],
      [5, 0xff, 0xff, 0xff, 0xff, 0xff],
    ])
      expect(readAll(new FrameReader(), Uint8Array.from(bytes))).toEqual(['frame-broken'])
  })

  it('tells how much of an unfinished frame has come', () => {
    const reader = new FrameReader()
    expect(readAll(reader, joinBytes([encodeFrame(64, run(9)), encodeFrame(64, run(9)).subarray(0, 4)]))).toHaveLength(
      1,
    )
    expect(reader.waiting).toBe(4)
  })

  it('never throws, and never gives a body that was not there, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60, max: 200 }), anyChunks, (bytes, lengths) => {
        const reader = new FrameReader()
        let given = 0
        for (const chunk of cut(bytes, lengths)) {
          const read = readAll(reader, chunk)
          for (const frame of read) if (typeof frame !== 'string') given += frame.body.length + 2
          if (read.some((frame) => typeof frame === 'string')) break
        }
        expect(given).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 500 },
    )
  })
})
