/** Peers told to peers: asked for, bounded, hearsay. */
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import type { PeerId } from '../../src/ports/types.js'
import { EMPTY } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { parsePeerId } from '../../src/protocol/peer-id.js'
import type { PeerHint } from '../../src/protocol/peers.js'
import { encodePeers } from '../../src/protocol/peers.js'
import type { Connection } from '../../src/swarm/connection.js'
import { Exchange } from '../../src/swarm/exchange.js'
import { listen } from './lab-ear.js'
import { RawPeer } from './raw-peer.js'
import { toyCrypto } from './toy-crypto.js'
import type { Node } from './world.js'
import { World } from './world.js'
import { tell } from '../protocol/tell.js'

const PUBLIC_IP = '93.184.216.34'

/** Peers that were linked once, each at one address. */
function book(world: World, count: number, host: (i: number) => string): PeerStore {
  const store = new PeerStore()
  for (let i = 0; i < count; i++) {
    const { id } = world.identity()
    store.linked(id, parseAddress(`tcp://${id}@${host(i)}:7000`), 1, 1)
    store.unlinked(id, 2, world.clock.wall(), { penalty: false })
  }
  return store
}

async function answerTo(world: World, node: Node): Promise<readonly PeerHint[]> {
  const raw = await RawPeer.connect(world, node)
  raw.send(FRAME.getPeers, EMPTY)
  await world.settle()
  return raw.of('peers').at(-1)?.hints ?? []
}

function hint(world: World, ...addresses: string[]): PeerHint & { readonly id: PeerId } {
  const { id } = world.identity()
  return { id, publicKey: parsePeerId(id, toyCrypto), ageS: 10, addresses }
}

/** A node with no use for the network behind its peers: nothing but the raw peer can be reached. */
async function lonely(world: World, peerStore = new PeerStore()): Promise<Node> {
  return world.started('a', { peerStore })
}

describe('a peer that asks', () => {
  it('is told of a quarter of the book at most, of a hundred at most, and of 32 where there are so many', async () => {
    for (const [known, told] of [
      [10, 10],
      [100, 32],
      [300, 69],
      [1_000, 100],
    ] as const) {
      const world = new World()
      const a = await lonely(
        world,
        book(world, known, (i) => `8.8.${String(i >> 8)}.${String(i & 255)}`),
      )
      const hints = await answerTo(world, a)
      expect(hints.length).toBe(told)
      expect(new Set(hints.map(({ publicKey }) => publicKey.join())).size).toBe(told)
    }
  })

  it('is told of others each time, and never of itself', async () => {
    const world = new World()
    const a = await lonely(
      world,
      book(world, 200, (i) => `8.8.8.${String(i)}`),
    )
    const raw = await RawPeer.connect(world, a)
    const told = new Set<string>()
    for (let i = 0; i < 6; i++) {
      raw.send(FRAME.getPeers, EMPTY)
      await world.run(10_001)
      for (const { publicKey } of raw.of('peers').at(-1)?.hints ?? []) told.add(publicKey.join())
    }
    expect(told.size).toBeGreaterThan(100)
    expect(told.has(parsePeerId(raw.identity.id, toyCrypto).join())).toBe(false)
  })

  it('is not told of hearsay: only of peers we have been linked to', async () => {
    const world = new World()
    const peerStore = book(world, 3, (i) => `8.8.8.${String(i)}`)
    const { id } = world.identity()
    peerStore.learn(id, parseAddress('tcp://8.8.8.8:7000'), 'exchange')
    expect((await answerTo(world, await lonely(world, peerStore))).length).toBe(3)
  })

  it('is answered once in ten seconds', async () => {
    const world = new World()
    const a = await lonely(
      world,
      book(world, 3, (i) => `8.8.8.${String(i)}`),
    )
    const raw = await RawPeer.connect(world, a)
    for (const [ms, answers] of [
      [0, 1],
      [9_999, 1],
      [1, 2],
    ] as const) {
      await world.run(ms)
      raw.send(FRAME.getPeers, EMPTY)
      await world.settle()
      expect(raw.of('peers').length).toBe(answers)
    }
    expect(a.swarm.status().strikes).toEqual({})
  })

  it('hears of this machine’s addresses only where it is on it, and of private ones only where it is private itself', async () => {
    for (const [ip, told] of [
      ['127.0.0.1', 3],
      ['10.1.2.3', 2],
      [PUBLIC_IP, 1],
    ] as const) {
      const world = new World()
      world.network.ipOf = () => ip
      const a = await lonely(
        world,
        book(world, 3, (i) => ['127.0.0.1', '192.168.0.7', '8.8.8.8'][i] ?? ''),
      )
      expect((await answerTo(world, a)).length).toBe(told)
    }
  })

  it('through a proxy hears of public addresses alone', async () => {
    const world = new World()
    world.network.ipOf = () => '127.0.0.1'
    const peerStore = book(world, 3, (i) => ['127.0.0.1', '192.168.0.7', '8.8.8.8'][i] ?? '')
    const a = await world.started('a', { peerStore, perIpLimits: false })
    expect((await answerTo(world, a)).map(({ addresses }) => addresses)).toEqual([['tcp://8.8.8.8:7000']])
  })
})

