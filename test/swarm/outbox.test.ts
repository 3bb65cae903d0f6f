import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Memory } from '../../src/policy/memory.js'
import { copyBytes, EMPTY, joinBytes } from '../../src/protocol/bytes.js'
import { SendCredit } from '../../src/protocol/credit.js'
import { Reassembly } from '../../src/protocol/fragment.js'
import { encodeFrame, FRAME, FrameReader } from '../../src/protocol/frame.js'
import type { PeerClass } from '../../src/ports/types.js'
import type { Priority } from '../../src/protocol/message.js'
import { Outbox } from '../../src/swarm/outbox.js'
import { RecordSlab } from '../../src/swarm/record-parts.js'

const RECORD_MAX = 65_519
const message = (type: number, length: number, counted = true) => ({
  type,
  parts: [new Uint8Array(length).fill(type)],
  bodyBytes: length,
  counted,
})

function outbox(bytesMax = 1_000_000, creditBytes = 10_000_000, peerClass: PeerClass = 'masternode') {
  const credit = new SendCredit(creditBytes)
  const memory = new Memory(2 ** 30, { size: 0 })
  const box = new Outbox({
    bytesMax: () => bytesMax,
    credit,
    memory,
    slab: new RecordSlab(),
    peerClass: () => peerClass,
  })
  return { box, credit, memory }
}

/** Every record that may be sent now, as the other side reads it: types in order, fragments put together. */
function drain(box: Outbox): { readonly types: number[]; readonly records: number[] } {
  const reader = new FrameReader()
  const reassembly = new Reassembly(100_000_000)
  const types: number[] = []
  const records: number[] = []
  for (let parts = box.pickRecord(); parts.length > 0; parts = box.pickRecord()) {
    const record = joinBytes(parts)
    records.push(record.length)
    reader.push(record)
    for (let frame = reader.next(); frame !== null; frame = reader.next()) {
      if (typeof frame === 'string') throw new Error(frame)
      if (frame.type !== FRAME.fragment) types.push(frame.type)
      else {
        const read = reassembly.add(frame.body)
        if (read.kind === 'fault') throw new Error(read.fault)
        if (read.kind === 'whole') types.push(read.frame.type)
      }
    }
  }
  return { types, records }
}

