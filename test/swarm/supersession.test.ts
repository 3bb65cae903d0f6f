/** A peer that comes back takes the place of its own dead link, at once; two hosts with one key do not throw each other out. */
import { describe, expect, it } from 'vitest'
import { FRAME } from '../../src/protocol/frame.js'
import { direct, request } from '../../src/protocol/message.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { World } from './world.js'

const Note = direct<string>('note')
const Wait = request<number, number>('wait')
/** The bounds of one probe when nothing is known of the round trip. */
const PROBE_MS = 2_000

/** The same identity in a new process, at an address of its own. */
async function reborn(world: World, old: Node, name: string): Promise<Node> {
  return world.started(name, { identity: old.identity })
}

/** B has lost the link and A has not noticed: as when a middlebox forgets it on one side. */
async function halfDead(world: World): Promise<{ readonly a: Node; readonly b: Node }> {
  const { a, b } = await world.pair()
  world.network.pairs[0]?.break('dialler')
  await world.settle()
  expect(b.names).toEqual(['peer:connect', 'peer:disconnect'])
  expect(a.names).toEqual(['peer:connect'])
  return { a, b }
}

describe('a peer that vanished without a word', () => {
  it('replaces its dead link when it comes back as a new process, with a disconnect and a connect', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    const [pair] = world.network.pairs
    if (pair !== undefined) pair.blackHoled = true
    const before = a.swarm.peers.get(b.swarm.id)
    await world.run(1_000)
    const second = await reborn(world, b, 'b2')
    const startedAt = world.clock.monotonic()
    await world.connect(second, a)
    expect(a.names).toEqual(['peer:connect', 'peer:disconnect', 'peer:connect'])
    expect(world.clock.monotonic() - startedAt).toBeLessThanOrEqual(PROBE_MS)
    const [[gone, reason] = []] = a.heard('peer:disconnect')
    expect(gone).toBe(before)
    expect(reason).toMatchObject({ code: 'superseded', fault: 'local' })
    const after = a.swarm.peers.get(b.swarm.id)
    expect(after).not.toBe(before)
    expect(after?.connected).toBe(true)
    expect(before?.connected).toBe(false)
    expect(second.names).toEqual(['peer:connect'])
    await world.run(60_000)
    expect(a.names).toEqual(['peer:connect', 'peer:disconnect', 'peer:connect'])
    expect(world.network.openPairs.map(({ dialledBy }) => dialledBy)).toEqual(['b2'])
  })

  it('is heard on the new link only after its old process has left', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    const order: string[] = []
    a.swarm.on('peer:disconnect', () => order.push('disconnect'))
    a.swarm.on('peer:connect', () => order.push('connect'))
    a.swarm.handle(Note, (note) => order.push(note))
    const [pair] = world.network.pairs
    if (pair !== undefined) pair.blackHoled = true
    const second = await reborn(world, b, 'b2')
    second.swarm.on('peer:connect', (peer) => peer.send(Note, 'first words'))
    await world.connect(second, a)
    expect(order).toEqual(['disconnect', 'connect', 'first words'])
  })

  it('counts as lost when its new link ends while the host is told of the old one', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    await a.swarm.dial(b.address)
    const second = await reborn(world, b, 'b2')
    a.swarm.on('peer:disconnect', () => {
      a.swarm.ban(b.swarm.id, { forMs: 1_000, cause: 'two processes' })
    })
    void second.swarm.dial(a.address).catch(() => null)
    await world.run(1_100)
    expect(a.names.filter((name) => name.startsWith('peer:'))).toEqual(['peer:connect', 'peer:disconnect'])
    expect(a.swarm.peers.has(b.swarm.id)).toBe(false)
    expect(a.swarm.explain(b.swarm.id).state).not.toBe('connected')
  })

  it('keeps the old link while the new one is silent', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    const second = await reborn(world, b, 'b2')
    void second.swarm.dial(a.address).catch(() => undefined)
    world.deliverAll((channels) => {
      const probation = a.swarm.status().handshakes['inbound'] === 2
      const pair = world.network.pairs[1]
      if (probation && pair !== undefined) pair.blackHoled = true
      return channels.find((channel) => !channel.pair.blackHoled)
    })
    await world.run(PROBE_MS + 500)
    expect(a.names).toEqual(['peer:connect'])
    expect(a.swarm.peers.get(b.swarm.id)?.connected).toBe(true)
    expect(a.swarm.status().closed).toEqual({ timeout: 1 })
  })
})

