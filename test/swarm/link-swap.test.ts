import { describe, expect, it } from 'vitest'
import { message } from '../../src/protocol/message.js'
import { World } from './world.js'

const Tx = message<{ readonly n: number; readonly from: string }>('tx')

describe('a link that takes the place of another', () => {
  it('gives the peer its own address along with its direction', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const world = new World(seed)
      const [a, b] = [await world.started('a'), await world.started('b')]
      world.network.delayMs = () => 1 + Math.floor(49 * world.random.float())
      void a.swarm.dial(b.address)
      void b.swarm.dial(a.address)
      await world.run(10_000)
      const seen = [a.swarm.peers.get(b.swarm.id), b.swarm.peers.get(a.swarm.id)]
      const dialled = seen.find((peer) => peer?.direction === 'outbound')
      const accepted = seen.find((peer) => peer?.direction === 'inbound')
      expect(dialled?.address, `seed ${String(seed)}`).toBe(dialled === seen[0] ? b.address : a.address)
      expect(accepted?.address ?? '', `seed ${String(seed)}`).not.toContain('://')
    }
  })

  it('loses no broadcast that was on its way on the other', async () => {
    const lost: string[] = []
    for (let seed = 1; seed <= 50; seed++) {
      const world = new World(seed)
      const regular = { authorize: () => 'regular' as const }
      const [a, b] = [await world.started('a', regular), await world.started('b', regular)]
      const nodes = [a, b]
      const heard = new Set<string>()
      for (const { swarm } of nodes)
        swarm.handle(Tx, ({ n, from }) => {
          heard.add(`${from}${String(n)}`)
          return 'accept'
        })
      const delays = Array.from('abab', () => 1 + Math.floor(49 * world.random.float()))
      world.network.delayMs = ({ pair, to }) =>
        delays[(pair.dialledBy === 'a' ? 0 : 2) + (to === 'dialler' ? 0 : 1)] ?? 0
      void a.swarm.dial(b.address)
      void b.swarm.dial(a.address)
      const sent: string[] = []
      for (let ms = 0; ms < 1_000; ms++) {
        await world.run(1)
        for (const { name, swarm } of nodes)
          if (swarm.peers.size === 1 && swarm.broadcast(Tx, { n: ms, from: name }).queued === 1)
            sent.push(`${name}${String(ms)}`)
      }
      await world.run(5_000)
      const missing = sent.filter((id) => !heard.has(id))
      if (missing.length > 0) lost.push(`seed ${String(seed)}: ${String(missing.length)} of ${String(sent.length)}`)
    }
    expect(lost).toEqual([])
  })
})
