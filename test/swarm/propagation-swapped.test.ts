/** What a peer is told and sent while one of its links takes another's place: neither link alone has all of it. */
import { describe, expect, it } from 'vitest'
import { LARGE, Scene, Tx } from './propagation-scene.js'

describe('a peer with two links of one process', () => {
  it.each(['everybody', 'some'])(
    'is given on either what it was told of on the one in use, where that was for %s',
    async (audience) => {
      const scene = await Scene.of()
      await scene.peers(12)
      const first = await scene.peer('masternode')
      const made = scene.make(LARGE)
      scene.node.swarm.broadcast(Tx, made.payload, audience === 'some' ? { to: 'masternode' } : {})
      await scene.world.run(3_000)
      expect(scene.told(first)).toEqual([made.name])
      const second = await scene.peer('masternode', { identity: first.identity, answers: false })
      scene.get(second, made)
      await scene.world.settle()
      expect([scene.sent(second), scene.refused(second)]).toEqual([[made.name], []])
      scene.get(second, made)
      await scene.world.settle()
      expect([scene.sent(second), scene.refused(second)]).toEqual([[made.name], []])
    },
  )

  it('is not given on one what another process of it was told of', async () => {
    const scene = await Scene.of()
    await scene.peers(12)
    const first = await scene.peer('masternode')
    const made = scene.publish(LARGE)
    await scene.world.run(3_000)
    const second = await scene.peer('masternode', { identity: first.identity, epoch: 2, answers: false })
    scene.get(second, made)
    await scene.world.settle()
    expect([scene.sent(second), scene.refused(second)]).toEqual([[], [made.name]])
  })

  it('misses nothing that did not leave on the one that was full, also what ended that', async () => {
    const scene = await Scene.of({ limits: { regular: { outboxBytesMax: 65_536 } } })
    const first = await scene.peer()
    const pair = scene.world.network.pairs.at(-1)
    const second = await scene.peer('regular', { identity: first.identity, answers: false })
    if (pair === undefined) throw new Error('no link')
    pair.blackHoled = true
    scene.world.network.unreadMax = 1
    const made = []
    while (scene.sent(second).length === 0 && made.length < 400) {
      made.push(scene.publish(1_000))
      await scene.world.settle()
    }
    await scene.world.run(5_000)
    const heard = new Set([...scene.sent(second), ...scene.told(second)])
    const missing = made.map(({ name }, at) => (heard.has(name) ? -1 : at)).filter((at) => at >= 0)
    // What had left on the first link went with it.
    expect(missing).toEqual(missing.map((_, at) => at))
    expect(missing.length).toBeLessThan(3)
    expect(made.length).toBeGreaterThan(60)
  })
})