describe('a second link within one process', () => {
  it('takes over from a dead one within one probe, and the host hears only what it may have missed', async () => {
    const world = new World()
    const { a, b } = await halfDead(world)
    const before = a.swarm.peers.get(b.swarm.id)
    await world.connect(b, a)
    expect(world.network.pairs[0]?.acceptor.isOver).toBe(false)
    await world.run(PROBE_MS)
    expect(world.network.pairs[0]?.acceptor.isOver).toBe(true)
    expect(a.names).toEqual(['peer:connect', 'recovered'])
    expect(a.swarm.peers.get(b.swarm.id)).toBe(before)
    expect(before?.connected).toBe(true)
    await world.run(60_000)
    expect(a.names).toEqual(['peer:connect', 'recovered'])
    expect(b.names).toEqual(['peer:connect', 'peer:disconnect', 'peer:connect'])
    expect(world.network.openPairs.length).toBe(1)
  })

  it('supersedes no link that goes on bringing records, though its answer waits behind them', async () => {
    let settled = 0
    for (let seed = 1; seed <= 10; seed++) {
      const world = new World(seed)
      const a = await world.started('a')
      const busy = await RawPeer.connect(world, a)
      busy.answers = false
      const newcomer = await RawPeer.connect(world, a, { identity: busy.identity })
      for (let ms = 0; ms < 3_000; ms += 20) {
        await world.run(20)
        busy.send(FRAME.getPeers, new Uint8Array(0))
        await world.settle()
      }
      const codes = [busy, newcomer].flatMap(({ told }) => (told === null ? [] : [told.code]))
      // Where the other side is to close one of the two, nothing is closed here.
      expect(
        codes.filter((code) => code !== 'duplicate'),
        `seed ${String(seed)}`,
      ).toEqual([])
      settled += codes.length
      await world.stop()
    }
    expect(settled).toBeGreaterThan(0)
  })

  it('takes over at once from one that its hello names as dead', async () => {
    const world = new World()
    const a = await world.started('a')
    const first = await RawPeer.connect(world, a)
    first.answers = false
    const startedAt = world.clock.monotonic()
    const { identity, connectionId } = first
    const second = await RawPeer.connect(world, a, { identity, supersedes: [connectionId] })
    expect(world.clock.monotonic()).toBe(startedAt)
    expect(first.told).toMatchObject({ code: 'superseded' })
    expect(second.told).toBe(null)
    expect(a.names).toEqual(['peer:connect', 'recovered'])
  })

  it('is dialled beside one that has become suspect, and replaces it: the host hears only what it may have missed', async () => {
    const world = new World()
    const [one, two] = [world.identity(), world.identity()]
    const a = await world.started('a', { identity: one, masternodes: [`memory://${two.id}@b:1`] })
    const b = await world.started('b', { identity: two, masternodes: [`memory://${one.id}@a:1`] })
    await world.run(5_000)
    for (const pair of world.network.openPairs) pair.blackHoled = true
    await world.run(30_000)
    for (const node of [a, b]) {
      const [other] = [a, b].filter((one) => one !== node)
      expect(node.names.filter((name) => name !== 'peer:suspect')).toEqual(['peer:connect', 'recovered'])
      const [[gap] = []] = node.heard('recovered')
      expect(gap).toMatchObject({ peerId: other?.swarm.id, cause: 'replaced' })
      // From the last good byte, through the suspicion, to the link that took over.
      expect(gap?.gapMs).toBeGreaterThanOrEqual(16_000)
      expect(gap?.gapMs).toBeLessThanOrEqual(25_000)
    }
    // One side asks before the other: it doubts first, and what follows from that spares the other the doubt.
    expect([a, b].some((node) => node.names.includes('peer:suspect'))).toBe(true)
    expect(a.swarm.status().peers).toMatchObject([{ state: 'connected' }])
    expect(b.swarm.status().peers).toMatchObject([{ state: 'connected' }])
    expect(world.network.openPairs.filter(({ blackHoled }) => !blackHoled).length).toBe(1)
    await world.run(200_000)
    expect(world.network.openPairs.length).toBe(1)
    expect(a.names.includes('peer:disconnect') || b.names.includes('peer:disconnect')).toBe(false)
  })

  it('carries what the dead one had not sent, once and in order', async () => {
    const world = new World()
    const heard: string[] = []
    const a = await world.started('a')
    const b = await world.started('b')
    b.swarm.handle(Note, (note) => {
      heard.push(note.charAt(0))
    })
    await world.connect(b, a)
    const peer = a.swarm.peers.get(b.swarm.id)
    const [pair] = world.network.pairs
    if (pair !== undefined) pair.blackHoled = true
    // The credit of a stranger is 128 KiB: what goes beyond it waits in the outbox.
    for (let i = 0; i < 8; i++) peer?.send(Note, `${String(i)}${'x'.repeat(50_000)}`)
    expect(peer?.writable).toBe(false)
    pair?.break('dialler')
    await world.settle()
    await world.connect(b, a)
    await world.run(PROBE_MS)
    expect(a.names.filter((name) => name !== 'peer:slow')).toEqual(['peer:connect', 'recovered'])
    expect(heard).toEqual(['2', '3', '4', '5', '6', '7'])
  })

  it('fails the requests that were under way on the dead one as link-replaced', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    b.swarm.respond(Wait, async () => new Promise<number>(() => undefined))
    await world.connect(b, a)
    const asked = a.swarm.peers.get(b.swarm.id)?.request(Wait, 1)
    const failed = expect(asked).rejects.toMatchObject({ code: 'link-replaced', fault: 'network' })
    await world.settle()
    world.network.pairs[0]?.break('dialler')
    await world.settle()
    await world.connect(b, a)
    await world.run(PROBE_MS)
    await failed
  })
})

