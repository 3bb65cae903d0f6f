/** Broadcasts that nobody may judge yet: those of trusted peers do not wait for strangers', and no stranger for all of another's. */
import { setImmediate } from 'node:timers/promises'
import v8 from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DedupCache } from '../../src/policy/dedup.js'
import type { PeerId } from '../../src/ports/types.js'
import { Turns } from '../../src/swarm/turns.js'
import type { Made } from './propagation-scene.js'
import { Scene, SMALL } from './propagation-scene.js'

v8.setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

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

interface Item {
  readonly name: string
  readonly senders: readonly PeerId[]
}

describe('a line', () => {
  it('holds nobody who has left, however many come and go behind one that stays', async () => {
    const turns = new Turns<Item>()
    const sender = 'a' as PeerId
    turns.join({ name: 'parked', senders: [sender] })
    const left = Array.from({ length: 1_000 }, (_, i) => {
      const item = { name: String(i), senders: [sender, `b${String(i)}` as PeerId] }
      turns.join(item)
      turns.remove(item)
      return new WeakRef(item)
    })
    await setImmediate()
    gc()
    expect([turns.size, left.filter((one) => one.deref() !== undefined).length]).toEqual([1, 0])
    expect([turns.next()?.name, turns.next()]).toEqual(['parked', null])
  })

  it('gives each its first turn and no other, whatever comes, goes and is brought by another', () => {
    const senders = ['a', 'b', 'c', 'd'] as PeerId[]
    const step = fc.record({
      call: fc.constantFrom('join', 'join', 'too', 'next', 'remove', 'disband'),
      by: fc.constantFrom(...senders),
      which: fc.nat(100),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const turns = new Turns<Item>()
        const model = new Map<Item, Set<PeerId>>()
        for (const [i, { call, by, which }] of steps.entries()) {
          const known = [...model.keys()][which % Math.max(1, model.size)]
          if (call === 'join') {
            const item = { name: String(i), senders: [by] }
            turns.join(item)
            model.set(item, new Set([by]))
          } else if (call === 'too' && known !== undefined) {
            turns.joinToo(known, by)
            model.get(known)?.add(by)
          } else if (call === 'remove' && known !== undefined) {
            expect(turns.remove(known)).toBe(true)
            expect(turns.remove(known)).toBe(false)
            model.delete(known)
          } else if (call === 'disband') {
            turns.disband(by)
            for (const lines of model.values()) if (lines.size > 1) lines.delete(by)
          } else if (call === 'next') {
            const next = turns.next()
            expect(next === null).toBe(model.size === 0)
            if (next !== null) expect(model.delete(next)).toBe(true)
          }
          expect(turns.size).toBe(model.size)
        }
        // Every line is served within one round of all.
        const waiting = new Set([...model.values()].flatMap((lines) => [...lines]))
        for (let turn = 0; turn < waiting.size && model.size > 0; turn++) {
          const next = turns.next()
          if (next !== null) model.delete(next)
        }
        while (model.size > 0) {
          const next = turns.next()
          if (next === null) throw new Error('somebody waits in no line')
          model.delete(next)
        }
        expect(turns.next()).toBe(null)
      }),
    )
  })
})

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

  it('all that waits is dropped when the swarm stops, however much it is', async () => {
    const { scene, make } = await busy()
    const trusted = await scene.peer('masternode')
    for (const tx of make(9_000)) scene.send(trusted, tx)
    await scene.world.settle()
    expect(scene.node.swarm.status().inFlight).toBeGreaterThan(6_000)
    const stopped = scene.node.swarm.stop()
    await scene.world.run(10_000)
    await stopped
    expect(scene.node.swarm.status()).toMatchObject({ state: 'stopped', inFlight: 8 })
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
