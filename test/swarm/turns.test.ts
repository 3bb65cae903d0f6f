/** Broadcasts that nobody may judge yet: those of trusted peers do not wait for strangers', and no stranger for all of another's. */
import { describe, expect, it } from 'vitest'
import { DedupCache } from '../../src/policy/dedup.js'
import type { Made } from './propagation-scene.js'
import { Scene, SMALL } from './propagation-scene.js'

/** A node that may judge eight at once, and judges none until it is told to. */
async function busy() {
  const waiting: (() => void)[] = []
  const scene = await Scene.of(
    { dedup: new DedupCache({ inFlightMax: 8 }) },
    () =>
      new Promise<'accept'>((resolve) => {
        waiting.push(() => {
          resolve('accept')
        })
      }),
  )
  const judge = async (count: number): Promise<void> => {
    for (const go of waiting.splice(0, count)) go()
    await scene.world.settle()
  }
  const make = (count: number): readonly Made[] => Array.from({ length: count }, () => scene.make(SMALL))
  return { scene, judge, make }
}

describe('where as many are judged as may be', () => {
  it('a quarter of the places is for trusted peers', async () => {
    const { scene, make } = await busy()
    const stranger = await scene.peer('regular')
    const trusted = await scene.peer('masternode')
    const [theirs, ours] = [make(20), make(3)]
    for (const tx of theirs) scene.send(stranger, tx)
    await scene.world.settle()
    expect(scene.handled).toEqual(theirs.slice(0, 6).map(({ name }) => name))
    for (const tx of ours) scene.send(trusted, tx)
    await scene.world.settle()
    expect(scene.handled.slice(6)).toEqual(ours.slice(0, 2).map(({ name }) => name))
    expect(scene.node.swarm.status().inFlight).toBe(23)
  })

  it('what waits is begun in turn, the trusted first, and each peer in its order', async () => {
    const { scene, judge, make } = await busy()
    const [a, b, trusted] = [await scene.peer(), await scene.peer(), await scene.peer('masternode')]
    const [first, rest, others, ours] = [make(6), make(4), make(2), make(4)]
    for (const tx of [...first, ...rest]) scene.send(a, tx)
    for (const tx of others) scene.send(b, tx)
    for (const tx of ours) scene.send(trusted, tx)
    await scene.world.settle()
    // Two of the eight places are no stranger's: all of those who are trusted are begun before the first of the others.
    for (let i = 0; i < 16; i++) await judge(1)
    const names = (made: readonly Made[]): readonly string[] => made.map(({ name }) => name)
    expect(scene.handled.slice(0, 10)).toEqual([...names(first), ...names(ours)])
    const [r0, r1, r2, r3] = names(rest)
    const [o0, o1] = names(others)
    expect(scene.handled.slice(10)).toEqual([r0, o0, r1, o1, r2, r3])
    await judge(8)
    expect(scene.node.swarm.status()).toMatchObject({ inFlight: 0, verdicts: { accept: 16 } })
  })

  it('what a stranger brought that is gone is dropped, unless another has brought it as well', async () => {
    const { scene, judge, make } = await busy()
    const [a, b] = [await scene.peer(), await scene.peer()]
    const txs = make(9)
    for (const tx of txs) scene.send(a, tx)
    await scene.world.settle()
    const [, , , , , , , shared] = txs
    if (shared !== undefined) scene.send(b, shared)
    await scene.world.settle()
    a.destroy()
    await scene.world.settle()
    await judge(20)
    await judge(20)
    expect(scene.handled).not.toContain(txs[8]?.name)
    expect(scene.node.swarm.status().inFlight).toBe(0)
  })
})
