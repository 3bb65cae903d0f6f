/** How often a success may wake whoever waits: once in thirty seconds, and then once more for whatever was too soon. */
import { describe, expect, it } from 'vitest'
import { Agenda } from '../../src/swarm/agenda.js'
import { DialTargets } from '../../src/swarm/dial-targets.js'
import { Recovery } from '../../src/swarm/recovery.js'
import { SeededRandom } from '../../src/testing/seeded-random.js'
import { ManualClock } from './manual-clock.js'

function scene(enabled = true) {
  const clock = new ManualClock()
  const agenda = new Agenda(clock)
  const recovery = new Recovery(agenda, new SeededRandom(1), enabled)
  const targets = new DialTargets()
  let again = 0
  const reset = () =>
    recovery.reset(targets.all(), () => {
      again++
    })
  return { clock, agenda, targets, reset, again: () => again }
}

describe('a recovery', () => {
  it('that comes too soon comes once when it may, however often it was asked for', () => {
    const { clock, reset, again } = scene()
    expect(reset()).toEqual([])
    clock.advance(5_000)
    for (let i = 0; i < 4; i++) expect(reset()).toBe(null)
    clock.advance(24_999)
    expect(again()).toBe(0)
    clock.advance(1)
    expect(again()).toBe(1)
    expect(reset()).toEqual([])
    clock.advance(60_000)
    expect(again()).toBe(1)
  })

  it('forgets the failures of trusted peers, and of nobody else', () => {
    const { targets, reset } = scene()
    const kinds = ['masternode', 'persistent', 'regular'] as const
    const [one, two, three] = kinds.map((peerClass) =>
      Object.assign(targets.provide(peerClass as never, peerClass, []), { kept: true, failures: 9 }),
    )
    reset()
    expect([one?.failures, two?.failures, three?.failures]).toEqual([0, 0, 9])
  })

  it('is none where the experiment has it off, then or later', () => {
    const { clock, agenda, reset, again } = scene(false)
    expect([reset(), reset()]).toEqual([null, null])
    clock.advance(60_000)
    expect([again(), agenda.size]).toEqual([0, 0])
  })
})
