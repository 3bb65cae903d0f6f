/** What propagation keeps of links that are gone, and of a node that stops: nothing, whichever way they end. */
import { describe, expect, it, vi } from 'vitest'
import { Memory } from '../../src/policy/memory.js'
import type { PeerId } from '../../src/ports/types.js'
import { keyOf } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { Agenda } from '../../src/swarm/agenda.js'
import { Announcer } from '../../src/swarm/announcer.js'
import type { Connection } from '../../src/swarm/connection.js'
import { Counters } from '../../src/swarm/counters.js'
import { Propagation } from '../../src/swarm/propagation.js'
import { ManualClock } from './manual-clock.js'
import { LARGE, Scene, SMALL } from './propagation-scene.js'
import type { RawPeer } from './raw-peer.js'
import { seeded } from './seeded.js'

const definition = { name: 'tx', nameKind: 'message', priority: 'normal' } as const

/** Links as far as propagation sees them, on an agenda that can be counted. */
class Bench {
  readonly clock = new ManualClock()
  readonly agenda = new Agenda(this.clock)
  readonly links = new Map<PeerId, Connection>()
  /** Peer and type of each frame that was sent. */
  readonly frames: string[] = []
  readonly missed: string[] = []
  /** Peers that read nothing: their control frames pile up. */
  readonly deaf = new Set<string>()
  /** One that is deaf once it has been sent so many frames. */
  deafAfter: { readonly name: string; readonly frames: number } | null = null
  readonly propagation: Propagation
  #made = 0

  constructor() {
    this.propagation = new Propagation({
      mode: 'hybrid',
      agenda: this.agenda,
      clock: this.clock,
      random: seeded(1),
      memory: new Memory(512 * 1_024 * 1_024, { size: 0 }),
      counters: new Counters(),
      connections: () => [...this.links.values()],
      peers: () => this.links.size,
      connectionTo: (peerId) => this.links.get(peerId) ?? null,
      missed: ({ peerId }) => this.missed.push(String(peerId)),
    })
  }

  join(name: string): Connection {
    const peerId = name as PeerId
    const { deaf, frames } = this
    const isFull = (): boolean => {
      const count = frames.filter((frame) => frame.startsWith(`${name} `)).length
      return this.deafAfter?.name === name && count >= this.deafAfter.frames
    }
    const sender = {
      flush: () => undefined,
      noteGap: () => frames.push(`${name} gap`),
      outbox: {
        shared: () => new Set(),
        get isControlHigh(): boolean {
          return deaf.has(name) || isFull()
        },
      },
    }
    const link = {
      sender,
      peerId,
      identity: { peerId, peerClass: 'regular', limits: { messageBytesMax: 65_536 } },
      hello: { limits: { messageBytesMax: 65_536 } },
      isOpen: true,
      remoteType: () => FRAME.firstApplication,
      enqueue: () => this.frames.push(`${name} 64`) > 0,
      overflowed: () => undefined,
      sendControl: (type: number) => this.frames.push(`${name} ${String(type)}`),
    } as unknown as Connection
    this.links.set(peerId, link)
    this.propagation.joined(link)
    return link
  }

  leave(link: Connection): void {
    if (link.peerId !== null) this.links.delete(link.peerId)
    this.propagation.lost(link, true)
  }