describe('an outbox', () => {
  it('takes back a question of which nothing has left, wherever it stands, and holds nothing of it; else a word follows it', () => {
    const asked = fc.record({
      priority: fc.constantFrom<Priority>('urgent', 'normal', 'bulk'),
      length: fc.oneof(fc.nat(2_000), fc.integer({ min: 32_000, max: 200_000 })),
    })
    const steps = fc.array(fc.oneof(asked, fc.constant('pick' as const), fc.nat(60)), { maxLength: 80 })
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 400_000 }), (all, creditBytes) => {
        const { box, memory, credit } = outbox(300_000, creditBytes)
        const unused = memory.status().usedBytes
        const kept = new Set<number>()
        const leaving = new Set<number>()
        const records: Uint8Array[] = []
        const pick = (): void => {
          const record = copyBytes(joinBytes(box.pickRecord()))
          if (record.length > 0) records.push(record)
        }
        all.forEach((step, i) => {
          const type = 64 + i
          if (step === 'pick') pick()
          else if (typeof step === 'number') {
            const withdrawn = box.withdraw(64 + step, encodeFrame(1_000 + step, EMPTY))
            if (withdrawn === 'unsent') kept.delete(64 + step)
            if (withdrawn === 'leaving') leaving.add(step)
          } else if (box.push(step.priority, { ...message(type, step.length), requestId: type })) kept.add(type)
        })
        credit.grant(2 ** 40)
        for (let left = -1; left !== records.length; ) {
          left = records.length
          pick()
        }
        const { types } = drain({ pickRecord: () => records.splice(0, 1) } as never)
        const words = Array.from(leaving, (id) => 1_000 + id)
        expect(types.toSorted((x, y) => x - y)).toEqual([...kept, ...words].toSorted((x, y) => x - y))
        for (const id of leaving) expect(types.indexOf(1_000 + id)).toBeGreaterThan(types.indexOf(64 + id))
        expect([box.isEmpty, box.bytes, memory.status().usedBytes]).toEqual([true, 0, unused])
      }),
    )
  })

  it('sends control frames first, then urgent, normal, bulk, each in order', () => {
    const { box } = outbox()
    for (const [priority, type] of [
      ['bulk', 70],
      ['normal', 71],
      ['urgent', 72],
      ['bulk', 73],
      ['urgent', 74],
    ] as const)
      box.push(priority, message(type, 10))
    box.pushControl(Uint8Array.of(1, FRAME.gap))
    expect(drain(box).types).toEqual([FRAME.gap, 72, 74, 71, 70, 73])
    expect(box.isEmpty).toBe(true)
  })

  it('gives everything once and in order within a priority, in records that Noise can hold', () => {
    const sizes = fc.oneof(fc.nat(200), fc.integer({ min: 7_000, max: 9_000 }), fc.nat(120_000))
    const entries = fc.array(fc.tuple(fc.constantFrom<Priority>('urgent', 'normal', 'bulk'), sizes), { maxLength: 60 })
    fc.assert(
      fc.property(entries, (pushed) => {
        const { box } = outbox(100_000_000, 100_000_000)
        pushed.forEach(([priority, length], i) => box.push(priority, message(64 + i, length)))
        const { types, records } = drain(box)
        const of = (wanted: Priority): number[] =>
          pushed.flatMap(([priority], i) => (priority === wanted ? [64 + i] : []))
        for (const priority of ['urgent', 'normal', 'bulk'] as const)
          expect(types.filter((type) => pushed[type - 64]?.[0] === priority)).toEqual(of(priority))
        expect(types.length).toBe(pushed.length)
        expect(Math.max(0, ...records)).toBeLessThanOrEqual(RECORD_MAX)
        expect([box.bytes, box.isEmpty]).toEqual([0, true])
      }),
    )
  })

  it('sends a message with an empty body, alone or behind a control frame', () => {
    const { box } = outbox()
    box.push('normal', message(64, 0))
    expect(box.isEmpty).toBe(false)
    expect(drain(box).types).toEqual([64])
    box.pushControl(Uint8Array.of(1, FRAME.gap))
    box.push('bulk', message(65, 0))
    expect(drain(box).types).toEqual([FRAME.gap, 65])
    expect(box.isEmpty).toBe(true)
  })

  it('refuses what goes beyond its bound, and takes it again once there is room', () => {
    const { box } = outbox(100)
    expect(box.push('bulk', message(64, 60))).toBe(true)
    expect(box.push('urgent', message(65, 41))).toBe(false)
    expect(box.push('urgent', message(66, 40))).toBe(true)
    expect(box.bytes).toBe(100)
    expect(drain(box).types).toEqual([66, 64])
    expect(box.push('urgent', message(67, 100))).toBe(true)
  })

  it('is high beyond an eighth of its bound', () => {
    const { box } = outbox(800)
    box.push('bulk', message(64, 100))
    expect(box.isHigh).toBe(false)
    box.push('bulk', message(65, 1))
    expect(box.isHigh).toBe(true)
  })

  it('sends nothing counted without credit, and everything else all the same', () => {
    const { box, credit } = outbox(1_000, 50)
    box.push('urgent', message(64, 49))
    box.push('normal', message(65, 10))
    box.push('bulk', message(10, 20, false))
    box.pushControl(Uint8Array.of(1, FRAME.gap))
    expect(drain(box).types).toEqual([FRAME.gap, 64, 10])
    expect(credit.left).toBe(0)
    credit.grant(11)
    expect(drain(box).types).toEqual([65])
    expect(credit.left).toBe(0)
  })

  it('spends the credit that the other side counts', () => {
    const { box, credit } = outbox(1_000_000, 1_000_000)
    box.push('normal', message(64, 10))
    box.push('normal', message(200, 10))
    drain(box)
    expect(1_000_000 - credit.left).toBe(11 + 12)
  })

  it('refuses more than 4,096 control frames', () => {
    const { box } = outbox()
    const frame = Uint8Array.of(1, FRAME.gap)
    for (let i = 0; i < 4_096; i++) expect(box.pushControl(frame)).toBe(true)
    expect(box.pushControl(frame)).toBe(false)
  })

  it.each([
    ['unknown', 16],
    ['regular', 16],
    ['persistent', 128],
    ['masternode', 128],
  ] as const)(
    'of a peer that is %s refuses control frames beyond eight of so many KiB, and is high beyond four: %i',
    (peerClass, kib) => {
      const { box } = outbox(1_000_000, 1_000_000, peerClass)
      const frame = new Uint8Array(kib * 1_024)
      const high = Array.from({ length: 8 }, () => {
        expect(box.pushControl(frame)).toBe(true)
        return box.isControlHigh
      })
      expect(high).toEqual([false, false, false, false, true, true, true, true])
      expect(box.pushControl(Uint8Array.of(1, FRAME.gap))).toBe(false)
      box.pickRecord()
      expect(box.pushControl(frame)).toBe(true)
      for (let parts = box.pickRecord(); parts.length > 0; parts = box.pickRecord());
      expect(box.isControlHigh).toBe(false)
    },
  )

  it('takes one message that is larger than its bound, beside what is within it, and is not high for it', () => {
    const { box, memory } = outbox(100_000)
    expect(box.push('normal', message(64, 250_000))).toBe(true)
    expect([box.isHigh, box.bytes]).toEqual([false, 250_000])
    expect(box.push('bulk', message(65, 150_000))).toBe(false)
    expect(box.push('normal', message(66, 90_000))).toBe(true)
    expect(box.push('normal', message(67, 20_000))).toBe(false)
    expect(drain(box).types).toEqual([64, 66])
    expect([box.bytes, memory.status().outboxBytes]).toEqual([0, 0])
    expect(box.push('bulk', message(65, 150_000))).toBe(true)
    expect(box.takeUnsent().length).toBe(1)
    expect([box.push('bulk', message(68, 150_000)), box.bytes]).toEqual([true, 150_000])
  })

  it('takes one that is small, too, where its bound is smaller still', () => {
    const { box } = outbox(10)
    expect([box.push('normal', message(64, 50)), box.push('normal', message(65, 50))]).toEqual([true, false])
    expect(drain(box).types).toEqual([64])
    expect([box.bytes, box.push('normal', message(65, 50))]).toEqual([0, true])
  })

  it('gives up what it has not sent, a message in fragments from its beginning', () => {
    const { box } = outbox(1_000_000, 40_000)
    box.push('bulk', message(64, 100_000))
    box.push('urgent', message(65, 5))
    expect(drain(box).types).toEqual([65])
    const unsent = box.takeUnsent()
    expect(unsent.map(({ priority, outgoing }) => [priority, outgoing.type, outgoing.bodyBytes])).toEqual([
      ['bulk', 64, 100_000],
    ])
    expect([box.bytes, box.isEmpty]).toEqual([0, true])
    const next = outbox()
    for (const { priority, outgoing } of unsent) next.box.push(priority, outgoing)
    expect(drain(next.box).types).toEqual([64])
  })
})

