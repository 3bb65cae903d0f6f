import { expect, it } from 'vitest'
import { message } from '../../src/protocol/message.js'
import { RawPeer } from './raw-peer.js'
import { World } from './world.js'

it('strikes for a repeatable message without its whole nonce', async () => {
  const world = new World()
  const a = world.node('a', { perIpLimits: false })
  const heard: unknown[] = []
  a.swarm.handle(message<unknown>('beat', { repeat: true }), (payload) => {
    heard.push(payload)
    return 'accept'
  })
  await a.swarm.start()
  const liar = await RawPeer.connect(world, a)
  for (let length = 0; length < 8; length++) liar.broadcast(0, 'beat', new Uint8Array(length))
  await world.settle()
  expect(heard).toEqual([])
})
