import { describe, expect, it } from 'vitest'
import { Blacklist } from '../../src/policy/blacklist.js'
import type { PeerId } from '../../src/ports/types.js'

const MIN = 60_000
const DAY = 24 * 60 * MIN
const A = 'a'.repeat(55) as PeerId
const B = 'b'.repeat(55) as PeerId

const ban = (changes: object): object => ({ key: A, cause: 'x', by: 'host', remainingMs: 1_000, ...changes })
const score = (changes: object): object => ({ key: A, points: 20, bansAgoMs: [], ...changes })
const restored = (json: unknown, now = 0, wallNow = 0): Blacklist => {
  const list = new Blacklist()
  list.restore(json, now, wallNow)
  return list
}
const withBan = (changes: object, wallNow = 0): Blacklist =>
  restored({ version: 1, savedAt: 0, bans: [ban(changes)], scores: [] }, 0, wallNow)
const withScore = (changes: object, wallNow = 0): Blacklist =>
  restored({ version: 1, savedAt: 0, bans: [], scores: [score(changes)] }, 0, wallNow)
/** How long the next ban of A lasts that strikes earn. */
const nextBanMs = (list: Blacklist): unknown => list.strike({ peerId: A, points: 1_000 }, 0).banned[0]?.untilAt

describe('a snapshot of a blacklist', () => {
  it('says how long each ban still holds, and how long ago the last two by strikes began', () => {
    const list = new Blacklist()
    list.ban('9.9.9.9', 'permanent', 'spam', 0)
    list.strike({ ip: '2001:db8::1', points: 1_000 }, 0)
    for (const now of [0, 10 * MIN, 20 * MIN]) list.strike({ peerId: A, points: 1_000 }, now)
    list.strike({ peerId: B }, 21 * MIN)
    expect(list.toJSON(21 * MIN, 77)).toEqual({
      version: 1,
      savedAt: 77,
      bans: [
        { key: '9.9.9.9', remainingMs: 'permanent', cause: 'spam', by: 'host' },
        { key: A, remainingMs: DAY - MIN, cause: 'strikes', by: 'strikes' },
      ],
      scores: [
        { key: '2001:db8::/64', points: list.points('2001:db8::1', 21 * MIN), bansAgoMs: [21 * MIN] },
        { key: '2001:db8::/48', points: 0, bansAgoMs: [] },
        { key: A, points: list.points(A, 21 * MIN), bansAgoMs: [11 * MIN, MIN] },
        { key: B, points: 20, bansAgoMs: [] },
      ],
    })
    expect(list.toJSON(0, 0).scores.map(({ bansAgoMs }) => bansAgoMs)).toEqual([[0], [], [0, 0], []])
  })

  it('of another version, without an instant, or of no such form at all brings nothing', () => {
    const whole = { version: 1, savedAt: 0, bans: [ban({})], scores: [score({})] }
    expect(restored(whole).size).toEqual({ scores: 1, bans: 1 })
    const others = [null, undefined, 1, 'text', [], { ...whole, version: 2 }, { ...whole, savedAt: '0' }]
    for (const json of [...others, { ...whole, savedAt: undefined }])
      expect(restored(json).size).toEqual({ scores: 0, bans: 0 })
  })

  it('brings back bans as they were, less the time that passed', () => {
    const ends = (changes: object): unknown => withBan(changes, 400).list(0)
    expect(ends({})).toEqual([{ key: A, untilAt: 600, cause: 'x', by: 'host' }])
    expect(ends({ by: 'strikes' })).toEqual([{ key: A, untilAt: 600, cause: 'x', by: 'strikes' }])
    expect(ends({ remainingMs: 'permanent' })).toEqual([{ key: A, untilAt: 'permanent', cause: 'x', by: 'host' }])
    expect(ends({ key: '::ffff:1.1.1.1' })).toMatchObject([{ key: '1.1.1.1' }])
    expect(ends({ cause: 'y'.repeat(300) })).toMatchObject([{ cause: 'y'.repeat(200) }])
  })

  it('brings no ban that is over, or of which something makes no sense', () => {
    const senseless = [{ key: 'x' }, { key: 1 }, { cause: null }, { by: 'peer' }, { by: undefined }]
    const over = [{ remainingMs: 400 }, { remainingMs: 0 }, { remainingMs: -1 }, { remainingMs: NaN }]
    for (const changes of [...senseless, ...over, { remainingMs: '1000' }, { remainingMs: null }])
      for (const by of ['host', 'strikes']) expect(withBan({ by, ...changes }, 400).size.bans).toBe(0)
  })

  it('brings no points of which something makes no sense', () => {
    const senseless = [{ key: 'x' }, { key: 1 }, { points: '20' }, { points: null }, { points: -1 }, { points: NaN }]
    for (const changes of senseless) expect(withScore(changes).size.scores).toBe(0)
    expect(withScore({ points: 0 }).size.scores).toBe(1)
  })

  it('brings what makes sense though other items are nothing of the kind', () => {
    const bad = [null, undefined, 5, 'text', []]
    const list = restored({ version: 1, savedAt: 0, bans: [...bad, ban({})], scores: [...bad, score({})] })
    expect(list.size).toEqual({ scores: 1, bans: 1 })
  })

  it('takes nothing from what is known already', () => {
    const list = new Blacklist()
    list.strike({ peerId: A, points: 60 }, 0)
    const weaker = { version: 1, savedAt: 0, bans: [ban({ by: 'strikes' })], scores: [score({})] }
    list.restore(weaker, 0, 0)
    list.restore({ ...weaker, bans: [ban({ by: 'strikes', remainingMs: 5 * MIN })] }, 0, 0)
    expect(list.check({ peerId: A }, 0)).toMatchObject({ untilAt: 5 * MIN, cause: 'strikes' })
    expect(list.points(A, 0)).toBe(60)
    list.restore({ ...weaker, bans: [ban({ by: 'strikes', remainingMs: 5 * MIN + 1 })] }, 0, 0)
    expect(list.check({ peerId: A }, 0)).toMatchObject({ untilAt: 5 * MIN + 1, cause: 'x' })
  })

  it('brings nothing of whom the host has pardoned since, until he is banned or struck anew', () => {
    const list = new Blacklist()
    expect(list.unban(A)).toBe(false)
    const json = { version: 1, savedAt: 0, bans: [ban({}), ban({ by: 'strikes' })], scores: [score({})] }
    list.restore(json, 0, 0)
    expect([list.check({ peerId: A }, 0), list.size]).toEqual([null, { scores: 0, bans: 0 }])
    list.ban(A, 5, 'again', 0)
    expect(list.check({ peerId: A }, 0)).toMatchObject({ untilAt: 5, cause: 'again' })
  })

  it('counts two bans within the last day towards the long one, wherever the day was spent', () => {
    const after = (bansAgoMs: unknown, awayMs = 0): unknown => nextBanMs(withScore({ bansAgoMs }, awayMs))
    expect(after([0, 0])).toBe(DAY)
    expect(after([DAY - 1, DAY - 1])).toBe(DAY)
    expect(after([DAY, 0])).toBe(5 * MIN)
    expect(after([DAY / 2, 0], DAY / 2 - 1)).toBe(DAY)
    expect(after([DAY / 2, 0], DAY / 2)).toBe(5 * MIN)
    for (const bad of [[-1, -1], ['1', '1'], [NaN, NaN], [null, null], 'ab', undefined])
      expect(after(bad)).toBe(5 * MIN)
  })
})
