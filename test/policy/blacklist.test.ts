import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Blacklist } from '../../src/policy/blacklist.js'
import type { PeerId } from '../../src/ports/types.js'

const MIN = 60_000
const DAY = 24 * 60 * MIN
const id = (letter: string): PeerId => letter.repeat(55) as PeerId
const A = id('a')
const B = id('b')

function banBy(list: Blacklist, offender: { peerId?: PeerId; ip?: string }, now: number): void {
  list.strike({ ...offender, points: 1000 }, now)
}

describe('an option', () => {
  it('that is misspelt is refused by its name', () => {
    const misspelt = { banAfter: 1 } as never
    expect(() => new Blacklist(misspelt)).toThrow('there is no option blacklist.banAfter')
  })
})

describe('points', () => {
  it('ban exactly where the decayed sum reaches the limit and no ban holds', () => {
    const strikes = fc.array(
      fc.record({ points: fc.integer({ min: 1, max: 60 }), waitMs: fc.integer({ min: 0, max: 20 * MIN }) }),
    )
    fc.assert(
      fc.property(strikes, (steps) => {
        const list = new Blacklist()
        const bannedAt: number[] = []
        let now = 0
        let sum = 0
        let until = -1
        for (const { points, waitMs } of steps) {
          now += waitMs
          sum = Math.min(1000, sum * 0.5 ** (waitMs / (10 * MIN)) + points)
          const { banned, points: answered } = list.strike({ peerId: A, points }, now)
          expect(answered).toBeCloseTo(sum, 6)
          if (Math.abs(sum - 50) < 1e-6) return
          expect(banned.length).toBe(sum >= 50 && now >= until ? 1 : 0)
          if (banned.length === 0) continue
          const recent = bannedAt.filter((at) => now - at < DAY).length
          until = now + (recent >= 2 ? DAY : 5 * MIN)
          bannedAt.push(now)
          expect(banned[0]).toMatchObject({ key: A, untilAt: until, by: 'strikes' })
          expect(list.check({ peerId: A }, until - 1)?.untilAt).toBe(until)
          expect(list.check({ peerId: A }, until)).toBeNull()
        }
      }),
    )
  })

  it('only ever fall while nobody strikes, and a clock that goes back changes nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: DAY })), (waits) => {
        const list = new Blacklist()
        list.strike({ peerId: A }, 1000)
        let now = 1000
        let last = list.points(A, now)
        expect(list.points(A, 0)).toBe(last)
        for (const wait of waits) {
          now += wait
          const points = list.points(A, now)
          expect(points).toBeLessThanOrEqual(last)
          last = points
        }
      }),
    )
    const list = new Blacklist()
    list.strike({ peerId: A }, 0)
    expect(list.points(A, 10 * MIN)).toBe(10)
  })

  it('are unmoved by weights that are not above 0, and stay finite', () => {
    const list = new Blacklist()
    for (const points of [0, -20, NaN, -Infinity])
      expect(list.strike({ peerId: A, ip: '1.1.1.1', points }, 0)).toEqual({ points: 0, banned: [] })
    expect(list.size).toEqual({ scores: 0, bans: 0 })
    expect(list.strike({ peerId: A, points: Infinity }, 0).points).toBe(1000)
    expect(list.strike({}, 0)).toEqual({ points: 0, banned: [] })
  })

  it('ban at the limit itself, and say whom for how long and why', () => {
    const list = new Blacklist()
    expect(list.strike({ peerId: A, ip: '1.1.1.1', points: 49 }, 0)).toEqual({ points: 49, banned: [] })
    const ban = { untilAt: 5 * MIN, cause: 'strikes', by: 'strikes' }
    expect(list.strike({ peerId: A, ip: '1.1.1.1', points: 1 }, 0)).toEqual({
      points: 50,
      banned: [
        { key: A, ...ban },
        { key: '1.1.1.1', ...ban },
      ],
    })
    // Neither an id nor an IPv4 address has a network around it that would be counted along.
    expect(list.size).toEqual({ scores: 2, bans: 2 })
  })

  it('are those of one address however it is written, and of a remote that is no address at all', () => {
    const list = new Blacklist()
    list.strike({ ip: '::ffff:1.2.3.4' }, 0)
    list.strike({ ip: 'Onion' }, 0)
    expect(['1.2.3.4', '::ffff:102:304', 'onion'].map((key) => list.points(key, 0))).toEqual([20, 20, 20])
    expect(['::ffff:1.2.3.4', 'onion'].map((key) => list.unban(key))).toEqual([true, true])
    expect(list.size).toEqual({ scores: 0, bans: 0 })
  })

  it('ban at the third strike, id and IP, the IP never for long', () => {
    const list = new Blacklist()
    const strike = (now: number): string[] =>
      list.strike({ peerId: A, ip: '1.1.1.1' }, now).banned.map(({ key, untilAt }) => `${key} ${String(untilAt)}`)
    expect([strike(0), strike(0), strike(0)]).toEqual([
      [],
      [],
      [`${A} ${String(5 * MIN)}`, `1.1.1.1 ${String(5 * MIN)}`],
    ])
    banBy(list, { peerId: A, ip: '1.1.1.1' }, 10 * MIN)
    banBy(list, { peerId: A, ip: '1.1.1.1' }, 20 * MIN)
    expect(list.check({ peerId: A }, 20 * MIN)?.untilAt).toBe(20 * MIN + DAY)
    expect(list.check({ ip: '1.1.1.1' }, 20 * MIN)?.untilAt).toBe(25 * MIN)
  })
})

