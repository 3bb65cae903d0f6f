/** The side that found a link dead, and dialled another, is the last that should go on writing to it. */
import { describe, expect, it } from 'vitest'
import { message } from '../../src/protocol/message.js'
import { swarmLab } from '../../src/testing/swarm-lab.js'

const Tick = message<number>('tick')
const TICK_MS = 100
/** What is under way while the new link is proven. */
const ROUND_TRIP_MS = 250

describe('a black-holed link whose successor is up', () => {
  it.each([1, 2, 3, 4, 5, 6])(
    'loses nothing that is sent after the other side was told to resynchronise (seed %i)',
    (seed) => {
      const heard: Set<number>[] = [new Set(), new Set()]
      const gaps: { readonly at: number; readonly from: number }[] = []
      const sent: {
        readonly at: number
        readonly from: number
        readonly tick: number
      }[] = []
      const lab = swarmLab({
        seed,
        masternodes: 2,
        prepare: (swarm, index) => {
          swarm.handle(Tick, (tick) => {
            heard[index]?.add(tick)
            return 'accept'
          })
          swarm.on('recovered', ({ cause }) => {
            if (cause === 'replaced') gaps.push({ at: lab.now, from: 1 - index })
          })
        },
      })
      lab.run(20_000)
      lab.silence(0, 1)
      for (let tick = 0; tick < 300; tick++) {
        lab.run(TICK_MS)
        for (const from of [0, 1]) {
          sent.push({ at: lab.now, from, tick: 2 * tick + from })
          lab.swarm(from).broadcast(Tick, 2 * tick + from)
        }
      }
      lab.run(10_000)
      expect(lab.linked(0, 1)).toBe(true)
      expect(gaps.length).toBeGreaterThan(0)
      const lost = [0, 1].flatMap((from) => {
        const toldAt = Math.max(...gaps.filter((gap) => gap.from === from).map(({ at }) => at))
        return sent
          .filter(
            (each) =>
              each.from === from && each.at > toldAt + ROUND_TRIP_MS && heard[1 - from]?.has(each.tick) !== true,
          )
          .map(({ at }) => `${String(from)}: ${String(Math.round(at - toldAt))} ms later`)
      })
      expect(lost).toEqual([])
    },
  )
})
