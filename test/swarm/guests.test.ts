/** What is left of strangers who came, and of what was said while they did. */
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import { encodeGoodbye } from '../../src/protocol/control.js'
import { FRAME } from '../../src/protocol/frame.js'
import { direct } from '../../src/protocol/message.js'
import { listen } from './lab-ear.js'
import { RawPeer } from './raw-peer.js'
import { World } from './world.js'

describe('strangers who come and go', () => {
  it('and say when they will be back are waited for, while those are not too many', async () => {
    const world = new World(1)
    const node = await world.started('node', { authorize: () => 'unknown', perIpLimits: false })
    const states: string[] = []
    for (let i = 0; i < 1_030; i++) {
      const guest = await RawPeer.connect(world, node)
      guest.send(FRAME.goodbye, encodeGoodbye('shutdown', 3_600_000, ''))
      guest.destroy()
      await world.settle()
      states.push(node.swarm.explain(guest.identity.id).state)
    }
    expect([states[0], states[1_000], states.at(-1)]).toEqual(['backing-off', 'backing-off', 'unknown'])
    await world.stop()
  })

  it('are told of the names that got their handlers while they said hello', async () => {
    const world = new World(1)
    const node = world.node('node')
    node.swarm.handle(direct('early'), () => undefined)
    await node.swarm.start()
    const peer = await RawPeer.connect(world, node, { holdsHello: true })
    node.swarm.handle(direct('late'), () => undefined)
    peer.sayHello()
    await world.settle()
    node.swarm.handle(direct('later'), () => undefined)
    await world.settle()
    const told = peer.of('established').flatMap(({ hello }) => hello.names)
    expect(told.map(({ name }) => name)).toEqual(['early'])
    expect(peer.of('types').map(({ names }) => names.map(({ name }) => name))).toEqual([['late'], ['later']])
    await world.stop()
  })
})

describe('a stranger of whom others have told false addresses', () => {
  it('is dialled where it says itself that it lives, once it has come', () => {
    for (const count of [0, 8]) {
      const peerStore = new PeerStore()
      const { lab, heard } = listen({
        seed: 1,
        masternodes: 0,
        nodes: 2,
        seeds: [],
        swarm: (index) => (index === 0 ? { peerStore } : { slots: { outboundTarget: 0 } }),
      })
      for (let n = 0; n < count; n++)
        peerStore.learn(lab.id(1), parseAddress(`tcp://10.${String(100 + n)}.0.1:24100`), 'exchange')
      // Until it is given up, where there is anything to try.
      lab.run(600_000)
      void lab
        .swarm(1)
        .dial(lab.address(0))
        .catch(() => undefined)
      lab.run(2_000)
      lab.swarm(0).peer(lab.id(1))?.close()
      lab.run(30_000)
      expect(lab.swarm(0).peer(lab.id(1))?.direction, `${String(count)} told`).toBe('outbound')
      const [first] = heard(0, 'peer:connect')
      expect(first?.args[0].id).toBe(lab.id(1))
    }
  })
})

describe('a stranger that was dialled', () => {
  it('is known first by where it was found, whatever it says itself', () => {
    const { lab } = listen({
      seed: 1,
      masternodes: 0,
      nodes: 2,
      seeds: [],
      swarm: (index) => (index === 1 ? { announce: ['tcp://22.0.0.1:1', 'tcp://23.0.0.2:1'] } : {}),
    })
    lab.run(3_000)
    void lab
      .swarm(0)
      .dial(lab.address(1))
      .catch(() => undefined)
    lab.run(2_000)
    const places = lab
      .swarm(0)
      .explain(lab.id(1))
      .addresses.map((address) => address.replace(/.*@/, 'tcp://'))
    const [, place = ''] = lab.address(1).split('@')
    expect(places).toEqual([`tcp://${place}`, 'tcp://22.0.0.1:1', 'tcp://23.0.0.2:1'])
  })
})

describe('a seed that is listed without an id', () => {
  it('is not dialled again and again while it is linked, however few there are', () => {
    const seeds: string[] = []
    const { lab } = listen({ seed: 1, masternodes: 0, nodes: 3, seeds: [], swarm: () => ({ seeds }) })
    seeds.push(`tcp://${lab.address(0).split('@')[1] ?? ''}`)
    for (const node of [0, 1, 2]) {
      lab.kill(node)
      lab.start(node)
    }
    lab.run(300_000)
    expect(lab.links().length).toBe(3)
    for (const node of [1, 2]) expect(lab.swarm(node).status().handshakes['outbound'] ?? 0).toBeLessThanOrEqual(4)
  })

  it('is whoever is there: another, when the first has left', async () => {
    const world = new World(1)
    const first = await world.started('seed')
    const node = await world.started('node', { seeds: ['memory://seed:1'] })
    await world.run(20_000)
    expect([...node.swarm.peers.keys()]).toEqual([first.swarm.id])
    const stopped = first.swarm.stop()
    await world.run(3_000)
    await stopped
    const second = await world.started('seed')
    await world.run(120_000)
    expect([...node.swarm.peers.keys()]).toEqual([second.swarm.id])
    await world.stop()
  })
})