describe('the long ban', () => {
  it('is for the third within a day, not for one older than that', () => {
    const list = new Blacklist()
    for (const now of [0, DAY / 2, DAY]) banBy(list, { peerId: A }, now)
    expect(list.check({ peerId: A }, DAY)?.untilAt).toBe(DAY + 5 * MIN)
    banBy(list, { peerId: A }, DAY + 10 * MIN)
    expect(list.check({ peerId: A }, DAY + 10 * MIN)?.untilAt).toBe(2 * DAY + 10 * MIN)
  })
})

describe('exempt ids', () => {
  it('are never banned, whatever happens in which order', () => {
    const call = fc.constantFrom('strike', 'ban', 'restore', 'exempt', 'unexempt')
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40, size: 'max' }), (calls) => {
        const list = new Blacklist()
        const other = new Blacklist()
        other.ban(A, 'permanent', 'x', 0)
        let isExempt = false
        for (const name of calls) {
          if (name === 'strike') list.strike({ peerId: A, points: 60 }, 0)
          else if (name === 'ban') expect(list.ban(A, 'permanent', 'x', 0)).toBe(isExempt ? 'exempt' : 'banned')
          else if (name === 'restore') list.restore(other.toJSON(0, 0), 0, 0)
          else list[name](A)
          if (name === 'exempt' || name === 'unexempt') isExempt = name === 'exempt'
          if (isExempt) {
            expect(list.check({ peerId: A }, 0)).toBeNull()
            expect(list.list(0)).toEqual([])
          }
        }
      }),
    )
  })

  it('keep points to be looked at, spare their IP, and pass through the ban of an IP', () => {
    const list = new Blacklist()
    list.exempt(A)
    expect(list.strike({ peerId: A, ip: '1.1.1.1', points: 80 }, 0)).toEqual({ points: 80, banned: [] })
    expect(list.points('1.1.1.1', 0)).toBe(0)
    banBy(list, { ip: '1.1.1.1' }, 0)
    expect(list.check({ peerId: A, ip: '1.1.1.1' }, 0)).toBeNull()
    expect(list.check({ peerId: B, ip: '1.1.1.1' }, 0)?.key).toBe('1.1.1.1')
    list.unexempt(A)
    expect(list.check({ peerId: A, ip: '1.1.1.1' }, 0)?.key).toBe('1.1.1.1')
  })
})

