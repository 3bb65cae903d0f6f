/** One body for many links, each of which takes what it can when it can: what became of it is in what each has written. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Memory } from '../../src/policy/memory.js'
import type { PeerId } from '../../src/ports/types.js'
import { joinBytes } from '../../src/protocol/bytes.js'
import { Reassembly } from '../../src/protocol/fragment.js'
import { FRAME, FrameReader } from '../../src/protocol/frame.js'
import { BATCH_BODY_MAX } from '../../src/swarm/batch.js'
import type { Connection } from '../../src/swarm/connection.js'
import { Counters } from '../../src/swarm/counters.js'
import { FanOut } from '../../src/swarm/fan-out.js'
import { Flusher } from '../../src/swarm/flusher.js'
import { RecordSlab } from '../../src/swarm/record-parts.js'
import { Sender } from '../../src/swarm/sender.js'
import { ManualClock } from './manual-clock.js'

const KIB = 1_024
const TYPE = 40
const NOBODY: ReadonlySet<PeerId> = new Set()
const definition = { name: 'news', nameKind: 'message' as const, priority: 'normal' as const }

/** A link of a hub: whether it takes more after what is written is the test's to say. */
class End {
  readonly peerId: PeerId
  readonly sender: Sender
  readonly hello = { limits: { messageBytesMax: 1e9 } }
  readonly wanted: number[] = []
  readonly got: number[] = []
  takes = true
  /** What its host does when it has no room. */
  overflowed = (): void => {
    throw new Error('nothing here is to be shed')
  }
  readonly #reader = new FrameReader()
  readonly #reassembly = new Reassembly(1e6)

  constructor(name: number, flusher: Flusher, memory: Memory, slab: RecordSlab, outboxBytesMax: number) {
    this.peerId = String(name) as PeerId
    this.sender = new Sender({
      outboxBytesMax: () => outboxBytesMax,
      memory,
      peerClass: () => 'masternode',
      creditBytes: 1e9,
      slab,
      flusher,
      now: () => 0,
      later: () => ({ cancel: () => undefined }) as never,
      write: (parts) => {
        this.#read(Uint8Array.from(joinBytes(parts)))
        return this.takes
      },
    })
  }

  remoteType(): number {
    return TYPE
  }

  enqueue(...args: Parameters<Sender['enqueue']>): boolean {
    return this.sender.enqueue(...args)
  }

  /** A control frame is to leave. */
  owe(bytes: number): void {
    if (!this.sender.outbox.isControlHigh) this.sender.enqueueControl(FRAME.pong, new Uint8Array(bytes))
  }

  drain(): void {
    this.takes = true
    this.sender.linkDrained()
  }

  #read(record: Uint8Array): void {
    this.#reader.push(record)
    for (let frame = this.#reader.next(); frame !== null; frame = this.#reader.next()) {
      if (typeof frame === 'string') throw new Error(frame)
      if (frame.type === FRAME.pong || frame.type > TYPE) continue
      if (frame.type !== FRAME.fragment) this.#hear(frame.body)
      else {
        const read = this.#reassembly.add(frame.body)
        if (read.kind === 'whole') this.#hear(read.frame.body)
      }
    }
  }

  #hear(body: Uint8Array): void {
    const number = new DataView(body.buffer, body.byteOffset).getUint32(0)
    for (const byte of body.subarray(4))
      if (byte !== number % 251) throw new Error(`message ${String(number)} is not whole`)
    this.got.push(number)
  }
}

function messageOf(type: number, bodyBytes: number) {
  return { type, parts: [new Uint8Array(bodyBytes)], bodyBytes, counted: true }
}

function scene(links: number, outboxBytesMax = 2 ** 24) {
  const clock = new ManualClock()
  const flusher = new Flusher(clock)
  const memory = new Memory(2 ** 30, { size: 0 })
  const slab = new RecordSlab()
  const makeEnd = (name: number): End => new End(name, flusher, memory, slab, outboxBytesMax)
  const ends = Array.from({ length: links }, (_, name) => makeEnd(name))
  /** Those that are linked: another list whenever one comes or goes. */
  let linked: readonly End[] = [...ends]
  const fanOut = new FanOut({
    connections: () => linked as unknown as readonly Connection[],
    connectionTo: (peerId) => (linked.find((end) => end.peerId === peerId) ?? null) as unknown as Connection | null,
    counters: new Counters(),
    flusher,
  })
  let number = 0
  return {
    ends,
    /** A peer's link ends. */
    lose: (end: End): void => {
      linked = linked.filter((other) => other !== end)
      end.sender.stop()
      end.sender.takeUnsent()
    },
    /** A peer comes, or another link of it that takes the place of this one: what has not left is not sent on it. */
    join: (former: End | null = null): void => {
      const end = makeEnd(ends.length)
      ends.push(end)
      former?.sender.takeUnsent()
      linked = former === null ? [...linked, end] : linked.map((other) => (other === former ? end : other))
    },
    isLinked: (end: End): boolean => linked.includes(end),
    memory,
    endTurn: (): void => {
      clock.endTurn()
    },
    /** @param chooses whether those that are to have it are chosen, or those left out that have it */
    broadcast: (length: number, without: readonly number[] = [], chooses = false) => {
      const bytes = new Uint8Array(4 + length).fill(number % 251)
      new DataView(bytes.buffer).setUint32(0, number)
      const wanted = linked.filter((end) => !without.includes(ends.indexOf(end)))
      for (const end of wanted) end.wanted.push(number)
      number++
      const informed = new Set(without.map((name) => String(name) as PeerId))
      const chosen = chooses ? (link: unknown): boolean => wanted.includes(link as End) : null
      const { queued, shed } = fanOut.send(
        { definition, bytes },
        { chosen, informed: chooses ? NOBODY : informed },
        null,
      )
      return { queued, shed, wanted: wanted.length }
    },
  }
}

