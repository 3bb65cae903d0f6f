/** Dials that the host asks for: each ends, joins what is under way, and gives up its place when it is called off. */
import { describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import { World } from './world.js'

const codeOf = (error: unknown): string => (error as HoldfastError).code

describe('an address', () => {
  it('is told by others unless the operator, the host or a seed names it', async () => {
    const world = new World()
    const told = new Map<string, boolean | undefined>()
    const [listed, named, seed, other] = ['listed', 'named', 'seed', 'other'].map((name) => world.node(name))
    if (listed === undefined || named === undefined || seed === undefined || other === undefined)
      throw new Error('no node')
    const peerStore = new PeerStore()
    const where = { scheme: 'memory', peerId: other.swarm.id, host: 'other', port: 1, path: '/' }
    peerStore.learn(other.swarm.id, where, 'exchange', 'somebody')
    const transport = world.network.transport('a')
    const a = world.node('a', {
      masternodes: [listed.address],
      seeds: [seed.address],
      peerStore,
      transports: [
        {
          ...transport,
          dial: (address, events, isTold) => {
            told.set(address.host, isTold)
            return transport.dial(address, events)
          },
        },
      ],
    })
    await a.swarm.start()
    void a.swarm.dial(named.address).catch(() => undefined)
    await world.run(60_000)
    expect(Object.fromEntries(told)).toEqual({ listed: false, named: false, seed: false, other: true })
  })
})

describe('dial', () => {
  it('gives the peer that is connected already, whoever dialled it', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      let peer: unknown = null
      void from.swarm.dial(to.address).then((found) => {
        peer = found
      })
      await world.settle()
      expect(peer, from.name).toBe(from.swarm.peers.get(to.swarm.id))
    }
    expect(world.network.pairs.length).toBe(1)
  })

  it('gives the listed peer that is connected already', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b', { masternodes: [a.address] })
    await world.run(4_000)
    expect(await b.swarm.dial(a.address)).toBe(b.swarm.peers.get(a.swarm.id))
    expect(world.network.pairs.length).toBe(1)
  })

  it('joins the attempt that is under way', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    const dials = Promise.all([b.swarm.dial(a.address), b.swarm.dial(a.address), b.swarm.dial(a.address)])
    await world.settle()
    const [one, two, three] = await dials
    expect(one).toBe(b.swarm.peers.get(a.swarm.id))
    expect([two, three]).toEqual([one, one])
    expect(world.network.pairs.length).toBe(1)
  })

  it('tells everybody who joined of its failure, by name', async () => {
    const world = new World()
    const b = await world.started('b')
    const nowhere = `memory://${world.node('a').swarm.id}@a:1`
    const dials = [b.swarm.dial(nowhere).catch(codeOf), b.swarm.dial(nowhere).catch(codeOf)]
    await world.settle()
    expect(await Promise.all(dials)).toEqual(['connection-refused', 'connection-refused'])
    expect(b.heard('dial:failed')).toMatchObject([
      [{ reason: { code: 'connection-refused', fault: 'network' }, attempt: 1, retryInMs: null }],
    ])
    expect(b.swarm.status().dialsFailed).toEqual({ 'connection-refused': 1 })
  })

  it('ends as dial-timeout after ten seconds without an answer', async () => {
    const world = new World()
    const b = await world.started('b')
    world.network.unreachable.add('a')
    const dialled = b.swarm.dial(`memory://a:1`).catch(codeOf)
    await world.run(9_999)
    expect(b.names).toEqual([])
    await world.run(1)
    expect(await dialled).toBe('dial-timeout')
    expect(world.clock.armed).toBeLessThanOrEqual(1)
  })

  it('refuses an address that no transport serves, and one that is none', async () => {
    const world = new World()
    const b = await world.started('b')
    await expect(b.swarm.dial('tcp://127.0.0.1:1')).rejects.toMatchObject({ code: 'no-transport' })
    await expect(b.swarm.dial('nonsense')).rejects.toMatchObject({ code: 'invalid-address' })
  })

  it('rejects with the reason of a signal that had aborted, and dials nobody', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    const reason = new Error('not any more')
    await expect(b.swarm.dial(a.address, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await world.settle()
    expect(world.network.pairs.length).toBe(0)
  })

  it('rejects with the reason of a signal that aborts while the link opens, and opens none', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    const controller = new AbortController()
    const dialled = b.swarm.dial(a.address, { signal: controller.signal })
    const reason = new Error('not any more')
    controller.abort(reason)
    await expect(dialled).rejects.toBe(reason)
    await world.run(20_000)
    expect(world.network.pairs.length).toBe(0)
    expect(b.names).toEqual([])
  })

  it('goes on for those who still wait when one of them calls off', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    const controller = new AbortController()
    const calledOff = b.swarm.dial(a.address, { signal: controller.signal }).catch(() => 'called off')
    const dialled = b.swarm.dial(a.address)
    controller.abort()
    await world.settle()
    expect(await calledOff).toBe('called off')
    expect((await dialled).id).toBe(a.swarm.id)
  })

  it('leaves no link behind when it is called off during the handshake', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    const controller = new AbortController()
    const dialled = b.swarm.dial(a.address, { signal: controller.signal }).catch(() => 'called off')
    world.network.openDials()
    controller.abort()
    await world.run(10_000)
    expect(await dialled).toBe('called off')
    expect(world.network.openPairs).toEqual([])
    expect(b.swarm.peers.size).toBe(0)
  })

  it('never waits behind dials that were called off while they queued', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    world.network.unreachable.add('nobody')
    const lost = Array.from({ length: 16 }, async (_, i) =>
      b.swarm.dial(`memory://nobody:${String(i + 1)}`).catch(codeOf),
    )
    const controllers = Array.from({ length: 40 }, () => new AbortController())
    const queued = controllers.map(async ({ signal }, i) =>
      b.swarm.dial(`memory://nobody:${String(i + 101)}`, { signal }).catch(() => 'called off'),
    )
    const dialled = b.swarm.dial(a.address).then(({ id }) => id, codeOf)
    for (const controller of controllers) controller.abort()
    expect(new Set(await Promise.all(queued))).toEqual(new Set(['called off']))
    await world.run(10_000)
    expect(new Set(await Promise.all(lost))).toEqual(new Set(['dial-timeout']))
    expect(b.swarm.peers.has(a.swarm.id)).toBe(true)
    expect(await dialled).toBe(a.swarm.id)
  })

  it('is refused to whoever was banned while it queued, and the next one in the queue is dialled', async () => {
    const world = new World()
    const [a, c] = [await world.started('a'), await world.started('c')]
    const b = await world.started('b')
    world.network.unreachable.add('nobody')
    for (let port = 1; port <= 16; port++) void b.swarm.dial(`memory://nobody:${String(port)}`).catch(codeOf)
    const dials = Promise.all([a, c].map(async ({ address }) => b.swarm.dial(address).then(({ id }) => id, codeOf)))
    b.swarm.ban(a.swarm.id, { forMs: 60_000, cause: 'spam' })
    await world.run(10_000)
    expect(await dials).toEqual(['banned', c.swarm.id])
    expect(world.network.pairs.length).toBe(1)
  })

  it('whose socket opens as another is refused leaves nothing behind where the host stops the swarm there', async () => {
    const world = new World()
    const [a, c] = [await world.started('a'), await world.started('c')]
    const b = await world.started('b')
    world.network.unreachable.add('nobody')
    for (let port = 1; port <= 15; port++) void b.swarm.dial(`memory://nobody:${String(port)}`).catch(codeOf)
    const dials = Promise.all([c, a].map(async ({ address }) => b.swarm.dial(address).then(({ id }) => id, codeOf)))
    b.swarm.ban(a.swarm.id, { forMs: 60_000, cause: 'spam' })
    b.swarm.on('dial:failed', ({ reason }) => {
      if (reason.code === 'banned') void b.swarm.stop()
    })
    await world.run(10_000)
    expect(await dials).toEqual(['not-running', 'banned'])
    expect(world.network.openPairs).toEqual([])
    expect(b.swarm.status()).toMatchObject({ state: 'stopped', peers: [] })
  })

  it('ends as not-running when the swarm stops', async () => {
    const world = new World()
    const b = await world.started('b')
    world.network.unreachable.add('a')
    const dialled = b.swarm.dial('memory://a:1').catch(codeOf)
    await world.stop()
    expect(await dialled).toBe('not-running')
    await expect(b.swarm.dial('memory://a:1')).rejects.toMatchObject({ code: 'not-running' })
  })
})
