import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Crew, Fate } from '../../src/kit/decisions.js'
import { batchSize, fateOf, paceAfter, restartDelayMs, startAt } from '../../src/kit/decisions.js'

const count = fc.integer({ min: 0, max: 2_000 })
const pace = fc.option(fc.double({ min: 0, max: 5_000, noNaN: true }))

describe('batchSize', () => {
  it('gives somebody idle something where anything waits, and never more than there is or than a message may hold', () => {
    fc.assert(
      fc.property(
        count,
        fc.integer({ min: 0, max: 64 }),
        pace,
        fc.integer({ min: 1, max: 64 }),
        (waiting, idle, mean, max) => {
          const size = batchSize(waiting, idle, mean, max)
          expect(Number.isInteger(size)).toBe(true)
          expect(size).toBeLessThanOrEqual(Math.min(waiting, max))
          expect(size > 0).toBe(waiting > 0 && idle > 0)
        },
      ),
    )
  })

  it('gives nobody more than four milliseconds of work, but for a single item', () => {
    fc.assert(
      fc.property(
        count,
        fc.integer({ min: 1, max: 64 }),
        fc.double({ min: 0.001, max: 100, noNaN: true }),
        (waiting, idle, mean) => {
          const size = batchSize(waiting, idle, mean, 1_024)
          expect(size <= 1 || size * mean <= 4).toBe(true)
        },
      ),
    )
  })

  it('shares evenly: of what all idle workers get, no two differ by more than one', () => {
    fc.assert(
      fc.property(count, fc.integer({ min: 1, max: 64 }), (waiting, idle) => {
        let left = waiting
        const shares = Array.from({ length: idle }, (_, i) => {
          const share = batchSize(left, idle - i, 0, 2_000)
          left -= share
          return share
        })
        expect(left).toBe(0)
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('gives one item while nobody knows what one takes, and a full message of what takes nothing', () => {
    expect(batchSize(100, 1, null, 64)).toBe(1)
    expect(batchSize(100, 1, 0, 64)).toBe(64)
    expect(batchSize(100, 1, 0.1, 64)).toBe(40)
    expect(batchSize(100, 1, 60, 64)).toBe(1)
  })
})

describe('paceAfter', () => {
  it('is the first answer at first, and then lies between what it was and what is new', () => {
    fc.assert(
      fc.property(
        pace,
        fc.double({ min: 0, max: 10_000, noNaN: true }),
        fc.integer({ min: 1, max: 64 }),
        (mean, took, items) => {
          const next = paceAfter(mean, took, items)
          const each = took / items
          expect(next).toBeGreaterThanOrEqual(Math.min(mean ?? each, each))
          expect(next).toBeLessThanOrEqual(Math.max(mean ?? each, each))
        },
      ),
    )
  })

  it('comes down to what an item takes when the first were slow', () => {
    let mean = paceAfter(null, 20, 1)
    for (let i = 0; i < 20; i++) mean = paceAfter(mean, 4, 40)
    expect(mean).toBeLessThan(0.2)
  })
})

describe('startAt', () => {
  const crew: Crew = { threads: 1, usable: 1, starting: 0, threadsMax: 4, busySince: 1_000, notBefore: -Infinity }

  it('starts the first at once, and another when nobody has been idle for twenty milliseconds', () => {
    expect(startAt({ ...crew, threads: 0, usable: 0 })).toBe(-Infinity)
    expect(startAt(crew)).toBe(1_020)
  })

  it('replaces one that is on its way out at once, where there is room beside it', () => {
    expect(startAt({ ...crew, usable: 0 })).toBe(-Infinity)
    expect(startAt({ ...crew, usable: 0, threadsMax: 1 })).toBe(Infinity)
  })

  it('starts none beside one that is starting, none too many, and none too early', () => {
    const any = fc.record({
      threads: fc.integer({ min: 0, max: 8 }),
      usable: fc.integer({ min: 0, max: 8 }),
      starting: fc.integer({ min: 0, max: 2 }),
      threadsMax: fc.integer({ min: 1, max: 8 }),
      busySince: fc.integer({ min: 0, max: 1_000 }),
      notBefore: fc.integer({ min: 0, max: 2_000 }),
    })
    fc.assert(
      fc.property(any, (given) => {
        const at = startAt(given)
        expect(at === Infinity).toBe(given.starting > 0 || given.threads >= given.threadsMax)
        expect(at).toBeGreaterThanOrEqual(given.notBefore)
      }),
    )
  })
})

describe('restartDelayMs', () => {
  it('is nothing after a worker that answered, then doubles from fifty milliseconds to a second', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 5_000].map(restartDelayMs)).toEqual([
      0, 50, 100, 200, 400, 800, 1_000, 1_000, 1_000,
    ])
  })
})

describe('fateOf', () => {
  it('blames the one that was being worked on, and lets the others go on for ever', () => {
    const progress = { begun: 3, done: 2 }
    expect([0, 1, 2, 3, 4].map((i) => fateOf(i, progress, 99))).toEqual(['again', 'again', 'lost', 'again', 'again'])
  })

  it('tries several that were being worked on one by one', () => {
    expect([0, 1, 2, 3].map((i) => fateOf(i, { begun: 3, done: 1 }, 0))).toEqual(['again', 'alone', 'alone', 'again'])
  })

  it('tries everybody once more where nobody was being worked on', () => {
    for (const progress of [
      { begun: 0, done: 0 },
      { begun: 4, done: 4 },
    ])
      expect([1, 2].map((tries) => fateOf(1, progress, tries))).toEqual(['again', 'lost'])
  })

  it('settles everybody in the end: what ends workers is lost, and nothing else', () => {
    const batches = fc.array(fc.boolean(), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 12 }), fc.boolean(), (poisonous, size, together) => {
        const { answered, lost, ended } = work(poisonous, size, together)
        expect([...answered].sort(byNumber)).toEqual(indexes(poisonous, false))
        expect([...lost].sort(byNumber)).toEqual(indexes(poisonous, true))
        // Together, a batch that has a poisonous item ends a worker first, and each of those one more.
        expect(ended).toBeLessThanOrEqual(2 * lost.length + (together ? Math.ceil(poisonous.length / size) : 0))
      }),
    )
  })
})