describe('bans', () => {
  it('are never shortened by repeating, whoever repeats', () => {
    const bans = fc.array(fc.record({ untilAt: fc.integer({ min: 1, max: DAY }), byHost: fc.boolean() }), {
      minLength: 1,
    })
    fc.assert(
      fc.property(bans, (steps) => {
        const list = new Blacklist()
        let longest = 0
        for (const { untilAt, byHost } of steps) {
          if (byHost) list.ban(A, untilAt, 'x', 0)
          else banBy(list, { peerId: A }, 0)
          const until = Number(list.check({ peerId: A }, 0)?.untilAt)
          expect(until).toBeGreaterThanOrEqual(Math.max(longest, byHost ? untilAt : 0))
          longest = until
        }
      }),
    )
  })

  it('mean one address however it is written', () => {
    const list = new Blacklist()
    list.ban('::ffff:1.2.3.4', 'permanent', 'x', 0)
    expect(list.check({ ip: '1.2.3.4' }, 0)?.key).toBe('1.2.3.4')
    list.ban('FE80:0::1%eth0', 'permanent', 'x', 0)
    expect(list.check({ ip: 'fe80::2%eth1' }, 0)?.key).toBe('fe80::/64')
    list.ban('2001:db8:1::/48', 'permanent', 'x', 0)
    expect(list.check({ ip: '2001:db8:1:ffff::1' }, 0)?.key).toBe('2001:db8:1::/48')
    expect(list.check({ ip: '2001:db8:2::1' }, 0)).toBeNull()
    for (const key of ['10.0.0.300', 'host', '10.0.0.0/8', 'a'.repeat(54)]) {
      expect(() => list.ban(key, 'permanent', 'x', 0)).toThrow(
        `key must be a peer id, an IP address, or an IPv6 /64 or /48, but was "${key}"`,
      )
    }
    expect(() => list.ban(A, NaN, 'x', 0)).toThrow("untilAt must be finite or 'permanent', but was NaN")
    for (const none of [undefined, 5, null]) expect(() => list.ban(none as never, 5, 'x', 0)).toThrow('key must be')
    expect(list.check({ peerId: B, ip: 'host' }, 0)).toBeNull()
  })

  it('name the id first', () => {
    const list = new Blacklist()
    banBy(list, { peerId: A, ip: '1.1.1.1' }, 0)
    expect(list.check({ peerId: A, ip: '1.1.1.1' }, 0)?.key).toBe(A)
    expect(list.check({ peerId: null, ip: null }, 0)).toBeNull()
  })

  it('spread to the /48 when eight networks of it are banned at once', () => {
    const subnet = (n: number): string => `2001:db8:7:${String(n)}::1`
    const list = new Blacklist()
    for (let n = 0; n < 7; n += 1) banBy(list, { ip: subnet(n) }, n)
    banBy(list, { ip: subnet(0) }, 7)
    expect(list.check({ ip: subnet(99) }, 7)).toBeNull()
    banBy(list, { ip: subnet(8) }, 8)
    expect(list.check({ ip: subnet(99) }, 8)).toMatchObject({ key: '2001:db8:7::/48', untilAt: 8 + 5 * MIN })

    const single = new Blacklist()
    for (let n = 0; n < 20; n += 1) banBy(single, { ip: subnet(0) }, n * 5 * MIN)
    expect(single.check({ ip: subnet(99) }, 95 * MIN)).toBeNull()

    const slow = new Blacklist()
    for (let n = 0; n < 20; n += 1) banBy(slow, { ip: subnet(n) }, n * MIN)
    expect(slow.check({ ip: subnet(99) }, 19 * MIN)).toBeNull()
  })

  it('of a /48 hold no more of its networks than twice as many as it takes', () => {
    const list = new Blacklist()
    const strike = (n: number) => list.strike({ ip: `2001:db8:7:${n.toString(16)}::1`, points: 1_000 }, n).banned
    for (let n = 1; n <= 40; n++) strike(n)
    list.lift('2001:db8:7::/48')
    expect(strike(41).at(-1)).toMatchObject({ key: '2001:db8:7::/48', cause: '16 networks in it are banned' })
  })

  it('of a /48 begin once, and again only when its own has ended', () => {
    const subnet = (n: number): string => `2001:db8:7:${String(n)}::1`
    const own = (n: number, now: number): unknown => ({
      key: `2001:db8:7:${String(n)}::/64`,
      untilAt: now + 5 * MIN,
      cause: 'strikes',
      by: 'strikes',
    })
    const wide = (now: number): unknown => ({
      key: '2001:db8:7::/48',
      untilAt: now + 5 * MIN,
      cause: '8 networks in it are banned',
      by: 'strikes',
    })
    const list = new Blacklist()
    const strike = (n: number, now: number): unknown => list.strike({ ip: subnet(n), points: 1000 }, now).banned
    for (let n = 1; n < 8; n += 1) expect(strike(n, 0)).toEqual([own(n, 0)])
    expect(strike(8, 0)).toEqual([own(8, 0), wide(0)])
    for (let n = 10; n < 20; n += 1) expect(strike(n, MIN)).toEqual([own(n, MIN)])
    expect(strike(20, 5 * MIN)).toEqual([
      own(20, 5 * MIN),
      { ...Object(wide(5 * MIN)), cause: '11 networks in it are banned' },
    ])
  })

  it('of a /48 begin by its networks that are banned for longest, however many were banned since', () => {
    const list = new Blacklist({ subnetsMax: 2 })
    const strike = (n: number, now: number): number =>
      list.strike({ ip: `2001:db8:7:${String(n)}::1`, points: 1_000 }, now).banned.length
    expect(strike(1, 0)).toBe(1)
    list.ban('2001:db8:7:1::1', 'permanent', 'by hand', 0)
    expect([2, 3, 4, 5, 6].map((n) => strike(n, 1))).toEqual([2, 1, 1, 1, 1])
    expect(strike(7, 5 * MIN + 1)).toBe(2)
  })

  it('of one end are told of by the host, who said the last word', () => {
    const list = new Blacklist()
    banBy(list, { peerId: A }, 0)
    list.ban(A, 5 * MIN, 'by hand', 0)
    expect(list.check({ peerId: A }, 0)).toEqual({ key: A, untilAt: 5 * MIN, cause: 'by hand', by: 'host' })
    list.ban(A, 5 * MIN, 'on second thoughts', 0)
    expect(list.check({ peerId: A }, 0)?.cause).toBe('on second thoughts')
  })

  it('by strikes are lifted without forgiving, and those by the host are not', () => {
    const list = new Blacklist()
    for (const offender of [{ peerId: A }, { ip: '1.1.1.1' }, { ip: 'onion' }]) banBy(list, offender, 0)
    list.ban(B, 'permanent', 'by hand', 0)
    for (const key of [A, B, '::ffff:1.1.1.1', 'onion']) list.lift(key)
    expect(list.list(0).map(({ key }) => key)).toEqual([B])
    expect([A, '1.1.1.1', 'onion'].map((key) => list.points(key, 0))).toEqual([1000, 1000, 1000])
  })

  it('are lifted together with the points behind them', () => {
    const list = new Blacklist()
    banBy(list, { peerId: A }, 0)
    expect([list.unban(A), list.unban(A)]).toEqual([true, false])
    expect(list.check({ peerId: A }, 0)).toBeNull()
    expect(list.strike({ peerId: A }, 0).banned).toEqual([])
  })
})

