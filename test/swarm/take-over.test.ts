/** What one link has not sent is sent on the one that takes its place: all of it in its order, before anybody hears of it. */
import { describe, expect, it } from 'vitest'
import { Memory } from '../../src/policy/memory.js'
import { joinBytes } from '../../src/protocol/bytes.js'
import { FRAME, FrameReader } from '../../src/protocol/frame.js'
import { Batch } from '../../src/swarm/batch.js'
import { RecordSlab } from '../../src/swarm/record-parts.js'
import { Sender } from '../../src/swarm/sender.js'
import { takeOver } from '../../src/swarm/take-over.js'

const message = (type: number, length: number) => ({
  type,
  parts: [new Uint8Array(length)],
  bodyBytes: length,
  counted: true,
})

/** A link whose host says something more as soon as it hears that a message was dropped. */
function link(outboxBytesMax: number, messageBytesMax: number, memory = new Memory(2 ** 30, { size: 0 })) {
  const sent: number[] = []
  let takes = false
  const sender = new Sender({
    outboxBytesMax: () => outboxBytesMax,
    memory,
    peerClass: () => 'regular',
    creditBytes: 1e9,
    slab: new RecordSlab(),
    flusher: { add: () => undefined } as never,
    now: () => 0,
    later: () => ({ cancel: () => undefined }) as never,
    write: (parts) => {
      const reader = new FrameReader()
      reader.push(joinBytes(parts))
      for (let frame = reader.next(); frame !== null && typeof frame !== 'string'; frame = reader.next())
        sent.push(frame.type)
      return takes
    },
  })
  let overflows = 0
  const connection = {
    hello: { limits: { messageBytesMax } },
    sender,
    takeUnsent: () => sender.takeUnsent(),
    enqueue: () => false,
    overflowed: () => {
      overflows++
      sender.enqueue('normal', message(99, 1))
    },
  }
  const drain = (): void => {
    takes = true
    sender.linkDrained()
  }
  return { sent, drain, sender, connection: connection as never, overflows: () => overflows }
}

describe('a link that takes the place of another', () => {
  it('sends what that one has not sent, in its order, but what its peer takes no more or there is no room for', () => {
    const [old, newcomer] = [link(100_000, 100_000), link(2_500, 1_000)]
    const lengths = [500, 1_001, 1_000, 900, 700, 10]
    for (const [i, length] of lengths.entries()) old.sender.enqueue('normal', message(64 + i, length))
    takeOver(newcomer.connection, old.connection)
    newcomer.drain()
    expect(newcomer.sent).toEqual([64, 66, 67, 69, 99])
    expect(newcomer.overflows()).toBe(1)
    expect(old.sender.outbox.isEmpty).toBe(true)
  })

  it.each(['noted', 'paused'])('tells of what was dropped on that one and has not been told: %s', (how) => {
    const [old, newcomer] = [link(100_000, 100_000), link(100_000, 1_000)]
    old.sender.noteGap()
    if (how === 'paused') {
      old.drain()
      old.sender.noteGap()
    }
    old.sender.stop()
    takeOver(newcomer.connection, old.connection)
    newcomer.drain()
    expect([newcomer.sent, newcomer.overflows()]).toEqual([[FRAME.gap], 0])
  })

  it('tells of what no memory was left for once it had to wait by itself', () => {
    const memory = new Memory(2 ** 26, { size: 0 })
    const [old, newcomer] = [link(2 ** 20, 100_000, memory), link(2 ** 20, 100_000, memory)]
    const batch = new Batch()
    expect(old.sender.board(batch)).toBe(true)
    batch.add('normal', 64, new Uint8Array(1_000), { holders: 0 })
    for (const bytes of [60_000, 100]) while (memory.queue('regular', 'normal', message(65, bytes)));
    old.sender.stop()
    takeOver(newcomer.connection, old.connection)
    newcomer.drain()
    expect([newcomer.sent, newcomer.overflows()]).toEqual([[FRAME.gap], 0])
  })

  it('says nothing of what was dropped and told', () => {
    const [old, newcomer] = [link(100_000, 100_000), link(100_000, 1_000)]
    old.sender.noteGap()
    old.drain()
    takeOver(newcomer.connection, old.connection)
    newcomer.drain()
    expect([old.sent, newcomer.sent]).toEqual([[FRAME.gap], []])
  })

  it('says nothing of what was dropped where nothing was', () => {
    const [old, newcomer] = [link(100_000, 100_000), link(100_000, 1_000)]
    for (const type of [64, 65]) old.sender.enqueue('normal', message(type, 1_000))
    takeOver(newcomer.connection, old.connection)
    newcomer.drain()
    expect([newcomer.sent, newcomer.overflows()]).toEqual([[64, 65], 0])
  })
})
