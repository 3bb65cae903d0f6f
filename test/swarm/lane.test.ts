/** What stays on a link: as it was written, in its order, and with no more memory than its own. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Memory } from '../../src/policy/memory.js'
import { copyBytes, joinBytes } from '../../src/protocol/bytes.js'
import { SendCredit } from '../../src/protocol/credit.js'
import { encodeFrame, frameHeader } from '../../src/protocol/frame.js'
import { briefly, FrameSlab } from '../../src/protocol/frame-slab.js'
import { Lane } from '../../src/swarm/lane.js'
import { Outbox } from '../../src/swarm/outbox.js'
import type { Outgoing, Shared } from '../../src/swarm/outgoing.js'
import { NO_PARTS } from '../../src/swarm/outgoing.js'
import { RecordSlab } from '../../src/swarm/record-parts.js'

const SLAB = 32_768
const TYPE = 70

/** What a turn writes, for one link or for several. */
class Turns {
  readonly #slab = new FrameSlab(briefly)
  #written = 0

  frame(length: number, shared?: Shared): Outgoing {
    const body = new Uint8Array(length).fill(++this.#written % 251)
    const frame = this.#slab.write(TYPE, [body], length)
    return { type: TYPE, parts: NO_PARTS, bodyBytes: length, counted: true, frame, shared }
  }

  end(): void {
    this.#slab.rest()
  }
}

const bytesOf = ({ frame, type, bodyBytes, parts }: Outgoing): Uint8Array =>
  frame === undefined
    ? joinBytes([frameHeader(type, bodyBytes), ...parts])
    : copyBytes(frame.bytes, frame.from, frame.to)

/** All memory that stays because these do. */
function memoryOf(outgoings: readonly Outgoing[]): number {
  const memories = new Set(
    outgoings.flatMap(({ frame, parts }) => frame?.bytes.buffer ?? parts.map(({ buffer }) => buffer)),
  )
  return [...memories].reduce((sum, { byteLength }) => sum + byteLength, 0)
}

describe('a lane', () => {
  it('keeps what stays as it was written, in order, and hardly more memory than that', () => {
    const turn = fc.record({
      others: fc.array(fc.integer({ min: 100, max: 9_000 }), { maxLength: 20 }),
      own: fc.array(fc.integer({ min: 1, max: 600 }), { maxLength: 4 }),
      leaving: fc.nat(3),
      stays: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(turn, { minLength: 20, maxLength: 80 }), (turns) => {
        const lane = new Lane()
        const writer = new Turns()
        let model: Uint8Array[] = []
        for (const { others, own, leaving, stays } of turns) {
          for (const [i, length] of own.entries()) {
            for (const other of others.slice(i * 5, i * 5 + 5)) writer.frame(other)
            const outgoing = writer.frame(length, { holders: 1 })
            lane.push(outgoing)
            model.push(bytesOf(outgoing))
          }
          for (let i = 0; i < Math.min(leaving, model.length); i++) lane.shift()
          model = model.slice(Math.min(leaving, model.length))
          if (stays) lane.stay()
          writer.end()
        }
        lane.stay()
        const left = lane.takeAll()
        expect(left.map(bytesOf)).toEqual(model)
        // What is dense may stay where it is, and of the memory at either end some may be gone, or free yet.
        const bytes = model.reduce((sum, { length }) => sum + length, 0)
        expect(memoryOf(left)).toBeLessThanOrEqual(4 * bytes + 2 * SLAB)
      }),
    )
  })

  it('holds what stays on many links once', () => {
    const writer = new Turns()
    const lanes = Array.from({ length: 20 }, () => new Lane())
    const written: Uint8Array[] = []
    for (let i = 0; i < 50; i++) {
      const outgoing = writer.frame(200, { holders: lanes.length })
      for (const lane of lanes) lane.push(outgoing)
      written.push(bytesOf(outgoing))
      for (const lane of lanes) lane.stay()
      writer.frame(8_000)
      writer.end()
    }
    const left = lanes.map((lane) => lane.takeAll())
    for (const one of left) expect(one.map(bytesOf)).toEqual(written)
    expect(memoryOf(left.flat())).toBe(50 * 200)
  })

  it('holds nothing for what is to come once nothing is left', () => {
    const writer = new Turns()
    const lane = new Lane()
    for (let i = 0; i < 50; i++) {
      lane.push(writer.frame(200))
      lane.stay()
      writer.end()
    }
    for (let i = 0; i < 50; i++) lane.shift()
    lane.push(writer.frame(97))
    lane.stay()
    expect(memoryOf(lane.takeAll())).toBe(99)
  })

  it('leaves what one turn wrote for one link side by side where it is', () => {
    const writer = new Turns()
    const lane = new Lane()
    const written = Array.from({ length: 100 }, () => writer.frame(200))
    for (const outgoing of written) lane.push(outgoing)
    lane.stay()
    const isUnmoved = ({ frame }: Outgoing, at: number): boolean => frame?.bytes === written[at]?.frame?.bytes
    expect(lane.takeAll().filter(isUnmoved).length).toBeGreaterThan(90)
  })
})

describe('what stays in an outbox', () => {
  const boxOf = (bytesMax: number) => {
    const credit = new SendCredit(0)
    const memory = new Memory(2 ** 30, { size: 0 })
    const box = new Outbox({
      bytesMax: () => bytesMax,
      credit,
      memory,
      slab: new RecordSlab(),
      peerClass: () => 'regular',
    })
    return { box, credit, memory }
  }

  it('is not forgotten to have left, where it is larger than the bound', () => {
    const { box, credit, memory } = boxOf(150)
    const unused = memory.status().usedBytes
    for (let i = 0; i < 3; i++) {
      expect(box.push('normal', new Turns().frame(200))).toBe(true)
      box.stay()
      expect(box.push('normal', new Turns().frame(200))).toBe(false)
      credit.grant(1_000)
      expect(box.pickRecord()).toHaveLength(1)
      expect([box.bytes, box.isEmpty, memory.status().usedBytes]).toEqual([0, true, unused])
    }
  })

  it('is one body on all links, whatever its number there, and leaves whole', () => {
    const links = Array.from({ length: 5 }, () => boxOf(1e6))
    for (const length of [200, 1_000, 5_000, 20_000]) {
      const shared: Shared = { holders: 0 }
      const body = new Uint8Array(length).fill(7)
      const slab = new FrameSlab(briefly)
      for (const [i, { box }] of links.entries()) {
        const type = TYPE + 100 * i
        const frame = length > 1_024 ? {} : { frame: slab.write(type, [body], length) }
        const parts = length > 1_024 ? [body] : []
        box.push('normal', { type, parts, bodyBytes: length, counted: true, shared, ...frame })
      }
      for (const { box } of links) box.stay()
      const moved = links.map(({ box }) => box.takeUnsent())
      expect(new Set(moved.flatMap((unsent) => unsent.flatMap(({ outgoing }) => outgoing.parts))).size).toBe(1)
      for (const [i, { box, credit }] of links.entries()) {
        for (const { priority, outgoing } of moved[i] ?? []) box.push(priority, outgoing)
        credit.grant(1e6)
        expect(joinBytes(box.pickRecord())).toEqual(encodeFrame(TYPE + 100 * i, body))
      }
      expect([shared.holders, shared.own]).toEqual([0, undefined])
    }
  })
})

describe('a body that stayed in several outboxes', () => {
  it('is held no longer than by the last of them', () => {
    const memory = new Memory(2 ** 30, { size: 0 })
    const credits = [new SendCredit(0), new SendCredit(0)]
    const boxes = credits.map(
      (credit) =>
        new Outbox({ bytesMax: () => 1e6, credit, memory, slab: new RecordSlab(), peerClass: () => 'regular' }),
    )
    const shared: Shared = { holders: 0 }
    const outgoing = new Turns().frame(200, shared)
    for (const box of boxes) box.push('normal', outgoing)
    for (const box of boxes) box.stay()
    for (const [i, credit] of credits.entries()) {
      expect(shared.own).toBeDefined()
      credit.grant(1_000)
      expect(boxes[i]?.pickRecord()).toHaveLength(1)
    }
    expect(shared).toMatchObject({ holders: 0, own: undefined })
  })
})