describe('bounds', () => {
  it('hold against any number of offenders, and bans outlive points', () => {
    const list = new Blacklist({ keysMax: 100 })
    banBy(list, { peerId: A }, 0)
    list.ban(B, 'permanent', 'x', 0)
    for (let i = 0; i < 5000; i += 1) list.strike({ ip: `10.0.${String(i >> 8)}.${String(i & 255)}` }, 0)
    expect(list.size).toEqual({ scores: 100, bans: 2 })
    expect([A, B].map((peerId) => list.check({ peerId }, 0)?.key)).toEqual([A, B])
    for (let i = 0; i < 5000; i += 1) banBy(list, { ip: `10.0.${String(i >> 8)}.${String(i & 255)}` }, 0)
    expect(list.size).toEqual({ scores: 100, bans: 101 })
    expect(list.check({ peerId: B }, 0)?.cause).toBe('x')
  })

  it('refuse a host that orders too many bans, until some have expired', () => {
    const list = new Blacklist({ keysMax: 2 })
    expect(['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.2'].map((ip) => list.ban(ip, 10, 'x', 0))).toEqual([
      'banned',
      'banned',
      'full',
      'banned',
    ])
    expect(list.ban('1.1.1.3', 20, 'x', 10)).toBe('banned')
  })

  it('alone have bans by the host forgotten that are over', () => {
    const list = new Blacklist({ keysMax: 2 })
    list.ban('1.1.1.1', 10, 'x', 0)
    list.ban('1.1.1.2', 30, 'x', 20)
    expect([list.size.bans, list.list(20).length]).toEqual([2, 1])
    list.ban('1.1.1.3', 30, 'x', 20)
    expect([list.size.bans, list.list(20).length]).toEqual([2, 2])
  })

  it.each(['strikePoints', 'banAt', 'halfLifeMs', 'banMs', 'longBanMs', 'ipBanMaxMs', 'subnetsMax', 'keysMax'])(
    'refuse a bad %s by name',
    (field) => {
      for (const bad of [0, -1, NaN, 1.5, Infinity]) expect(() => new Blacklist({ [field]: bad })).toThrow(field)
    },
  )
})

