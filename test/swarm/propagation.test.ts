/** What a node says of its broadcasts: whom it sends them to, whom it tells of them, when, and who hears nothing. */
import { describe, expect, it } from 'vitest'
import type { PeerClass } from '../../src/ports/types.js'
import { FRAGMENTED, LARGE, Scene, SMALL, Tx } from './propagation-scene.js'

describe('a small broadcast', () => {
  it('is pushed to all of many links by whoever made it, and announced to nobody', async () => {
    const scene = await Scene.of()
    const peers = await scene.peers(20)
    const tx = scene.publish(SMALL)
    await scene.world.run(2_000)
    for (const peer of peers) expect([scene.sent(peer), scene.told(peer)]).toEqual([[tx.name], []])
  })

  it('is pushed on by a relay with eight links, to all but the one that brought it', async () => {
    const scene = await Scene.of()
    const [from, ...others] = await scene.peers(8)
    const tx = scene.make(SMALL)
    if (from !== undefined) scene.send(from, tx)
    await scene.world.run(2_000)
    expect(scene.handled).toEqual([tx.name])
    for (const peer of others) expect([scene.sent(peer), scene.told(peer)]).toEqual([[tx.name], []])
    expect(from === undefined ? null : [scene.sent(from), scene.told(from)]).toEqual([[], []])
  })

  it('is announced by a relay with nine, and sent by it to nobody who does not ask', async () => {
    const scene = await Scene.of()
    const [from, ...others] = await scene.peers(9)
    const tx = scene.make(SMALL)
    if (from !== undefined) scene.send(from, tx)
    await scene.world.settle()
    for (const peer of others) {
      expect([scene.sent(peer), scene.told(peer)]).toEqual([[], [tx.name]])
      expect(peer.of('inventory')).toMatchObject([{ announced: [{ id: tx.id, size: tx.size }] }])
    }
  })

  it('is announced to sixteen at once, and to all others between half a second and one and a half', async () => {
    const scene = await Scene.of()
    const [from, ...others] = await scene.peers(40)
    const tx = scene.make(SMALL)
    const count = (): number => others.filter((peer) => scene.told(peer).length > 0).length
    if (from !== undefined) scene.send(from, tx)
    await scene.world.settle()
    expect(count()).toBe(16)
    await scene.world.run(499)
    expect(count()).toBe(16)
    await scene.world.run(500)
    // Each at a moment of its own.
    expect(count()).toBeGreaterThan(16)
    expect(count()).toBeLessThan(39)
    await scene.world.run(501)
    await scene.world.run(5_000)
    for (const peer of others) expect(scene.told(peer)).toEqual([tx.name])
    expect(from === undefined ? null : scene.told(from)).toEqual([])
  })

  it('is announced to others than before, so that no peer is always among the last', async () => {
    const scene = await Scene.of()
    const [from, ...others] = await scene.peers(40)
    const first = new Set<number>()
    for (let i = 0; i < 12; i++) {
      const tx = scene.make(SMALL)
      if (from !== undefined) scene.send(from, tx)
      await scene.world.settle()
      for (const [n, peer] of others.entries()) if (scene.told(peer).includes(tx.name)) first.add(n)
      await scene.world.run(2_000)
    }
    expect(first.size).toBe(others.length)
  })

  it('is announced to each once, however many follow it', async () => {
    const scene = await Scene.of()
    const [from, ...others] = await scene.peers(40)
    const txs = Array.from({ length: 12 }, () => scene.make(SMALL))
    for (const tx of txs) {
      if (from !== undefined) scene.send(from, tx)
      await scene.world.run(200)
    }
    await scene.world.run(2_000)
    const names = txs.map(({ name }) => name).toSorted()
    for (const peer of others) expect(scene.told(peer).toSorted()).toEqual(names)
  })

  it('is announced to nobody who announces it or sends it first', async () => {
    const scene = await Scene.of()
    const [from, ...others] = await scene.peers(40)
    const tx = scene.make(SMALL)
    if (from !== undefined) scene.send(from, tx)
    await scene.world.settle()
    const rest = others.filter((peer) => scene.told(peer).length === 0)
    for (const [i, peer] of rest.entries()) {
      if (i % 3 === 0) scene.announce(peer, tx)
      if (i % 3 === 1) scene.send(peer, tx)
    }
    await scene.world.run(2_000)
    for (const [i, peer] of rest.entries()) expect(scene.told(peer)).toEqual(i % 3 === 2 ? [tx.name] : [])
  })

  it('is announced to nobody who had announced it while it was judged', async () => {
    const scene = await Scene.of()
    const [from, knowing, ...others] = await scene.peers(10)
    const tx = scene.make(SMALL)
    if (from === undefined || knowing === undefined) throw new Error('there are ten')
    scene.announce(from, tx)
    scene.announce(knowing, tx)
    await scene.world.settle()
    expect([scene.asked(from), scene.asked(knowing)]).toEqual([[tx.name], []])
    scene.send(from, tx)
    await scene.world.run(2_000)
    expect([from, knowing].map((peer) => scene.told(peer))).toEqual([[], []])
    for (const peer of others) expect(scene.told(peer)).toEqual([tx.name])
  })

  it('is announced to nobody who announces it or sends it while its handler takes its time', async () => {
    let accept = (): void => undefined
    const verdict = new Promise<'accept'>((resolve) => {
      accept = () => {
        resolve('accept')
      }
    })
    const scene = await Scene.of({}, verdict)
    const [from, announcing, sending, ...others] = await scene.peers(12)
    const tx = scene.make(SMALL)
    if (from === undefined || announcing === undefined || sending === undefined) throw new Error('there are twelve')
    scene.send(from, tx)
    await scene.world.settle()
    scene.announce(announcing, tx)
    scene.send(sending, tx)
    await scene.world.settle()
    accept()
    await scene.world.run(2_000)
    expect([from, announcing, sending].map((peer) => scene.told(peer))).toEqual([[], [], []])
    for (const peer of others) expect(scene.told(peer)).toEqual([tx.name])
  })

  it('is pushed on to a peer that asks for what it is told, but for one in sixteen, which it is told of at once', async () => {
    const scene = await Scene.of()
    const [from, keen, ...others] = await scene.peers(40)
    if (from === undefined || keen === undefined) throw new Error('nobody came')
    for (let i = 0; i < 4; i++) {
      const tx = scene.make(SMALL)
      scene.send(from, tx)
      await scene.world.run(2_000)
      scene.get(keen, tx)
      await scene.world.settle()
    }
    expect(scene.told(keen).length).toBe(4)
    for (let i = 0; i < 32; i++) {
      scene.send(from, scene.make(SMALL))
      await scene.world.run(100)
    }
    // All of it is with it within the turn, one way or the other.
    expect([scene.told(keen).length, scene.sent(keen).length]).toEqual([4 + 2, 4 + 30])
    expect(others.flatMap((peer) => scene.sent(peer))).toEqual([])
  })

  it('that is not accepted goes no further', async () => {
    for (const verdict of ['ignore', 'reject'] as const) {
      const scene = await Scene.of({}, verdict)
      const [from, ...others] = await scene.peers(12)
      const tx = scene.make(SMALL)
      if (from !== undefined) scene.send(from, tx)
      await scene.world.run(2_000)
      expect(scene.handled).toEqual([tx.name])
      for (const peer of others) expect([scene.sent(peer), scene.told(peer)]).toEqual([[], []])
    }
  })

  it('that found no room in an outbox is announced to that peer later, which asks for it then', async () => {
    const { world } = new Scene()
    const masternode = { authorize: () => 'masternode' as const }
    const handled: number[] = []
    const waiting: (() => void)[] = []
    let isSlow = true
    const slow = world.node('slow', { ...masternode, limits: { masternode: { messageBytesMax: 65_536 } } })
    slow.swarm.handle(Tx, async ([number = -1]) => {
      if (isSlow) await new Promise<void>((resolve) => waiting.push(resolve))
      handled.push(number)
      return 'accept' as const
    })
    await slow.swarm.start()
    const origin = await world.started('origin', { ...masternode, limits: { masternode: { outboxBytesMax: 20_000 } } })
    await world.connect(slow, origin)
    for (let i = 0; i < 45; i++) origin.swarm.broadcast(Tx, new Uint8Array(4_000).fill(i))
    expect(origin.swarm.status().broadcastsShed).toBeGreaterThan(0)
    await world.run(100)
    expect([handled, slow.heard('recovered').length]).toEqual([[], 1])
    isSlow = false
    for (const go of waiting.splice(0)) go()
    await world.run(400)
    expect(handled.length).toBe(45 - origin.swarm.status().broadcastsShed)
    await world.run(2_000)
    expect(handled).toEqual(Array.from({ length: 45 }, (_, i) => i))
  })
})

