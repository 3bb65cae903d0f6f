/** Two links of one peer stand against each other while something else ends them: nobody is let in by that, and what the host hears adds up. */
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { message } from '../../src/protocol/message.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { World } from './world.js'

const Tx = message('tx')

/** A masternode by the host's say, until it says otherwise, and another process of it, which has brought a message and is silent. */
async function contested(
  world: World,
  isAlive = true,
): Promise<{ node: Node; first: RawPeer; second: RawPeer; handled: string[]; deny: () => void }> {
  let allowed = true
  const handled: string[] = []
  const node = world.node('node', { authorize: () => (allowed ? 'masternode' : false) })
  node.swarm.handle(Tx, (_, { peer }) => {
    handled.push(peer.class)
    return 'accept'
  })
  await node.swarm.start()
  const first = await RawPeer.connect(world, node, { answers: isAlive })
  const second = await RawPeer.connect(world, node, { identity: first.identity, epoch: 2, answers: false })
  second.broadcast(0, 'tx', utf8('1'))
  await world.settle()
  const deny = (): void => {
    allowed = false
  }
  return { node, first, second, handled, deny }
}

describe('a second process of a key that waits for the place of the first', () => {
  it('is not let in by the end of the first where the key is denied', async () => {
    const world = new World()
    const { node, first, second, handled, deny } = await contested(world)
    deny()
    node.swarm.masternodes.add(`memory://${first.identity.id}@elsewhere:1`)
    await world.settle()
    expect(node.names.filter((name) => name.startsWith('peer:'))).toEqual(['peer:connect', 'peer:disconnect'])
    expect([first.told?.code, second.told?.code, handled]).toEqual(['not-allowed', 'not-allowed', []])
    expect(node.heard('peer:disconnect')[0]?.[0].class).toBe('unknown')
  })

  it('is not let in where the host has closed the peer, nor is another link of the same process', async () => {
    for (const epoch of [1, 2]) {
      const world = new World()
      const node = await world.started('node', { authorize: () => 'regular' })
      const first = await RawPeer.connect(world, node)
      const second = await RawPeer.connect(world, node, { identity: first.identity, epoch, answers: false })
      node.swarm.peer(first.identity.id)?.close()
      await world.run(5_000)
      expect(node.names.filter((name) => name.startsWith('peer:'))).toEqual(['peer:connect', 'peer:disconnect'])
      expect([first.told?.code, second.told?.code, node.swarm.peers.size]).toEqual(['closed', 'closed', 0])
    }
  })

  it('is not let in by a stop', async () => {
    const world = new World()
    const { node, first, second, handled } = await contested(world)
    const stopped = node.swarm.stop()
    await world.run(5_000)
    await stopped
    expect(node.names.filter((name) => name.startsWith('peer:'))).toEqual(['peer:connect', 'peer:disconnect'])
    expect([first.told?.code, second.told?.code, handled]).toEqual(['shutdown', 'shutdown', []])
  })

  it('has one connect for each disconnect, where the host ends the second link as it hears of the first', async () => {
    const world = new World()
    const { node, second } = await contested(world, false)
    const third = await RawPeer.connect(world, node, { identity: second.identity, epoch: 2, answers: false })
    node.swarm.on('peer:disconnect', () => {
      second.destroy()
      world.deliverAll()
    })
    for (const { payload } of second.of('ping')) second.send(FRAME.pong, payload)
    await world.run(10_000)
    expect(node.names.filter((name) => name !== 'inbound:refused')).toEqual([
      'peer:connect',
      'peer:disconnect',
      'peer:connect',
      'recovered',
    ])
    expect([second.closed !== null, third.told, node.swarm.peers.size]).toEqual([true, null, 1])
  })
})

describe('a stranger that is banned while it keeps back the hello of another link', () => {
  it('is not let in when it says it', async () => {
    for (const by of ['strikes', 'host'] as const) {
      const world = new World()
      const node = world.node('node', { authorize: () => 'regular', perIpLimits: false })
      node.swarm.handle(Tx, () => 'reject')
      await node.swarm.start()
      for (let i = 0; i < 8; i++) await RawPeer.connect(world, node)
      const first = await RawPeer.connect(world, node)
      const second = await RawPeer.connect(world, node, { identity: first.identity, epoch: 2, holdsHello: true })
      if (by === 'host') node.swarm.ban(first.identity.id)
      else for (let i = 0; i < 3; i++) first.broadcast(0, 'tx', utf8(String(i)))
      await world.settle()
      expect(first.told?.code).toBe('banned')
      second.sayHello()
      await world.settle()
      expect([second.told?.code, node.swarm.peers.has(first.identity.id)]).toEqual(['banned', false])
      expect(node.heard('peer:connect')).toHaveLength(9)
    }
  })
})

describe('a listed masternode that the host denies once', () => {
  it('is dialled as one afterwards, for as long as it takes', async () => {
    const world = new World()
    const masternode = await world.started('masternode')
    let allowed = true
    const node = world.node('node', {
      masternodes: [masternode.address],
      authorize: () => (allowed ? 'masternode' : false),
    })
    await node.swarm.start()
    await world.run(60_000)
    expect(node.swarm.peers.size).toBe(1)
    allowed = false
    node.swarm.masternodes.add(`memory://${masternode.swarm.id}@elsewhere:1`)
    await world.settle()
    expect(node.swarm.peers.size).toBe(0)
    allowed = true
    const stopped = masternode.swarm.stop()
    await world.run(3_600_000)
    await stopped
    await world.started('masternode', { identity: masternode.identity })
    await world.run(200_000)
    expect(node.swarm.peers.size).toBe(1)
  })
})
