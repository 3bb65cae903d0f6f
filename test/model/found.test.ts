/** What the models have found, each as short as fast-check made it. */
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import { SeededRandom, SimClock, SimNetwork, SimTime, Trace } from '../../src/testing/index.js'
import { hub } from '../swarm/hub.js'
import { SwarmWorld } from '../../src/testing/models/swarm-world.js'

describe('a simulated link', () => {
  it('that was reset before its owner opened it still says that it is closed, once', () => {
    const time = new SimTime()
    const network = new SimNetwork(time, new SeededRandom(1), new Trace())
    const clock = new SimClock(time)
    const [here, there] = [network.addHost(), network.addHost()]
    const ignore = (): void => undefined
    const told: string[] = []
    network.transport(there, clock).listen?.(parseAddress(`tcp://${there.ip}:1`), {
      listening: ignore,
      failed: ignore,
      accepted: () => {
        network.reset(here.index, there.index)
      },
    })
    network.transport(here, clock).dial(parseAddress(`tcp://${there.ip}:1`), {
      failed: ignore,
      opened: (link) => {
        link.open({
          data: ignore,
          drained: ignore,
          ended: ignore,
          closed: ({ code }) => {
            told.push(code)
          },
        })
        link.destroy()
      },
    })
    time.run(60_000)
    expect(told).toEqual(['connection-lost'])
  })
})

describe('a seed', () => {
  it('that failed waits its time, also where seeds are left and sought again meanwhile', async () => {
    const world = new SwarmWorld(0, { masternodes: 4, others: 3, swarm: () => ({}) })
    world.crowd(0, 23)
    await world.run(0)
    await world.stop(1)
    world.disperse()
    world.start(1)
    // The watch over each node throws where anybody is dialled too early.
    await world.run(20_000)
    expect(world.linkOf(1, 5)).not.toBeNull()
  })

  it('that was given up as a stranger is dialled again once seeds are sought', async () => {
    const world = new SwarmWorld(0, { masternodes: 4, others: 3, swarm: () => ({}) })
    world.split(new Set([2, 3, 5]))
    await world.run(414)
    await world.stop(1)
    world.kill(0, false)
    // With so many links nobody seeks seeds, and three failures are one stranger's last.
    world.crowd(4, 7)
    await world.run(12_000)
    world.disperse()
    world.heal()
    for (const seed of [0, 1]) world.start(seed)
    await world.run(45_000)
    expect([0, 1, 2, 3].map((i) => world.linkOf(i, 4) === null)).toEqual([false, false, false, false])
  })
})

describe('a stranger whose address is only felt', () => {
  it('comes before it leaves, as the host is told', () => {
    const { lab, peerStore } = hub(1, 14, 12)
    lab.run(30_000)
    const told: string[] = []
    for (const name of ['peer:connect', 'peer:disconnect'] as const)
      lab.swarm(0).on(name, (...[peer]) => {
        if (peer.id === lab.id(13)) told.push(name)
      })
    peerStore.learn(lab.id(13), parseAddress(lab.address(13)), 'exchange')
    lab.run(121_000)
    expect(told).toEqual(['peer:connect', 'peer:disconnect'])
  })
})
