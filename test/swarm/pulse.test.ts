import { describe, expect, it } from 'vitest'
import { Agenda } from '../../src/swarm/agenda.js'
import type { Beating } from '../../src/swarm/pulse.js'
import { Pulse } from '../../src/swarm/pulse.js'
import { ManualClock } from './manual-clock.js'

function beating(dueAt: number, seen: number[]): Beating & { dueAt: number } {
  return { dueAt, beat: (at) => seen.push(at) }
}

describe('the pulse of a swarm', () => {
  it('needs one timer for all links, and none where there is no link', () => {
    const clock = new ManualClock()
    const agenda = new Agenda(clock)
    const pulse = new Pulse(agenda)
    expect(clock.armed).toBe(0)
    const members = Array.from({ length: 100 }, () => beating(0, []))
    for (const member of members) pulse.join(member)
    expect([clock.armed, agenda.size]).toEqual([1, 1])
    for (const member of members) pulse.leave(member)
    expect(agenda.size).toBe(0)
  })

  it('looks at each once its time has come, on whole seconds, and at nobody before', () => {
    const clock = new ManualClock()
    const pulse = new Pulse(new Agenda(clock))
    const early: number[] = []
    const late: number[] = []
    const begin = Math.ceil(clock.monotonic() / 1_000) * 1_000
    pulse.join(beating(begin + 1_001, early))
    pulse.join(beating(begin + 2_500, late))
    clock.advance(begin - clock.monotonic() + 3_100)
    expect(early).toEqual([begin + 2_000, begin + 3_000])
    expect(late).toEqual([begin + 3_000])
  })

  it('lets a member leave, and its neighbour, from within a beat', () => {
    const clock = new ManualClock()
    const pulse = new Pulse(new Agenda(clock))
    const seen: number[] = []
    const neighbour = beating(0, seen)
    const leaving: Beating = {
      dueAt: 0,
      beat: () => {
        pulse.leave(leaving)
        pulse.leave(neighbour)
      },
    }
    pulse.join(leaving)
    pulse.join(neighbour)
    clock.advance(5_000)
    expect([seen, clock.armed]).toEqual([[], 0])
  })

  it('makes one beat of those that were missed while the process stood still', () => {
    const clock = new ManualClock()
    const pulse = new Pulse(new Agenda(clock))
    const seen: number[] = []
    pulse.join(beating(0, seen))
    clock.freeze(10_000)
    clock.advance(60)
    expect(seen).toHaveLength(1)
    expect(seen[0]).toBe(Math.floor(clock.monotonic() / 1_000) * 1_000)
  })
})
