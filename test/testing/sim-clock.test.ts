import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SimClockOptions } from '../../src/testing/index.js'
import { SimClock, SimTime } from '../../src/testing/index.js'

interface Process {
  readonly time: SimTime
  readonly clock: SimClock
  readonly heard: string[]
  /** Notes a word and when it was heard, in whole milliseconds since the beginning. */
  readonly note: (word: string) => () => void
}

function start(options?: SimClockOptions): Process {
  const time = new SimTime()
  const begin = time.now
  const heard: string[] = []
  const note = (word: string) => (): void => {
    heard.push(`${word} ${String(Math.round(time.now - begin))}`)
  }
  return { time, clock: new SimClock(time, options), heard, note }
}

describe('virtual time', () => {
  it('runs events by instant, and those of one instant in the order they were made', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (delays) => {
        const time = new SimTime()
        const begin = time.now
        const heard: { readonly ms: number; readonly i: number }[] = []
        for (const [i, ms] of delays.entries())
          time.at(begin + ms, () => {
            expect(time.now).toBe(begin + ms)
            heard.push({ ms, i })
          })
        time.run(20)
        expect(heard).toEqual(delays.map((ms, i) => ({ ms, i })).toSorted((a, b) => a.ms - b.ms || a.i - b.i))
        expect(time.events).toBe(delays.length)
      }),
    )
  })

  it('stops exactly where it was told to, with everything due by then done', () => {
    const { time, heard, note } = start()
    time.at(time.now + 10, note('due'))
    time.at(time.now + 11, note('later'))
    time.run(10)
    expect(heard).toEqual(['due 10'])
    time.run(1)
    expect(heard).toEqual(['due 10', 'later 11'])
  })

  it('runs what is made for the past at once, and not before what is under way', () => {
    const { time, heard, note } = start()
    time.at(time.now + 5, () => {
      time.at(0, note('late'))
      note('now')()
    })
    time.run(5)
    expect(heard).toEqual(['now 5', 'late 5'])
  })

  it('runs nothing that was called off, and does not count it', () => {
    const { time, heard, note } = start()
    const event = time.at(time.now + 5, note('never'))
    event.cancel()
    event.cancel()
    time.run(10)
    expect(heard).toEqual([])
    expect(time.events).toBe(0)
  })

  it('ends a turn after each event and before the next', () => {
    const { time, heard, note } = start()
    time.at(time.now + 5, () => {
      time.atTurnEnd(() => {
        note('end')()
        time.atTurnEnd(note('end of the end'))
      })
      note('first')()
    })
    time.at(time.now + 5, note('second'))
    time.run(10)
    expect(heard).toEqual(['first 5', 'end 5', 'end of the end 5', 'second 5'])
  })
})

describe('the clock of a process', () => {
  it('wakes at the instant of its own clock, never before it and never within the call', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 2, noNaN: true }),
        fc.double({ min: 0, max: 5_000, noNaN: true }),
        (rate, ms) => {
          const { time, clock } = start({ rate })
          const due = clock.monotonic() + ms
          let wokeAt: number | null = null
          clock.wakeAt(due, () => {
            wokeAt = clock.monotonic()
          })
          expect(wokeAt).toBe(null)
          time.run(20_000)
          expect(wokeAt).toBeGreaterThanOrEqual(due)
          expect(wokeAt).toBeLessThan(due + 0.01)
        },
      ),
    )
  })

  it('may run fast, and may believe another date', () => {
    const [right, wrong] = [start(), start({ rate: 2, wallOffsetMs: -3_600_000 })]
    const before = wrong.clock.monotonic()
    wrong.time.run(1_000)
    right.time.run(1_000)
    expect(wrong.clock.monotonic() - before).toBe(2_000)
    expect(right.clock.wall() - wrong.clock.wall()).toBe(3_600_000)
  })

  it('stands still while its process is frozen: everything comes late, once, and in order', () => {
    const { time, clock, heard, note } = start()
    clock.wakeAt(clock.monotonic() + 50, note('timer'))
    clock.wakeAt(clock.monotonic() + 400, note('later timer'))
    clock.freeze(300)
    time.run(20)
    clock.deliver(note('delivery'))
    expect(heard).toEqual([])
    time.run(1_000)
    expect(heard).toEqual(['delivery 300', 'timer 300', 'later timer 400'])
  })

  it('is not frozen twice', () => {
    const { time, clock, heard, note } = start()
    clock.freeze(100)
    clock.freeze(1_000)
    clock.deliver(note('word'))
    time.run(2_000)
    expect(heard).toEqual(['word 100'])
  })

  it('calls nothing in a process that is dead, frozen before or not', () => {
    for (const frozen of [false, true]) {
      const { time, clock, heard, note } = start()
      clock.wakeAt(clock.monotonic() + 50, note('timer'))
      if (frozen) clock.freeze(100)
      clock.deliver(note('before'))
      clock.kill()
      clock.deliver(note('after'))
      clock.atTurnEnd(note('turn'))
      time.run(1_000)
      expect(clock.isDead).toBe(true)
      expect(heard).toEqual(frozen ? [] : ['before 0'])
    }
  })
  it('of a dead process is not brought back by a freeze and a thaw', () => {
    const { time, clock, heard, note } = start()
    clock.wakeAt(clock.monotonic() + 500, note('timer'))
    clock.kill()
    clock.freeze(100)
    time.run(1_000)
    expect(clock.isDead).toBe(true)
    expect(heard).toEqual([])
  })
})
