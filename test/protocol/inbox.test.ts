import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex } from '../../src/protocol/bytes.js'
import { Inbox } from '../../src/protocol/inbox.js'
import { anyChunks, cut, seedBytes } from './harness.js'

const HALF = new Uint8Array(30_000)

describe('an inbox', () => {
  it('gives the same runs whatever the chunks, looked at first or not', () => {
    const runs = fc.array(fc.tuple(fc.integer({ min: 1, max: 3_000 }), fc.boolean()), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(runs, anyChunks, fc.integer({ min: 0, max: 200 }), (wanted, lengths, salt) => {
        const total = wanted.reduce((sum, [length]) => sum + length, 0)
        const stream = Uint8Array.from({ length: total }, (_, i) => (i * 31 + salt + (i >> 8)) & 0xff)
        const inbox = new Inbox()
        const taken: string[] = []
        for (const chunk of cut(stream, lengths)) {
          inbox.push(chunk)
          for (let next = wanted[taken.length]; next !== undefined; next = wanted[taken.length]) {
            const [length, peeks] = next
            const seen = peeks ? hex(inbox.peek(Math.min(length, 16))) : ''
            const run = inbox.take(length)
            if (run === null) break
            expect(hex(run).startsWith(seen)).toBe(true)
            taken.push(hex(run))
          }
          chunk.fill(0xee)
        }
        expect(taken.join('')).toBe(hex(stream))
      }),
    )
  })

  it('hands on a run that lies within one arrival without copying it', () => {
    const inbox = new Inbox()
    const arrival = Uint8Array.of(1, 2, 3, 4)
    inbox.push(arrival)
    expect(inbox.take(1)?.buffer).toBe(arrival.buffer)
    expect([...(inbox.take(3) ?? [])]).toEqual([2, 3, 4])
    expect(inbox.take(1)).toBeNull()
  })

  it('shows what is there of a run without taking it', () => {
    const inbox = new Inbox()
    inbox.push(Uint8Array.of(1, 2))
    expect([...inbox.peek(3)]).toEqual([1, 2])
    expect([...inbox.peek(3)]).toEqual([1, 2])
    inbox.push(Uint8Array.of(3, 4))
    expect([...inbox.peek(3)]).toEqual([1, 2, 3])
    expect([...(inbox.take(4) ?? [])]).toEqual([1, 2, 3, 4])
    expect([...inbox.peek(3)]).toEqual([])
  })

  it('gives a run of no bytes at any time', () => {
    const inbox = new Inbox()
    expect(inbox.take(0)).toHaveLength(0)
  })

  it('holds no more memory than about twice what has come, whatever was announced', () => {
    const inbox = new Inbox()
    const announced = 2 ** 40
    for (let come = 100; come <= 10_000; come += 100) {
      inbox.push(new Uint8Array(100))
      expect(inbox.take(announced)).toBeNull()
      expect(inbox.waiting).toBe(come)
      expect(inbox.peek(announced).buffer.byteLength).toBeLessThanOrEqual(2 * come + 64)
    }
  })

  it('lets go of the memory of a large run once it was taken', () => {
    const inbox = new Inbox()
    inbox.push(HALF)
    expect(inbox.take(60_000)).toBeNull()
    inbox.push(HALF)
    expect(inbox.take(60_000)).toHaveLength(60_000)
    expect(inbox.waiting).toBe(0)
    inbox.push(seedBytes(1))
    expect(inbox.peek(40).buffer.byteLength).toBeLessThanOrEqual(1_024)
  })

  it('puts large runs together in memory that another used before it', () => {
    const [one, other] = [new Inbox(), new Inbox()]
    one.push(HALF)
    one.take(60_000)
    one.push(HALF)
    one.take(60_000)
    const memory = new Set<ArrayBufferLike | undefined>()
    for (const inbox of [one, other, one]) {
      inbox.push(HALF)
      expect(inbox.take(60_000)).toBeNull()
      inbox.push(HALF)
      memory.add(inbox.take(60_000)?.buffer)
    }
    expect(memory.size).toBe(1)
  })

  it('never shares it with one that waits for the rest of its own', () => {
    const inboxes = Array.from({ length: 20 }, () => new Inbox())
    for (const round of [1, 2]) {
      for (const [i, inbox] of inboxes.entries()) {
        inbox.push(new Uint8Array(30_000).fill(round * 50 + i))
        expect(inbox.take(60_000)).toBeNull()
      }
      for (const [i, inbox] of inboxes.entries()) {
        inbox.push(new Uint8Array(30_000).fill(round * 50 + i))
        expect(inbox.take(60_000)?.every((byte) => byte === round * 50 + i)).toBe(true)
      }
    }
  })

  it('holds no more than eight pieces of it in all, whoever waits with one', () => {
    const inboxes = Array.from({ length: 100 }, () => new Inbox())
    for (const inbox of inboxes) {
      inbox.push(new Uint8Array(600))
      expect(inbox.take(1_100)).toBeNull()
      inbox.push(new Uint8Array(500))
      expect(inbox.take(1_100)).toHaveLength(1_100)
      inbox.push(new Uint8Array(1_025))
      expect(inbox.take(60_000)).toBeNull()
    }
    const held = inboxes.map((inbox) => inbox.peek(60_000).buffer.byteLength)
    expect(held.filter((bytes) => bytes === 65_536).length).toBeLessThanOrEqual(8)
    for (const inbox of inboxes) inbox.clear()
  })

  it('keeps no more of it than eight pieces, and who is cleared gives it back', () => {
    const inboxes = Array.from({ length: 20 }, () => new Inbox())
    const memories = (): readonly ArrayBufferLike[] => {
      const found = inboxes.map((inbox) => {
        inbox.push(HALF)
        expect(inbox.take(60_000)).toBeNull()
        return inbox.peek(60_000).buffer
      })
      for (const inbox of inboxes) inbox.clear()
      return found.filter(({ byteLength }) => byteLength === 65_536)
    }
    memories()
    const spares = memories()
    expect(spares).toHaveLength(8)
    expect(new Set([...spares, ...memories()]).size).toBe(8)
    expect(inboxes.map(({ waiting }) => waiting)).toEqual(inboxes.map(() => 0))
  })
})