describe('the memory of an outbox', () => {
  it('is given back for what is sent, and for what is taken away', () => {
    const { box, memory } = outbox()
    const held = (): number => memory.status().outboxBytes
    for (const length of [100, 50_000, 70_000]) box.push('normal', message(70, length))
    expect(held()).toBeGreaterThan(120_100)
    drain(box)
    expect(held()).toBe(0)
    box.push('bulk', message(70, 70_000))
    box.pickRecord()
    box.takeUnsent()
    expect(held()).toBe(0)
  })

  it('is held once for a body that waits in many', () => {
    const memory = new Memory(2 ** 30, { size: 0 })
    const shared = { holders: 0 }
    const boxes = Array.from({ length: 50 }, () => {
      const credit = new SendCredit(10_000_000)
      return new Outbox({ bytesMax: () => 1e6, credit, memory, slab: new RecordSlab(), peerClass: () => 'regular' })
    })
    for (const box of boxes) box.push('normal', { ...message(70, 20_000), shared })
    expect(memory.status().outboxBytes).toBeLessThan(50 * 200 + 20_000)
    for (const box of boxes.slice(1)) drain(box)
    expect(memory.status().outboxBytes).toBeGreaterThan(20_000)
    boxes[0]?.takeUnsent()
    expect(memory.status().outboxBytes).toBe(0)
  })

  it('takes nothing that the node has no room for', () => {
    const memory = new Memory(200_000, { size: 0 })
    const credit = new SendCredit(10_000_000)
    const box = new Outbox({ bytesMax: () => 1e6, credit, memory, slab: new RecordSlab(), peerClass: () => 'unknown' })
    expect([1, 2, 3].map(() => box.push('normal', message(70, 40_000)))).toEqual([true, true, false])
    expect(drain(box).types.length).toBe(2)
  })
})
