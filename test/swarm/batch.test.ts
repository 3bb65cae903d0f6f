/** Links that send the same things share one plaintext; each sends what it would have sent without. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Memory } from '../../src/policy/memory.js'
import { joinBytes } from '../../src/protocol/bytes.js'
import { SendCredit } from '../../src/protocol/credit.js'
import { Reassembly } from '../../src/protocol/fragment.js'
import { FRAME, FrameReader } from '../../src/protocol/frame.js'
import type { Priority } from '../../src/protocol/message.js'
import { direct, message } from '../../src/protocol/message.js'
import { Batch, BATCH_BODY_MAX, BATCH_BYTES_MAX } from '../../src/swarm/batch.js'
import { Flusher } from '../../src/swarm/flusher.js'
import { Outbox } from '../../src/swarm/outbox.js'
import type { Peer } from '../../src/swarm/peer.js'
import { RecordSlab } from '../../src/swarm/record-parts.js'
import { Sender } from '../../src/swarm/sender.js'
import { ManualClock } from './manual-clock.js'
import type { Node } from './world.js'
import { settlePromises, World } from './world.js'

const RECORD_MAX = 65_519
const TYPE = 40
const LANES: readonly Priority[] = ['urgent', 'normal', 'bulk']

/** A link's end: what is asked of its outbox, and what comes out, by lane. */
class End {
  readonly credit = new SendCredit(1e9)
  readonly box: Outbox
  readonly wanted: Record<Priority, number[]> = { urgent: [], normal: [], bulk: [] }
  readonly got: Record<Priority, number[]> = { urgent: [], normal: [], bulk: [] }
  readonly #reader = new FrameReader()
  readonly #reassembly = new Reassembly(1e6)
  controls = 0
  spent = 0

  constructor(slab: RecordSlab, memory: Memory) {
    this.box = new Outbox({ bytesMax: () => 2 ** 21, credit: this.credit, memory, slab, peerClass: () => 'masternode' })
  }

  /** Everything that it would write now. */
  flush(): void {
    for (let parts = this.box.pickRecord(); parts.length > 0; parts = this.box.pickRecord()) {
      const record = joinBytes(parts)
      expect(record.length).toBeLessThanOrEqual(RECORD_MAX)
      this.#reader.push(Uint8Array.from(record))
      for (let frame = this.#reader.next(); frame !== null; frame = this.#reader.next()) {
        if (typeof frame === 'string') throw new Error(frame)
        if (frame.type === FRAME.gap) this.controls++
        else if (frame.type !== FRAME.fragment) this.#hear(frame.body)
        else {
          const read = this.#reassembly.add(frame.body)
          if (read.kind === 'whole') this.#hear(read.frame.body)
        }
        if (frame.type !== FRAME.gap) this.spent += frame.body.length + 1
      }
    }
  }

  #hear(body: Uint8Array): void {
    const number = new DataView(body.buffer, body.byteOffset).getUint32(0)
    for (const byte of body.subarray(5))
      if (byte !== number % 251) throw new Error(`message ${String(number)} is not whole`)
    this.got[LANES[body[4] as number] as Priority].push(number)
  }
}

function bodyOf(number: number, lane: number, length: number): Uint8Array {
  const body = new Uint8Array(5 + length).fill(number % 251)
  new DataView(body.buffer).setUint32(0, number)
  body[4] = lane
  return body
}

const command = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('all' as const),
      lane: fc.nat(2),
      length: fc.oneof(fc.nat(300), fc.nat(BATCH_BODY_MAX - 5)),
      without: fc.subarray([0, 1, 2, 3]),
    }),
  },
  fc.record({ kind: fc.constant('one' as const), end: fc.nat(3), lane: fc.nat(2), length: fc.nat(70_000) }),
  fc.record({ kind: fc.constant('control' as const), end: fc.nat(3) }),
  fc.record({ kind: fc.constant('flush' as const), end: fc.nat(3) }),
  fc.record({ kind: fc.constant('leave' as const), end: fc.nat(3) }),
  fc.record({ kind: fc.constant('turn' as const) }),
)

