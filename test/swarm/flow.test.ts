/** What a link does when there is more to send than the other side takes. */
import { describe, expect, it } from 'vitest'
import { direct, message } from '../../src/protocol/message.js'
import { World } from './world.js'

const Bulk = direct('bulk', { priority: 'bulk' })
const Normal = direct('normal')
const Small = direct('small')
const Urgent = direct('urgent', { priority: 'urgent' })
const News = message('news')
const masternode = { authorize: () => 'masternode' as const }
const MIB = 1024 * 1024

const Slow = direct('slow', { serial: true })

/** B is linked to A, whose handler never comes back. */
async function stuck() {
  const world = new World()
  const a = world.node('a')
  a.swarm.handle(Slow, async () => new Promise<void>(() => undefined))
  await a.swarm.start()
  const b = await world.started('b')
  await world.connect(b, a)
  return { world, b, peer: b.swarm.peers.get(a.swarm.id) }
}

describe('a busy link', () => {
  it('lets an urgent message pass a bulk one that is on its way', async () => {
    const world = new World()
    const order: string[] = []
    const a = world.node('a', masternode)
    a.swarm.handle(Bulk, ({ length }) => order.push(`bulk ${String(length)}`))
    a.swarm.handle(Urgent, () => order.push('urgent'))
    await a.swarm.start()
    const b = await world.started('b', masternode)
    await world.connect(b, a)
    const peer = b.swarm.peers.get(a.swarm.id)
    // Two of them fill the credit; the third waits in the outbox.
    for (let i = 0; i < 2; i++) peer?.send(Bulk, new Uint8Array(3 * MIB))
    peer?.send(Urgent, new Uint8Array(1))
    await world.settle()
    expect(order[0]).toBe('urgent')
    expect(order.length).toBe(3)
  })

  it('carries a broadcast of 4 MiB', async () => {
    const world = new World()
    const a = world.node('a', masternode)
    const seen: Uint8Array[] = []
    a.swarm.handle(News, (bytes) => {
      seen.push(bytes)
      return 'accept'
    })
    await a.swarm.start()
    const b = await world.started('b', masternode)
    await world.connect(b, a)
    const bytes = new Uint8Array(4 * MIB - 64).map((_, i) => i * 17)
    expect(b.swarm.broadcast(News, bytes)).toMatchObject({ queued: 1, shed: 0 })
    await world.settle()
    expect(seen.length).toBe(1)
    expect(Buffer.compare(Buffer.from(seen[0] ?? []), Buffer.from(bytes))).toBe(0)
  })

  it('waits for credit while a handler is slow, and pings pass all the same', async () => {
    const world = new World()
    const a = world.node('a')
    const going: (() => void)[] = []
    a.swarm.handle(
      Bulk,
      async () =>
        new Promise<void>((resolve) => {
          going.push(resolve)
        }),
    )
    await a.swarm.start()
    const b = await world.started('b')
    await world.connect(b, a)
    const peer = b.swarm.peers.get(a.swarm.id)
    const took: boolean[] = []
    for (let i = 0; i < 6; i++) took.push(peer?.send(Bulk, new Uint8Array(60_000)) ?? false)
    await world.settle()
    // The window is 128 KiB, and one message may be on its way beyond it.
    expect(going.length).toBeGreaterThanOrEqual(2)
    expect(going.length).toBeLessThanOrEqual(3)
    expect(took[0]).toBe(true)
    expect(took.at(-1)).toBe(false)
    expect(peer?.writable).toBe(false)
    expect(b.names).toContain('peer:slow')
    const before = world.network.pairs[0]?.delivered.dialler
    await world.run(9_000)
    for (const go of going.splice(0)) go()
    await world.settle()
    expect(going.length).toBeGreaterThan(0)
    expect(world.network.pairs[0]?.delivered.dialler).toBeGreaterThan(before ?? Infinity)
    for (let i = 0; i < 4; i++) {
      for (const go of going.splice(0)) go()
      await world.settle()
    }
    expect(peer?.writable).toBe(true)
    await peer?.drain()
  })

  it('holds no more of what waits for a slow handler than the credit it gave, and a message in each lane', async () => {
    const { world, peer } = await stuck()
    const sent = world.network.pairs[0]?.delivered
    // Two full fragments, and a third of a few bytes.
    for (let i = 0; i < 60 && peer?.writable === true; i++) {
      peer.send(Slow, new Uint8Array(64_010))
      await world.settle()
    }
    expect(sent?.acceptor).toBeLessThan(128 * 1024 + 3 * 65_536 + 4_096)
  })

  it('lets a host wait no longer for a peer that gives no credit', async () => {
    const { world, b, peer } = await stuck()
    for (let i = 0; i < 6; i++) peer?.send(Slow, new Uint8Array(64_000))
    await world.settle()
    const off = new AbortController()
    const waiting = [peer?.drain({ signal: off.signal }), b.swarm.drain({ signal: off.signal })]
    off.abort(new Error('enough'))
    for (const drained of waiting) await expect(drained).rejects.toThrow('enough')
    await expect(peer?.drain({ signal: off.signal })).rejects.toThrow('enough')
    await world.stop()
    await peer?.drain({ signal: new AbortController().signal })
  })

  it('never stalls on large messages of several priorities that share its credit', async () => {
    const world = new World()
    world.network.unreadMax = 1
    const a = world.node('a')
    const seen: string[] = []
    for (const lane of [Bulk, Normal, Urgent, Small] as const)
      a.swarm.handle(lane, () => {
        seen.push(lane.name)
      })
    await a.swarm.start()
    const b = await world.started('b')
    await world.connect(b, a)
    const peer = b.swarm.peers.get(a.swarm.id)
    // Done with, but not yet worth a grant.
    peer?.send(Small, new Uint8Array(30_000))
    await world.settle()
    const sent = world.network.pairs[0]?.delivered
    const large = new Uint8Array(64_000)
    peer?.send(Bulk, large)
    for (const lane of [Normal, Urgent]) {
      const before = sent?.acceptor ?? 0
      peer?.send(lane, large)
      while ((sent?.acceptor ?? Infinity) < before + 20_000) {
        world.clock.endTurn()
        const [channel] = world.network.channels
        if (channel === undefined) break
        world.network.deliver(channel)
      }
      world.deliverAll((channels) => channels.find(({ to }) => to === 'dialler'))
    }
    await world.run(30_000)
    expect(seen.toSorted()).toEqual(['bulk', 'normal', 'small', 'urgent'])
  })

  it('stays alive by pings while its credit is used up', async () => {
    const world = new World()
    const a = world.node('a', masternode)
    a.swarm.handle(Bulk, async () => new Promise<void>(() => undefined))
    await a.swarm.start()
    const b = await world.started('b', masternode)
    await world.connect(b, a)
    const peer = b.swarm.peers.get(a.swarm.id)
    for (let i = 0; i < 145; i++) peer?.send(Bulk, new Uint8Array(60_000))
    await world.run(9_900)
    const before = world.network.pairs[0]?.delivered.dialler ?? Infinity
    await world.run(290_000)
    expect(peer?.connected).toBe(true)
    expect(peer?.suspect).toBe(false)
    expect(world.network.pairs[0]?.delivered.dialler).toBeGreaterThan(before)
  })
})