  relay(bytes: number): void {
    const all = new Uint8Array(bytes)
    new DataView(all.buffer).setUint32(0, ++this.#made)
    this.propagation.relay({ definition, key: keyOf(all.subarray(0, 16)), bytes: all, informed: new Set() })
  }

  announce(link: Connection): void {
    this.propagation.announced(link, [{ id: new Uint8Array(16).fill(++this.#made), size: LARGE }])
  }
}

describe('a link that is gone', () => {
  it('leaves no deadline behind, of what it was to be told and of what it was asked', () => {
    const bench = new Bench()
    const links = Array.from({ length: 30 }, (_, i) => bench.join(`peer ${String(i)}`))
    bench.relay(SMALL)
    for (const link of links) bench.announce(link)
    expect(bench.agenda.size).toBeGreaterThan(10)
    for (const link of links) bench.leave(link)
    // The one that looks after what is wanted finds nothing.
    bench.clock.advance(250)
    expect(bench.agenda.size).toBe(0)
    const { length } = bench.frames
    bench.clock.advance(60_000)
    expect(bench.frames.length).toBe(length)
  })

  it('is told nothing, whether it was to be told at the end of the turn or later', () => {
    const bench = new Bench()
    const links = Array.from({ length: 30 }, (_, i) => bench.join(`peer ${String(i)}`))
    bench.relay(SMALL)
    for (const link of links) bench.leave(link)
    bench.clock.endTurn()
    bench.clock.advance(5_000)
    expect(bench.frames).toEqual([])
  })

  it('is no longer asked, and neither is who was to be asked after it', () => {
    const bench = new Bench()
    const [a, b, c] = ['a', 'b', 'c'].map((name) => bench.join(name))
    if (a === undefined || b === undefined || c === undefined) throw new Error('there are three')
    const news = [{ id: new Uint8Array(16).fill(200), size: LARGE }]
    for (const link of [a, b, c]) bench.propagation.announced(link, news)
    bench.leave(b)
    bench.leave(a)
    expect(bench.frames).toEqual([`a ${String(FRAME.get)}`, `c ${String(FRAME.get)}`])
    bench.leave(c)
    expect(bench.frames.length).toBe(2)
  })

  it('that is replaced by another of its peer takes nothing with it that the peer was asked', () => {
    const bench = new Bench()
    const old = bench.join('a')
    bench.announce(old)
    bench.links.delete('a' as PeerId)
    bench.join('a')
    bench.propagation.lost(old, false)
    bench.clock.advance(1_999)
    expect(bench.missed).toEqual([])
    bench.clock.advance(501)
    expect(bench.missed).toEqual(['a'])
  })
})

describe('a link that reads nothing', () => {
  it('is told nothing more, at once or later, and of all of it once it reads', () => {
    const bench = new Bench()
    for (let i = 0; i < 30; i++) bench.join(`peer ${String(i)}`)
    bench.deaf.add('peer 3')
    for (let i = 0; i < 5; i++) {
      bench.relay(SMALL)
      bench.clock.endTurn()
      bench.clock.advance(2_000)
    }
    const framesOf = (name: string): readonly string[] => bench.frames.filter((frame) => frame.startsWith(`${name} `))
    expect([framesOf('peer 3'), framesOf('peer 4').length]).toEqual([[], 5])
    bench.deaf.clear()
    bench.clock.advance(2_000)
    expect(framesOf('peer 3')).toEqual([`peer 3 ${String(FRAME.inventory)}`])
  })

  it('is told of a thousand at a time, however many came at once, and of no more than may wait', () => {
    const bench = new Bench()
    bench.join('peer 0')
    for (let i = 1; i < 12; i++) bench.join(`peer ${String(i)}`)
    for (let i = 0; i < 3_500; i++) bench.relay(SMALL)
    bench.clock.endTurn()
    const told = (): number => bench.frames.filter((frame) => frame === `peer 0 ${String(FRAME.inventory)}`).length
    expect(told()).toBe(1)
    bench.deafAfter = { name: 'peer 0', frames: 2 }
    bench.clock.advance(1_500)
    expect(told()).toBe(2)
    bench.clock.advance(10_000)
    expect(told()).toBe(2)
    bench.deafAfter = null
    bench.clock.advance(1_500)
    expect(told()).toBe(4)
  })

  it('is told that it has missed something where that is here no more', () => {
    const bench = new Bench()
    for (let i = 0; i < 30; i++) bench.join(`peer ${String(i)}`)
    bench.deaf.add('peer 3')
    for (let i = 0; i < 3; i++) {
      bench.relay(SMALL)
      bench.clock.endTurn()
      bench.clock.advance(40_000)
    }
    bench.deaf.clear()
    bench.clock.advance(2_000)
    expect(bench.frames.filter((frame) => frame.startsWith('peer 3 '))).toEqual([
      'peer 3 gap',
      `peer 3 ${String(FRAME.inventory)}`,
    ])
  })
})

describe('a link that never asks', () => {
  it('may ask for no more at last than is kept', () => {
    const bench = new Bench()
    for (let i = 0; i < 12; i++) bench.join(`peer ${String(i)}`)
    const link = bench.links.get('peer 0' as PeerId)
    for (let turn = 0; turn < 40; turn++) {
      for (let i = 0; i < 500; i++) bench.relay(SMALL)
      bench.clock.endTurn()
      bench.clock.advance(100)
    }
    const may = (count: number): boolean => link !== undefined && bench.propagation.takeAsking(link, count)
    expect([may(16_385), may(16_384), may(1)]).toEqual([false, true, false])
  })
})

describe('a node that stops', () => {
  it('has no deadline left, and tells and asks nobody', () => {
    const bench = new Bench()
    for (let i = 0; i < 30; i++) bench.announce(bench.join(`peer ${String(i)}`))
    bench.relay(SMALL)
    expect(bench.agenda.size).toBeGreaterThan(10)
    const { length } = bench.frames
    bench.propagation.stop()
    expect(bench.agenda.size).toBe(0)
    bench.clock.endTurn()
    bench.clock.advance(60_000)
    expect(bench.frames.length).toBe(length)
  })

  it('has no timer armed, with announcements and pulls under way', async () => {
    const scene = await Scene.of()
    const [from, ...others] = await scene.peers(40)
    if (from === undefined) throw new Error('there are forty')
    scene.send(from, scene.make(SMALL))
    scene.announce(from, scene.make(LARGE))
    await scene.world.settle()
    expect(others.filter((peer) => scene.told(peer).length === 0).length).toBeGreaterThan(0)
    await scene.world.stop()
    expect(scene.world.clock.armed).toBe(0)
    for (const peer of others) expect(scene.told(peer).length).toBeLessThanOrEqual(1)
  })
})

describe('who is listened to', () => {
  it('is who holds a place, through swaps of links, contests, evictions and goodbyes', async () => {
    const joined = vi.spyOn(Announcer.prototype, 'joined')
    const lost = vi.spyOn(Announcer.prototype, 'lost')
    try {
      const scene = await Scene.of({ slots: { unknownInboundMax: 3 } })
      const { world, node } = scene
      const links = new Set<Connection>()
      joined.mockImplementation((connection) => links.add(connection))
      lost.mockImplementation((connection) => links.delete(connection))
      const strangers: RawPeer[] = []
      for (let i = 0; i < 8; i++) strangers.push(await scene.peer('unknown'))
      await world.run(3_000)
      const first = await scene.peer()
      const { identity, connectionId } = first
      // Of the same process, after a link that looked dead; then of another, beside one that lives.
      const again = await scene.peer('regular', { identity, supersedes: [connectionId] })
      await world.run(20_000)
      const reborn = await scene.peer('regular', { identity, epoch: 2, supersedes: [again.connectionId] })
      await world.run(20_000)
      expect([first.told, again.told, reborn.told]).toMatchObject([
        { code: 'superseded' },
        { code: 'superseded' },
        null,
      ])
      expect(joined.mock.calls.length).toBeGreaterThanOrEqual(6)
      expect([...links].every(({ isOpen }) => isOpen)).toBe(true)
      expect([...links].map(({ peerId }) => peerId).toSorted()).toEqual([...node.swarm.peers.keys()].toSorted())
      for (const peer of [reborn, ...strangers]) peer.destroy()
      await world.settle()
      expect([links.size, node.swarm.peers.size]).toEqual([0, 0])
    } finally {
      vi.restoreAllMocks()
    }
  })
})
