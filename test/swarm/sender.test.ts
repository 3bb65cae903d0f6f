/** What a peer is told of messages that were dropped before they reached it. */
import { describe, expect, it } from 'vitest'
import { Memory } from '../../src/policy/memory.js'
import { joinBytes } from '../../src/protocol/bytes.js'
import { FRAME, FrameReader } from '../../src/protocol/frame.js'
import { RecordSlab } from '../../src/swarm/record-parts.js'
import { Sender } from '../../src/swarm/sender.js'

function scene() {
  const sent: number[] = []
  const turn: (() => void)[] = []
  let takes = true
  let now = 0
  const sender = new Sender({
    outboxBytesMax: 1_000,
    memory: new Memory(2 ** 30, { size: 0 }),
    peerClass: () => 'masternode',
    creditBytes: 1_000_000,
    slab: new RecordSlab(),
    flusher: {
      add: (connection: { flush(): void }) => {
        turn.push(() => {
          connection.flush()
        })
      },
    } as never,
    now: () => now,
    write: (parts) => {
      const reader = new FrameReader()
      reader.push(joinBytes(parts))
      for (let frame = reader.next(); frame !== null && typeof frame !== 'string'; frame = reader.next())
        sent.push(frame.type)
      return takes
    },
  })
  const endTurn = (): void => {
    for (const run of turn.splice(0)) run()
  }
  const say = (): void => {
    sender.enqueue('normal', { type: 64, parts: [new Uint8Array(100)], bodyBytes: 100, counted: true })
  }
  return {
    sender,
    sent,
    endTurn,
    say,
    pass: (ms: number): void => {
      now += ms
    },
    saturate: (): void => {
      takes = false
    },
    drain: (): void => {
      takes = true
      sender.linkDrained()
      endTurn()
    },
  }
}

describe('a question that is withdrawn', () => {
  it('keeps nobody waiting for it to leave', () => {
    const { sender, sent, endTurn } = scene()
    sender.enqueue('normal', { type: 64, parts: [new Uint8Array(9)], bodyBytes: 9, counted: true, requestId: 7 })
    let drained = 0
    sender.whenDrained(() => drained++)
    expect([drained, sender.withdraw(7, FRAME.cancel, Uint8Array.of(7)), drained]).toEqual([0, 'unsent', 1])
    endTurn()
    expect([sent, sender.isIdle]).toEqual([[], true])
  })
})

describe('a gap', () => {
  it('is told once for all that is dropped before the word of it leaves', () => {
    const { sender, sent, endTurn } = scene()
    for (let i = 0; i < 5; i++) sender.noteGap()
    endTurn()
    expect(sent).toEqual([FRAME.gap])
    sender.noteGap()
    endTurn()
    expect(sent).toEqual([FRAME.gap, FRAME.gap])
  })

  it('is told again, behind all that waited, where more is dropped after the first word', () => {
    const { sender, sent, endTurn, say, saturate, drain } = scene()
    saturate()
    sender.noteGap()
    say()
    endTurn()
    expect(sent).toEqual([FRAME.gap, 64])
    say()
    for (let i = 0; i < 5; i++) sender.noteGap()
    endTurn()
    expect(sent).toEqual([FRAME.gap, 64])
    drain()
    expect(sent).toEqual([FRAME.gap, 64, 64, FRAME.gap])
  })

  it('is told again every thirty seconds of a link that never drains', () => {
    const { sender, sent, endTurn, say, pass, saturate, drain } = scene()
    sender.noteGap()
    endTurn()
    saturate()
    say()
    endTurn()
    say()
    sender.noteGap()
    const busy = (): void => {
      sender.linkDrained()
      endTurn()
      say()
    }
    sent.splice(0)
    for (let second = 0; second < 65; second++) {
      pass(1_000)
      sender.noteGap()
      busy()
    }
    expect(sent.filter((type) => type === FRAME.gap)).toHaveLength(3)
    drain()
    expect(sent.filter((type) => type === FRAME.gap)).toHaveLength(4)
  })

  it('is told to nobody once the link has ended', () => {
    const { sender, sent, endTurn, say, saturate } = scene()
    saturate()
    sender.noteGap()
    say()
    endTurn()
    say()
    sender.noteGap()
    sender.stop()
    endTurn()
    expect(sent).toEqual([FRAME.gap, 64])
  })
})
