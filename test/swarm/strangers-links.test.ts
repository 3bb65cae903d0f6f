/** What one stranger's key is good for with several links: no more than with one. */
import { describe, expect, it } from 'vitest'
import { queryObjects } from 'node:v8'
import { FRAME } from '../../src/protocol/frame.js'
import { direct } from '../../src/protocol/message.js'
import { Connection } from '../../src/swarm/connection.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { World } from './world.js'

const Note = direct('note')
const stranger = { authorize: () => 'unknown' as const }

async function listening(world: World, options: Partial<SwarmOptions> = {}): Promise<Node> {
  const node = world.node('node', { ...stranger, ...options })
  node.swarm.handle(Note, () => undefined)
  await node.swarm.start()
  return node
}

/** Empty direct messages, in few records. */
function crumbs(peer: RawPeer, count: number): void {
  const frame = Uint8Array.of(1, FRAME.firstApplication)
  for (let left = count; left > 0; left -= 1_000)
    peer.record(Array.from({ length: Math.min(1_000, left) }, () => frame))
}

describe('a stranger with several links', () => {
  it('has one beside the one in use, and one alone after the time to answer', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const world = new World(seed)
      const node = await listening(world)
      const first = await RawPeer.connect(world, node)
      for (let i = 0; i < 3; i++) await RawPeer.connect(world, node, { identity: first.identity })
      expect(world.network.openPairs.length, `seed ${String(seed)}`).toBeLessThanOrEqual(2)
      await world.run(15_000)
      expect([world.network.openPairs.length, node.swarm.peers.size], `seed ${String(seed)}`).toEqual([1, 1])
      await world.stop()
    }
  })

  it('leaves nothing behind of those that it drops, though its first link never answers', async () => {
    const world = new World(1)
    const node = await listening(world, { perIpLimits: false })
    const first = await RawPeer.connect(world, node, { answers: false })
    const { identity } = first
    for (let i = 0; i < 40; i++) {
      const other = await RawPeer.connect(world, node, { identity })
      other.destroy()
      first.send(FRAME.ping, Uint8Array.of(i))
      await world.run(1_000)
    }
    expect(node.swarm.peer(identity.id)?.connected).toBe(true)
    // The network of the test remembers every link.
    world.network.pairs.splice(0)
    expect(queryObjects(Connection, { format: 'count' })).toBeLessThan(10)
    await world.stop()
  })

  it('loses all of them when it is evicted', async () => {
    let evicted = 0
    for (let seed = 1; seed <= 3; seed++) {
      const world = new World(seed)
      world.network.ipOf = (name) => name
      const node = await listening(world)
      const links: RawPeer[] = []
      // All slots are taken from one network; then others come.
      for (let i = 0; i < 30; i++) {
        const name = i < 19 ? `44.1.0.${String(i)}` : `44.${String(i)}.0.1`
        const one = await RawPeer.connect(world, node, { name })
        links.push(one, await RawPeer.connect(world, node, { name, identity: one.identity }))
      }
      const linked = new Set(Array.from(node.swarm.peers.keys()))
      for (const { identity, closed, told } of links) {
        if (linked.has(identity.id)) continue
        expect(closed ?? told, `seed ${String(seed)}`).not.toBeNull()
        if (told?.cause === 'evicted') evicted++
      }
      expect(linked.size).toBeLessThanOrEqual(19)
      expect(node.heard('recovered')).toEqual([])
      await world.stop()
    }
    expect(evicted).toBeGreaterThan(0)
  })

  it('passes the bound of no IP by coming to it with a second link', async () => {
    const world = new World()
    world.network.ipOf = (name) => name
    const node = await listening(world)
    const mover = await RawPeer.connect(world, node, { name: '44.1.0.1' })
    await RawPeer.connect(world, node, { name: '44.2.0.1' })
    expect(node.swarm.peers.size).toBe(2)
    const second = await RawPeer.connect(world, node, { name: '44.2.0.1', identity: mover.identity, epoch: 2 })
    expect([second.told?.code, mover.told]).toEqual(['too-many-peers', null])
    const home = await RawPeer.connect(world, node, { name: '44.1.0.1', identity: mover.identity, epoch: 2 })
    await world.run(5_000)
    expect([home.told, mover.told?.code, node.swarm.peers.size]).toEqual([null, 'superseded', 2])
  })

  it('is waited for no longer because it goes on talking', async () => {
    const world = new World()
    const node = await listening(world)
    const first = await RawPeer.connect(world, node)
    const mute = await RawPeer.connect(world, node, { identity: first.identity, epoch: 2, answers: false })
    for (let ms = 0; ms < 11_000; ms += 500) {
      mute.send(FRAME.getPeers, new Uint8Array(0))
      await world.run(500)
    }
    expect([mute.told?.code, first.told]).toEqual(['timeout', null])
  })

  it('has next to nothing held of one that waits for its place, and none of a flood', async () => {
    const world = new World()
    const node = await listening(world)
    const first = await RawPeer.connect(world, node)
    const contested = await RawPeer.connect(world, node, { identity: first.identity, epoch: 2, answers: false })
    crumbs(contested, 2_000)
    await world.settle()
    expect(node.swarm.status().memory.inFlightBytes).toBeLessThan(64 * 1_024)
    crumbs(contested, 20_000)
    await world.settle()
    expect(contested.told?.code).toBe('rate-limit')
  })
})

describe('messages that find no place to wait', () => {
  it('are a flood where there is nothing in them', async () => {
    const world = new World()
    const node = await listening(world)
    const peer = await RawPeer.connect(world, node)
    crumbs(peer, 10_000)
    await world.settle()
    expect(peer.told).toBeNull()
    crumbs(peer, 20_000)
    await world.settle()
    expect(peer.told?.code).toBe('rate-limit')
  })

  it('are none where it is a trusted peer that sends them', async () => {
    const world = new World()
    const limits = { masternode: { firstCopiesPerSecMax: 1, firstCopiesBurst: 1 } }
    const node = await listening(world, { authorize: () => 'masternode', limits })
    const peer = await RawPeer.connect(world, node)
    crumbs(peer, 60_000)
    await world.settle()
    expect(peer.told).toBeNull()
  })

  it('are none where there is as much in them as in the smallest broadcast', async () => {
    const world = new World()
    const node = await listening(world)
    const peer = await RawPeer.connect(world, node)
    for (let i = 0; i < 8_000; i++) peer.send(FRAME.firstApplication, new Uint8Array(15))
    await world.settle()
    expect(peer.told).toBeNull()
  })
})
