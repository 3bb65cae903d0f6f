/** What a lab does to whole swarms with time: clocks that run apart, processes that stand still, and those that begin anew. */
import { describe, expect, it } from 'vitest'
import { listen } from '../swarm/lab-ear.js'

const HOUR_MS = 3_600_000
const pairsOf = (count: number): number => (count * (count - 1)) / 2

describe('swarms whose clocks differ', () => {
  /** A thousandth slow, right, a thousandth fast; and up to nine hours off. */
  const clock = (index: number): { readonly rate: number; readonly wallOffsetMs: number } => ({
    rate: [0.999, 1, 1.001][index % 3] ?? 1,
    wallOffsetMs: (index - 4) * 2.25 * HOUR_MS,
  })

  it('form a mesh that nobody in it ever doubts', () => {
    const { lab, heard } = listen({ seed: 1, masternodes: 9, clock })
    lab.run(5_000)
    expect(lab.links().length).toBe(pairsOf(9))
    lab.run(HOUR_MS)
    expect(lab.links().length).toBe(pairsOf(9))
    for (let i = 0; i < 9; i++) {
      expect(heard(i, 'peer:suspect')).toEqual([])
      expect(heard(i, 'peer:disconnect')).toEqual([])
    }
  })

  it('heal as fast as others do', () => {
    const { lab } = listen({ seed: 2, masternodes: 9, clock })
    lab.run(20_000)
    lab.split([0, 1, 2, 3], [4, 5, 6, 7, 8])
    lab.run(600_000)
    expect(lab.linked(0, 8)).toBe(false)
    lab.heal()
    lab.run(10_000)
    expect(lab.links().length).toBe(pairsOf(9))
  })

  it('refuse each other as strangers where one is weeks off, and say so', () => {
    const WEEK_MS = 7 * 24 * HOUR_MS
    const { lab, heard } = listen({
      seed: 3,
      masternodes: 0,
      nodes: 2,
      clock: (index) => ({ wallOffsetMs: index * 2 * WEEK_MS }),
    })
    lab.run(20_000)
    expect(lab.linked(0, 1)).toBe(false)
    expect(heard(1, 'dial:failed').map(({ args: [{ reason }] }) => reason.code)).toContain('expired')
  })
})

describe('a process that stands still for 25 seconds', () => {
  it('is suspected, not closed, by everybody, suspects nobody itself, and is trusted again as soon as it goes on', () => {
    const { lab, heard, forget } = listen({ seed: 1, masternodes: 5 })
    lab.run(30_000)
    forget()
    lab.freeze(0, 25_000)
    lab.run(24_900)
    for (const i of [1, 2, 3, 4]) {
      expect(heard(i, 'peer:suspect').map(({ args: [peer] }) => peer.id)).toEqual([lab.id(0)])
      expect(lab.linked(0, i)).toBe(false)
    }
    lab.run(1_500)
    for (const i of [1, 2, 3, 4]) expect(lab.linked(0, i), String(i)).toBe(true)
    lab.run(60_000)
    expect(heard(0, 'peer:suspect')).toEqual([])
    for (const i of [0, 1, 2, 3, 4]) expect(heard(i, 'peer:disconnect')).toEqual([])
  })
})

describe('a machine that dies without a word', () => {
  it('is another process when it returns: everybody is told of an end and a beginning, with another handle', () => {
    const { lab, heard, forget } = listen({ seed: 1, masternodes: 5 })
    lab.run(30_000)
    const handles = [1, 2, 3, 4].map((i) => lab.swarm(i).peer(lab.id(0)))
    forget()
    lab.kill(0, { silent: true })
    lab.run(3_000)
    for (const i of [1, 2, 3, 4]) expect(lab.swarm(i).peer(lab.id(0))).toBe(handles[i - 1])
    lab.start(0)
    lab.run(5_000)
    for (const i of [1, 2, 3, 4]) {
      expect(lab.linked(0, i), String(i)).toBe(true)
      expect(heard(i, 'peer:disconnect').map(({ args: [peer] }) => peer)).toEqual([handles[i - 1]])
      expect(heard(i, 'peer:connect').length).toBe(1)
      expect(lab.swarm(i).peer(lab.id(0))).not.toBe(handles[i - 1])
      expect(heard(i, 'peer:suspect')).toEqual([])
    }
  })
})