describe('a hub', () => {
  it('sends on, in turns of any size, past a link that took only control frames and then no more', () => {
    const { ends, broadcast, endTurn } = scene(2)
    const [slow, quick] = ends as [End, End]
    slow.takes = false
    for (let i = 0; i < 2; i++) slow.owe(16 * KIB)
    broadcast(10)
    endTurn()
    for (let i = 0; i < 400; i++) {
      broadcast(i % 2 === 0 ? 1_000 : 0)
      if (i % 7 === 0) endTurn()
    }
    endTurn()
    expect([slow.got, quick.got]).toEqual([[], quick.wanted])
    slow.drain()
    expect(slow.got).toEqual(slow.wanted)
  })

  it('whose host broadcasts, or sends to one alone, when a link has no room, sends to all others what it was sending', () => {
    const { ends, broadcast, endTurn } = scene(3, 2 ** 18)
    const [first, full, last] = ends as [End, End, End]
    full.takes = false
    full.sender.enqueue('normal', messageOf(TYPE, 4))
    endTurn()
    full.sender.enqueue('normal', messageOf(TYPE, 2 ** 18 - 100))
    full.overflowed = () => {
      full.overflowed = () => undefined
      first.sender.enqueue('normal', messageOf(TYPE + 1, 10))
      for (let i = 0; i < 100; i++) broadcast(400, [1])
    }
    for (let i = 0; i < 3; i++) broadcast(400)
    endTurn()
    expect([first.got, last.got]).toEqual([first.wanted, last.wanted])
    expect(last.got.length).toBe(103)
  })

  it('fills no batch past its bound for a link that has ended and has not left it yet', () => {
    const { ends, broadcast, endTurn } = scene(2)
    const [ended, stays] = ends as [End, End]
    broadcast(10)
    Object.assign(ended, { sender: null })
    for (let i = 0; i < 100; i++) broadcast(1_000, [0])
    endTurn()
    expect(stays.got).toEqual(stays.wanted)
  })

  it('gives each link what is for it, whole and in order, whenever each is saturated, drains, or owes control frames', () => {
    const link = fc.nat(3)
    const command = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('broadcast' as const),
          length: fc.oneof(fc.nat(300), fc.nat(BATCH_BODY_MAX + KIB)),
          without: fc.subarray([0, 1, 2, 3, 4, 5]),
          chooses: fc.boolean(),
        }),
      },
      fc.record({ kind: fc.constant('join' as const) }),
      fc.record({ kind: fc.constant('lose' as const), link }),
      fc.record({ kind: fc.constant('replace' as const), link }),
      fc.record({ kind: fc.constant('control' as const), link, bytes: fc.oneof(fc.nat(KIB), fc.constant(16 * KIB)) }),
      fc.record({ kind: fc.constant('owe' as const), link }),
      fc.record({ kind: fc.constant('burst' as const) }),
      fc.record({ kind: fc.constant('saturate' as const), link }),
      fc.record({ kind: fc.constant('drain' as const), link }),
      fc.record({ kind: fc.constant('turn' as const) }),
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
        const { ends, memory, broadcast, endTurn, join, lose, isLinked } = scene(4)
        const sendsAll = (length: number, without: readonly number[] = [], chooses = false): void => {
          const { queued, shed, wanted } = broadcast(length, without, chooses)
          expect([queued, shed]).toEqual([wanted, 0])
        }
        for (const one of commands) {
          if (one.kind === 'turn') endTurn()
          else if (one.kind === 'broadcast') sendsAll(one.length, one.without, one.chooses)
          else if (one.kind === 'burst') for (let i = 0; i < 9; i++) sendsAll(4 * KIB)
          else if (one.kind === 'join') join()
          else {
            const end = ends[one.link] as End
            if (one.kind === 'lose') lose(end)
            else if (one.kind === 'replace' && isLinked(end)) join(end)
            else if (one.kind === 'replace') continue
            else if (one.kind === 'drain') end.drain()
            else if (one.kind === 'saturate') end.takes = false
            else if (one.kind === 'control') end.owe(one.bytes)
            // More than a record's worth, before whatever is broadcast in this turn.
            else for (let i = 0; i < 2; i++) end.owe(16 * KIB)
          }
        }
        endTurn()
        for (const end of ends) end.drain()
        for (const end of ends) {
          const { got, wanted, sender } = end
          expect(got).toEqual(isLinked(end) ? wanted : wanted.slice(0, got.length))
          expect(sender.isIdle || !isLinked(end)).toBe(true)
        }
        expect(memory.status().outboxBytes).toBe(0)
      }),
      { numRuns: 1_000 },
    )
  })
})
