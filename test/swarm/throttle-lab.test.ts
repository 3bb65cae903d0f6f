/** A stranger whose score is low has a quarter of its quota. */
import { describe, expect, it } from 'vitest'
import { Blacklist } from '../../src/policy/blacklist.js'
import { listen } from './lab-ear.js'
import { Tx } from './hub.js'

/** How many of 100 messages a stranger gets through to node 0 at once, with so many penalty points. */
function passed(points: number, masternodes = 0): number {
  const blacklist = new Blacklist({ banAt: 1_000 })
  let heard = 0
  const { lab } = listen({
    seed: 1,
    masternodes,
    nodes: 2,
    clock: () => ({ originMs: 0 }),
    swarm: (index) => (index === 0 ? { blacklist } : {}),
    prepare: (swarm, index) => {
      swarm.handle(Tx, () => {
        if (index === 0) heard++
        return 'accept'
      })
    },
  })
  lab.run(20_000)
  blacklist.strike({ peerId: lab.id(1), points }, lab.now)
  lab.run(31_000)
  for (let i = 0; i < 100; i++) lab.swarm(1).broadcast(Tx, i)
  lab.run(1_000)
  return heard
}

describe('a stranger with a low score', () => {
  it('has a quarter of its quota, where one with a fair score has all of it', () => {
    expect(passed(20)).toBe(100)
    expect(passed(150)).toBe(25)
  })

  it('is none of the trusted', () => {
    expect(passed(150, 2)).toBe(100)
  })
})
