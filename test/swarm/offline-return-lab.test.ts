/** A node that was offline: how seldom it tries meanwhile, and how soon it is whole again. */
import { describe, expect, it } from 'vitest'
import { listen } from './lab-ear.js'

const MINUTE_MS = 60_000
const ALONE = 5

describe('a node whose own network is gone', () => {
  it('tries less and less often, down to every thirty seconds', () => {
    const { lab, heard, forget } = listen({ seed: 1, masternodes: 12 })
    lab.run(MINUTE_MS)
    lab.split(
      [ALONE],
      Array.from({ length: 12 }, (_, i) => i).filter((i) => i !== ALONE),
    )
    lab.run(10 * MINUTE_MS)
    forget()
    lab.run(60 * MINUTE_MS)
    // Ten seconds until a dial times out, and fifteen to thirty until the next.
    expect(heard(ALONE, 'dial:failed').length / 11).toBeLessThanOrEqual(60 * (60 / 25))
  })

  it('is whole again within ten seconds of its return, as after any other split', () => {
    const times: number[] = []
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const { lab } = listen({ seed, masternodes: 12 })
      lab.run(MINUTE_MS)
      lab.split(
        [ALONE],
        Array.from({ length: 12 }, (_, i) => i).filter((i) => i !== ALONE),
      )
      lab.run(30 * MINUTE_MS)
      lab.heal()
      const since = lab.now
      while (lab.swarm(ALONE).peers.size < 11 && lab.now < since + MINUTE_MS) lab.run(50)
      times.push(lab.now - since)
    }
    expect(Math.max(...times), times.join()).toBeLessThanOrEqual(10_000)
  })
})