/** A node, and two processes of one key that know of it. */
async function hosts(seed?: number) {
  const world = new World(seed)
  const a = await world.started('a')
  const first = await world.started('b1')
  return { world, a, first, second: await world.started('b2', { identity: first.identity }) }
}

describe('one key on two hosts', () => {
  it('raises peer:conflict when processes A, B, A meet within ten minutes, and the incumbent stays', async () => {
    const { world, a, first, second } = await hosts()
    await world.connect(first, a)
    await world.connect(second, a)
    expect(a.names).toEqual(['peer:connect', 'peer:disconnect', 'peer:connect'])
    expect(first.heard('peer:disconnect').map(([, { code }]) => code)).toEqual(['superseded'])
    const incumbent = a.swarm.peers.get(first.swarm.id)
    await world.run(9 * 60_000)
    expect(a.heard('peer:conflict')[0]).toEqual([first.swarm.id])
    expect(a.swarm.explain(first.swarm.id).decisions.map(({ what }) => what)).toContain(
      'conflict: of two processes of it the one that came last was refused',
    )
    expect(a.names.filter((name) => name !== 'peer:conflict').length).toBe(3)
    expect(a.swarm.peers.get(first.swarm.id)).toBe(incumbent)
    expect(incumbent?.connected).toBe(true)
    const [, ...refused] = first.heard('peer:disconnect').map(([, reason]) => reason)
    expect(refused[0]).toMatchObject({ code: 'conflict', retryAfterMs: 60_000 })
    for (const [i, { code, retryAfterMs }] of refused.entries())
      expect({ code, retryAfterMs }).toEqual({ code: 'conflict', retryAfterMs: 60_000 * 2 ** i })
    expect(second.swarm.peers.size).toBe(1)
  })

  it('lets the process that was superseded come back late, and one that was refused not before it may', async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { world, a, first, second } = await hosts(seed)
      const knocks: number[] = []
      first.swarm.on('peer:connect', () => knocks.push(world.clock.monotonic()))
      const notBefore: number[] = []
      first.swarm.on('peer:disconnect', (_, { retryAfterMs = 60_000 }) =>
        notBefore.push(world.clock.monotonic() + retryAfterMs),
      )
      await world.connect(first, a)
      await world.connect(second, a)
      await world.run(9 * 60_000)
      expect(knocks.length).toBeGreaterThan(1)
      for (const [i, at] of notBefore.entries())
        expect(knocks[i + 1] ?? Infinity, `seed ${String(seed)}, knock ${String(i + 1)}`).toBeGreaterThanOrEqual(at)
    }
  })

  it('takes the first process back at once where the second stays silent: its hello may have been held back on the way', async () => {
    const { world, a, first, second } = await hosts()
    await world.connect(first, a)
    await world.connect(second, a)
    const [, pair] = world.network.pairs
    if (pair !== undefined) pair.blackHoled = true
    void first.swarm.dial(a.address).catch(() => undefined)
    await world.run(PROBE_MS + 500)
    expect(a.names).not.toContain('peer:conflict')
    expect(a.swarm.peers.get(first.swarm.id)?.connected).toBe(true)
    expect(first.swarm.peers.has(a.swarm.id)).toBe(true)
  })

  it('takes the first process back once ten minutes have passed', async () => {
    const { world, a, first, second } = await hosts()
    await world.connect(first, a)
    await world.connect(second, a)
    world.network.unreachable.add('a')
    await world.run(10 * 60_000 + 1_000)
    expect(a.swarm.peers.size).toBe(1)
    world.network.unreachable.delete('a')
    void first.swarm.dial(a.address).catch(() => undefined)
    await world.run(20_000)
    void first.swarm.dial(a.address)
    await world.settle()
    expect(a.heard('peer:conflict')).toEqual([])
    expect(first.swarm.peers.size).toBe(1)
    expect(second.swarm.peers.size).toBe(0)
  })
})
