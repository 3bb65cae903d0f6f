/** A stranger who brings a trusted peer's message before it does must not make it wait among the strangers'. */
import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../src/swarm/registry.js'
import { HANDLERS_MAX } from '../../src/swarm/handler-queue.js'
import type { Made } from './propagation-scene.js'
import { Scene, SMALL } from './propagation-scene.js'

/** Strangers' messages have all places that they may have, and others wait, the last of which a masternode will bring, too. */
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
  expect(scene.handled).toHaveLength(HANDLERS_MAX * 0.75)
  const next = async (): Promise<Made['name'] | undefined> => {
    running.shift()?.('accept')
    await scene.world.settle()
    return scene.handled.at(-1)
  }
  return { scene, first, masternode, made, next }
}

describe('a message that waits among strangers', () => {
  it('has a place at once when a masternode brings it', async () => {
    const { scene, masternode, made } = await busy()
    scene.send(masternode, made)
    await scene.world.settle()
    expect(scene.handled.at(-1)).toBe(made.name)
  })

  it('has a place at once when a masternode tells of it', async () => {
    const { scene, masternode, made } = await busy()
    scene.announce(masternode, made)
    await scene.world.settle()
    expect(scene.handled.at(-1)).toBe(made.name)
  })

  it('goes on waiting when another stranger brings it', async () => {
    const { scene, made, next } = await busy()
    scene.send(await scene.peer(), made)
    await scene.world.settle()
    expect(await next()).not.toBe(made.name)
    expect(scene.handled).not.toContain(made.name)
  })

  it('is next where a masternode’s messages have all other places, though the stranger who brought it leaves', async () => {
    const { scene, first, masternode, made, next } = await busy()
    for (let i = 0; i < HANDLERS_MAX * 0.25; i++) scene.send(masternode, scene.make(SMALL))
    scene.send(masternode, made)
    await scene.world.settle()
    first.destroy()
    await scene.world.settle()
    expect(await next()).toBe(made.name)
  })
})
