/** What a node holds on behalf of its peers, and whom it turns away when that becomes too much. */
import { describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { DedupCache } from '../../src/policy/dedup.js'
import type { PeerClass } from '../../src/ports/types.js'
import { joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { direct, message, request } from '../../src/protocol/message.js'
import { varintBytes } from '../../src/protocol/varint.js'
import type { Identity } from '../../src/swarm/identity.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import type { MemoryStatus } from '../../src/policy/memory.js'
import { FRAGMENTED, Scene as Propagated, SMALL } from './propagation-scene.js'
import { RawPeer } from './raw-peer.js'
import { SizedBook } from './sized-book.js'
import type { Node } from './world.js'
import { World } from './world.js'

const News = message('news')
const Note = direct('note')
const Ask = request<string, string>('ask')
const Numbers = message<number>('numbers')
const NAMES = [{ kind: 'direct' as const, name: 'note' }]
const MIB = 1024 * 1024
const BUDGET = 64 * MIB

class Scene {
  readonly world: World = new World()
  readonly masters: readonly Identity[]
  readonly node: Node
  readonly #classes = new Map<string, PeerClass>()
  #made = 0

  constructor(options: Partial<SwarmOptions> = {}) {
    this.masters = [this.world.identity(), this.world.identity()]
    for (const { id } of this.masters) this.#classes.set(id, 'masternode')
    this.node = this.world.node('node', {
      memoryMaxMiB: 64,
      authorize: ({ peerId }) => this.#classes.get(peerId) ?? 'regular',
      ...options,
    })
  }

  get memory(): MemoryStatus {
    return this.node.swarm.status().memory
  }

  /** What is held but for the book. */
  get held(): number {
    return this.memory.usedBytes - this.memory.bookBytes
  }

  async connect(peerClass: PeerClass): Promise<RawPeer> {
    const identity = this.world.identity()
    this.#classes.set(identity.id, peerClass)
    return RawPeer.connect(this.world, this.node, { identity, names: NAMES })
  }

  /** Bytes that nobody has sent before. */
  fresh(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    new DataView(bytes.buffer).setUint32(0, ++this.#made)
    return bytes
  }

  /** Begins a direct message in one lane, and goes no further than so many fragments. */
  begin(peer: RawPeer, lane: number, total: number, fragments: number): void {
    const type = Uint8Array.of(FRAME.firstApplication)
    peer.send(FRAME.fragment, joinBytes([Uint8Array.of(lane), varintBytes(total), type, new Uint8Array(30_000)]))
    for (let i = 1; i < fragments; i++) this.go(peer, lane)
  }

  /** One fragment more. */
  go(peer: RawPeer, lane: number): void {
    peer.send(FRAME.fragment, joinBytes([Uint8Array.of(lane), new Uint8Array(30_000)]))
  }
}

describe('the memory of a node', () => {
  it('is given back, whatever became of what it held', async () => {
    const scene = new Scene({
      dedup: new DedupCache({ inFlightMax: 5 }),
      limits: { regular: { firstCopiesBurst: 30, firstCopiesPerSecMax: 10 } },
    })
    const { world, node } = scene
    node.swarm.handle(Numbers, async (n) => {
      if (n % 5 === 0) throw new Error('no')
      if (n % 5 === 1) await new Promise<void>((resolve) => world.clock.wakeAt(world.clock.monotonic() + 500, resolve))
      return n % 5 === 2 ? 'accept' : 'ignore'
    })
    node.swarm.handle(
      Note,
      async () => new Promise<void>((resolve) => world.clock.wakeAt(world.clock.monotonic() + 700, resolve)),
    )
    node.swarm.respond(Ask, (text) => text)
    await node.swarm.start()
    for (let round = 0; round < 4; round++) {
      const peers = [await scene.connect('regular'), await scene.connect('regular'), await scene.connect('masternode')]
      for (const [i, peer] of peers.entries()) {
        for (let n = 0; n < 40; n++) peer.broadcast(0, 'numbers', utf8(String(round * 100 + n)))
        for (let n = 0; n < 10; n++) peer.send(FRAME.firstApplication + 1, scene.fresh(200))
        for (let n = 0; n < 10; n++) peer.ask(n, 2, utf8(n === 4 ? '{' : '"x"'))
        peer.broadcast(0, 'numbers', utf8('1'), new Uint8Array(16))
        peer.send(FRAME.firstApplication, new Uint8Array(3))
        scene.begin(peer, 0, 90_000, i)
        if (i === 1) peer.send(FRAME.firstApplication + 9, new Uint8Array(3))
      }
      await world.settle()
      expect(scene.held).toBeGreaterThan(0)
      await world.run(400)
      if (round % 2 === 0) for (const peer of peers) peer.destroy()
      await world.run(60_000)
      for (const peer of peers) peer.destroy()
    }
    await world.run(120_000)
    expect(scene.memory).toMatchObject({ outboxBytes: 0, inFlightBytes: 0, partialBytes: 0 })
    expect(node.swarm.peers.size).toBe(0)
  })

  it('is given back by a newcomer that was not let in, and by the link that it meant to replace', async () => {
    const scene = new Scene()
    const { world, node } = scene
    node.swarm.handle(Note, async () => new Promise<void>(() => undefined))
    await node.swarm.start()
    const first = await scene.connect('regular')
    world.network.delayMs = () => 20
    const second = await RawPeer.connect(world, node, { identity: first.identity, epoch: 2 })
    second.answers = false
    await world.run(200)
    for (let n = 0; n < 5; n++) second.send(FRAME.firstApplication, scene.fresh(300))
    await world.run(100)
    expect(scene.held).toBeGreaterThan(1_500)
    await world.run(300_000)
    expect([first.closed === null, second.closed === null, scene.held]).toEqual([true, false, 0])
  })

  it('is given back by a link that is read to its end when its successor is gone, too', async () => {
    let left = 0
    for (let i = 0; i < 8; i++) {
      const scene = new Scene()
      const { world, node } = scene
      node.swarm.handle(Note, () => undefined)
      await node.swarm.start()
      world.network.delayMs = () => 50
      const identity = Array.from({ length: i + 1 }, () => world.identity()).at(-1) ?? world.identity()
      const first = await RawPeer.connect(world, node, { identity })
      await world.run(1_000)
      const second = await RawPeer.connect(world, node, { identity })
      for (let ms = 0; ms < 2_000; ms += 10) {
        first.send(FRAME.firstApplication, scene.fresh(300))
        await world.run(10)
        if (node.swarm.status().closed.duplicate !== 1 || second.closed !== null) continue
        second.destroy()
        left++
      }
      await world.run(1_000)
      expect(scene.held).toBe(0)
    }
    expect(left).toBeGreaterThan(0)
  })
})

describe('75 regulars that read nothing', () => {
  it('fill three quarters of the budget at most, and masternodes get all that is theirs', async () => {
    const scene = new Scene({ limits: { regular: { outboxFull: 'shed' } } })
    const { world, node } = scene
    await node.swarm.start()
    const regulars = await Promise.all(Array.from({ length: 75 }, async () => scene.connect('regular')))
    const master = await RawPeer.connect(world, node, { identity: scene.masters[0] ?? world.identity(), names: NAMES })
    expect(node.swarm.peers.size).toBe(76)
    const body = new Uint8Array(60_000)
    let refused = 0
    for (let i = 0; i < 40; i++)
      for (const { identity } of regulars) {
        try {
          node.swarm.peer(identity.id)?.send(Note, body)
        } catch {
          refused++
        }
        expect(scene.held).toBeLessThanOrEqual(0.75 * BUDGET)
      }
    expect(scene.memory.outboxBytes).toBeGreaterThan(0.65 * BUDGET)
    expect(refused).toBeGreaterThan(1_000)
    const handle = node.swarm.peer(master.identity.id)
    for (let i = 0; i < 120; i++) handle?.send(Note, body)
    await world.settle()
    // As far as the credit of a test's peer goes; the rest waits for it.
    expect(master.of('application').length).toBe(2)
    expect(node.swarm.peers.size).toBe(76)
  })

  it('are closed as slow when they are what memory is wanted for', async () => {
    const scene = new Scene()
    const { world, node } = scene
    await node.swarm.start()
    const regulars = await Promise.all(Array.from({ length: 75 }, async () => scene.connect('regular')))
    for (let i = 0; i < 20; i++)
      for (const { identity } of regulars)
        try {
          node.swarm.peer(identity.id)?.send(Note, new Uint8Array(60_000))
        } catch {
          // Closed, or full.
        }
    await world.settle()
    const { 'slow-consumer': closed } = node.swarm.status().closed
    expect(closed).toBeGreaterThan(0)
    expect(closed).toBe(75 - node.swarm.peers.size)
    expect(scene.held).toBeLessThanOrEqual(0.75 * BUDGET)
  })

  it('hold one body of each broadcast together', async () => {
    const scene = new Scene({ limits: { regular: { outboxFull: 'shed' } }, propagation: 'flood' })
    const { world, node } = scene
    await node.swarm.start()
    const peers: RawPeer[] = []
    for (let i = 0; i < 75; i++)
      peers.push(await RawPeer.connect(world, node, { names: [{ kind: 'message', name: 'news' }] }))
    for (let i = 0; i < 20; i++) node.swarm.broadcast(News, scene.fresh(60_000))
    await world.settle()
    expect(node.swarm.status().broadcastsShed).toBe(0)
    expect(scene.memory.outboxBytes).toBeGreaterThan(18 * 60_000)
    expect(scene.memory.outboxBytes).toBeLessThan(20 * 60_000 + 75 * 20 * 200)
    for (const peer of peers) peer.destroy()
    await world.settle()
    expect(scene.memory.outboxBytes).toBe(0)
  })
})

describe('handlers that never end', () => {
  it('stop the credit of strangers at half and of regulars at three quarters of what may be in flight', async () => {
    const scene = new Scene()
    const { world, node } = scene
    const going: (() => void)[] = []
    node.swarm.handle(Note, async () => new Promise<void>((resolve) => going.push(resolve)))
    await node.swarm.start()
    const peers = await Promise.all(Array.from({ length: 40 }, async () => scene.connect('regular')))
    const left = new Map(peers.map((peer) => [peer, 2 * MIB]))
    const spend = (): void => {
      for (const peer of peers) {
        const granted = peer.of('window').reduce((sum, { bytes }) => sum + bytes, 2 * MIB)
        const used = 2 * MIB - (left.get(peer) ?? 0)
        for (let room = granted - used; room > 32_000; room -= 30_001) {
          peer.send(FRAME.firstApplication, scene.fresh(30_000))
          left.set(peer, (left.get(peer) ?? 0) - 30_001)
        }
      }
    }
    for (let i = 0; i < 5; i++) {
      spend()
      await world.run(1_000)
    }
    // 16 MiB may be in flight; what was given out before that is 2 MiB a link, and sheds where it would pass the share.
    expect(scene.memory.inFlightBytes).toBeGreaterThan(40 * MIB)
    expect(scene.held).toBeLessThanOrEqual(0.75 * BUDGET)
    expect(node.swarm.status().arrivalsShed).toBeGreaterThan(0)
    expect(node.heard('recovered').length).toBeGreaterThan(0)
    // What was shed returns no credit while so much is in flight.
    expect(peers.flatMap((peer) => peer.of('window'))).toEqual([])
    const master = await RawPeer.connect(world, node, { identity: scene.masters[0] ?? world.identity() })
    master.send(FRAME.firstApplication, scene.fresh(30_000))
    await world.settle()
    expect(node.heard('recovered').some(([{ peerId }]) => peerId === master.identity.id)).toBe(false)
    for (let i = 0; i < 40; i++) {
      for (const go of going.splice(0)) go()
      await world.settle()
    }
    await world.run(1_000)
    expect(scene.memory.inFlightBytes).toBe(0)
    expect(peers.every((peer) => peer.of('window').length > 0)).toBe(true)
  })
})

describe('small messages to a handler that never ends', () => {
  it('use up what one masternode may have here, and not the credit of another', async () => {
    const limits = { firstCopiesPerSecMax: 1_000_000, firstCopiesBurst: 4_096, messageBytesMax: 1.5 * MIB }
    const scene = new Scene({ limits: { masternode: limits } })
    // Two windows and, beside them, as many messages of 128 bytes as one lasts for.
    const heldMax = 6 * MIB + 24_576 * 512
    const { world, node } = scene
    let heard = 0
    node.swarm.handle(Note, async () => new Promise<void>(() => undefined))
    node.swarm.handle(News, () => {
      heard++
      return 'ignore'
    })
    await node.swarm.start()
    const [busy, honest] = await Promise.all(
      scene.masters.map(async (identity) => RawPeer.connect(world, node, { identity, names: NAMES })),
    )
    for (let i = 1; i <= 37_000; i++) {
      busy?.send(FRAME.firstApplication, new Uint8Array(10))
      if (i % 4_000 === 0) await world.run(10)
    }
    await world.settle()
    expect(scene.memory.inFlightBytes).toBeLessThanOrEqual(heldMax)
    expect(scene.memory.inFlightBytes).toBeGreaterThan(16 * MIB)
    expect(node.heard('recovered').every(([{ peerId }]) => peerId === busy?.identity.id)).toBe(true)
    for (let i = 0; i < 100; i++) honest?.broadcast(1, 'news', scene.fresh(30_000))
    await world.run(1_000)
    expect(heard).toBe(100)
    expect(honest?.of('window').length).toBeGreaterThan(0)
    expect(busy?.of('window')).toEqual([])
    // Another link of the same peer has no more room.
    const again = await RawPeer.connect(world, node, {
      identity: busy?.identity ?? world.identity(),
      names: NAMES,
      epoch: 9,
    })
    await world.run(5_000)
    for (let i = 0; i < 1_000; i++) again.send(FRAME.firstApplication, new Uint8Array(1))
    await world.settle()
    expect(scene.memory.inFlightBytes).toBeLessThanOrEqual(heldMax)
  })
})

describe('messages that are never finished', () => {
  it.each<PeerClass>(['masternode', 'regular', 'unknown'])(
    'are not among them answers that were asked for: a %s brings another on its next link meanwhile',
    async (peerClass) => {
      const scene = new Scene({ authorize: () => peerClass })
      const { world, node } = scene
      const Much = request<string, Uint8Array>('much', { maxBytes: 20_000_000 })
      const names = [...NAMES, { kind: 'request' as const, name: 'much' }]
      let heard = 0
      node.swarm.handle(Note, () => {
        heard++
      })
      await node.swarm.start()
      const identity = world.identity()
      const first = await RawPeer.connect(world, node, { identity, names })
      node.swarm
        .peer(identity.id)
        ?.request(Much, 'more')
        .catch(() => undefined)
      await world.settle()
      const [asked] = first.of('request')
      const head = joinBytes([varintBytes(19_000_000), varintBytes(FRAME.response), varintBytes(asked?.id ?? 0)])
      first.send(FRAME.fragment, joinBytes([Uint8Array.of(2), head, new Uint8Array(30_000)]))
      for (let i = 0; i < 500; i++) scene.go(first, 2)
      await world.settle()
      expect(scene.memory.partialBytes).toBeGreaterThan(14_000_000)
      first.answers = false
      const next = await RawPeer.connect(world, node, { identity, names, name: 'next' })
      scene.begin(next, 1, 40_000, 1)
      next.send(FRAME.fragment, joinBytes([Uint8Array.of(1), new Uint8Array(9_999)]))
      await world.settle()
      expect([heard, node.heard('recovered')]).toEqual([1, []])
      await world.stop()
    },
  )

  it.each([1, 2])(
    'are no more of one masternode than two links hold, however many links it leaves behind; processes: %i',
    async (processes) => {
      const scene = new Scene()
      const { world, node } = scene
      let heard = 0
      node.swarm.handle(Note, () => {
        heard++
      })
      await node.swarm.start()
      const [bad, good] = scene.masters
      if (bad === undefined || good === undefined) throw new Error('two masternodes')
      let most = 0
      for (let i = 0; i < 40; i++) {
        const epoch = 1 + (i % processes)
        const link = await RawPeer.connect(world, node, { identity: bad, names: NAMES, epoch, name: String(i) })
        // It goes on, whatever it is told, as far as the first credit goes.
        link.hears = false
        for (const lane of [0, 1]) scene.begin(link, lane, 4_000_000, 130)
        await world.run(200)
        most = Math.max(most, scene.memory.partialBytes)
        const status = node.swarm.status().peers.find(({ id }) => id === bad.id)
        expect(status?.bufferedBytes ?? 0).toBeGreaterThanOrEqual(scene.memory.partialBytes - MIB)
      }
      expect(most).toBeGreaterThan(10 * MIB)
      expect(most).toBeLessThan(2 * 3 * 4 * MIB + MIB)
      expect(node.swarm.status().lingering).toBeLessThan(8)
      // Another has all its room.
      const honest = await RawPeer.connect(world, node, { identity: good, names: NAMES })
      scene.begin(honest, 0, 1_000_000, 33)
      honest.send(FRAME.fragment, joinBytes([Uint8Array.of(0), new Uint8Array(9_999)]))
      await world.settle()
      expect(heard).toBe(1)
    },
  )

  it('fill three quarters of the budget at most; the rest is dropped as it comes, and masternodes go on', async () => {
    const scene = new Scene()
    const { world, node } = scene
    let heard = 0
    node.swarm.handle(News, () => {
      heard++
      return 'ignore'
    })
    await node.swarm.start()
    for (let i = 0; i < 40; i++) {
      const peer = await scene.connect('regular')
      for (let lane = 0; lane < 3; lane++) scene.begin(peer, lane, 900_000, 20)
      await world.settle()
      // A buffer that doubles may pass the share once, by less than one message.
      expect(scene.held).toBeLessThanOrEqual(0.75 * BUDGET + MIB)
    }
    expect(scene.memory.partialBytes).toBeGreaterThan(0.7 * BUDGET)
    const sender = await world.started('sender', {
      identity: scene.masters[0] ?? world.identity(),
      authorize: () => 'masternode',
    })
    await world.connect(sender, node)
    sender.swarm.broadcast(News, scene.fresh(4 * MIB - 100))
    await world.settle()
    expect(heard).toBe(1)
    expect(node.swarm.peers.size).toBe(41)
  })
})

describe('a node that is short of memory', () => {
  /** A node whose book alone has so much of its memory, in part at first. */
  async function crowded(
    share: number,
  ): Promise<{ readonly scene: Scene; readonly heard: string[]; readonly fill: (share: number) => void }> {
    const peerStore = new SizedBook()
    const fill = (part: number): void => {
      peerStore.peers = Math.floor((part * BUDGET) / 1_024)
    }
    fill(share)
    const scene = new Scene({ peerStore, propagation: 'flood' })
    const heard: string[] = []
    scene.node.swarm.handle(Note, ({ length }) => {
      heard.push(`note ${String(length)}`)
    })
    scene.node.swarm.respond(Ask, (text) => {
      heard.push(text)
      return text
    })
    await scene.node.swarm.start()
    return { scene, heard, fill }
  }

  it('knows who has brought what there was no room for: who brought it first may leave', async () => {
    const running: (() => void)[] = []
    const peerStore = new SizedBook()
    const scene = await Propagated.of(
      { peerStore, memoryMaxMiB: 64, perIpLimits: false, propagation: 'flood' },
      async () =>
        new Promise((resolve) => {
          running.push(() => {
            resolve('accept')
          })
        }),
    )
    const [busy, first, second] = await scene.peers(3)
    if (busy === undefined || first === undefined || second === undefined) throw new Error('there are three')
    // All places that strangers have, so that what comes next waits.
    for (let i = 0; i < 48; i++) scene.send(busy, scene.make(SMALL))
    const made = scene.make(SMALL)
    scene.send(first, made)
    await scene.world.settle()
    peerStore.peers = BUDGET / 1_024
    scene.send(second, made)
    await scene.world.settle()
    peerStore.peers = 0
    first.destroy()
    await scene.world.settle()
    for (const answer of running.splice(0)) answer()
    await scene.world.settle()
    expect(scene.handled).toContain(made.name)
    await scene.world.run(20_000)
    await scene.world.stop()
  })

  it('holds it against nobody that what it asked for found no room', async () => {
    const peerStore = new SizedBook()
    const scene = await Propagated.of({ peerStore, memoryMaxMiB: 64 })
    const peer = await scene.peer()
    const [dropped, next] = [scene.make(FRAGMENTED), scene.make(FRAGMENTED)]
    scene.announce(peer, dropped)
    await scene.world.settle()
    expect(scene.asked(peer)).toEqual([dropped.name])
    peerStore.peers = BUDGET / 1_024
    await scene.world.run(1_000)
    scene.send(peer, dropped)
    await scene.world.settle()
    expect(scene.handled).toEqual([])
    peerStore.peers = 0
    await scene.world.run(10_000)
    scene.announce(peer, next)
    await scene.world.settle()
    expect(scene.asked(peer).at(-1)).toBe(next.name)
    await scene.world.stop()
  })

  it.each([0.4, 0.501, 0.751, 0.876, 1.1])(
    'admits no stranger where more than its share is in use, and trusted peers always: %s',
    async (share) => {
      const { scene } = await crowded(share)
      const codes: string[] = []
      for (const peerClass of ['unknown', 'regular', 'persistent', 'masternode'] as const)
        codes.push((await scene.connect(peerClass)).told?.code ?? 'in')
      expect(codes).toEqual([share >= 0.5 ? 'busy' : 'in', share >= 0.75 ? 'busy' : 'in', 'in', 'in'])
    },
  )

  it('drops what strangers bring, returns its credit, and tells the host; what masternodes bring is taken', async () => {
    const { scene, heard, fill } = await crowded(0.4)
    const { world, node } = scene
    const [regular, master] = [await scene.connect('regular'), await scene.connect('masternode')]
    fill(0.76)
    for (let i = 0; i < 60; i++) regular.send(FRAME.firstApplication, scene.fresh(30_000))
    for (let id = 0; id < 80; id++) {
      await world.settle()
      regular.ask(id, 1, new Uint8Array(30_000))
    }
    master.send(FRAME.firstApplication, scene.fresh(30_000))
    master.ask(7, 1, utf8('"heard"'))
    await world.settle()
    expect(heard).toEqual(['note 29999', 'heard'])
    expect(node.swarm.status()).toMatchObject({ arrivalsShed: 60 })
    expect(node.swarm.status().strikes).toEqual({})
    expect(node.heard('recovered')).toEqual([[{ peerId: regular.identity.id, cause: 'shed', gapMs: 0 }]])
    expect(regular.of('failure').filter(({ text }) => text === 'too-many-requests').length).toBe(80)
    expect([regular.closed, regular.of('window').length > 1]).toEqual([null, true])
    fill(0)
    regular.send(FRAME.firstApplication, scene.fresh(9))
    await world.settle()
    expect(heard.at(-1)).toBe('note 8')
  })

  it('misses nothing where strangers bring what is known', async () => {
    const { scene, heard, fill } = await crowded(0.4)
    const { world, node } = scene
    const [regular, master] = [await scene.connect('regular'), await scene.connect('masternode')]
    fill(0.76)
    node.swarm.handle(Numbers, (n) => {
      heard.push(String(n))
      return 'ignore'
    })
    for (const peer of [master, regular]) peer.broadcast(2, 'numbers', utf8('7'))
    await world.settle()
    expect([heard, node.swarm.status().arrivalsShed, node.heard('recovered')]).toEqual([['7'], 0, []])
    regular.broadcast(2, 'numbers', utf8('8'))
    await world.settle()
    expect([heard, node.swarm.status().arrivalsShed, node.heard('recovered').length]).toEqual([['7'], 1, 1])
  })

  it('drops large messages of strangers as they come, and takes those of masternodes', async () => {
    const { scene, heard, fill } = await crowded(0.4)
    const { world, node } = scene
    const [regular, master] = [await scene.connect('regular'), await scene.connect('masternode')]
    scene.begin(regular, 1, 120_001, 3)
    await world.settle()
    expect(scene.memory.partialBytes).toBeGreaterThan(90_000)
    fill(0.76)
    // More than the credit it began with: none of it may be lost with what is dropped.
    for (let i = 0; i < 80; i++) {
      scene.begin(regular, 0, 60_001, 2)
      await world.settle()
    }
    scene.begin(master, 0, 180_001, 6)
    scene.go(regular, 1)
    await world.settle()
    expect(heard).toEqual(['note 179999'])
    expect(node.swarm.status()).toMatchObject({ arrivalsShed: 81 })
    expect(node.swarm.status().strikes).toEqual({})
    expect([regular.closed, scene.memory.partialBytes, regular.of('window').length > 2]).toEqual([null, 0, true])
    fill(0)
    scene.begin(regular, 0, 90_001, 3)
    await world.settle()
    expect(heard.at(-1)).toBe('note 89999')
  })

  it('sends strangers nothing more, and goes on sending to masternodes', async () => {
    const { scene, fill } = await crowded(0.4)
    const { world, node } = scene
    const [regular, master] = [await scene.connect('regular'), await scene.connect('masternode')]
    fill(0.76)
    const send = (peer: RawPeer): string => {
      try {
        return String(node.swarm.peer(peer.identity.id)?.send(Note, new Uint8Array(10)))
      } catch (error) {
        return (error as HoldfastError).code
      }
    }
    expect([send(regular), send(master)]).toEqual(['outbox-full', 'true'])
    await world.settle()
    expect([regular.closed, master.of('application').length]).toEqual([null, 1])
  })

  it('tells strangers once that they miss something, and closes none that is not slow', async () => {
    const { scene, fill } = await crowded(0.4)
    const { world, node } = scene
    const regular = await RawPeer.connect(world, node, { names: [{ kind: 'message', name: 'news' }] })
    fill(0.76)
    expect(node.swarm.broadcast(News, scene.fresh(10))).toMatchObject({ queued: 0, shed: 1 })
    expect(node.swarm.broadcast(News, scene.fresh(10))).toMatchObject({ queued: 0, shed: 1 })
    await world.settle()
    expect([regular.closed, regular.of('gap').length]).toEqual([null, 1])
  })

  it('says so where what waited on one link finds no room on the next', async () => {
    const { scene, fill } = await crowded(0.4)
    const { world, node } = scene
    const names = [{ kind: 'message' as const, name: 'news' }]
    const first = await RawPeer.connect(world, node, { names })
    for (let i = 0; i < 10; i++) node.swarm.broadcast(News, scene.fresh(30_000))
    await world.settle()
    expect(first.of('application').length).toBe(4)
    fill(0.76)
    first.answers = false
    const second = await RawPeer.connect(world, node, { names, identity: first.identity })
    await world.run(20_000)
    expect([first.told?.code, second.closed, second.of('gap').length]).toEqual(['superseded', null, 1])
    expect(scene.memory.outboxBytes).toBe(0)
  })
})
