/** Pulls among peers that say what is not so. */
import { describe, expect, it } from 'vitest'
import { Pulls } from '../../src/policy/pulls.js'
import type { PeerId } from '../../src/ports/types.js'

const KEY = 'block'
const KIB = 1_024
const MIB = KIB * KIB
const peer = (i: number): PeerId => `peer ${String(i)}` as PeerId
const [liar, a, b] = [peer(100), peer(0), peer(1)]

/** Everything due up to an instant. */
function until(pulls: Pulls, at: number): string[] {
  const asked: string[] = []
  for (let next = pulls.nextAt; next <= at; next = pulls.nextAt)
    asked.push(...pulls.due(next).map(({ from }) => `${from} at ${String(next)}`))
  return asked
}

describe('a liar', () => {
  it('who announces a block as tiny does not make every other source send it at once, or a defaulter of who does', () => {
    const pulls = new Pulls()
    pulls.announced(KEY, 16, liar, 'regular', 0)
    for (const from of [a, b]) pulls.announced(KEY, 4 * MIB, from, 'regular', 10)
    expect(until(pulls, 250)).toEqual([`${a} at 250`])
    for (let at = 300; at <= 3_000; at += 100) {
      pulls.moved(KEY, a, 65_536, at)
      expect(until(pulls, at)).toEqual([])
    }
    expect(pulls.isDefaulter(a, 3_000)).toBe(false)
  })

  it('who has not what it has just announced is not asked first again', () => {
    const pulls = new Pulls()
    pulls.announced('one', 5 * KIB, liar, 'regular', 0)
    pulls.refused('one', liar, 249)
    expect(pulls.announced('two', 5 * KIB, liar, 'regular', 1_000)).toBe(false)
    expect(pulls.announced('two', 5 * KIB, a, 'regular', 1_001)).toBe(true)
  })

  it('and sixteen friends who announce it first and have it not do not keep an honest source from being asked', () => {
    const pulls = new Pulls()
    const asked: PeerId[] = []
    let now = 0
    for (const key of ['one', 'two', 'three']) {
      const liars = Array.from({ length: 17 }, (_, i) => peer(100 + i))
      for (const from of liars) pulls.announced(key, 5 * KIB, from, 'regular', now)
      if (pulls.announced(key, 5 * KIB, a, 'regular', now + 5)) asked.push(a)
      for (const from of liars) {
        now += 249
        const pull = pulls.refused(key, from, now)
        if (pull?.from === a) asked.push(a)
      }
    }
    expect(asked.length).toBeGreaterThanOrEqual(2)
  })

  it('whose fragments crawl does not keep a masternode from being asked', () => {
    const pulls = new Pulls()
    pulls.announced(KEY, MIB, liar, 'regular', 0)
    pulls.announced(KEY, MIB, a, 'masternode', 10)
    const asked: string[] = []
    for (let at = 200; at < 4_000; at += 200) {
      asked.push(...until(pulls, at))
      pulls.moved(KEY, liar, 1_024, at)
    }
    pulls.refused(KEY, liar, 3_999)
    expect(asked).toEqual([expect.stringContaining(a)])
  })

  it('with fifteen friends does not keep masternodes from being asked, of whatever it may be', () => {
    const pulls = new Pulls()
    for (let i = 0; i < 16; i++)
      for (let n = 0; n < 1_024; n++) pulls.announced(`${String(i)} ${String(n)}`, MIB, peer(100 + i), 'regular', 0)
    expect(pulls.announced(KEY, 5 * KIB, a, 'masternode', 10)).toBe(true)
  })
})

describe('nothing wanted', () => {
  it('is nothing to be looked at', () => {
    const pulls = new Pulls()
    pulls.announced(KEY, 5 * KIB, a, 'regular', 0)
    pulls.arrived(KEY, a)
    expect([pulls.size, pulls.nextAt]).toEqual([0, Infinity])
  })
})

describe('what came and was lost again', () => {
  it('is asked for when it is announced anew, whoever else still owes it', () => {
    const pulls = new Pulls()
    for (const from of [a, b]) pulls.announced(KEY, 5 * KIB, from, 'regular', 0)
    until(pulls, 250)
    pulls.arrived(KEY, b)
    // Its handler failed twice: to the node it is as if it had never come.
    pulls.announced(KEY, 5 * KIB, b, 'regular', 300)
    expect(until(pulls, 1_000)).toEqual([`${b} at 500`])
  })
})
