/** Broadcasts where links die, peers lie or come late, and memory is short. */
import { describe, expect, it, vi } from 'vitest'
import { Memory } from '../../src/policy/memory.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { Connection } from '../../src/swarm/connection.js'
import { Shelf } from '../../src/swarm/shelf.js'
import { LARGE, Scene, SMALL, Tx } from './propagation-scene.js'
import { World } from './world.js'

const MIB = 1_024 * 1_024
const MINUTE = 60_000
const definition = { name: 'tx', nameKind: 'message', priority: 'normal' } as const

describe('a broadcast', () => {
  it('is handled once in a quiet network, and not again when a peer comes back after dedup has forgotten it', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = world.node('b')
    let handled = 0
    b.swarm.handle(Tx, () => {
      handled++
      return 'accept'
    })
    await b.swarm.start()
    await world.connect(b, a)
    a.swarm.broadcast(Tx, new Uint8Array(SMALL))
    await world.run(11 * MINUTE)
    for (const pair of world.network.openPairs) pair.break()
    await world.run(5_000)
    if (a.swarm.peers.size === 0) await world.connect(b, a)
    await world.run(5_000)
    expect([a.swarm.peers.size, handled]).toEqual([1, 1])
  })

  it('that was announced into a link that was dead is announced again on the one that follows it', async () => {
    const scene = await Scene.of()
    const first = await scene.peer()
    const [pair] = scene.world.network.pairs
    if (pair !== undefined) pair.blackHoled = true
    const tx = scene.publish(LARGE)
    await scene.world.run(1_000)
    const { identity, connectionId } = first
    const second = await scene.peer('regular', { identity, supersedes: [connectionId] })
    await scene.world.run(2_000)
    expect(scene.told(first)).toEqual([])
    expect(scene.told(second)).toEqual([tx.name])
  })

  it('to some that is large is announced to no others, whatever else is said', async () => {
    const scene = await Scene.of()
    const [chosen] = await scene.peers(12)
    const { payload, name } = scene.make(LARGE)
    scene.node.swarm.broadcast(Tx, payload, { to: chosen === undefined ? [] : [chosen.identity.id] })
    const late = await scene.peer()
    await scene.world.run(2_000)
    expect(scene.told(late)).not.toContain(name)
  })

  it('that is larger than what may be kept comes all the same', async () => {
    const world = new World()
    const options = {
      authorize: () => 'masternode' as const,
      memoryMaxMiB: 64,
      limits: { masternode: { messageBytesMax: 8 * MIB, outboxBytesMax: 16 * MIB } },
    }
    const a = await world.started('a', options)
    const b = world.node('b', options)
    let handled = 0
    b.swarm.handle(Tx, () => {
      handled++
      return 'accept'
    })
    await b.swarm.start()
    await world.connect(b, a)
    expect(a.swarm.broadcast(Tx, new Uint8Array(5 * MIB))).toMatchObject({ queued: 1, shed: 0 })
    await world.run(5_000)
    expect(handled).toBe(1)
  })

  it('that is broadcast again is kept for a minute from then', () => {
    const shelf = new Shelf(new Memory(512 * MIB, { size: 0 }))
    const keep = (key: string, now: number): void => {
      shelf.keep({ definition, key, bytes: new Uint8Array(LARGE) }, 'all', now)
    }
    keep('tx', 0)
    keep('tx', 50_000)
    keep('other', 61_000)
    expect(shelf.get('tx')?.keptAt).toBe(50_000)
    expect(Array.from(shelf.since(0), ({ key }) => key)).toEqual(['tx', 'other'])
  })

  it('is kept by a node with few links whether it is its own or not, so that nobody learns which by coming later or asking', async () => {
    const scene = await Scene.of()
    const [from, spy] = await scene.peers(2)
    if (from === undefined || spy === undefined) throw new Error('there are two')
    const relayed = scene.make(SMALL)
    scene.send(from, relayed)
    await scene.world.settle()
    const own = scene.publish(SMALL)
    const late = await scene.peer()
    await scene.world.run(2_000)
    scene.get(spy, relayed, own)
    await scene.world.settle()
    expect(scene.told(late).includes(own.name)).toBe(scene.told(late).includes(relayed.name))
    expect(scene.refused(spy).includes(own.name)).toBe(scene.refused(spy).includes(relayed.name))
  })
})

describe('a newcomer', () => {
  it('hears of the last minute from a peer that is a stranger to it, however much that was', async () => {
    const world = new World()
    const node = await world.started('node')
    for (let i = 0; i < 900; i++) node.swarm.broadcast(Tx, Uint8Array.of(i >> 8, i & 255))
    const late = world.node('late')
    late.swarm.handle(Tx, () => 'accept')
    await late.swarm.start()
    await world.connect(late, node)
    await world.run(2_000)
    expect(late.swarm.status().verdicts['accept'] ?? 0).toBeGreaterThan(0)
  })

  it('that ends while it is seated is not listened to for ever', async () => {
    const said = vi.spyOn(Connection.prototype, 'sendControl')
    try {
      const scene = await Scene.of()
      scene.publish(SMALL)
      const old = await scene.peer('regular', { epoch: 1 })
      const reborn = await scene.peer('regular', { identity: old.identity, epoch: 2, holdsHello: true })
      reborn.sayHello()
      // A number that was never given out, while the old process still holds the place.
      reborn.send(FRAME.firstApplication + 9, utf8('x'))
      await scene.world.run(20_000)
      expect(reborn.told).toMatchObject({ code: 'protocol-error' })
      const links = said.mock.contexts as Connection[]
      const told = links.filter((_, i) => said.mock.calls[i]?.[0] === FRAME.inventory)
      expect(told.filter(({ isOpen }) => !isOpen).length).toBe(0)
    } finally {
      vi.restoreAllMocks()
    }
  })
})

describe('a source', () => {
  it('is asked on the link that it has, whichever link it announced something on', async () => {
    const scene = await Scene.of()
    const { network } = scene.world
    // Whoever is preferred may close the one of two links that lives beside the other.
    for (let i = 0; i < 12; i++) {
      const old = await scene.peer()
      const pair = network.pairs.at(-1)
      // Its answer to the question whether it lives comes late, and what it says meanwhile later still.
      network.delayMs = (channel) => (channel.pair === pair && channel.to === 'acceptor' ? 100 : 0)
      const second = await scene.peer('regular', { identity: old.identity })
      await scene.world.run(50)
      const tx = scene.make(LARGE)
      scene.announce(old, tx)
      await scene.world.run(200)
      if (old.told?.code !== 'duplicate') continue
      expect([...scene.asked(old), ...scene.asked(second)]).toEqual([tx.name])
      return
    }
    throw new Error('no link was closed for another')
  })

  it('whose link was replaced is asked again on the new one', async () => {
    const scene = await Scene.of()
    const first = await scene.peer()
    const tx = scene.make(LARGE)
    scene.announce(first, tx)
    await scene.world.settle()
    const { identity, connectionId } = first
    const second = await scene.peer('regular', { identity, supersedes: [connectionId] })
    await scene.world.run(1_000)
    expect(scene.asked(second)).toEqual([tx.name])
  })
})
