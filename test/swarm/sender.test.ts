/** What a peer is told of messages that were dropped before they reached it. */
import { describe, expect, it } from 'vitest'
import { Memory } from '../../src/policy/memory.js'
import { joinBytes } from '../../src/protocol/bytes.js'
import { FRAME, FrameReader } from '../../src/protocol/frame.js'
import { briefly, FrameSlab } from '../../src/protocol/frame-slab.js'
import { RecordSlab } from '../../src/swarm/record-parts.js'
import { Sender } from '../../src/swarm/sender.js'

function scene(creditBytes = 1_000_000, outboxBytesMax = 1_000) {
  const sent: number[] = []
  let written = 0
  const turn: (() => void)[] = []
  let takes = true
  let now = 0
  let timers: { readonly at: number; readonly run: () => void }[] = []
  const sender = new Sender({
    outboxBytesMax: () => outboxBytesMax,
    memory: new Memory(2 ** 30, { size: 0 }),
    peerClass: () => 'masternode',
    creditBytes,
    slab: new RecordSlab(),
    flusher: {
      add: (connection: { flush(): void }) => {
        turn.push(() => {
          connection.flush()
        })
      },
    } as never,
    now: () => now,
    later: (delayMs, run) => {
      const timer = { at: now + delayMs, run }
      timers.push(timer)
      const cancel = (): void => {
        timers = timers.filter((other) => other !== timer)
      }
      return { cancel } as never
    },
    write: (parts) => {
      written++
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
    records: () => written,
    endTurn,
    say,
    pass: (ms: number): void => {
      now += ms
      for (const timer of timers.filter(({ at }) => at <= now)) {
        timers = timers.filter((other) => other !== timer)
        timer.run()
      }
      endTurn()
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

describe('what is sent in one turn', () => {
  it('leaves at its end, but for what fills a record, which leaves at once', () => {
    const { sender, sent, endTurn } = scene(1_000_000, 1_000_000)
    const say = (bytes: number, type: number): void => {
      sender.enqueue('normal', { type, parts: [new Uint8Array(bytes)], bodyBytes: bytes, counted: true })
    }
    say(100, 64)
    say(31_899, 65)
    expect(sent).toEqual([])
    say(1, 66)
    expect(sent).toEqual([64, 65, 66])
    say(100, 67)
    expect(sent.length).toBe(3)
    endTurn()
    expect(sent).toEqual([64, 65, 66, 67])
  })
})

describe('what waits for credit', () => {
  it('has what comes behind it leave together all the same', () => {
    const { sender, sent, endTurn, records } = scene(40_000, 4_000_000)
    const say = (bytes: number, isCounted: boolean): void => {
      sender.enqueue('normal', { type: 64, parts: [new Uint8Array(bytes)], bodyBytes: bytes, counted: isCounted })
    }
    sender.enqueue('bulk', { type: 65, parts: [new Uint8Array(300_000)], bodyBytes: 300_000, counted: true })
    endTurn()
    const before = records()
    for (let i = 0; i < 400; i++) say(100, false)
    endTurn()
    expect([records() - before, sent.filter((type) => type === 64).length]).toEqual([3, 400])
  })
})

describe('an outbox that is full of what waits for credit', () => {
  it('takes all the same what needs none, as long as the link does', () => {
    const { sender, sent, endTurn } = scene(1_000, 301_000)
    sender.enqueue('bulk', { type: 65, parts: [new Uint8Array(300_000)], bodyBytes: 300_000, counted: true })
    endTurn()
    for (let i = 0; i < 100; i++)
      expect(sender.enqueue('normal', { type: 10, parts: [new Uint8Array(200)], bodyBytes: 200, counted: false })).toBe(
        true,
      )
    expect(sent.length).toBe(100)
  })
})

describe('a question that is withdrawn', () => {
  it('takes a grant for what it is by the credit that the peer gives now, not by what it gave at first', () => {
    const { sender } = scene(10_000)
    expect(sender.credited(5_000)).toBe(false)
    sender.windowBytes = 100_000
    expect([sender.credited(5_000), sender.credited(90_000), sender.credited(5_000)]).toEqual([true, true, false])
  })

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

describe('what a link does not take', () => {
  const slab = new FrameSlab(briefly)
  /** One of ours in each turn, beside a lot for others. */
  const turns = (sender: Sender, endTurn: () => void): void => {
    for (let i = 0; i < 100; i++) {
      for (let other = 0; other < 3; other++) slab.write(64, [new Uint8Array(9_000)], 9_000)
      const outgoing = {
        type: 64,
        parts: [],
        bodyBytes: 100,
        counted: true,
        frame: slab.write(64, [new Uint8Array(100)], 100),
      }
      sender.enqueue('normal', outgoing)
      endTurn()
      slab.rest()
    }
  }
  const heldBy = (sender: Sender): number => {
    const memories = new Set(sender.takeUnsent().unsent.flatMap(({ outgoing }) => outgoing.frame?.bytes.buffer ?? []))
    return [...memories].reduce((sum, { byteLength }) => sum + byteLength, 0)
  }

  it.each([1e6, 10_000])(
    'holds no memory of others’, be it for its turn or, of more than an eighth of %d bytes, at once',
    (bytesMax) => {
      const { sender, saturate, say, endTurn } = scene(1e6, bytesMax)
      saturate()
      say()
      endTurn()
      turns(sender, endTurn)
      expect(heldBy(sender)).toBeLessThan(4 * 100 * 104 + 32_768)
    },
  )

  it('holds no memory of others’ for want of credit', () => {
    const { sender, endTurn } = scene(0, 1e6)
    turns(sender, endTurn)
    expect(heldBy(sender)).toBeLessThan(4 * 100 * 104 + 32_768)
  })
})

describe('a gap', () => {
  it.each([1, 3, 40])(
    'is owed by the link that takes over where it waits behind %i frames, and the link took one record',
    (gets) => {
      const { sender, sent, endTurn, saturate } = scene()
      saturate()
      sender.enqueueControl(FRAME.ping, new Uint8Array(6))
      endTurn()
      for (let n = 0; n < gets; n++) sender.enqueueControl(FRAME.get, new Uint8Array(16_000))
      sender.noteGap()
      endTurn()
      sender.linkDrained()
      expect(sender.takeUnsent().owesGap).toBe(!sent.includes(FRAME.gap))
      expect(sent.includes(FRAME.gap)).toBe(gets === 1)
    },
  )

  it('is told a little later where no more control frames may wait, and is owed until then', () => {
    const { sender, sent, endTurn, saturate, drain, pass } = scene()
    saturate()
    while (sender.enqueueControl(FRAME.ping, new Uint8Array(6)));
    sender.noteGap()
    endTurn()
    drain()
    endTurn()
    expect(sent).not.toContain(FRAME.gap)
    pass(60_000)
    expect(sent).toContain(FRAME.gap)
  })

  it('is told once for all that is dropped before the word of it leaves', () => {
    const { sender, sent, endTurn, pass } = scene()
    for (let i = 0; i < 5; i++) sender.noteGap()
    endTurn()
    expect(sent).toEqual([FRAME.gap])
    pass(500)
    sender.noteGap()
    endTurn()
    expect(sent).toEqual([FRAME.gap, FRAME.gap])
  })

  it('is told twice a second at most, and of the last that was dropped as well', () => {
    const { sender, sent, endTurn, pass } = scene()
    for (let tenth = 0; tenth < 100; tenth++) {
      sender.noteGap()
      endTurn()
      pass(100)
    }
    expect(sent).toHaveLength(21)
    const before = sent.length
    pass(500)
    sender.noteGap()
    endTurn()
    sender.noteGap()
    endTurn()
    expect(sent).toHaveLength(before + 1)
    pass(499)
    expect(sent).toHaveLength(before + 1)
    pass(1)
    expect(sent).toHaveLength(before + 2)
    pass(60_000)
    expect(sent).toHaveLength(before + 2)
  })

  it('is told again, behind all that waited, where more is dropped after the first word', () => {
    const { sender, sent, endTurn, say, pass, saturate, drain } = scene()
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
    pass(500)
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
    pass(500)
    expect(sent.filter((type) => type === FRAME.gap)).toHaveLength(4)
  })

  it('is told to nobody once the link has ended', () => {
    const { sender, sent, endTurn, say, saturate, pass } = scene()
    saturate()
    sender.noteGap()
    say()
    endTurn()
    say()
    sender.noteGap()
    sender.stop()
    pass(60_000)
    expect(sent).toEqual([FRAME.gap, 64])
  })
})
