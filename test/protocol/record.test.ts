import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, joinBytes } from '../../src/protocol/bytes.js'
import { Inbox } from '../../src/protocol/inbox.js'
import type { RecordRead } from '../../src/protocol/record.js'
import { RecordReader, RecordWriter } from '../../src/protocol/record.js'
import { anyChunks, cut, flipBit, nodeCrypto, seedBytes, webCrypto } from './harness.js'

const KEY = seedBytes(5)
const TAG_BYTES = 16
const RECORD_PLAIN_MAX = 65_535 - TAG_BYTES
const text = (length: number, salt = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (i + salt) & 0xff)

function sealAll(plains: readonly Uint8Array[]): Uint8Array {
  const writer = new RecordWriter(nodeCrypto.aead(KEY))
  return joinBytes(plains.flatMap((plain) => writer.seal([plain])))
}

class Reading {
  readonly inbox = new Inbox()
  readonly reader: RecordReader = new RecordReader(nodeCrypto.aead(KEY), this.inbox)

  read(bytes: Uint8Array): RecordRead {
    this.inbox.push(bytes)
    return this.reader.next()
  }
}

describe('records', () => {
  it('give the same plaintext whatever the chunks, one byte at a time included', () => {
    const plains = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 })
    fc.assert(
      fc.property(plains, anyChunks, (said, lengths) => {
        const reading = new Reading()
        const heard: string[] = []
        for (const chunk of cut(sealAll(said), lengths)) {
          let read = reading.read(chunk)
          for (; read.kind === 'plain'; read = reading.reader.next()) heard.push(hex(read.bytes))
          expect(read.kind).toBe('partial')
          chunk.fill(0xee)
        }
        expect(heard).toEqual(said.map(hex))
        expect(reading.reader.waiting).toBe(0)
      }),
    )
  })

  it('are a length of two bytes, then what was sealed, in one piece from any number of parts', () => {
    const whole = joinBytes(new RecordWriter(nodeCrypto.aead(KEY)).seal([text(5), text(7, 5)]))
    expect(hex(whole)).toBe(hex(sealAll([text(12)])))
    expect(hex(whole.subarray(0, 2))).toBe('001c')
    expect(hex(whole)).toBe(hex(joinBytes(new RecordWriter(webCrypto.aead(KEY)).seal([text(12)]))))
  })

  it('hold as much as their length can tell', () => {
    const sealed = sealAll([text(RECORD_PLAIN_MAX)])
    expect(hex(sealed.subarray(0, 2))).toBe('ffff')
    expect(new Reading().read(sealed)).toMatchObject({ kind: 'plain', bytes: { length: RECORD_PLAIN_MAX } })
  })

  it('are forged wherever one bit is turned over, apart from a length that now waits for more', () => {
    const sealed = sealAll([text(40)])
    for (let bit = 0; bit < sealed.length * 8; bit++)
      expect(['forged', 'partial']).toContain(new Reading().read(flipBit(sealed, bit)).kind)
    for (let bit = 16; bit < sealed.length * 8; bit++)
      expect(new Reading().read(flipBit(sealed, bit)).kind).toBe('forged')
  })

  it('are forged when replayed, left out or swapped', () => {
    const [first, second] = [sealAll([text(9)]), sealAll([text(9), text(9)]).subarray(2 + 9 + TAG_BYTES)]
    const replayed = new Reading()
    expect([replayed.read(first).kind, replayed.read(first).kind]).toEqual(['plain', 'forged'])
    expect(new Reading().read(second).kind).toBe('forged')
  })

  it('are forged where their length leaves no room for a tag, as soon as it is known', () => {
    for (let length = 1; length < TAG_BYTES; length++)
      expect(new Reading().read(Uint8Array.of(0, length)).kind).toBe('forged')
  })

  it('may be an abort in the clear before the first record, and never after it', () => {
    expect(new Reading().read(Uint8Array.of(0, 0))).toEqual({ kind: 'partial' })
    expect(new Reading().read(Uint8Array.of(0, 0, 14))).toEqual({ kind: 'abort', code: 14 })
    const later = new Reading()
    expect(later.read(sealAll([text(3)])).kind).toBe('plain')
    expect(later.read(Uint8Array.of(0, 0, 14)).kind).toBe('forged')
  })

  it('tell how much of an unfinished one has come', () => {
    const reading = new Reading()
    reading.read(sealAll([text(100)]).subarray(0, 52))
    expect(reading.reader.waiting).toBe(50)
  })
})
