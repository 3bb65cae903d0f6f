/** A stranger who brings a trusted peer's message before it does must not make it wait among the strangers'. */
import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../src/swarm/registry.js'
import { HANDLERS_MAX } from '../../src/swarm/handler-queue.js'
import type { Made } from './propagation-scene.js'
import { Scene, SMALL } from './propagation-scene.js'

/** All handlers are busy, and strangers' messages wait, the last of which a masternode will bring, too. */
async function busy() {
  const running: ((verdict: Verdict) => void)[] = []
  const scene = await Scene.of({ propagation: 'flood' }, async () => new Promise((resolve) => running.push(resolve)))
  const strangers = await scene.peers(10)
  const masternode = await scene.peer('masternode')
  for (const stranger of strangers) for (let i = 0; i < 10; i++) scene.send(stranger, scene.make(SMALL))
  const [first] = strangers
  if (first === undefined) throw new Error('nobody there')
  const made = scene.make(SMALL)
  scene.send(first, made)
  await scene.world.settle()
  expect(scene.handled).toHaveLength(HANDLERS_MAX)
  const next = async (verdict: Verdict = 'accept'): Promise<Made['name'] | undefined> => {
    running.shift()?.(verdict)
    await scene.world.settle()
    return scene.handled.at(-1)
  }
  return { scene, first, masternode, made, next }
}

describe('a message that waits among strangers', () => {
  it('is next once a masternode brings it', async () => {
    const { scene, masternode, made, next } = await busy()
    scene.send(masternode, made)
    await scene.world.settle()
    expect(await next()).toBe(made.name)
  })

  it('is next once a masternode tells of it', async () => {
    const { scene, masternode, made, next } = await busy()
    scene.announce(masternode, made)
    await scene.world.settle()
    expect(await next()).toBe(made.name)
  })

  it('is not next because another stranger brings it', async () => {
    const { scene, made, next } = await busy()
    scene.send(await scene.peer(), made)
    await scene.world.settle()
    expect(await next()).not.toBe(made.name)
  })

  it('is judged, and next, though the stranger who brought it leaves', async () => {
    const { scene, first, masternode, made, next } = await busy()
    scene.send(masternode, made)
    await scene.world.settle()
    first.destroy()
    await scene.world.settle()
    expect(await next()).toBe(made.name)
  })
})