describe('a large broadcast', () => {
  it('is announced to all at once by whoever made it, and sent to who asks', async () => {
    const scene = await Scene.of()
    const [asking, ...others] = await scene.peers(20)
    const tx = scene.publish(LARGE)
    await scene.world.settle()
    if (asking === undefined) throw new Error('there are twenty')
    expect([asking, ...others].map((peer) => scene.told(peer))).toEqual(Array(20).fill([tx.name]))
    scene.get(asking, tx)
    await scene.world.run(2_000)
    expect(scene.sent(asking)).toEqual([tx.name])
    for (const peer of others) expect([scene.sent(peer), scene.told(peer)]).toEqual([[], [tx.name]])
  })

  it('is announced on by a relay with few links, once to each, and not to who brought it', async () => {
    const scene = await Scene.of()
    const [from, ...others] = await scene.peers(4)
    const tx = scene.make(LARGE)
    if (from !== undefined) scene.send(from, tx)
    await scene.world.run(2_000)
    for (const peer of others) expect([scene.sent(peer), scene.told(peer)]).toEqual([[], [tx.name]])
    expect(from === undefined ? null : scene.told(from)).toEqual([])
  })

  it('that many ask for at once goes to one after the other, and to nobody who has left meanwhile', async () => {
    const scene = await Scene.of({ perIpLimits: false })
    const peers = await scene.peers(6)
    // The least that goes alone, and the most that these peers take.
    const block = scene.publish(65_536 - 16)
    await scene.world.settle()
    // Whoever looks at the clock finds that time has passed: everything takes a while.
    const { clock } = scene.world
    const now = clock.monotonic.bind(clock)
    clock.monotonic = () => {
      clock.spend(0.5)
      return now()
    }
    for (const peer of peers) scene.get(peer, block)
    await scene.world.settle()
    const served = peers.filter((peer) => scene.sent(peer).length > 0).length
    expect(served).toBeGreaterThan(0)
    expect(served).toBeLessThan(6)
    const left = peers.at(-1)
    left?.destroy()
    await scene.world.run(1_000)
    expect(peers.slice(0, -1).map((peer) => scene.sent(peer))).toEqual(Array.from({ length: 5 }, () => [block.name]))
    expect(peers.flatMap((peer) => scene.refused(peer))).toEqual([])
    expect(left === undefined ? null : scene.sent(left)).toEqual([])
  })

  it('counts as shed on links that take nothing so large, and they are not told', async () => {
    const scene = await Scene.of()
    const peer = await scene.peer()
    expect(scene.node.swarm.broadcast(Tx, new Uint8Array(65_537))).toMatchObject({ queued: 0, shed: 1 })
    expect(scene.node.swarm.broadcast(Tx, new Uint8Array(65_000))).toMatchObject({ queued: 1, shed: 0 })
    await scene.world.settle()
    expect(scene.told(peer).length).toBe(1)
  })

  it('comes through three nodes in a row to the last, whole and once', async () => {
    const scene = await Scene.of()
    const { world, node } = scene
    const last = await world.started('last')
    const bodies: Uint8Array[] = []
    last.swarm.handle(Tx, (body) => {
      bodies.push(body)
      return 'accept'
    })
    const first = await world.started('first')
    await world.connect(first, node)
    await world.connect(last, node)
    const { payload } = scene.make(FRAGMENTED)
    expect(first.swarm.broadcast(Tx, payload)).toMatchObject({ queued: 1, shed: 0 })
    await world.run(2_000)
    expect(bodies).toEqual([payload])
    expect(last.swarm.status().duplicatesDropped).toBe(0)
  })
})

