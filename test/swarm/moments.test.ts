/** What happens in the moment between: the list changes, links swap, hosts act, while something else is under way. */
import { describe, expect, it } from 'vitest'
import type { PeerClass } from '../../src/ports/types.js'
import { parseAddress } from '../../src/policy/address.js'
import { uintBytes, utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { message } from '../../src/protocol/message.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { World } from './world.js'

const Tx = message<number>('tx')

/** Three messages that the node rejects. */
async function misbehave(world: World, peer: RawPeer, from: number): Promise<void> {
  for (let i = 0; i < 3; i++) peer.broadcast(0, 'tx', utf8(String(from + i)))
  await world.settle()
}

async function rejecting(world: World, options: Parameters<World['node']>[1]): Promise<Node> {
  const node = world.node('a', { perIpLimits: false, ...options })
  node.swarm.handle(Tx, () => 'reject')
  await node.swarm.start()
  return node
}

describe('a key that is revoked between its proof and its hello', () => {
  for (const asked of [false, true])
    it(`is a stranger, and is banned like one${asked ? ', also where the host is asked' : ''}`, async () => {
      const world = new World()
      const identity = world.identity()
      const listed = (): PeerClass => (a.swarm.masternodes.has(identity.id) ? 'masternode' : 'unknown')
      const authorize = asked ? { authorize: listed } : {}
      const a: Node = await rejecting(world, { masternodes: [`memory://${identity.id}@raw:1`], ...authorize })
      const raw = await RawPeer.connect(world, a, { identity, holdsHello: true })
      expect(a.swarm.peers.size).toBe(0)
      a.swarm.masternodes.remove(identity.id, { revoked: true })
      raw.sayHello()
      await world.settle()
      expect(a.swarm.peer(identity.id)?.class).toBe('unknown')
      await misbehave(world, raw, 0)
      expect(a.heard('ban')).toHaveLength(1)
      await world.stop()
    })

  it('and one that is listed in that moment is a masternode', async () => {
    const world = new World()
    const a = await rejecting(world, {})
    const raw = await RawPeer.connect(world, a, { holdsHello: true })
    a.swarm.masternodes.add(`memory://${raw.identity.id}@raw:1`)
    raw.sayHello()
    await world.settle()
    expect(a.swarm.peer(raw.identity.id)?.class).toBe('masternode')
    await world.stop()
  })
})

describe('a peer that the host trusts no more', () => {
  it('is spared bans no more, either', async () => {
    const world = new World()
    let said: PeerClass = 'masternode'
    const a = await rejecting(world, { authorize: () => said })
    const raw = await RawPeer.connect(world, a)
    raw.destroy()
    await world.settle()
    said = 'unknown'
    const again = await RawPeer.connect(world, a, { identity: raw.identity, epoch: 2 })
    await misbehave(world, again, 0)
    expect(a.heard('ban')).toHaveLength(1)
    await world.stop()
  })

  it('was let in behind a banned IP while it was trusted', async () => {
    const world = new World()
    world.network.ipOf = () => '198.51.100.7'
    const identity = world.identity()
    const a = await world.started('a', {
      masternodes: ['memory://198.51.100.7:1'],
      authorize: ({ peerId }) => (peerId === identity.id ? 'masternode' : 'unknown'),
    })
    a.swarm.ban('198.51.100.7', { forMs: 60_000 })
    await RawPeer.connect(world, a, { identity })
    const other = await RawPeer.connect(world, a)
    expect([a.swarm.peers.has(identity.id), other.told?.code]).toEqual([true, 'banned'])
    await world.stop()
  })
})

describe('an address that is taken off the list while its dial shakes hands', () => {
  it('is dialled no more', async () => {
    const world = new World()
    const a = await world.started('a', { perIpLimits: false })
    let accepted = 0
    world.network.transport('pit').listen?.(parseAddress('memory://pit:1'), {
      listening: () => undefined,
      failed: () => undefined,
      accepted: (link) => {
        accepted++
        link.open({ data: () => undefined, drained: () => undefined, ended: () => undefined, closed: () => undefined })
      },
    })
    await world.settle()
    a.swarm.masternodes.add('memory://pit:1')
    await world.run(1_000)
    expect(accepted).toBe(1)
    expect(a.swarm.masternodes.remove('memory://pit:1')).toBe(true)
    await world.run(3_600_000)
    expect(accepted).toBe(1)
    await world.stop()
  })
})

describe('a peer that is let go while its host hears of another', () => {
  it('is not seated after its end', async () => {
    const world = new World(5)
    const [m, b] = [await world.started('m', { perIpLimits: false }), await world.started('b', { perIpLimits: false })]
    const slots = { regularMax: 1, unknownInboundMax: 1 }
    const a = await world.started('a', { perIpLimits: false, masternodes: [m.address], slots })
    await world.run(5_000)
    await RawPeer.connect(world, a)
    a.swarm.on('peer:disconnect', () => {
      a.swarm.masternodes.remove(m.swarm.id)
    })
    const dialled = a.swarm.dial(b.address).catch(() => null)
    await world.run(10_000)
    await dialled
    for (const peer of a.swarm.peers.values()) expect(peer.connected).toBe(true)
    expect(a.swarm.peers.has(b.swarm.id)).toBe(b.swarm.peers.has(a.swarm.id))
    await world.stop()
  })
})

describe('a stranger that swaps links to leave what it brought behind', () => {
  it('leaves nothing: what is in flight goes when it does', async () => {
    const world = new World(7)
    const a = world.node('a', { perIpLimits: false })
    a.swarm.handle(message<unknown>('tx'), () => 'accept')
    await a.swarm.start()
    const identity = world.identity()
    let n = 0
    let raw = await RawPeer.connect(world, a, { identity, epoch: 1 })
    for (let cycle = 0; cycle < 4; cycle++) {
      for (let i = 0; i < 98; i++) raw.broadcast(0, 'tx', utf8(JSON.stringify({ n: n++, pad: 'p'.repeat(1_200) })))
      await world.settle()
      raw = await RawPeer.connect(world, a, { identity, epoch: 1 + cycle, supersedes: [raw.connectionId] })
      await world.run(50)
      raw = await RawPeer.connect(world, a, { identity, epoch: 2 + cycle })
      await world.run(1_000)
    }
    raw.destroy()
    await world.run(600_000)
    expect(a.swarm.status().memory.inFlightBytes).toBe(0)
    await world.stop()
  })
})

describe('a stranger that brings a message first and leaves', () => {
  it('does not take it along: whoever else brought it answers for it', async () => {
    const world = new World()
    const a = world.node('a')
    const heard: number[] = []
    const held: (() => void)[] = []
    a.swarm.handle(
      message<number>('tx', { serial: true }),
      async (n) =>
        new Promise<'accept'>((resolve) => {
          heard.push(n)
          held.push(() => {
            resolve('accept')
          })
        }),
    )
    await a.swarm.start()
    const [thief, honest, other] = [
      await RawPeer.connect(world, a),
      await RawPeer.connect(world, a),
      await RawPeer.connect(world, a),
    ]
    for (const n of [1, 2, 3]) thief.broadcast(0, 'tx', utf8(String(n)))
    for (const also of [honest, other]) also.broadcast(0, 'tx', utf8('3'))
    await world.settle()
    expect(heard).toEqual([1])
    thief.destroy()
    await world.settle()
    // And whoever inherits it may go as well, as long as somebody is left.
    honest.destroy()
    await world.settle()
    for (let i = 0; i < 3; i++) {
      held.shift()?.()
      await world.settle()
    }
    expect(heard).toEqual([1, 3])
    expect(a.swarm.status()).toMatchObject({ inFlight: 0, memory: { inFlightBytes: 0 } })
    await world.stop()
  })
})

describe('a peer that answers pings before they are asked', () => {
  it('is not measured, and not near', async () => {
    const world = new World()
    const a = await world.started('a')
    const liar = await RawPeer.connect(world, a, { holdsHello: true })
    liar.answers = false
    liar.sayHello()
    await world.settle()
    for (let round = 0; round < 20; round++) {
      for (let guess = 0; guess < 12; guess++) liar.send(FRAME.pong, uintBytes(guess, 6))
      await world.run(1_000)
    }
    expect(a.swarm.peer(liar.identity.id)?.rttMs ?? null).toBe(null)
    await world.stop()
  })
})

describe('a stranger that sends records with nothing in them', () => {
  it('is told that there are too many, as with other frames that nobody asked for', async () => {
    const world = new World()
    const a = await world.started('a')
    const chatty = await RawPeer.connect(world, a)
    for (let i = 0; i < 200; i++) chatty.record([])
    await world.settle()
    expect(chatty.told).toBe(null)
    for (let i = 0; i < 400; i++) chatty.record([])
    await world.settle()
    expect(chatty.told).toMatchObject({ code: 'rate-limit' })
    expect(a.swarm.status().strikes).toEqual({})
    await world.stop()
  })
})

describe('a masternode whose message comes behind those of strangers', () => {
  it('is heard before them', async () => {
    const world = new World()
    const identity = world.identity()
    const a = world.node('a', { masternodes: [`memory://${identity.id}@raw:1`] })
    const heard: number[] = []
    let go: (() => void) | null = null
    a.swarm.handle(message<number>('tx', { serial: true }), async (n): Promise<'accept'> => {
      heard.push(n)
      if (go === null)
        await new Promise<void>((resolve) => {
          go = resolve
        })
      return 'accept'
    })
    await a.swarm.start()
    const stranger = await RawPeer.connect(world, a)
    const masternode = await RawPeer.connect(world, a, { identity })
    for (const n of [1, 2, 3]) stranger.broadcast(0, 'tx', utf8(String(n)))
    await world.settle()
    for (const n of [10, 11]) masternode.broadcast(0, 'tx', utf8(String(n)))
    await world.settle()
    ;(go as (() => void) | null)?.()
    await world.settle()
    expect(heard).toEqual([1, 10, 11, 2, 3])
    await world.stop()
  })
})
