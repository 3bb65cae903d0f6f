/** A path that swallows one link after another: what takes a silent link's place, and falls silent before it is judged. */
import { describe, expect, it } from 'vitest'
import type { SwarmLab } from '../../src/testing/swarm-lab.js'
import { swarmLab } from '../../src/testing/swarm-lab.js'

const SUSPECT_MS = 20_000
const RETRY_MS = 5_000

/** Handshakes that either end has counted. */
function shaken(lab: SwarmLab): number {
  const counts = [0, 1].flatMap((i) => Object.values(lab.swarm(i).status().handshakes))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** @returns how long after the last silence both are linked again, by a link that is heard; at most 200 s */
function healMs(lab: SwarmLab, silences: number): number {
  let since = 0
  for (let i = 0; i < silences; i++) {
    const before = i === 0 ? -1 : shaken(lab)
    while (shaken(lab) < before + 2 && lab.now - since < 200_000) lab.run(1)
    lab.silence(0, 1)
    since = lab.now
  }
  const before = shaken(lab)
  while (lab.now - since < 200_000 && !(shaken(lab) > before && lab.linked(0, 1))) lab.run(10)
  return lab.now - since
}

describe('a masternode behind a path that swallows one link after another', () => {
  for (const silences of [1, 2, 3])
    for (const seed of [1, 2, 3, 4])
      it(`is dialled again after ${String(silences)} of them (seed ${String(seed)})`, () => {
        const lab = swarmLab({ seed, masternodes: 2 })
        lab.run(20_000)
        expect(healMs(lab, silences)).toBeLessThan(SUSPECT_MS + RETRY_MS)
      })
})
