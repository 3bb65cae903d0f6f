/** What a peer may make a node do at once does not grow with every link that it opens. */
import { expect, it } from 'vitest'
import { utf8 } from '../../src/protocol/bytes.js'
import { request } from '../../src/protocol/message.js'
import { RawPeer } from './raw-peer.js'
import { World } from './world.js'

it('answers no more questions of one peer at once than its class allows, however often it comes back', async () => {
  const world = new World()
  const limits = { requestsMax: 2 }
  const a = world.node('a', { perIpLimits: false, limits: { unknown: limits, regular: limits } })
  let running = 0
  a.swarm.respond(request<number>('ask'), async () => {
    running++
    return new Promise<never>(() => undefined)
  })
  await a.swarm.start()
  const identity = world.identity()
  for (let link = 0; link < 5; link++) {
    const liar = await RawPeer.connect(world, a, { identity })
    for (let id = 0; id < 4; id++) liar.ask(id, 0, utf8('1'))
    await world.settle()
    liar.destroy()
    await world.settle()
  }
  expect(running).toBe(2)
})