/** Twelve bodies of 5,000 bytes, and a peer of a class that asks for all of them: how many it gets, and how many it is refused. */
async function library() {
  const few = { bytesPerSecMax: 10_000 }
  const scene = await Scene.of({ limits: { unknown: few, masternode: few } })
  const txs = Array.from({ length: 12 }, () => scene.publish(LARGE))
  const served = async (
    peerClass: PeerClass,
    identity = scene.world.identity(),
  ): Promise<readonly [number, number]> => {
    const peer = await scene.peer(peerClass, { identity })
    scene.get(peer, ...txs)
    await scene.world.settle()
    peer.destroy()
    await scene.world.settle()
    return [scene.sent(peer).length, scene.refused(peer).length]
  }
  return { scene, served }
}

describe('who asks', () => {
  it('is served each message once on its link: of what is on its way it is not told that it is not here', async () => {
    const scene = await Scene.of()
    const [a, b] = await scene.peers(2)
    if (a === undefined || b === undefined) throw new Error('there are two')
    const [one, two] = [scene.publish(LARGE), scene.publish(LARGE)]
    scene.get(a, one)
    scene.get(a, one, two, one)
    scene.get(b, one)
    await scene.world.settle()
    expect([scene.sent(a), scene.refused(a)]).toEqual([[one.name, two.name], []])
    expect([scene.sent(b), scene.refused(b)]).toEqual([[one.name], []])
  })

  it('and is a stranger gets no more than it might bring, on however many links; and a masternode all', async () => {
    const { scene, served } = await library()
    const identity = scene.world.identity()
    // 20,000 bytes at once, and what goes beyond them is owed.
    expect(await served('unknown', identity)).toEqual([4, 8])
    expect(await served('unknown', identity)).toEqual([0, 12])
    await scene.world.run(1_000)
    expect(await served('unknown', identity)).toEqual([2, 10])
    expect(await served('unknown')).toEqual([4, 8])
    expect(await served('masternode')).toEqual([12, 0])
  })

  it('gets no more than four strangers might by coming from one address under new names', async () => {
    const { scene, served } = await library()
    scene.world.network.ipOf = () => '192.0.2.7'
    const counts: number[] = []
    for (let i = 0; i < 6; i++) counts.push((await served('unknown'))[0])
    expect(counts).toEqual([4, 4, 4, 4, 0, 0])
    expect((await served('masternode'))[0]).toBe(12)
  })

  it('may ask for as many as it was told of, whatever else it has asked for', async () => {
    const scene = await Scene.of()
    const stranger = await scene.peer('unknown')
    // As many ids of nothing as it may ask for at once.
    scene.get(stranger, ...Array.from({ length: 1_000 }, () => scene.make(SMALL)))
    const [one, two, three] = [scene.publish(LARGE), scene.publish(LARGE), scene.publish(LARGE)]
    await scene.world.settle()
    expect([scene.told(stranger).length, scene.refused(stranger).length]).toEqual([3, 1_000])
    scene.get(stranger, one, two)
    scene.get(stranger, three)
    scene.get(stranger, one)
    await scene.world.settle()
    expect(scene.sent(stranger)).toEqual([one.name, two.name, three.name])
    // It has asked for all that it was told of: now every id counts again.
    expect(scene.refused(stranger).length).toBe(1_000)
  })

  it('is told of what nobody has heard of that it is not here, and nothing else happens', async () => {
    const scene = await Scene.of()
    const peer = await scene.peer()
    const unknown = [scene.make(LARGE), scene.make(LARGE)]
    scene.get(peer, ...unknown)
    await scene.world.run(2_000)
    expect([scene.refused(peer), scene.sent(peer)]).toEqual([unknown.map(({ name }) => name), []])
    expect([scene.node.swarm.status().strikes, peer.closed]).toEqual([{}, null])
  })

  it('and does not receive that name is told of none, and gets none', async () => {
    const scene = await Scene.of()
    const deaf = await scene.peer('regular', { names: [] })
    const [from] = await scene.peers(12)
    const brought = scene.make(SMALL)
    if (from !== undefined) scene.send(from, brought)
    const [small, large] = [scene.publish(SMALL), scene.publish(LARGE)]
    await scene.world.run(2_000)
    const late = await scene.peer('regular', { names: [] })
    await scene.world.run(2_000)
    expect(scene.told(late)).toEqual([])
    scene.get(deaf, brought, small, large)
    await scene.world.settle()
    expect([scene.sent(deaf), scene.told(deaf)]).toEqual([[], []])
    expect(scene.refused(deaf)).toEqual([brought, small, large].map(({ name }) => name))
  })
})
