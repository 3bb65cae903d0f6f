/**
 * Time without a clock: what a session copies for each byte that comes, however little comes at a time. Copies are counted
 * where the engine makes them; those that are made by hand are of a few dozen bytes at most.
 */
import { describe, expect, it } from 'vitest'
import { joinBytes } from '../../src/protocol/bytes.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import { varintBytes } from '../../src/protocol/varint.js'
import { Owner, recorded, SIDES } from './fuzz-owner.js'
import { nodeCrypto } from './harness.js'
import { toyCrypto, toyRecord } from './toy-crypto.js'

const MIB = 1_048_576
/** Into memory of this test's, of the record, of the plaintext, of the frame, of the message: some twice, while memory doubles. */
const COPIES_MAX = 8

/** How many bytes `run` had the engine copy from one array to another. */
function copiedBytes(run: () => void): number {
  const prototype = Object.getPrototypeOf(Uint8Array.prototype) as { set: Uint8Array['set'] }
  const original = prototype.set
  let copied = 0
  prototype.set = function (this: Uint8Array, from: ArrayLike<number>, at?: number): void {
    copied += from.length
    original.call(this, from, at)
  }
  try {
    run()
  } finally {
    prototype.set = original
  }
  return copied
}

/** A session that has been greeted, and gives credit back at once. */
function established(): Owner {
  const owner = new Owner(toyCrypto, 'responder', { messageBytesMax: 100_000 })
  owner.receive(recorded(toyCrypto).heard.responder)
  return owner
}

/** What it costs to hear these records, `length` bytes at a time, for each byte; and how many events there were. */
function costOf(records: Uint8Array, length: number): { readonly copies: number; readonly events: number } {
  const owner = established()
  const before = owner.events
  const copied = copiedBytes(() => {
    for (let at = 0; at < records.length; at += length) owner.receive(records.subarray(at, at + length))
  })
  expect(owner.ended).toBe(null)
  return { copies: copied / records.length, events: owner.events - before }
}

function recordsOf(plain: Uint8Array, length: number): Uint8Array {
  const records: Uint8Array[] = []
  for (let at = 0; at < plain.length; at += length) records.push(toyRecord(plain.subarray(at, at + length)))
  return joinBytes(records)
}

const FRAME_OF_32_KIB = encodeFrame(64, new Uint8Array(32_765))

/** A message of so many bytes in the smallest fragments that are allowed. */
function smallestFragments(bytes: number): Uint8Array {
  const parts: Uint8Array[] = []
  for (let left = bytes; left > 0; left -= 1_024) {
    const head = left === bytes ? [Uint8Array.of(1), varintBytes(bytes)] : [Uint8Array.of(1)]
    const data = new Uint8Array(Math.min(left, 1_024))
    if (left === bytes) data[0] = 64
    parts.push(encodeFrame(FRAME.fragment, joinBytes([...head, data])))
  }
  return joinBytes(parts)
}

describe('what a byte costs', () => {
  it('is the same for a mebibyte in large records that come one byte at a time', () => {
    const plain = joinBytes(Array.from({ length: MIB / 32_768 }, () => FRAME_OF_32_KIB))
    const { copies, events } = costOf(recordsOf(plain, 65_000), 1)
    expect(events).toBe(32)
    expect(copies).toBeLessThanOrEqual(COPIES_MAX)
  })

  it('is the same for a frame of 32 KiB in records of one byte, whole or in crumbs', () => {
    const records = recordsOf(FRAME_OF_32_KIB, 1)
    for (const length of [records.length, 1_000, 1]) {
      const { copies, events } = costOf(records, length)
      expect(events).toBe(1)
      expect(copies).toBeLessThanOrEqual(COPIES_MAX)
    }
  })

  it('is the same for empty records behind a frame that is not whole', () => {
    const empty = toyRecord(new Uint8Array(0))
    const records = joinBytes([
      toyRecord(FRAME_OF_32_KIB.subarray(0, 32_000)),
      ...Array.from({ length: 10_000 }, () => empty),
    ])
    expect(costOf(records, records.length).copies).toBeLessThanOrEqual(COPIES_MAX)
  })

  it('is the same for records that each end one large frame and begin another', () => {
    const plain = joinBytes(Array.from({ length: 30 }, () => FRAME_OF_32_KIB))
    for (const length of [32_000, 32_768, 33_000, 65_519]) {
      const { copies, events } = costOf(recordsOf(plain, length), MIB)
      expect(events).toBe(30)
      expect(copies).toBeLessThanOrEqual(COPIES_MAX)
    }
  })

  it('is the same for a large message in the smallest fragments, that come one byte at a time', () => {
    const { copies, events } = costOf(recordsOf(smallestFragments(98_304), 3_000), 1)
    expect(events).toBe(96)
    expect(copies).toBeLessThanOrEqual(COPIES_MAX)
  })

  it('is the same for small frames in one mebibyte that comes one byte at a time', () => {
    const small = encodeFrame(FRAME.ping, new Uint8Array(8))
    const plain = joinBytes(Array.from({ length: Math.floor(MIB / small.length) }, () => small))
    const { copies, events } = costOf(recordsOf(plain, 32_768), 1)
    expect(events).toBe(Math.floor(MIB / small.length))
    expect(copies).toBeLessThanOrEqual(COPIES_MAX)
  })

  it('is the same for a handshake that comes one byte at a time, with the true suite', () => {
    for (const side of SIDES) {
      const stream = recorded(nodeCrypto).heard[side]
      const owner = new Owner(nodeCrypto, side)
      const whole = copiedBytes(() => {
        new Owner(nodeCrypto, side).receive(stream)
      })
      const crumbs = copiedBytes(() => {
        for (const byte of stream) owner.receive(Uint8Array.of(byte))
      })
      expect(owner.established).toBe(true)
      expect(crumbs).toBeLessThanOrEqual(whole + COPIES_MAX * stream.length)
    }
  })
})