describe('links that ride together', () => {
  it('each send what is theirs, every lane in order, whoever leaves, skips or goes first', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const slab = new RecordSlab()
        const memory = new Memory(2 ** 30, { size: 0 })
        const ends = [0, 1, 2, 3].map(() => new End(slab, memory))
        let batch = new Batch()
        const flushAll = (): void => {
          for (const end of ends) end.flush()
        }
        commands.forEach((one, number) => {
          const end = one.kind === 'turn' || one.kind === 'all' ? undefined : ends[one.end]
          if (one.kind === 'turn') flushAll()
          else if (one.kind === 'flush') end?.flush()
          else if (one.kind === 'leave') expect(end?.box.leave()).toBe(0)
          else if (one.kind === 'control') end?.box.pushControl(Uint8Array.of(1, FRAME.gap))
          else if (one.kind === 'one') {
            const body = bodyOf(number, one.lane, one.length)
            const priority = LANES[one.lane] as Priority
            end?.box.leave()
            end?.box.push(priority, { type: TYPE, parts: [body], bodyBytes: body.length, counted: true })
            end?.wanted[priority].push(number)
          } else {
            const body = bodyOf(number, one.lane, one.length)
            const priority = LANES[one.lane] as Priority
            const shared = { holders: 0 }
            if (!batch.hasRoom(body.length)) flushAll()
            if (batch.riders === 0) {
              if (batch.isFree) batch.clear()
              else batch = new Batch()
            }
            const boards = batch.isEmpty
            ends.forEach((other, index) => {
              const isFor = !one.without.includes(index)
              if (isFor) other.wanted[priority].push(number)
              if (boards ? other.box.board(batch) : other.box.rides(batch)) {
                if (!isFor) other.box.skip(batch)
              } else if (isFor)
                other.box.push(priority, { type: TYPE, parts: [body], bodyBytes: body.length, counted: true, shared })
            })
            if (batch.riders > 0) batch.add(priority, TYPE, body, shared)
          }
        })
        flushAll()
        for (const { got, wanted, box, spent, credit } of ends) {
          expect(got).toEqual(wanted)
          expect(box.isEmpty).toBe(true)
          expect(box.bytes).toBe(0)
          expect(1e9 - credit.left).toBe(spent)
        }
        expect(batch.riders).toBe(0)
        expect(memory.status().outboxBytes).toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  it('share their plaintext, which lies where it was written', () => {
    const slab = new RecordSlab()
    const memory = new Memory(2 ** 30, { size: 0 })
    const ends = [0, 1].map(() => new End(slab, memory))
    const batch = new Batch()
    for (const { box } of ends) expect(box.board(batch)).toBe(true)
    const body = bodyOf(1, 1, BATCH_BODY_MAX - 5)
    for (let i = 0; i < 3; i++) batch.add('normal', TYPE, body, { holders: 0 })
    const [first, second] = ends.map(({ box }) => box.pickRecord())
    expect(first?.length).toBe(1)
    expect(first?.[0]?.buffer).toBe(second?.[0]?.buffer)
    expect(batch.isFree).toBe(true)
  })

  it('leave with memory that nobody writes to any more', () => {
    const slab = new RecordSlab()
    const memory = new Memory(2 ** 30, { size: 0 })
    const [left, stays] = [new End(slab, memory), new End(slab, memory)]
    const batch = new Batch()
    for (const { box } of [left, stays]) box.board(batch)
    batch.add('normal', TYPE, bodyOf(1, 1, 100), { holders: 0 })
    expect(left.box.leave()).toBe(0)
    stays.flush()
    expect(batch.riders).toBe(0)
    expect(batch.isFree).toBe(false)
    left.flush()
    expect([left.got.normal, stays.got.normal]).toEqual([[1], [1]])
  })

  /** The sender of a link that takes more after each write, or does not. */
  function senderOf(takes: boolean) {
    const clock = new ManualClock()
    const memory = new Memory(2 ** 30, { size: 0 })
    const written: Uint8Array[] = []
    const sender = new Sender({
      outboxBytesMax: () => 2 ** 21,
      memory,
      peerClass: () => 'masternode',
      creditBytes: 1e9,
      slab: new RecordSlab(),
      flusher: new Flusher(clock),
      now: () => 0,
      later: () => ({ cancel: () => undefined }) as never,
      write: (parts) => {
        written.push(...parts)
        return takes
      },
    })
    return { clock, memory, written, sender }
  }

  it('are left by a link that took a record of control frames and takes no more', () => {
    const { clock, sender } = senderOf(false)
    for (let i = 0; i < 2; i++) sender.enqueueControl(FRAME.pong, new Uint8Array(BATCH_BYTES_MAX / 2))
    const batch = new Batch()
    expect(sender.board(batch)).toBe(true)
    batch.add('normal', TYPE, bodyOf(1, 1, 100), { holders: 0 })
    clock.endTurn()
    expect([batch.riders, sender.outbox.bytes]).toEqual([0, 105])
  })

  it('give what they were to send to the link that takes over', () => {
    const { clock, memory, written, sender } = senderOf(true)
    const batch = new Batch()
    expect(sender.board(batch)).toBe(true)
    batch.add('normal', TYPE, bodyOf(1, 1, 100), { holders: 0 })
    expect(sender.takeUnsent().unsent.map(({ outgoing }) => outgoing.bodyBytes)).toEqual([105])
    clock.endTurn()
    expect([written.length, memory.status().outboxBytes]).toEqual([0, 0])
  })

  for (const [why, credit, bytesMax, memoryMax] of [
    ['its credit might not last', BATCH_BYTES_MAX - 1, 2 ** 21, 2 ** 30],
    ['its outbox is so small that this would fill it', 1e9, 8 * BATCH_BYTES_MAX - 1, 2 ** 30],
    ['the node has no memory left for its class', 1e9, 2 ** 21, BATCH_BYTES_MAX - 1],
  ] as const)
    it(`are not joined by one where ${why}`, () => {
      const memory = new Memory(memoryMax, { size: 0 })
      const setup = { memory, slab: new RecordSlab(), peerClass: () => 'masternode' as const }
      const batch = new Batch()
      expect(new Outbox({ ...setup, bytesMax: () => bytesMax, credit: new SendCredit(credit) }).board(batch)).toBe(
        false,
      )
      expect(batch.isFree).toBe(true)
    })
})

const News = message<number>('news')
const Other = message<number>('other')
const Urgent = message<number>('urgent', { priority: 'urgent' })
const Note = direct<number>('note')

/** The hub's handle of a leaf. */
function handleOf(hub: Node, leaf: Node | undefined): Peer | null {
  return leaf === undefined ? null : hub.swarm.peer(leaf.swarm.id)
}

/** A hub and its leaves, which record what they get, in order. */
async function star(
  world: World,
  leaves: number,
  names: (leaf: number) => readonly (typeof News)[] = () => [News, Other],
) {
  const hub = await world.started('hub', { perIpLimits: false })
  hub.swarm.handle(Note, () => undefined)
  const heard: number[][] = []
  const nodes = []
  for (let leaf = 0; leaf < leaves; leaf++) {
    const node = world.node(`leaf${String(leaf)}`)
    const got: number[] = []
    for (const definition of names(leaf))
      node.swarm.handle(definition, (n) => {
        got.push(n)
        return 'accept'
      })
    node.swarm.handle(Note, (n) => {
      got.push(n)
    })
    await node.swarm.start()
    await world.connect(node, hub)
    heard.push(got)
    nodes.push(node)
  }
  return { hub, heard, nodes }
}

describe('a turn of broadcasts', () => {
  it('comes in order with what goes to one peer alone', async () => {
    const world = new World()
    const { hub, heard, nodes } = await star(world, 3)
    const [first] = nodes
    const peer = handleOf(hub, first)
    for (let n = 0; n < 5; n++) hub.swarm.broadcast(News, n)
    peer?.send(Note, 5)
    for (let n = 6; n < 10; n++) hub.swarm.broadcast(Other, n)
    peer?.send(Note, 10)
    await world.settle()
    expect(heard[0]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(heard[1]).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9])
    expect(heard[2]).toEqual(heard[1])
  })

  it('reaches peers that number their messages otherwise, and those that take only some of them', async () => {
    const world = new World()
    const { hub, heard } = await star(world, 4, (leaf) =>
      leaf === 0 ? [News, Other] : leaf === 1 ? [Other, News] : leaf === 2 ? [Other] : [],
    )
    expect(hub.swarm.broadcast(News, 1)).toMatchObject({ queued: 2, shed: 0 })
    expect(hub.swarm.broadcast(Other, 2)).toMatchObject({ queued: 3, shed: 0 })
    expect(hub.swarm.broadcast(News, 3)).toMatchObject({ queued: 2, shed: 0 })
    await world.settle()
    expect(heard).toEqual([[1, 2, 3], [1, 2, 3], [2], []])
  })

  it('that is larger than a record is sent whole, and once', async () => {
    const world = new World()
    const Text = message<string>('text')
    const hub = await world.started('hub')
    const got: string[] = []
    for (const name of ['a', 'b']) {
      const leaf = world.node(name)
      leaf.swarm.handle(Text, (text) => {
        got.push(text)
        return 'accept'
      })
      await leaf.swarm.start()
      await world.connect(leaf, hub)
    }
    const sent = Array.from({ length: 100 }, (_, n) => String(n).padEnd(1_000, '.'))
    for (const text of sent) hub.swarm.broadcast(Text, text)
    await world.settle()
    expect(got.length).toBe(200)
    expect(new Set(got)).toEqual(new Set(sent))
  })

  it('is not lost where the node closes a link, or stops, before the turn is over', async () => {
    const world = new World()
    const { hub, heard, nodes } = await star(world, 2)
    const [first] = nodes
    hub.swarm.broadcast(News, 1)
    handleOf(hub, first)?.close()
    hub.swarm.broadcast(News, 2)
    const stopped = hub.swarm.stop()
    await world.settle()
    await stopped
    expect(heard).toEqual([[1], [1, 2]])
  })

  it('counts as waiting until it is sent', async () => {
    const world = new World()
    const { hub, nodes } = await star(world, 1)
    const peer = handleOf(hub, nodes[0])
    hub.swarm.broadcast(News, 1)
    let drained = false
    void peer?.drain().then(() => {
      drained = true
    })
    await settlePromises()
    expect(drained).toBe(false)
    await world.settle()
    expect(drained).toBe(true)
  })

  it('goes in the same turn as something urgent', async () => {
    const world = new World()
    const { hub, nodes } = await star(world, 1)
    const got: number[] = []
    nodes[0]?.swarm.handle(Urgent, (n) => {
      got.push(n)
      return 'accept'
    })
    await world.settle()
    hub.swarm.broadcast(News, 1)
    hub.swarm.broadcast(Urgent, 2)
    await world.settle()
    expect(got).toEqual([2])
  })
})
