import { describe, expect, it } from 'vitest'
import { Dependence, Probes } from '../../src/policy/dependence.js'

const GRACE_MS = 10_000

/** One that was told one message at a time, and asked for the first of them. */
function toldSingly(told: number, asked: number): Dependence {
  const dependence = new Dependence()
  for (let i = 0; i < told; i++) {
    dependence.told(1, i, 0)
    if (i < asked) dependence.asked(1, i)
  }
  return dependence
}

describe('a peer', () => {
  it('is told, and not pushed to, before it has asked', () => {
    const dependence = new Dependence()
    expect(dependence.isDependent).toBe(false)
    dependence.told(100, 99, 0)
    expect(dependence.isDependent).toBe(false)
  })

  it('that asks for less than four tells nothing', () => {
    expect([toldSingly(3, 3).isDependent, toldSingly(4, 4).isDependent]).toEqual([false, true])
  })

  it('that asks for half of it is told, as before', () => {
    const dependence = new Dependence()
    dependence.told(16, 15, 0)
    dependence.asked(8, 12)
    expect(dependence.isDependent).toBe(false)
    dependence.told(1, 16, 0)
    dependence.asked(1, 16)
    expect(dependence.isDependent).toBe(true)
  })

  it('that was told a thousand at once depends on us when it asks for most of them', () => {
    const dependence = new Dependence()
    dependence.told(1_000, 999, 0)
    dependence.asked(501, 700)
    expect(dependence.isDependent).toBe(true)
  })

  it('that asks for what it was told last did not want what it was told before', () => {
    const dependence = new Dependence()
    for (let i = 0; i < 10; i++) dependence.told(1, i, 0)
    dependence.asked(1, 9)
    expect(dependence.isDependent).toBe(false)
  })

  it('that asks for something has answered what it was told up to there, and nothing of what came later', () => {
    const dependence = new Dependence()
    for (let i = 0; i < 8; i++) dependence.told(1, i, 0)
    // Three of five.
    dependence.asked(3, 4)
    expect(dependence.isDependent).toBe(true)
    dependence.asked(0, 7)
    expect(dependence.isDependent).toBe(false)
  })

  it('that has not answered yet is what it was, for ten seconds, however much it is told', () => {
    const dependence = toldSingly(16, 16)
    for (let ms = 0; ms < GRACE_MS; ms += 10) {
      dependence.told(1_000, 16 + ms, ms)
      expect(dependence.isDependent).toBe(true)
    }
    // The last of many stands for all that came after it.
    dependence.told(1, 20_000, 3 * GRACE_MS)
    expect(dependence.isDependent).toBe(false)
  })

  it('that answers seconds late depends on us no less', () => {
    const dependence = new Dependence()
    for (let at = 0; at < 60_000; at += 10) {
      dependence.told(1, at, at)
      if (at >= 2_000) dependence.asked(1, at - 2_000)
      if (at >= 5_000) expect(dependence.isDependent, String(at)).toBe(true)
    }
  })

  it('that no longer asks is pushed to no more', () => {
    const dependence = toldSingly(16, 16)
    // One probe a second, which it leaves unanswered.
    const doubted = Array.from({ length: 30 }, (_, second) => {
      dependence.told(1, 16 + second, second * 1_000)
      return dependence.isDependent
    })
    expect(doubted.lastIndexOf(true)).toBeGreaterThanOrEqual(GRACE_MS / 1_000)
    expect(doubted.lastIndexOf(true)).toBeLessThan(GRACE_MS / 1_000 + 12)
    expect(dependence.isDependent).toBe(false)
  })
})

describe('peers that depend on a node', () => {
  it('are told of one message in sixteen at most', () => {
    const probes = new Probes()
    const asked = Array.from({ length: 160 }, (_, i) => probes.next(i * 10_000))
    expect(asked.filter(Boolean).length).toBe(10)
    expect(asked.indexOf(true)).toBe(15)
  })

  it('are told of one every half second at most', () => {
    const probes = new Probes()
    const asked = Array.from({ length: 10_000 }, (_, ms) => probes.next(ms))
    expect(asked.filter(Boolean).length).toBe(20)
  })
})
