import { describe, expect, it } from 'vitest'
import { Dependence } from '../../src/policy/dependence.js'

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
    expect(dependence.next()).toBe('tell')
    dependence.told(100, 99, 0)
    expect(dependence.next()).toBe('tell')
  })

  it('that asks for most of what it is told is pushed to, and told of one message in sixteen at once', () => {
    const dependence = toldSingly(4, 4)
    const next = Array.from({ length: 48 }, () => dependence.next())
    expect(next.filter((approach) => approach === 'push').length).toBe(45)
    expect(next.filter((approach) => approach === 'probe').length).toBe(3)
  })

  it('that asks for less than four tells nothing', () => {
    expect([toldSingly(3, 3).next(), toldSingly(4, 4).next()]).toEqual(['tell', 'push'])
  })

  it('that asks for half of it is told, as before', () => {
    const dependence = new Dependence()
    dependence.told(16, 15, 0)
    dependence.asked(8, 12)
    expect(dependence.next()).toBe('tell')
    dependence.told(1, 16, 0)
    dependence.asked(1, 16)
    expect(dependence.next()).toBe('push')
  })

  it('that was told a thousand at once depends on us when it asks for most of them', () => {
    const dependence = new Dependence()
    dependence.told(1_000, 999, 0)
    dependence.asked(501, 700)
    expect(dependence.next()).toBe('push')
  })

  it('that asks for what it was told last did not want what it was told before', () => {
    const dependence = new Dependence()
    for (let i = 0; i < 10; i++) dependence.told(1, i, 0)
    dependence.asked(1, 9)
    expect(dependence.next()).toBe('tell')
  })

  it('that has not answered yet is what it was, for ten seconds, however much it is told', () => {
    const dependence = toldSingly(16, 16)
    for (let ms = 0; ms < GRACE_MS; ms += 10) {
      dependence.told(1_000, 16 + ms, ms)
      expect(dependence.next()).not.toBe('tell')
    }
    // The last of many stands for all that came after it.
    dependence.told(1, 20_000, 3 * GRACE_MS)
    expect(dependence.next()).toBe('tell')
  })

  it('that answers seconds late depends on us no less', () => {
    const dependence = new Dependence()
    for (let at = 0; at < 60_000; at += 10) {
      dependence.told(1, at, at)
      if (at >= 2_000) dependence.asked(1, at - 2_000)
      if (at >= 5_000) expect(dependence.next(), String(at)).not.toBe('tell')
    }
  })

  it('that no longer asks is pushed to no more', () => {
    const dependence = toldSingly(16, 16)
    let pushed = 0
    for (let i = 0; i < 1_000; i++)
      if (dependence.next() === 'push') pushed++
      else dependence.told(1, 16 + i, i * 1_000)
    expect(pushed).toBeGreaterThan(0)
    expect(pushed).toBeLessThan(400)
    expect(dependence.next()).toBe('tell')
  })
})