describe('a full outbox', () => {
  const block = (): Uint8Array => new Uint8Array(MIB - 1_000)

  it('of a masternode sheds, tells it once that something is missing, and keeps the link', async () => {
    const world = new World()
    const a = world.node('a', masternode)
    a.swarm.handle(News, () => 'ignore')
    await a.swarm.start()
    const b = await world.started('b', { ...masternode, propagation: 'flood' })
    await world.connect(b, a)
    let shed = 0
    for (let i = 0; i < 40; i++) shed += b.swarm.broadcast(News, block().fill(i)).shed
    expect(shed).toBeGreaterThan(0)
    expect(b.swarm.status().broadcastsShed).toBe(shed)
    await world.settle()
    expect(a.heard('recovered')).toMatchObject([[{ peerId: b.swarm.id }]])
    expect(a.swarm.status().verdicts).toEqual({ ignore: 40 - shed })
    expect(b.swarm.peers.size).toBe(1)
    await world.run(60_000)
    for (let i = 0; i < 40; i++) b.swarm.broadcast(News, block().fill(100 + i))
    await world.settle()
    expect(a.heard('recovered').length).toBe(2)
  })

  it('of a regular peer closes it as a slow consumer', async () => {
    const world = new World()
    const a = world.node('a', { authorize: () => 'regular' })
    a.swarm.handle(News, () => 'ignore')
    await a.swarm.start()
    const b = await world.started('b', { authorize: () => 'regular', propagation: 'flood' })
    await world.connect(b, a)
    for (let i = 0; i < 40; i++) b.swarm.broadcast(News, block().fill(i))
    await world.settle()
    expect(b.heard('peer:disconnect')).toMatchObject([[{}, { code: 'slow-consumer', fault: 'local' }]])
    expect(a.heard('peer:disconnect')).toMatchObject([[{}, { code: 'slow-consumer', fault: 'remote' }]])
    expect(b.swarm.status().closed).toEqual({ 'slow-consumer': 1 })
    expect(a.swarm.status().told).toEqual({ 'slow-consumer': 1 })
  })
})
