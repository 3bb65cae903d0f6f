import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Agenda } from '../../src/swarm/agenda.js'
import { ManualClock } from './manual-clock.js'

describe('an agenda', () => {
  it('runs what is due in the order of time, and of coming where times are equal', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 200 }), (entries) => {
        const clock = new ManualClock()
        const agenda = new Agenda(clock)
        const ran: number[] = []
        const deadlines = entries.map(([delay], i) => agenda.in(delay, () => ran.push(i)))
        for (const [i, [, cancelled]] of entries.entries()) if (cancelled) deadlines[i]?.cancel()
        const left = entries
          .map(([delay, cancelled], i) => ({ delay, cancelled, i }))
          .filter((entry) => !entry.cancelled)
        expect(agenda.size).toBe(left.length)
        clock.advance(50)
        expect(ran).toEqual(left.sort((x, y) => x.delay - y.delay || x.i - y.i).map(({ i }) => i))
        expect(agenda.size).toBe(0)
      }),
    )
  })

  it('needs one timer, however many deadlines it holds', () => {
    const clock = new ManualClock()
    const agenda = new Agenda(clock)
    for (let i = 1_000; i > 0; i--) agenda.in(i, () => undefined)
    expect(clock.armed).toBe(1)
    expect(agenda.size).toBe(1_000)
    clock.advance(500)
    expect(clock.armed).toBe(1)
    expect(agenda.size).toBe(500)
    clock.advance(500)
    expect(clock.armed).toBe(0)
  })

  it('lets a deadline be cancelled late, twice, and from within another of the same instant', () => {
    const clock = new ManualClock()
    const agenda = new Agenda(clock)
    const ran: string[] = []
    const first = agenda.in(1, () => {
      ran.push('first')
      second.cancel()
    })
    const second = agenda.in(1, () => ran.push('second'))
    clock.advance(1)
    first.cancel()
    second.cancel()
    second.cancel()
    expect(ran).toEqual(['first'])
    expect(agenda.size).toBe(0)
  })

  it('holds no more than it must when thousands are cancelled behind a far deadline', () => {
    const clock = new ManualClock()
    const agenda = new Agenda(clock)
    agenda.in(1, () => undefined)
    for (let i = 0; i < 10_000; i++) agenda.in(1_000_000, () => undefined).cancel()
    expect(agenda.size).toBe(1)
    let ran = 0
    for (let i = 0; i < 10; i++) agenda.in(5, () => ran++)
    clock.advance(5)
    expect(ran).toBe(10)
  })

  it('expires nothing after standing still for over a second, until one more turn has passed', () => {
    const clock = new ManualClock()
    const agenda = new Agenda(clock)
    const ran: string[] = []
    const saved = agenda.in(2_000, () => ran.push('expired'))
    agenda.in(100, () => ran.push('due'))
    clock.freeze(5_000)
    expect(ran).toEqual([])
    saved.cancel()
    clock.advance(50)
    expect(ran).toEqual(['due'])
  })

  it('runs at once what is late by a second or less', () => {
    const clock = new ManualClock()
    const agenda = new Agenda(clock)
    let ran = 0
    agenda.in(100, () => ran++)
    clock.freeze(1_100)
    expect(ran).toBe(1)
  })

  it('knows how late it runs, and forgets it slowly', () => {
    const clock = new ManualClock()
    const agenda = new Agenda(clock)
    agenda.in(100, () => undefined)
    clock.freeze(600)
    expect(agenda.lagMs).toBe(500)
    agenda.in(1, () => undefined)
    clock.advance(1)
    expect(agenda.lagMs).toBe(450)
  })

  it('remembers when anybody last looked at the clock: who looks, sets a deadline, or is woken by one', () => {
    const clock = new ManualClock()
    const agenda = new Agenda(clock)
    const seen: number[] = []
    const note = (): unknown => seen.push(agenda.seenAt)
    clock.advance(5)
    note()
    agenda.look()
    note()
    clock.advance(5)
    agenda.in(10, note)
    note()
    clock.advance(10)
    expect(seen).toEqual([1_000, 1_005, 1_010, 1_020])
    clock.advance(7)
    expect([agenda.seenAt, agenda.now(), agenda.seenAt]).toEqual([1_020, 1_027, 1_027])
  })

  it('forgets everything when it ends, and its timer, for good', () => {
    const clock = new ManualClock()
    const agenda = new Agenda(clock)
    let ran = 0
    const deadline = agenda.in(1, () => ran++)
    agenda.end()
    deadline.cancel()
    expect([agenda.size, clock.armed]).toEqual([0, 0])
    clock.advance(10)
    expect(ran).toBe(0)
    agenda.in(1, () => ran++)
    expect(clock.armed).toBe(0)
    clock.advance(1)
    expect(ran).toBe(0)
  })
})