describe('a snapshot', () => {
  it('preserves the time that remains and the points, less the time that passed', () => {
    const offender = fc.constantFrom<{ peerId?: PeerId; ip?: string }[]>(
      { peerId: A },
      { peerId: B },
      { ip: '1.1.1.1' },
      { ip: '2600::1' },
    )
    const steps = fc.array(
      fc.record({ offender, points: fc.integer({ min: 1, max: 60 }), waitMs: fc.integer({ min: 0, max: MIN }) }),
    )
    fc.assert(
      fc.property(
        steps,
        fc.integer({ min: 0, max: DAY }),
        fc.integer({ min: -DAY, max: DAY }),
        (strikes, awayMs, origin) => {
          const list = new Blacklist()
          let now = 0
          for (const { offender: who, points, waitMs } of strikes) list.strike({ ...who, points }, (now += waitMs))
          list.ban('9.9.9.9', 'permanent', 'spam', now)
          const copy = new Blacklist()
          copy.restore(JSON.parse(JSON.stringify(list.toJSON(now, 1e12))), origin, 1e12 + awayMs)
          const then = now + awayMs
          const left = (of: Blacklist, at: number): unknown[] =>
            of
              .list(at)
              .map(({ untilAt, ...ban }) => ({
                ...ban,
                left: untilAt === 'permanent' ? untilAt : Math.round(untilAt - at),
              }))
              .sort((a, b) => a.key.localeCompare(b.key))
          expect(left(copy, origin)).toEqual(left(list, then))
          for (const key of [A, B, '1.1.1.1', '2600::1'])
            expect(copy.points(key, origin)).toBeCloseTo(list.points(key, then), 6)
        },
      ),
    )
  })

  it('remembers earlier bans, and takes a wall clock that went back for no time at all', () => {
    const list = new Blacklist()
    banBy(list, { peerId: A }, 0)
    banBy(list, { peerId: A }, 10 * MIN)
    const copy = new Blacklist()
    copy.restore(list.toJSON(12 * MIN, 1e12), 0, 0)
    expect(copy.check({ peerId: A }, 0)?.untilAt).toBe(3 * MIN)
    banBy(copy, { peerId: A }, 3 * MIN)
    expect(copy.check({ peerId: A }, 3 * MIN)?.untilAt).toBe(3 * MIN + DAY)
  })

  it('cannot bring more points than a key may have', () => {
    const list = new Blacklist()
    list.restore({ version: 1, savedAt: 0, scores: [{ key: A, points: 1e300 }] }, 0, 0)
    expect(list.points(A, 0)).toBe(1000)
  })

  it('of any content is survived, within all bounds', () => {
    const near = fc.record(
      {
        version: fc.constant(1),
        savedAt: fc.oneof(fc.double(), fc.anything()),
        bans: fc.array(
          fc.record(
            {
              key: fc.oneof(fc.constantFrom(A, '1.1.1.1', '2600::/64'), fc.anything()),
              cause: fc.oneof(fc.string(), fc.anything()),
              by: fc.oneof(fc.constantFrom('host', 'strikes'), fc.anything()),
              remainingMs: fc.oneof(fc.double(), fc.constant('permanent'), fc.anything()),
            },
            { requiredKeys: [] },
          ),
        ),
        scores: fc.array(
          fc.record(
            {
              key: fc.constantFrom(A, '1.1.1.1', 'x'),
              points: fc.oneof(fc.double(), fc.anything()),
              bansAgoMs: fc.anything(),
            },
            { requiredKeys: [] },
          ),
        ),
      },
      { requiredKeys: ['version'] },
    )
    fc.assert(
      fc.property(fc.oneof(near, fc.anything()), fc.double({ min: -1e15, max: 1e15, noNaN: true }), (json, wall) => {
        const list = new Blacklist({ keysMax: 3 })
        list.restore(json, 0, wall)
        expect(list.size.scores).toBeLessThanOrEqual(3)
        expect(list.size.bans).toBeLessThanOrEqual(6)
        for (const { untilAt, by, key } of list.list(0)) {
          if (by === 'strikes') expect(untilAt).toBeLessThanOrEqual(key === A ? DAY : 5 * MIN)
          expect(untilAt).not.toBeNaN()
        }
        const points = list.points(A, 0)
        expect(points >= 0 && points <= 1000).toBe(true)
      }),
    )
  })
})