/** Workers that end at a poisonous item, on items one by one or all together, until nothing is left to do. */
function work(
  poisonous: readonly boolean[],
  size: number,
  together: boolean,
): { answered: readonly number[]; lost: readonly number[]; ended: number } {
  const answered: number[] = []
  const lost: number[] = []
  const alone = new Set<number>()
  let line = poisonous.map((_, i) => i)
  let ended = 0
  while (line.length > 0) {
    const first = line[0] ?? 0
    const others = line.findIndex((item, i) => i > 0 && alone.has(item))
    const length = alone.has(first) ? 1 : Math.min(size, others === -1 ? line.length : others)
    const batch = line.slice(0, length)
    const fatal = batch.findIndex((item) => poisonous[item] === true)
    const back: number[] = []
    if (fatal === -1) answered.push(...batch)
    else {
      ended++
      const progress = together ? { begun: length, done: 0 } : { begun: fatal + 1, done: fatal }
      for (const [i, item] of batch.entries()) {
        const fate: Fate = fateOf(i, progress, 0)
        if (fate === 'lost') lost.push(item)
        else back.push(item)
        if (fate === 'alone') alone.add(item)
      }
    }
    line = [...back, ...line.slice(length)]
  }
  return { answered, lost, ended }
}

function indexes(poisonous: readonly boolean[], which: boolean): readonly number[] {
  return poisonous.flatMap((is, i) => (is === which ? [i] : []))
}

function byNumber(a: number, b: number): number {
  return a - b
}
