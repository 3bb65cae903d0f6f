/** Who is told of which broadcasts, and what is kept for it: newcomers, the chosen, and nobody where everything is pushed. */
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { LARGE, Scene, SMALL, Tx } from './propagation-scene.js'

const MIB = 1_024 * 1_024

describe('whoever comes later', () => {
  it('hears within a second and a half of what was said in the last minute, and of nothing older', async () => {
    const scene = await Scene.of()
    const [from] = await scene.peers(12)
    scene.publish(SMALL)
    await scene.world.run(60_001)
    const txs = [scene.publish(LARGE), scene.publish(SMALL), scene.make(SMALL)]
    if (from !== undefined && txs[2] !== undefined) scene.send(from, txs[2])
    await scene.world.run(50_000)
    const late = await scene.peer()
    expect(scene.told(late)).toEqual([])
    await scene.world.run(1_500)
    expect([scene.told(late), scene.sent(late)]).toEqual([txs.map(({ name }) => name), []])
    scene.get(late, ...txs)
    await scene.world.settle()
    expect([scene.sent(late), scene.refused(late)]).toEqual([txs.map(({ name }) => name), []])
  })

  it('hears of the last thousand at most', async () => {
    const scene = await Scene.of()
    const txs = Array.from({ length: 1_050 }, () => scene.publish(SMALL))
    const late = await scene.peer('masternode')
    await scene.world.run(2_000)
    expect(scene.told(late)).toEqual(txs.slice(50).map(({ name }) => name))
    expect(late.of('inventory').length).toBe(1)
  })

  it('is sent what is pushed from then on, and not told of that, too', async () => {
    const scene = await Scene.of()
    const before = scene.publish(SMALL)
    const late = await scene.peer()
    const after = scene.publish(SMALL)
    await scene.world.run(2_000)
    expect([scene.sent(late), scene.told(late)]).toEqual([[after.name], [before.name]])
  })
})

describe('a broadcast to some', () => {
  it('that is small is sent to them, and told to nobody else by whoever made it', async () => {
    const scene = await Scene.of()
    const [chosen, ...others] = await scene.peers(12)
    const { payload, name } = scene.make(SMALL)
    scene.node.swarm.broadcast(Tx, payload, { to: chosen === undefined ? [] : [chosen.identity.id] })
    await scene.world.run(2_000)
    others.push(await scene.peer())
    await scene.world.run(2_000)
    expect(chosen === undefined ? null : [scene.sent(chosen), scene.told(chosen)]).toEqual([[name], []])
    for (const peer of others) expect([scene.sent(peer), scene.told(peer)]).toEqual([[], []])
  })

  it('that is large is announced to them at once, and to nobody else', async () => {
    const scene = await Scene.of()
    const [chosen, ...others] = await scene.peers(12)
    const { payload, name } = scene.make(LARGE)
    const to = chosen === undefined ? [] : [chosen.identity.id]
    expect(scene.node.swarm.broadcast(Tx, payload, { to })).toMatchObject({ queued: 1, shed: 0 })
    await scene.world.run(2_000)
    expect(chosen === undefined ? null : scene.told(chosen)).toEqual([name])
    for (const peer of others) expect([scene.sent(peer), scene.told(peer)]).toEqual([[], []])
  })
})

describe('flood', () => {
  it('pushes whatever it weighs to everybody, keeps nothing, and announces nothing', async () => {
    const scene = await Scene.of({ propagation: 'flood' })
    const [from, ...others] = await scene.peers(12)
    const txs = [scene.publish(SMALL), scene.publish(LARGE), scene.make(SMALL), scene.make(LARGE)]
    for (const tx of txs.slice(2)) if (from !== undefined) scene.send(from, tx)
    await scene.world.run(2_000)
    for (const peer of others) {
      expect(scene.sent(peer)).toEqual(txs.map(({ name }) => name))
      scene.get(peer, ...txs)
    }
    const late = await scene.peer()
    await scene.world.run(2_000)
    for (const peer of [...others, late]) expect(scene.told(peer)).toEqual([])
    for (const peer of others) expect(scene.refused(peer)).toEqual(txs.map(({ name }) => name))
    expect(scene.node.swarm.status().memory.keptBytes).toBe(0)
  })

  it('asks for what others announce all the same', async () => {
    const scene = await Scene.of({ propagation: 'flood' })
    const peer = await scene.peer()
    const tx = scene.make(LARGE)
    scene.announce(peer, tx)
    await scene.world.settle()
    expect(scene.asked(peer)).toEqual([tx.name])
  })
})

describe('what is kept for others', () => {
  it('is a sixteenth of the memory at most, and shows in the status', async () => {
    const scene = await Scene.of({ memoryMaxMiB: 64 })
    await scene.peer()
    expect(scene.node.swarm.status().memory.keptBytes).toBe(0)
    scene.publish(LARGE)
    const { keptBytes, usedBytes } = scene.node.swarm.status().memory
    expect(keptBytes).toBeGreaterThan(LARGE)
    expect(usedBytes).toBeGreaterThanOrEqual(keptBytes)
    for (let i = 0; i < 90; i++) scene.publish(60_000)
    expect(scene.node.swarm.status().memory.keptBytes).toBeLessThanOrEqual(4 * MIB)
    expect(scene.node.swarm.status().memory.keptBytes).toBeGreaterThan(3.9 * MIB)
  })
})

describe('an unreadable list of ids', () => {
  it.each(['inventory', 'get', 'notFound'] as const)('ends the link and is a strike: %s', async (kind) => {
    const scene = await Scene.of()
    const peer = await scene.peer()
    peer.send(FRAME[kind], utf8('eighteen letters..'))
    await scene.world.settle()
    expect(peer.told).toMatchObject({ code: 'protocol-error' })
    expect(scene.node.swarm.status().strikes).toEqual({ 'protocol-error': 1 })
  })
})
