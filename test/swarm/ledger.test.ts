import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { heldBytes } from '../../src/policy/memory.js'
import type { Direction, PeerClass, PeerId } from '../../src/ports/types.js'
import type { LedgerSubject } from '../../src/swarm/ledger.js'
import { Ledger } from '../../src/swarm/ledger.js'
import { resolveLimits, windowBytesFor } from '../../src/swarm/profile.js'
import type { Quota } from '../../src/swarm/quota.js'

const LIMITS = resolveLimits('masternode', {})
const MINUTE = 60_000

interface Subject {
  readonly id?: string
  readonly peerClass?: PeerClass
  readonly ip?: string | null
  readonly direction?: Direction
}

function subject({ id = 'a', peerClass = 'unknown', ip = '192.0.2.7', direction = 'inbound' }: Subject): LedgerSubject {
  return { identity: { peerId: id as PeerId, peerClass, limits: LIMITS[peerClass] }, direction, remoteIp: ip }
}

/** First copies that pass at one instant, of so many. */
function passed(quota: Quota, wanted: number, now: number): number {
  let count = 0
  for (let i = 0; i < wanted; i++) if (quota.takeFirstCopy(now)) count++
  return count
}

describe('the ledger', () => {
  const steps = fc.array(fc.record({ waitMs: fc.nat(90_000), wanted: fc.nat(300), invalid: fc.nat(120) }))

  it('gives a stranger that reconnects exactly what one that stays gets', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const ledger = new Ledger(true)
        const stays = ledger.open(subject({ id: 'stays', ip: '192.0.2.1' }))
        let now = 0
        for (const { waitMs, wanted, invalid } of all) {
          now += waitMs
          const returns = ledger.open(subject({ id: 'returns', ip: '192.0.2.2' }))
          for (let i = 0; i < invalid; i++) for (const quota of [stays, returns]) quota.countInvalid(now)
          expect(passed(returns, wanted, now)).toBe(passed(stays, wanted, now))
          expect(returns.waitMs(now)).toBe(stays.waitMs(now))
        }
      }),
    )
  })

  it('lets a stranger send so much unasked, and an IP four times that, whatever its names', () => {
    // What is within its own is heard of anybody.
    for (const { ip, most } of [
      { ip: '192.0.2.7', most: 4 * 512 + 8 * 256 },
      { ip: null, most: 12 * 512 },
    ]) {
      const ledger = new Ledger(true)
      let heard = 0
      for (let i = 0; i < 12; i++) {
        const quota = ledger.open(subject({ id: String(i), ip }))
        for (let one = quota.countControl(1, 0); one !== 'flood'; one = quota.countControl(1, 0)) heard++
      }
      // What was one too many counts as well.
      expect([heard <= most, heard > most - 12]).toEqual([true, true])
    }
  })

  it('gives a poor peer a quarter, on whatever link, until it is better; and one message where a quarter is none', () => {
    const ledger = new Ledger(true)
    const quota = ledger.open(subject({}))
    quota.throttle(true)
    expect(passed(ledger.open(subject({})), 300, 0)).toBe(25)
    expect(quota.firstCopyWaitMs(0)).toBe(2_400)
    expect(passed(quota, 300, 60_000)).toBe(25)
    quota.throttle(false)
    expect(passed(quota, 300, 120_000)).toBe(100)
    const tight = { ...LIMITS.unknown, firstCopiesBurst: 1 }
    const small = new Ledger(true).open({
      ...subject({ ip: null }),
      identity: { peerId: 'b' as PeerId, peerClass: 'unknown', limits: tight },
    })
    small.throttle(true)
    expect(passed(small, 3, 0)).toBe(1)
  })

  it('gives an IP four times that, whoever comes from it and however often', () => {
    const names = fc.array(fc.record({ id: fc.nat(1_000), waitMs: fc.nat(30_000), wanted: fc.nat(300) }), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(names, (all) => {
        const ledger = new Ledger(true)
        let [now, count] = [0, 0]
        for (const { id, waitMs, wanted } of all) {
          now += waitMs
          count += passed(ledger.open(subject({ id: String(id) })), wanted, now)
          expect(count).toBeLessThanOrEqual(4 * (100 + (100 * now) / MINUTE) + 1e-3)
        }
      }),
    )
  })

  it('has room for as many messages of each as credit and quota let through at once, over all of its links', () => {
    for (const peerClass of ['unknown', 'regular', 'persistent', 'masternode'] as const) {
      const ledger = new Ledger(true)
      const limits = LIMITS[peerClass]
      for (const bytes of [1, 100, 1_000]) {
        const many = Math.min(limits.firstCopiesBurst, Math.floor(windowBytesFor(limits) / bytes))
        const links = [ledger.open(subject({ peerClass })), ledger.open(subject({ peerClass }))]
        for (let i = 0; i < many; i++) {
          expect(links[i % 2]?.mayHold(heldBytes(bytes))).toBe(true)
          links[i % 2]?.hold(heldBytes(bytes))
        }
        expect(links[0]?.mayHold(3 * windowBytesFor(limits) + 50_000 * heldBytes(0))).toBe(false)
        for (let i = 0; i < many; i++) links[1]?.hold(-heldBytes(bytes))
        expect(links[0]?.little).not.toBeNull()
      }
    }
  })

  it('never lets anybody owe more than a minute', () => {
    for (const peerClass of ['unknown', 'regular', 'persistent', 'masternode'] as const) {
      const quota = new Ledger(true).open(subject({ peerClass }))
      for (let i = 0; i < 200_000; i++) quota.countInvalid(0)
      quota.countBytes(2 ** 40, 0)
      expect(quota.waitMs(0)).toBeGreaterThan(0)
      expect(quota.waitMs(0)).toBeLessThanOrEqual(MINUTE + 1)
    }
  })

  it('lets four strangers behind one IP have all of theirs, and a fifth wait', () => {
    const ledger = new Ledger(true)
    const quotas = ['a', 'b', 'c', 'd', 'e'].map((id) => ledger.open(subject({ id })))
    expect(quotas.map((quota) => passed(quota, 1_000, 0))).toEqual([100, 100, 100, 100, 0])
    expect(quotas[4]?.firstCopyWaitMs(0)).toBe(150)
    expect(quotas.map((quota) => passed(quota, 1_000, 1_200))).toEqual([2, 2, 2, 2, 0])
  })

  it('takes nothing from a peer whose IP has nothing left', () => {
    const ledger = new Ledger(true)
    for (const id of ['a', 'b', 'c', 'd']) passed(ledger.open(subject({ id })), 100, 0)
    expect(passed(ledger.open(subject({ id: 'e' })), 50, 0)).toBe(0)
    expect(passed(ledger.open(subject({ id: 'e', direction: 'outbound' })), 1_000, 0)).toBe(100)
  })

  it('charges what is invalid, and bytes, to the IP as well', () => {
    for (const charge of [
      (quota: Quota) => {
        for (let i = 0; i < 200; i++) quota.countInvalid(0)
      },
      (quota: Quota) => {
        quota.countBytes(LIMITS.unknown.bytesPerSecMax * 3, 0)
      },
    ]) {
      const ledger = new Ledger(true)
      for (const id of ['a', 'b', 'c', 'd']) charge(ledger.open(subject({ id })))
      expect(ledger.open(subject({ id: 'e' })).waitMs(0)).toBeGreaterThan(0)
      expect(ledger.open(subject({ id: 'f', ip: '192.0.2.8' })).waitMs(0)).toBe(0)
    }
  })

  it('counts an IPv6 /64 as one IP', () => {
    const ledger = new Ledger(true)
    const from = (i: number, ip: string): number => passed(ledger.open(subject({ id: String(i), ip })), 1_000, 0)
    expect([1, 2, 3, 4, 5].map((i) => from(i, `2001:db8:0:1::${String(i)}`))).toEqual([100, 100, 100, 100, 0])
    expect(from(6, '2001:db8:0:2::1')).toBe(100)
  })

  it.each<[string, boolean, Subject]>([
    ['trusted peers', true, { peerClass: 'masternode' }],
    ['persistent peers', true, { peerClass: 'persistent' }],
    ['peers that we dialled', true, { direction: 'outbound' }],
    ['links without an address', true, { ip: null }],
    ['links from loopback', true, { ip: '127.0.0.1' }],
    ['anybody where limits by IP are off', false, {}],
  ])('counts %s by identity alone', (_, perIpLimits, about) => {
    const ledger = new Ledger(perIpLimits)
    const burst = LIMITS[about.peerClass ?? 'unknown'].firstCopiesBurst
    const all = Array.from({ length: 6 }, (_each, i) =>
      passed(ledger.open(subject({ ...about, id: String(i) })), 2 * burst, 0),
    )
    expect(all).toEqual(Array.from(all, () => burst))
    expect(ledger.size).toBe(6)
  })

  it('keeps an account of each class, so that changing it and back renews nothing', () => {
    const ledger = new Ledger(true)
    const open = (peerClass: PeerClass): Quota => ledger.open(subject({ peerClass }))
    expect([passed(open('unknown'), 9_999, 0), passed(open('regular'), 9_999, 0)]).toEqual([100, 2_000])
    expect([passed(open('unknown'), 9_999, 0), passed(open('regular'), 9_999, 0)]).toEqual([0, 0])
  })

  it('has a bound, and forgets whoever came least recently', () => {
    const ledger = new Ledger(true)
    const open = (i: number): Quota =>
      ledger.open(subject({ id: String(i), ip: `100.${String(i >> 8)}.${String(i & 255)}.1` }))
    passed(open(0), 100, 0)
    passed(open(1), 100, 0)
    for (let i = 2; i < 8_192; i++) open(i)
    expect(ledger.size).toBe(16_384)
    expect(passed(open(0), 100, 0)).toBe(0)
    open(8_192)
    expect(ledger.size).toBe(16_384)
    expect([passed(open(0), 100, 0), passed(open(1), 100, 0)]).toEqual([0, 100])
  })

  it('stands limits that no bucket can hold', () => {
    const limits = { ...LIMITS.unknown, firstCopiesBurst: 0.5, bytesPerSecMax: 2 ** 40 }
    const quota = new Ledger(true).open({ ...subject({}), identity: { ...subject({}).identity, limits } })
    expect(passed(quota, 9, 0)).toBe(1)
  })
})

