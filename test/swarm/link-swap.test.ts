import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { direct, message } from '../../src/protocol/message.js'
import { RawPeer } from './raw-peer.js'
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

  it('leaves what came on the other to be heard, though the peer is a stranger', async () => {
    let swaps = 0
    for (let seed = 1; seed <= 8; seed++) {
      const world = new World(seed)
      const held: (() => void)[] = []
      const heard: number[] = []
      const a = world.node('a')
      a.swarm.handle(
        direct<number>('note', { serial: true }),
        async (n) =>
          new Promise<void>((resolve) => {
            heard.push(n)
            held.push(resolve)
          }),
      )
      await a.swarm.start()
      const first = await RawPeer.connect(world, a)
      for (const n of [1, 2, 3]) first.send(FRAME.firstApplication, utf8(String(n)))
      await world.settle()
      await RawPeer.connect(world, a, { identity: first.identity })
      await world.run(3_000)
      // Where the other side is to close one of the two, nothing is closed here.
      if (first.told !== null) swaps++
      for (let i = 0; i < 3; i++) {
        held.shift()?.()
        await world.settle()
      }
      expect(heard, `seed ${String(seed)}`).toEqual([1, 2, 3])
      await world.stop()
    }
    expect(swaps).toBeGreaterThan(0)
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
