/** A node whose own network is gone, among strangers and among masternodes: whom it forgets meanwhile, and how soon it is back. */
import { describe, expect, it } from 'vitest'
import type { Explanation } from '../../src/swarm/explanation.js'
import type { Ear } from './lab-ear.js'
import { listen } from './lab-ear.js'

const MINUTE_MS = 60_000
const DELAY_MAX_MS = 30_000
const ALONE = 5

interface Alone extends Ear {
  readonly others: readonly number[]
  /** What the node says of everybody else. */
  readonly explained: () => readonly Explanation[]
}

/** A network of twelve, of which one has been alone for ten minutes. */
function cutOff(seed: number, masternodes: number): Alone {
  const ear = listen({ seed, masternodes, nodes: 12 })
  const { lab } = ear
  const others = Array.from({ length: lab.size }, (_, i) => i).filter((i) => i !== ALONE)
  lab.run(MINUTE_MS)
  for (const other of others) expect(lab.linked(ALONE, other), String(other)).toBe(true)
  lab.split([ALONE], others)
  lab.run(10 * MINUTE_MS)
  return { ...ear, others, explained: () => others.map((i) => lab.swarm(ALONE).explain(lab.id(i))) }
}

/** Until the node has so many links. */
function timeToLinks({ lab }: Ear, count: number, withinMs: number): number {
  const since = lab.now
  while (lab.swarm(ALONE).peers.size < count && lab.now < since + withinMs) lab.run(50)
  expect(lab.swarm(ALONE).peers.size).toBeGreaterThanOrEqual(count)
  return lab.now - since
}

describe('a node whose own network is gone', () => {
  it('forgets nobody and counts nothing, strangers or not, for as long as it lasts', () => {
    for (const masternodes of [0, 12]) {
      const { lab, explained } = cutOff(1, masternodes)
      expect(lab.swarm(ALONE).status().offline).toBe(true)
      expect(lab.swarm(0).status().offline).toBe(false)
      const before = explained().map(({ failures }) => failures)
      for (let minute = 0; minute < 60; minute++) {
        lab.run(MINUTE_MS)
        for (const { state, nextAttemptInMs } of explained()) {
          expect(['dialing', 'backing-off']).toContain(state)
          expect(nextAttemptInMs ?? 0).toBeLessThanOrEqual(DELAY_MAX_MS)
        }
      }
      expect(explained().map(({ failures }) => failures)).toEqual(before)
    }
  })

  it('is linked to somebody within half a minute of its return, and to everybody soon after', () => {
    for (const masternodes of [0, 12])
      for (const seed of [1, 2, 3, 4]) {
        const ear = cutOff(seed, masternodes)
        const { lab, others } = ear
        lab.run(20 * MINUTE_MS)
        lab.heal()
        const firstMs = timeToLinks(ear, 1, 2 * MINUTE_MS)
        expect(firstMs, `seed ${String(seed)}`).toBeLessThanOrEqual(DELAY_MAX_MS + 1_000)
        const allMs = timeToLinks(ear, others.length, 2 * MINUTE_MS)
        expect(firstMs + allMs, `seed ${String(seed)}`).toBeLessThanOrEqual(DELAY_MAX_MS + 10_000)
      }
  })

  it('is not what a stranger is whose peers refuse it: there, failures count, and it forgets them', () => {
    const { lab, heard, forget } = listen({ seed: 2, masternodes: 0, nodes: 4, seeds: [0] })
    lab.run(MINUTE_MS)
    for (const i of [0, 1, 2]) lab.kill(i)
    forget()
    lab.run(60 * MINUTE_MS)
    // All but the seed, without which there would be no way back.
    for (const i of [1, 2]) {
      const tries = heard(3, 'dial:failed').filter(({ args: [{ peerId }] }) => peerId === lab.id(i))
      expect(tries.length).toBeLessThanOrEqual(4)
      expect(lab.swarm(3).explain(lab.id(i)).state).not.toBe('backing-off')
    }
    expect(lab.swarm(3).explain(lab.id(0)).nextAttemptInMs).toBeLessThanOrEqual(DELAY_MAX_MS)
  })
})