describe('frames of the protocol itself', () => {
  it('are free for a while, then too many, then a flood, by identity, however often it reconnects', () => {
    const ledger = new Ledger(true)
    const count = (now: number, id = 'a'): string => ledger.open(subject({ id })).countControl(1, now)
    const counted = (n: number, now: number): ReadonlySet<string> =>
      new Set(Array.from({ length: n }, () => count(now)))
    expect(counted(256, 0)).toEqual(new Set(['needed']))
    expect(counted(256, 0)).toEqual(new Set(['spare']))
    expect(counted(3, 0)).toEqual(new Set(['flood']))
    expect(count(0, 'b')).toBe('needed')
    expect(count(32_000)).toBe('spare')
    expect(count(33_000)).toBe('needed')
  })

  it('cost nothing of what messages have', () => {
    const quota = new Ledger(true).open(subject({}))
    for (let i = 0; i < 1_000; i++) quota.countControl(1, 0)
    expect([quota.waitMs(0), passed(quota, 1_000, 0)]).toEqual([0, 100])
  })
})

describe('ids of broadcasts', () => {
  it('are a thousand at once and two hundred a second for a stranger, and for all of one address four times that', () => {
    const ledger = new Ledger(true)
    const take = (id: string, count: number, now: number): boolean => ledger.open(subject({ id })).takeIds(count, now)
    expect([take('a', 1_000, 0), take('a', 1, 0)]).toEqual([true, false])
    expect([take('a', 200, 1_000), take('a', 1, 1_000)]).toEqual([true, false])
    expect(['b', 'c'].map((id) => take(id, 1_000, 1_000))).toEqual([true, true])
    // 4,000 at once, of which 1,200 and 2,000 are gone and 200 of every second are back four times over.
    expect([take('d', 1_000, 1_000), take('e', 1_000, 1_000)]).toEqual([true, false])
    expect(take('e', 1_000, 2_000)).toBe(true)
    // What was refused for the address's sake is not taken from the peer.
    const other = new Ledger(true)
    const own = other.open(subject({ id: 'a' }))
    for (const id of ['b', 'c', 'd', 'e']) other.open(subject({ id })).takeIds(1_000, 0)
    expect([own.takeIds(1, 0), own.takeIds(800, 1_000)]).toEqual([false, true])
  })
})
