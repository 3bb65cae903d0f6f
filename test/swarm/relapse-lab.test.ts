/** What comes soon after an outage: its links are lost again, others come back later, or nothing but the host's own bulk was in the way. */
import { describe, expect, it } from 'vitest'
import { direct } from '../../src/protocol/message.js'
import type { SwarmLab } from '../../src/testing/index.js'
import { swarmLab } from '../../src/testing/index.js'

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)

function untilWhole(lab: SwarmLab, pairs: number): number {
  const from = lab.now
  while (lab.links().length < pairs) {
    if (lab.now - from > 300_000) throw new Error('it is never whole')
    lab.run(100)
  }
  return lab.now - from
}

describe('a network that a split has left', () => {
  it('is whole again soon where its new links are reset', () => {
    for (let seed = 1; seed <= 3; seed++) {
      const lab = swarmLab({ seed, masternodes: 10 })
      untilWhole(lab, 45)
      lab.run(20_000)
      const [a, b] = [range(0, 5), range(5, 10)]
      lab.split(a, b)
      lab.run(600_000)
      lab.heal()
      untilWhole(lab, 45)
      lab.run(2_000)
      for (const i of a) for (const j of b) lab.reset(i, j)
      lab.run(1_000)
      expect(untilWhole(lab, 45), `seed ${String(seed)}`).toBeLessThanOrEqual(4_000)
    }
  })

  it('takes back soon who returns while it may not begin anew', () => {
    for (let seed = 1; seed <= 3; seed++) {
      const lab = swarmLab({ seed, masternodes: 9 })
      untilWhole(lab, 36)
      lab.run(20_000)
      const [a, b, c] = [range(0, 3), range(3, 6), range(6, 9)]
      lab.split(a, [...b, ...c])
      lab.split(b, c)
      lab.run(600_000)
      lab.heal()
      lab.split([...a, ...b], c)
      lab.run(25_000)
      lab.heal()
      expect(untilWhole(lab, 36), `seed ${String(seed)}`).toBeLessThanOrEqual(10_000)
    }
  })
})

describe('two who dial each other at once and have much to say', () => {
  it.each([0, 120])(
    'keep one link, and lose nothing that was on its way on the other, %i ms after they met',
    (delayMs) => {
      const Bulk = direct<{ readonly n: number; readonly pad: string }>('bulk')
      let duplicates = 0
      for (let seed = 1; seed <= 18; seed++) {
        const heard = [new Set<number>(), new Set<number>()]
        const sent = [0, 0]
        const made: { lab: SwarmLab | null } = { lab: null }
        let speaks = false
        const lab = swarmLab({
          seed,
          masternodes: 2,
          net: { latencyMs: [40, 40], bytesPerMs: 50 },
          prepare: (swarm, index) => {
            swarm.handle(Bulk, ({ n }) => heard[index]?.add(n))
            swarm.on('peer:connect', (peer) => {
              if (!speaks || made.lab === null) return
              made.lab.time.at(made.lab.now + delayMs, () => {
                for (let n = 0; n < 100; n++) peer.send(Bulk, { n, pad: 'x'.repeat(4_000) })
                sent[index] = 100
              })
            })
          },
        })
        made.lab = lab
        lab.run(30_000)
        lab.kill(1)
        lab.run(30_000)
        const nextMs = lab.swarm(0).explain(lab.id(1)).nextAttemptInMs ?? 0
        speaks = true
        lab.run(Math.max(0, nextMs - 20 + (seed % 9) * 10))
        lab.start(1)
        lab.run(120_000)
        const { closed, told } = lab.swarm(0).status()
        if (closed.duplicate !== undefined || told.duplicate !== undefined) duplicates++
        expect([heard[0]?.size, heard[1]?.size], `seed ${String(seed)}`).toEqual([sent[1], sent[0]])
      }
      expect(duplicates).toBeGreaterThan(2)
    },
  )
})

describe('an island of strangers', () => {
  it('never gives up a seed for good that it was told of', () => {
    const lab = swarmLab({ seed: 3, masternodes: 0, nodes: 12, seeds: [0] })
    lab.run(60_000)
    lab.kill(0)
    lab.run(1_800_000)
    for (let i = 1; i < 12; i++) expect(lab.swarm(i).explain(lab.id(0)).state, `node ${String(i)}`).not.toBe('given-up')
  })
})
