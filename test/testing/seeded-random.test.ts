import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SeededRandom } from '../../src/testing/index.js'

const draw = (random: SeededRandom, count = 20): number[] => Array.from({ length: count }, () => random.word())

describe('seeded randomness', () => {
  it('draws the same for the same seed, and something else for another', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), (a, b) => {
        expect(draw(new SeededRandom(a))).toEqual(draw(new SeededRandom(a)))
        if (a >>> 0 !== b >>> 0) expect(draw(new SeededRandom(a))).not.toEqual(draw(new SeededRandom(b)))
      }),
    )
  })

  it('draws the same on every machine', () => {
    expect(draw(new SeededRandom(1), 4)).toEqual([393_288_148, 2_174_103_013, 3_814_759_091, 2_092_745_082])
  })

  it('draws floats evenly from 0 up to, but not including, 1', () => {
    const random = new SeededRandom(3)
    const counts = new Array<number>(10).fill(0)
    for (let i = 0; i < 20_000; i++) {
      const drawn = random.float()
      if (drawn < 0 || drawn >= 1) expect.unreachable(`drew ${String(drawn)}`)
      const at = Math.floor(10 * drawn)
      counts[at] = (counts[at] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200)
  })

  it('gives bytes of any length, little end of each word first', () => {
    for (const length of [0, 1, 4, 5, 33]) {
      const words = new DataView(new ArrayBuffer(36))
      for (const [i, word] of draw(new SeededRandom(9), 9).entries()) words.setUint32(4 * i, word, true)
      expect(new SeededRandom(9).bytes(length)).toEqual(new Uint8Array(words.buffer, 0, length))
    }
  })

  it('draws integers below a bound, each of them', () => {
    const random = new SeededRandom(4)
    const drawn = new Set(Array.from({ length: 200 }, () => random.below(6)))
    expect([...drawn].toSorted()).toEqual([0, 1, 2, 3, 4, 5])
  })

  it('shuffles a copy, and loses nothing', () => {
    fc.assert(
      fc.property(fc.integer(), fc.array(fc.integer()), (seed, items) => {
        const given = [...items]
        expect(new SeededRandom(seed).shuffled(items).toSorted()).toEqual(items.toSorted())
        expect(items).toEqual(given)
      }),
    )
    const firsts = new Set(Array.from({ length: 100 }, (_, seed) => new SeededRandom(seed).shuffled([1, 2, 3])[0]))
    expect(firsts.size).toBe(3)
  })

  it('forks a generator whose draws do not disturb its own', () => {
    const [one, other] = [new SeededRandom(5), new SeededRandom(5)]
    const [fork, sameFork] = [one.fork(), other.fork()]
    const forked = draw(fork)
    expect(draw(one)).toEqual(draw(other))
    expect(draw(sameFork)).toEqual(forked)
    expect(draw(new SeededRandom(5))).not.toEqual(forked)
  })
})