describe('a peer that tells', () => {
  it('without having been asked is not believed, and not blamed: its answers may have been delayed', async () => {
    const world = new World()
    const peerStore = book(world, 0, () => '')
    const a = await lonely(world, peerStore)
    const raw = await RawPeer.connect(world, a)
    const [first, second] = [hint(world, 'tcp://8.8.8.8:1'), hint(world, 'tcp://8.8.4.4:1')]
    // A node that knows few asks everybody it meets: the first answer was asked for.
    expect(raw.of('get-peers').length).toBe(1)
    raw.send(FRAME.peers, encodePeers(tell([first])))
    await world.settle()
    expect(a.swarm.status().strikes).toEqual({})
    expect(peerStore.get(first.id)).toMatchObject({ source: 'exchange', lastSeenAt: null })
    raw.send(FRAME.peers, encodePeers(tell([second])))
    await world.settle()
    expect(a.swarm.status().strikes).toEqual({})
    expect(peerStore.get(second.id)).toBe(null)
  })

  it('without having been asked is not believed on a link that ends, either, but for one that never began', () => {
    const world = new World()
    const peerStore = new PeerStore()
    const exchange = new Exchange({
      clock: world.clock,
      random: world.random,
      crypto: toyCrypto,
      peerStore,
      ownId: world.identity().id,
      isProxied: false,
      listedAt: () => false,
      learned: () => undefined,
    })
    const told = hint(world, 'tcp://8.8.8.8:1')
    const ending = { isOpen: false, remoteIp: PUBLIC_IP, peerId: world.identity().id, direction: 'outbound' }
    exchange.heard({ ...ending, hello: {} } as unknown as Connection, [told])
    expect(peerStore.get(told.id)).toBe(null)
    exchange.heard({ ...ending, hello: null } as unknown as Connection, [told])
    expect(peerStore.get(told.id)?.source).toBe('exchange')
  })

  it('is believed of addresses only where they mean the same to it, and of none that asks a web server something', async () => {
    const [here, nearby, everywhere] = ['127.0.0.1', '10.0.0.1', '8.8.8.8']
    for (const [ip, perIpLimits, believed] of [
      ['127.0.0.1', true, [here, '0.0.0.0', nearby, everywhere]],
      ['127.0.0.1', false, [everywhere]],
      ['172.17.0.1', true, [nearby, everywhere]],
      [PUBLIC_IP, true, [everywhere]],
    ] as const) {
      const world = new World()
      world.network.ipOf = () => ip
      const peerStore = new PeerStore()
      const node = await world.started('a', { peerStore, perIpLimits })
      const raw = await RawPeer.connect(world, node)
      const hosts = [here, '0.0.0.0', nearby, everywhere].map((host) => `tcp://${host}:1`)
      const odd = [...(ip === '127.0.0.1' && perIpLimits ? [] : ['wss://localhost:1', 'wss://a.localhost:1'])]
      odd.push('ws://8.8.8.8:1/reboot?now', 'ws://8.8.8.8:1/a%20b', 'tcp://8.8.8.8:0', 'nonsense')
      const told = hint(world, ...hosts, ...odd)
      raw.send(FRAME.peers, encodePeers(tell([told])))
      await world.settle()
      expect(peerStore.get(told.id)?.addresses.map(({ host }) => host)).toEqual(believed)
    }
  })

  it('of ourselves tells nothing new', async () => {
    const world = new World()
    const peerStore = new PeerStore()
    const a = await lonely(world, peerStore)
    const raw = await RawPeer.connect(world, a)
    const own = { publicKey: parsePeerId(a.swarm.id, toyCrypto), ageS: 0, addresses: ['tcp://8.8.8.8:1'] }
    raw.send(FRAME.peers, encodePeers(tell([own])))
    await world.settle()
    expect(peerStore.get(a.swarm.id)).toBe(null)
  })

  it('never whitelists anybody, and whoever answers at another id is not taken for the one named', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    const raw = await RawPeer.connect(world, a)
    const honest = { publicKey: parsePeerId(b.swarm.id, toyCrypto), ageS: 0, addresses: ['memory://b:1'] }
    const false_ = hint(world, 'memory://b:1')
    raw.send(FRAME.peers, encodePeers(tell([false_, honest])))
    await world.run(1_000)
    expect(a.swarm.peer(b.swarm.id)?.class).toBe('unknown')
    expect(a.swarm.status().masternodes).toEqual({ listed: 0, connected: 0 })
    expect(a.swarm.peer(false_.id)).toBe(null)
    expect(a.heard('dial:failed')).toMatchObject([[{ peerId: false_.id, reason: { code: 'wrong-identity' } }]])
  })
})

describe('a full node', () => {
  it('names others before its goodbye, so that nobody has dialled it in vain', () => {
    const { lab, heard } = listen({ seed: 1, masternodes: 0, nodes: 40 })
    lab.run(10_000)
    // An inbound stranger finds nineteen places.
    expect(heard(0, 'inbound:refused').some(({ args: [{ reason }] }) => reason.code === 'too-many-peers')).toBe(true)
    for (let i = 1; i < lab.size; i++) expect(lab.swarm(i).peers.size).toBeGreaterThanOrEqual(8)
  })
})
