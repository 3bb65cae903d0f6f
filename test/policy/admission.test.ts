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
    expect(() => pendingMaxFor(-1)).toThrow('whitelisted')
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
  })

  it('counts nothing by IP where it is told not to', () => {
    const pool = new PendingPool({ pendingMax: 64, perIpLimits: false })
    for (let i = 0; i < 30; i += 1) expect(pool.admit(String(i), '1.1.1.1', false, 0)).toEqual(ADMITTED)
  })

  it('refuses bad options by name', () => {
    expect(() => new PendingPool({ pendingMax: 0 })).toThrow('pendingMax')
    expect(() => new PendingPool({ pendingMax: 64, listedShare: NaN })).toThrow('listedShare')
    expect(() => new PendingPool({ pendingMax: 64, perBucketMax: 0 })).toThrow('perBucketMax')
    expect(() => new PendingPool({ pendingMax: 64, attemptsPerMin: 0 })).toThrow('attemptsPerMin')
    expect(() => new PendingPool({ pendingMax: 64, listedAttemptsPerMin: 0.5 })).toThrow('listedAttemptsPerMin')
  })
})
