import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ipBucket, ipPrefix } from '../../src/policy/address.js'
import { PendingPool, pendingMaxFor } from '../../src/policy/admission.js'

const UNTIRED = { attemptsPerMin: 65_536, listedAttemptsPerMin: 65_536 }
const BUSY = { kind: 'refuse', code: 'busy' }
const ADMITTED = { kind: 'admit', evict: null }

describe('pendingMaxFor', () => {
  it('is half the whitelist, and at least 64', () => {
    expect([0, 128, 129, 1000].map(pendingMaxFor)).toEqual([64, 64, 65, 500])
    expect(() => pendingMaxFor(-1)).toThrow('whitelisted must be a whole number from 0 to 131072, but was -1')
  })
})

describe('PendingPool', () => {
  it('keeps its bounds, turns no listed link away for strangers, and displaces only as it says', () => {
    const ips = fc
      .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 6 }))
      .map(([c, d]) => `10.0.${String(c)}.${String(d)}`)
    const step = fc.record({
      key: fc.integer({ min: 0, max: 30 }).map(String),
      ip: fc.oneof(ips, fc.constantFrom('2001:db8::1', '2001:db8:0:1::1', '2001:db8:1::1', '127.0.0.1', null)),
      listed: fc.boolean(),
      leaves: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(step, { maxLength: 150, size: 'max' }),
        (pendingMax, steps) => {
          const pool = new PendingPool({ pendingMax, perBucketMax: 2, ...UNTIRED })
          let model: { key: string; ip: string | null; listed: boolean }[] = []
          for (const { key, ip, listed, leaves } of steps) {
            model = model.filter((other) => other.key !== key)
            const strangers = model.filter((other) => !other.listed)
            if (leaves) {
              pool.remove(key)
              continue
            }
            const groupOf = (at: string | null): string => (at === null ? '' : ipPrefix(at, 24, 48))
            const crowd = (at: string | null): number =>
              strangers.filter((other) => groupOf(other.ip) === groupOf(at)).length
            const decision = pool.admit(key, ip, listed, 0)
            if (decision.kind === 'refuse') {
              expect(decision.code).toBe('busy')
              const sameBucket = strangers.filter(
                (other) => other.ip !== null && ip !== null && ipBucket(other.ip) === ipBucket(ip),
              )
              const isFull = listed || strangers.length === 0
              expect(isFull || sameBucket.length >= 2).toBe(true)
              if (listed) expect(model.filter((other) => other.listed).length).toBe(pendingMax)
            } else {
              if (decision.evict !== null) {
                const busiest = Math.max(...strangers.map((other) => crowd(other.ip)))
                const youngest = strangers.filter((other) => crowd(other.ip) === busiest).at(-1)
                expect(decision.evict).toBe(youngest?.key)
                model = model.filter((other) => other.key !== decision.evict)
              }
              model.push({ key, ip, listed })
            }
            expect(pool.size).toBe(model.length)
            expect(pool.size).toBeLessThanOrEqual(pendingMax)
            expect(model.filter((other) => !other.listed).length).toBeLessThanOrEqual(Math.floor(pendingMax / 2))
          }
        },
      ),
    )
  })

  it('displaces the silent before the stalled, the longest waited for first, and whoever is in time only for want of these', () => {
    const step = fc.record({
      key: fc.integer({ min: 0, max: 30 }).map(String),
      ip: fc.integer({ min: 1, max: 6 }).map((c) => `10.0.${String(c)}.1`),
      listed: fc.boolean(),
      act: fc.constantFrom('comes', 'comes', 'speaks', 'leaves'),
      afterMs: fc.constantFrom(0, 1, 100, 300, 500),
    })
    interface Waiting {
      readonly key: string
      readonly ip: string
      readonly listed: boolean
      spokeAt: number | null
      readonly cameAt: number
    }
    const isOverdue = ({ cameAt, spokeAt }: Waiting, now: number): boolean =>
      spokeAt === null ? now - cameAt > 300 : now - spokeAt > 500
    /** Who goes first has the least of these. */
    const rank = ({ cameAt, spokeAt }: Waiting): number => (spokeAt === null ? cameAt : 1e9 + spokeAt)
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 8 }),
        fc.array(step, { maxLength: 150, size: 'max' }),
        (pendingMax, steps) => {
          const pool = new PendingPool({ pendingMax, perBucketMax: 2, listedPerBucketMax: 3, ...UNTIRED })
          let model: Waiting[] = []
          let now = 0
          for (const { key, ip, listed, act, afterMs } of steps) {
            now += afterMs
            const known = model.find((other) => other.key === key)
            if (act === 'speaks') {
              pool.spoke(key, now)
              if (known !== undefined) known.spokeAt ??= now
              continue
            }
            model = model.filter((other) => other.key !== key)
            pool.remove(key)
            if (act === 'leaves') continue
            const decision = pool.admit(key, ip, listed, now)
            const neighbours = model.filter((other) => other.listed === listed && other.ip === ip)
            const isCrowded = neighbours.length >= (listed ? 3 : 2)
            const among = isCrowded ? neighbours : model.filter((other) => listed || !other.listed)
            const overdue = among.filter((other) => isOverdue(other, now))
            const strangers = overdue.filter((other) => !other.listed)
            const worst = Math.min(...(strangers.length > 0 ? strangers : overdue).map(rank))
            if (decision.kind === 'refuse') expect(overdue).toEqual([])
            else if (decision.evict !== null) {
              const victim = model.find((other) => other.key === decision.evict)
              if (victim === undefined) throw new Error('displaces somebody who is not there')
              if (overdue.length > 0) expect(rank(victim)).toBe(worst)
              else expect([victim.listed, isCrowded]).toEqual([false, false])
              expect(listed || !victim.listed).toBe(true)
            }
            if (decision.kind === 'refuse') continue
            model = [
              ...model.filter((other) => other.key !== decision.evict),
              { key, ip, listed, spokeAt: null, cameAt: now },
            ]
            expect(pool.size).toBe(model.length)
            expect(model.filter((other) => other.listed && other.ip === ip).length).toBeLessThanOrEqual(3)
            expect(model.filter((other) => !other.listed && other.ip === ip).length).toBeLessThanOrEqual(2)
          }
        },
      ),
    )
  })

  it('lets newcomers in where thirty-two silent links from as many networks hold the whole open share', () => {
    const pool = new PendingPool({ pendingMax: 64 })
    for (let i = 0; i < 32; i++)
      expect(pool.admit(`silent${String(i)}`, `20.${String(i)}.0.1`, false, 0)).toEqual(ADMITTED)
    for (let i = 0; i < 30; i++) {
      const [key, now] = [`honest${String(i)}`, 1_000 + i]
      expect(pool.admit(key, `30.${String(i)}.0.1`, false, now)).toEqual({ kind: 'admit', evict: `silent${String(i)}` })
      pool.spoke(key, now)
    }
    expect(pool.admit('last', '40.0.0.1', false, 1_100)).toEqual({ kind: 'admit', evict: 'silent30' })
  })

  it('gives 300 ms for the first message, and 500 ms more for the last', () => {
    const pool = new PendingPool({ pendingMax: 64, perBucketMax: 1, ...UNTIRED })
    const rival = (now: number): unknown => pool.admit('rival', '1.1.1.1', false, now)
    expect(pool.admit('k', '1.1.1.1', false, 0)).toEqual(ADMITTED)
    expect(rival(300)).toEqual(BUSY)
    pool.spoke('k', 250)
    pool.spoke('k', 700)
    expect(rival(750)).toEqual(BUSY)
    expect(rival(751)).toEqual({ kind: 'admit', evict: 'k' })
    expect(pool.admit('k', '1.1.1.1', false, 1_051)).toEqual(BUSY)
    expect(pool.admit('k', '1.1.1.1', false, 1_052)).toEqual({ kind: 'admit', evict: 'rival' })
  })

  it('bounds the links under way from one listed IP, where each of several peers there may have one', () => {
    const pool = new PendingPool({ pendingMax: 64, listedPerBucketMax: 4, ...UNTIRED })
    const come = (key: string, ip: string, now: number, sharers?: number): unknown =>
      pool.admit(key, ip, true, now, sharers)
    for (let i = 0; i < 4; i++) expect(come(`a${String(i)}`, '1.1.1.1', i)).toEqual(ADMITTED)
    expect(come('a4', '1.1.1.1', 300)).toEqual(BUSY)
    expect(come('b', '2.2.2.2', 300)).toEqual(ADMITTED)
    expect(come('a4', '1.1.1.1', 301)).toEqual({ kind: 'admit', evict: 'a0' })
    for (let i = 0; i < 6; i++) expect(come(`c${String(i)}`, '3.3.3.3', 400, 6)).toEqual(ADMITTED)
    expect(come('c6', '3.3.3.3', 400, 6)).toEqual(BUSY)
    expect(come('a5', '127.0.0.1', 400)).toEqual(ADMITTED)
  })

  it('displaces of several stalled ones who spoke first, whoever came first', () => {
    const pool = new PendingPool({ pendingMax: 64, perBucketMax: 2, ...UNTIRED })
    pool.admit('first', '1.1.1.1', false, 0)
    pool.admit('second', '1.1.1.1', false, 1)
    pool.spoke('second', 10)
    pool.spoke('first', 20)
    expect(pool.admit('third', '1.1.1.1', false, 521)).toEqual({ kind: 'admit', evict: 'second' })
  })

  it('changes its size with the lists, in the same shares, and turns out nobody for it', () => {
    const pool = new PendingPool({ pendingMax: 2, listedShare: 0.25 })
    const fill = (from: number, count: number, listed: boolean): unknown[] =>
      Array.from({ length: count }, (_, i) =>
        pool.admit(`${String(from)} ${String(i)}`, `${String(from + i)}.0.0.1`, listed, 0),
      )
    const admitted = (count: number): unknown[] => Array.from({ length: count }, () => ADMITTED)
    expect(fill(20, 2, false)).toEqual([ADMITTED, { kind: 'admit', evict: '20 0' }])
    pool.resize(8)
    expect(fill(30, 5, false)).toEqual(admitted(5))
    expect(pool.admit('one too many', '40.0.0.1', false, 0)).toEqual({ kind: 'admit', evict: '30 4' })
    expect(fill(50, 2, true)).toEqual(admitted(2))
    expect(pool.size).toBe(8)
    pool.resize(1)
    expect(pool.size).toBe(8)
    expect(() => {
      pool.resize(0)
    }).toThrow('pendingMax')
  })

  it('keeps half for listed addresses, who may use all of it', () => {
    const pool = new PendingPool({ pendingMax: 4, ...UNTIRED })
    expect(pool.admit('s1', '1.0.0.1', false, 0)).toEqual(ADMITTED)
    expect(pool.admit('s2', '2.0.0.1', false, 0)).toEqual(ADMITTED)
    expect(pool.admit('s3', '3.0.0.1', false, 0)).toEqual({ kind: 'admit', evict: 's2' })
    expect(pool.admit('l1', '4.0.0.1', true, 0)).toEqual(ADMITTED)
    expect(pool.admit('l2', '4.0.0.1', true, 0)).toEqual(ADMITTED)
    expect(pool.admit('l3', '4.0.0.1', true, 0)).toEqual({ kind: 'admit', evict: 's3' })
    expect(pool.admit('l4', '4.0.0.1', true, 0)).toEqual({ kind: 'admit', evict: 's1' })
    expect(pool.admit('l5', '4.0.0.1', true, 0)).toEqual(BUSY)
    expect(pool.admit('s4', '1.0.0.1', false, 0)).toEqual(BUSY)
  })

  it('lets a flood from one network evict only itself', () => {
    const pool = new PendingPool({ pendingMax: 64, ...UNTIRED })
    for (let i = 0; i < 10; i += 1) pool.admit(`honest${String(i)}`, `20.${String(i)}.0.1`, false, 0)
    for (let i = 0; i < 2000; i += 1) {
      const decision = pool.admit(`flood${String(i)}`, `30.0.0.${String(i % 250)}`, false, 0)
      expect(decision.kind === 'admit' && decision.evict?.startsWith('honest')).not.toBe(true)
    }
  })

  it('counts links under way per IPv4 address and IPv6 /64, except listed and loopback ones', () => {
    const pool = new PendingPool({ pendingMax: 64, ...UNTIRED })
    const admitFive = (ips: string[], listed: boolean): string =>
      ips.map((ip, i) => pool.admit(`${ip} ${String(i)} ${String(listed)}`, ip, listed, 0).kind).join(' ')
    const fourOnly = 'admit admit admit admit refuse'
    expect(admitFive(['1.1.1.1', '::ffff:1.1.1.1', '1.1.1.1', '1.1.1.1', '::ffff:101:101'], false)).toBe(fourOnly)
    expect(admitFive(['2600::1', '2600::2', '2600::3', '2600:0:0:0:1::', '2600::4'], false)).toBe(fourOnly)
    expect(
      admitFive(
        Array.from({ length: 5 }, () => '127.0.0.1'),
        false,
      ),
    ).not.toContain('refuse')
    expect(
      admitFive(
        Array.from({ length: 5 }, () => '2.2.2.2'),
        true,
      ),
    ).not.toContain('refuse')
  })

  it('counts attempts per minute, more of them for listed addresses', () => {
    const pool = new PendingPool({ pendingMax: 64 })
    const tries = (ip: string, listed: boolean, count: number, now: number): number => {
      let admitted = 0
      for (let i = 0; i < count; i += 1) {
        const decision = pool.admit('k', ip, listed, now)
        if (decision.kind === 'admit') admitted += 1
        else expect(decision.code).toBe('rate-limit')
      }
      return admitted
    }
    expect(tries('1.1.1.1', false, 100, 0)).toBe(10)
    expect(tries('1.1.1.1', false, 100, 60_000)).toBe(10)
    expect(tries('1.1.1.2', true, 100, 0)).toBe(60)
    expect(tries('127.0.0.1', false, 100, 0)).toBe(100)
    // One more every six seconds.
    expect([tries('1.1.1.1', false, 3, 65_999), tries('1.1.1.1', false, 3, 66_000)]).toEqual([0, 1])
    expect(pool.admit('k', '1.1.1.1', false, 66_000)).toEqual({ kind: 'refuse', code: 'rate-limit' })
  })

  it('counts nothing by IP where it is told not to', () => {
    const pool = new PendingPool({ pendingMax: 64, perIpLimits: false })
    for (let i = 0; i < 30; i += 1) expect(pool.admit(String(i), '1.1.1.1', false, 0)).toEqual(ADMITTED)
  })

  it('refuses bad options by name', () => {
    expect(() => new PendingPool({ pendingMax: 0 })).toThrow('pendingMax')
    for (const listedShare of [NaN, -0.01, 1.01])
      expect(() => new PendingPool({ pendingMax: 64, listedShare })).toThrow('listedShare must be a number from 0 to 1')
    expect(new PendingPool({ pendingMax: 1, listedShare: 0 }).admit('k', null, false, 0)).toEqual(ADMITTED)
    expect(new PendingPool({ pendingMax: 1, listedShare: 1 }).admit('k', null, false, 0)).toEqual(BUSY)
    expect(() => new PendingPool({ pendingMax: 64, prefixAttemptsPerMin: 0 })).toThrow('prefixAttemptsPerMin')
    expect(() => new PendingPool({ pendingMax: 64, perBucketMax: 0 })).toThrow('perBucketMax')
    expect(() => new PendingPool({ pendingMax: 64, listedPerBucketMax: 0 })).toThrow('listedPerBucketMax')
    expect(() => new PendingPool({ pendingMax: 64, attemptsPerMin: 0 })).toThrow('attemptsPerMin')
    expect(() => new PendingPool({ pendingMax: 64, listedAttemptsPerMin: 0.5 })).toThrow('listedAttemptsPerMin')
  })
})
