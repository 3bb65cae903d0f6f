/** What is left of strangers who came, and of what was said while they did. */
import { describe, expect, it } from 'vitest'
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
