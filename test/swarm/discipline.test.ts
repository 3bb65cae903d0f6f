/** What many violations at once come to. */
import { describe, expect, it } from 'vitest'
import { Blacklist } from '../../src/policy/blacklist.js'
import { message, request } from '../../src/protocol/message.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { World } from './world.js'

const IP = '198.51.100.7'

/** Opens so many links to the node and leaves each in the middle of its handshake. */
async function abandon(world: World, node: Node, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const other = world.node(`x${String(world.nodes.length)}`, { listen: [] })
    await other.swarm.start()
    other.swarm.dial(node.address).catch(() => undefined)
    world.network.openDials()
    for (const pair of world.network.openPairs) pair.dialler.destroy()
    await world.settle()
    await other.swarm.stop()
  }
}

describe('bans of many peers at once', () => {
  it('end a quarter of the links; the rest are quarantined, and the operator is told', async () => {
    const world = new World()
    const a = world.node('a')
    const heard: unknown[] = []
    a.swarm.handle(message<number>('tx'), (tx) => {
      heard.push(tx)
      return 'reject'
    })
    a.swarm.respond(request<number>('ask'), () => 1)
    await a.swarm.start()
    const peers: RawPeer[] = []
    for (let i = 0; i < 12; i++) peers.push(await RawPeer.connect(world, a))
    let n = 0
    for (const peer of peers) {
      for (let i = 0; i < 3; i++) peer.broadcast(0, 'tx', utf8(String(n++)))
      await world.settle()
    }
    expect(a.heard('ban')).toHaveLength(3)
    expect(a.swarm.peers.size).toBe(9)
    expect(a.heard('peer:quarantine')).toHaveLength(9)
    expect(a.heard('peer:quarantine')[0]).toMatchObject([{ cause: 'rejected', forMs: 60_000 }])
    for (const [{ peerId }] of a.heard('peer:quarantine')) expect(a.swarm.explain(peerId).state).toBe('connected')

    const before = heard.length
    const last = peers.at(-1)
    last?.broadcast(0, 'tx', utf8('99'))
    last?.ask(1, 1, utf8('1'))
    await world.settle()
    expect(heard.length).toBe(before)
    expect(last?.events.some((event) => event.kind === 'failure' && event.text === 'not-allowed')).toBe(true)
    await world.run(60_000)
    last?.broadcast(0, 'tx', utf8('100'))
    await world.settle()
    expect(heard.length).toBe(before + 1)
    await world.stop()
  })
})

describe('a ban by the host', () => {
  it('spares whom `authorize` trusts, also once the list names it no more', async () => {
    const world = new World()
    const identity = world.identity()
    const a = await world.started('a', { authorize: () => 'masternode' })
    await RawPeer.connect(world, a, { identity })
    a.swarm.masternodes.add(`memory://${identity.id}@x:1`)
    a.swarm.masternodes.remove(identity.id)
    expect(a.swarm.ban(identity.id)).toBe('exempt')
    await world.stop()
  })

  it('ends the links of that peer, is told as every ban is, and holds until it is lifted', async () => {
    const world = new World()
    const a = await world.started('a')
    const one = await RawPeer.connect(world, a)
    const { id } = one.identity
    expect(a.swarm.ban(id, { forMs: 60_000, cause: 'spam' })).toBe('banned')
    expect(a.swarm.peers.has(id)).toBe(false)
    await world.settle()
    expect(one.told).toMatchObject({ code: 'banned', retryAfterMs: 60_000, cause: 'spam' })
    expect(a.heard('ban')).toMatchObject([[{ key: id, cause: 'spam', forMs: 60_000 }]])
    expect(a.swarm.explain(id)).toMatchObject({ state: 'banned', ban: { cause: 'spam' } })
    expect([a.swarm.unban(id), a.swarm.unban(id)]).toEqual([true, false])
    expect(a.swarm.explain(id).decisions.at(-1)?.what).toBe('pardoned')
    await RawPeer.connect(world, a, { identity: one.identity, epoch: 2 })
    expect(a.swarm.peers.has(id)).toBe(true)
    await world.stop()
  })

  it('turns an IP away at the door, and is refused for a trusted peer, nonsense and no time', async () => {
    const world = new World()
    world.network.ipOf = () => IP
    const identity = world.identity()
    const a = await world.started('a', { masternodes: [`memory://${identity.id}@raw:1`] })
    expect(a.swarm.ban(IP)).toBe('banned')
    const stranger = world.identity().id
    a.swarm.ban(stranger)
    expect(a.swarm.explain(stranger).decisions.at(-1)?.what).toBe('banned for ever: by the host')
    const one = await RawPeer.connect(world, a)
    expect(one.told?.code ?? one.closed?.code).toBe('banned')
    expect(a.swarm.ban(identity.id)).toBe('exempt')
    expect(() => a.swarm.ban('nobody')).toThrow('key must be')
    expect(() => a.swarm.ban(IP, { forMs: 0 })).toThrow('forMs must be')
    await world.stop()
  })
})

describe('a stranger who leaves in the middle of handshakes', () => {
  it('may do so five times in a minute, and is then banned by its IP for five', async () => {
    const world = new World()
    world.network.ipOf = () => IP
    const a = await world.started('a')
    await abandon(world, a, 5)
    expect(a.heard('ban')).toEqual([])
    await abandon(world, a, 1)
    expect(a.heard('ban')).toMatchObject([[{ key: IP, cause: 'handshakes-abandoned', forMs: 300_000 }]])
    const one = await RawPeer.connect(world, a)
    expect(one.told?.code ?? one.closed?.code).toBe('banned')
    await world.run(300_001)
    const later = await RawPeer.connect(world, a)
    expect(a.swarm.peers.has(later.identity.id)).toBe(true)
    await world.stop()
  })

  it('is spared where trusted peers may come from the same place, on loopback, and without limits by IP', async () => {
    for (const spared of [
      { ip: '127.0.0.1', options: {} },
      { ip: IP, options: { masternodes: [`memory://${IP}:1`] } },
      { ip: IP, options: { perIpLimits: false } },
    ]) {
      const world = new World()
      world.network.ipOf = () => spared.ip
      const a = await world.started('a', spared.options)
      await abandon(world, a, 8)
      expect(a.heard('ban')).toEqual([])
      await world.stop()
    }
  })

  it('is spared where the host bans nobody', async () => {
    const world = new World()
    world.network.ipOf = () => IP
    const a = await world.started('a', { blacklist: new Blacklist({ banAt: 1_000 }) })
    await abandon(world, a, 8)
    expect(a.heard('ban')).toEqual([])
    await world.stop()
  })
})

describe('a trusted peer behind an IP that others get banned', () => {
  it('is let in again from where it came before, though that is listed nowhere', async () => {
    const world = new World()
    world.network.ipOf = () => IP
    const identity = world.identity()
    const a = await world.started('a', { masternodes: [`memory://${identity.id}@raw:1`] })
    const first = await RawPeer.connect(world, a, { identity })
    await abandon(world, a, 8)
    first.destroy()
    await world.settle()
    const blacklisted = a.heard('ban').length
    await RawPeer.connect(world, a, { identity })
    expect(a.swarm.peers.has(identity.id)).toBe(true)
    expect(blacklisted).toBe(0)
    await world.stop()
  })
})
