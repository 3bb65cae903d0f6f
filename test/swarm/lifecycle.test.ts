/** A swarm starts once, stops once, and leaves nothing running. */
import { describe, expect, it } from 'vitest'
import type { Transport } from '../../src/ports/transport.js'
import { direct } from '../../src/protocol/message.js'
import { Peer } from '../../src/swarm/peer.js'
import { RawPeer } from './raw-peer.js'
import { settlePromises, World } from './world.js'

const Note = direct<string>('note')

describe('a swarm', () => {
  it('starts only once', async () => {
    const world = new World()
    const a = await world.started('a')
    await expect(a.swarm.start()).rejects.toMatchObject({ code: 'already-running' })
    await world.stop()
    await expect(a.swarm.start()).rejects.toMatchObject({ code: 'already-running' })
  })

  it('may be stopped twice, and before it was ever started', async () => {
    const world = new World()
    const a = world.node('a')
    const b = await world.started('b')
    const stopping = [a.swarm.stop(), b.swarm.stop(), b.swarm.stop()]
    await world.run(1_000)
    await Promise.all(stopping)
    expect(a.swarm.status().state).toBe('stopped')
    expect(b.swarm.status().state).toBe('stopped')
    expect(world.clock.armed).toBe(0)
  })

  it('tells how late it runs: what kept its process from its timers, for a while', async () => {
    const world = new World()
    const { a } = await world.pair()
    expect(a.swarm.status().lagMs).toBe(0)
    world.clock.freeze(30_000)
    await world.settle()
    const { lagMs } = a.swarm.status()
    expect(lagMs).toBeGreaterThan(10_000)
    await world.run(600_000)
    expect(a.swarm.status().lagMs).toBeLessThan(lagMs / 10)
  })

  it('stops at the end of its scope', async () => {
    const world = new World()
    const a = await world.started('a')
    await a.swarm[Symbol.asyncDispose]()
    expect(a.swarm.status()).toMatchObject({ state: 'stopped', addresses: [] })
    expect(world.clock.armed).toBe(0)
  })

  it('leaves nothing behind when it is stopped while its identity signs', async () => {
    const world = new World()
    const identity = world.identity()
    let signed = (): void => undefined
    const slow = {
      id: identity.id,
      sign: async (bytes: Uint8Array): Promise<Uint8Array> => {
        await new Promise<void>((resolve) => {
          signed = resolve
        })
        return identity.sign(bytes)
      },
    }
    const a = world.node('a', { identity: slow })
    const starting = a.swarm.start().catch(() => undefined)
    await settlePromises()
    const stopping = a.swarm.stop()
    await world.run(1_000)
    await stopping
    signed()
    await starting
    await world.run(1_000)
    expect(a.swarm.status()).toMatchObject({ state: 'stopped', addresses: [] })
    expect(world.clock.armed).toBe(0)
    const b = await world.started('a', { identity: world.identity() })
    expect(b.swarm.addresses.length).toBe(1)
  })

  it('gives every address back when it is stopped while it opens them', async () => {
    const world = new World()
    const real = world.network.transport('a')
    let announce = (): void => undefined
    const slow: Transport = {
      ...real,
      listen: (address, events) =>
        (real.listen as NonNullable<Transport['listen']>)(address, {
          ...events,
          listening: (bound) => {
            announce = () => {
              events.listening(bound)
            }
          },
        }),
    }
    const a = world.node('a', { transports: [slow], listen: ['memory://a:1', 'memory://a:2'] })
    let settled = false
    const starting = a.swarm
      .start()
      .catch(() => undefined)
      .finally(() => {
        settled = true
      })
    await settlePromises()
    const stopping = a.swarm.stop()
    await world.run(1_000)
    await stopping
    announce()
    await world.run(1_000)
    expect(settled).toBe(true)
    await starting
    expect(a.swarm.status()).toMatchObject({ state: 'stopped', addresses: [] })
    const b = await world.started('a', { listen: ['memory://a:1', 'memory://a:2'] })
    expect(b.swarm.addresses.length).toBe(2)
  })

  it('gives the addresses back that it had opened when another cannot be', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = world.node('b', { listen: ['memory://b:1', 'memory://a:1'] })
    await expect(b.swarm.start()).rejects.toMatchObject({ code: 'listen-failed' })
    expect(b.swarm.status().state).toBe('stopped')
    const c = await world.started('b')
    expect(c.swarm.addresses.length).toBe(1)
    expect(a.swarm.status().state).toBe('running')
  })

  it('refuses to start with an identity that does not sign for itself', async () => {
    const world = new World()
    const [one, other] = [world.identity(), world.identity()]
    const a = world.node('a', { identity: { id: one.id, sign: (bytes) => other.sign(bytes) } })
    await expect(a.swarm.start()).rejects.toMatchObject({ code: 'invalid-option' })
    const b = world.node('b', { identity: { id: one.id, sign: () => Promise.reject(new Error('no signer')) } })
    await expect(b.swarm.start()).rejects.toMatchObject({ code: 'invalid-option' })
    const c = world.node('c', { identity: { id: one.id, sign: () => 'x' as never } })
    await expect(c.swarm.start()).rejects.toMatchObject({ code: 'invalid-option', message: 'identity.sign failed' })
    const d = world.node('d', { identity: { id: one.id, sign: () => Promise.resolve('x' as never) } })
    await expect(d.swarm.start()).rejects.toMatchObject({ code: 'invalid-option' })
    expect(world.clock.armed).toBe(0)
  })

  it('stops within half a second although its peers hang, and tells who listens', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    const hung = await RawPeer.connect(world, a)
    const [, hungPair] = world.network.pairs
    if (hungPair !== undefined) hungPair.blackHoled = true
    const stopping = a.swarm.stop({ backInMs: 30_000 })
    await world.run(500)
    await stopping
    expect(a.swarm.status()).toMatchObject({ state: 'stopped', peers: [], pending: 0 })
    expect(b.heard('peer:disconnect')).toMatchObject([
      [{}, { code: 'shutdown', fault: 'remote', retryAfterMs: 30_000 }],
    ])
    expect(hung.told).toBe(null)
    await b.swarm.stop()
    expect(world.clock.armed).toBe(0)
  })

  it('sends what waits before it goes', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    const heard: string[] = []
    const c = await world.started('c')
    c.swarm.handle(Note, (note) => heard.push(note))
    await world.connect(c, a)
    a.swarm.peers.get(c.swarm.id)?.send(Note, 'last words')
    const stopping = a.swarm.stop()
    await world.run(500)
    await stopping
    expect(heard).toEqual(['last words'])
    const aboutA = b.told.filter(({ args: [peer] }) => peer instanceof Peer && peer.id === a.swarm.id)
    expect(aboutA.map(({ name }) => name)).toEqual(['peer:connect', 'peer:disconnect'])
    await world.run(4_500)
    expect(world.network.pairs.filter(({ acceptedBy }) => acceptedBy === 'a').length).toBe(2)
    expect(b.heard('dial:failed')).toEqual([])
  })

  it('says nothing more once it has stopped', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    await world.stop()
    const told = [a.names.length, b.names.length]
    await world.run(3_600_000)
    expect([a.names.length, b.names.length]).toEqual(told)
    expect(() => a.swarm.broadcast({} as never, null as never)).toThrow(
      expect.objectContaining({ code: 'not-running' }),
    )
  })
})

describe('once', () => {
  it('resolves with the next event of that name', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    const connected = b.swarm.once('peer:connect')
    await world.connect(b, a)
    const [peer] = await connected
    expect(peer.id).toBe(a.swarm.id)
  })

  it('rejects with the reason of its signal, before and after', async () => {
    const world = new World()
    const a = await world.started('a')
    const reason = new Error('enough')
    await expect(a.swarm.once('ban', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const controller = new AbortController()
    const waiting = a.swarm.once('ban', { signal: controller.signal })
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })
})

describe('events', () => {
  it('gives each in order until its signal aborts', async () => {
    const world = new World()
    const a = await world.started('a')
    const controller = new AbortController()
    const seen: string[] = []
    const reading = (async (): Promise<void> => {
      for await (const [peer] of a.swarm.events('peer:connect', { signal: controller.signal })) seen.push(peer.id)
    })()
    await settlePromises()
    const b = await world.started('b')
    const c = await world.started('c')
    await world.connect(b, a)
    await world.connect(c, a)
    await settlePromises()
    expect(seen).toEqual([b.swarm.id, c.swarm.id])
    controller.abort()
    await reading
  })
})
