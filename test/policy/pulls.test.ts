/** Whom to ask for what was announced: one example for each rule, and sequences that nobody thought of. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Pull } from '../../src/policy/pulls.js'
import { Pulls } from '../../src/policy/pulls.js'
import type { PeerClass, PeerId } from '../../src/ports/types.js'

const KEY = 'the block'
const KIB = 1_024
const SMALL = 5 * KIB
const SILENCE_MS = 250
const TEN_MINUTES = 600_000
const peer = (i: number): PeerId => `peer ${String(i)}` as PeerId
const [a, b, c, d] = [peer(0), peer(1), peer(2), peer(3)]

/** Everything due up to an instant, at the instants at which it is. */
function until(pulls: Pulls, at: number): (Pull & { readonly at: number })[] {
  const asked: (Pull & { readonly at: number })[] = []
  for (let next = pulls.nextAt; next <= at; next = pulls.nextAt)
    asked.push(...pulls.due(next).map((pull) => ({ ...pull, at: next })))
  return asked
}

/** Who was asked for the block, and when. */
const askedOf = (pulls: Pulls, at: number): (readonly [PeerId, number])[] =>
  until(pulls, at).map((pull) => [pull.from, pull.at])

/** Announced by each in turn, at 0. */
function announcedBy(...peers: readonly PeerId[]): Pulls {
  const pulls = new Pulls()
  for (const from of peers) pulls.announced(KEY, SMALL, from, 'regular', 0)
  return pulls
}

/** One that let a deadline pass, at 2,000. */
function withDefaulter(from: PeerId): Pulls {
  const pulls = new Pulls()
  pulls.announced('another', SMALL, from, 'regular', 0)
  until(pulls, 2_000)
  pulls.takeGivenUp()
  return pulls
}

describe('what has been announced', () => {
  it('is asked of the first who announces it, at once, and of nobody else', () => {
    const pulls = new Pulls()
    expect(pulls.announced(KEY, SMALL, a, 'regular', 0)).toBe(true)
    expect(pulls.announced(KEY, SMALL, b, 'masternode', 0)).toBe(false)
    expect(pulls.announced(KEY, SMALL, a, 'regular', 10)).toBe(false)
    expect([pulls.size, pulls.nextAt]).toEqual([1, SILENCE_MS])
  })

  it('is asked of a second source after 250 ms of silence, and not before', () => {
    const pulls = announcedBy(a, b, c)
    expect(pulls.due(SILENCE_MS - 1)).toEqual([])
    expect(pulls.due(SILENCE_MS)).toEqual([{ key: KEY, from: b }])
    expect(pulls.due(2 * SILENCE_MS - 1)).toEqual([])
    expect(pulls.due(2 * SILENCE_MS)).toEqual([{ key: KEY, from: c }])
  })

  it('is asked of trusted sources before others, in the order in which they announced it', () => {
    const pulls = announcedBy(a, b)
    for (const from of [c, d]) pulls.announced(KEY, SMALL, from, 'masternode', 100)
    pulls.announced(KEY, SMALL, peer(4), 'regular', 100)
    expect(askedOf(pulls, 1_000)).toEqual([
      [c, 250],
      [d, 500],
      [b, 750],
      [peer(4), 1_000],
    ])
  })

  it('is asked once of who announces it again and again', () => {
    const pulls = announcedBy(a, b, b, a, b)
    pulls.announced(KEY, SMALL, b, 'masternode', 200)
    expect(askedOf(pulls, 1_500)).toEqual([[b, 250]])
  })

  it('is forgotten when it comes, and is known to be with all who announced it', () => {
    const pulls = announcedBy(a, b, c)
    expect(pulls.arrived(KEY, a)).toEqual([a, b, c])
    expect(pulls.size).toBe(0)
    expect(askedOf(pulls, 5_000)).toEqual([])
    expect([pulls.isDefaulter(a, 5_000), pulls.takeGivenUp().size]).toEqual([false, 0])
  })

  it('comes unasked as well', () => {
    const pulls = announcedBy(a, b)
    expect(pulls.arrived(KEY, d)).toEqual([a, b])
    expect(pulls.arrived('never announced', a)).toEqual([])
    expect(askedOf(pulls, 1_900)).toEqual([])
  })

  it('is asked of the next at once where one has it no more', () => {
    const pulls = announcedBy(a, b, c)
    expect(pulls.refused(KEY, a, 10)).toEqual({ key: KEY, from: b })
    expect(pulls.refused(KEY, a, 11)).toBe(null)
    expect(pulls.refused(KEY, c, 12)).toBe(null)
    expect(pulls.refused('never announced', a, 13)).toBe(null)
    // The one asked last has its 250 ms, too.
    expect(askedOf(pulls, 1_500)).toEqual([[c, 500]])
    expect(pulls.isDefaulter(a, 1_500)).toBe(false)
  })

  it('is asked of the next at once where one leaves, and never of who has left', () => {
    const pulls = announcedBy(a, b, c)
    pulls.announced('another', SMALL, a, 'regular', 0)
    pulls.announced('another', SMALL, c, 'regular', 0)
    expect(pulls.lost(b, 5)).toEqual([])
    expect(pulls.lost(a, 10)).toEqual([
      { key: KEY, from: c },
      { key: 'another', from: c },
    ])
    expect(until(pulls, 1_500)).toEqual([])
  })

  it('is given up, on account of who announced it first, when nobody is left to ask', () => {
    const gone = announcedBy(a, b)
    gone.refused(KEY, a, 10)
    gone.refused(KEY, b, 20)
    expect([gone.size, [...gone.takeGivenUp()], [...gone.takeGivenUp()]]).toEqual([0, [a], []])
    const left = announcedBy(a)
    left.lost(a, 10)
    expect([left.size, [...left.takeGivenUp()]]).toEqual([0, [a]])
    const silent = announcedBy(a, b)
    until(silent, 2_249)
    expect([silent.size, silent.takeGivenUp().size]).toEqual([1, 0])
    until(silent, 2_250)
    expect([silent.size, [...silent.takeGivenUp()]]).toEqual([0, [a]])
  })

  it('is asked for anew by the next announcement after it was given up', () => {
    const pulls = announcedBy(a)
    pulls.refused(KEY, a, 10)
    expect(pulls.announced(KEY, SMALL, b, 'regular', 20)).toBe(true)
  })
})

describe('what has been brought, and has no place yet', () => {
  it('is owed no more by who brought it, and is asked of whoever else has it', () => {
    const pulls = announcedBy(a, b)
    pulls.brought(KEY, a, 0)
    expect(askedOf(pulls, 1_500)).toEqual([[b, SILENCE_MS]])
    pulls.brought(KEY, b, 1_500)
    until(pulls, 5_000)
    expect([pulls.size, [...pulls.takeGivenUp()], pulls.isDefaulter(a, 5_000), pulls.isDefaulter(b, 5_000)]).toEqual([
      0,
      [],
      false,
      false,
    ])
  })

  it('is not asked of who brought it without being asked', () => {
    const pulls = announcedBy(a, b, c)
    pulls.brought(KEY, b, 0)
    expect(askedOf(pulls, 1_500)).toEqual([[c, SILENCE_MS]])
    expect(pulls.arrived(KEY, a)).toEqual([a, c])
  })

  it('may keep the rest of a trusted peer from coming, which is no failure; of a stranger it is', () => {
    for (const peerClass of ['masternode', 'persistent', 'regular', 'unknown'] as const) {
      const pulls = new Pulls()
      pulls.announced(KEY, SMALL, a, peerClass, 0)
      for (let at = 0; at <= 2_000; at += 1_000) pulls.brought('something', a, at)
      until(pulls, 2_000)
      expect([pulls.size, [...pulls.takeGivenUp()]]).toEqual([0, [a]])
      expect(pulls.isDefaulter(a, 2_000), peerClass).toBe(peerClass === 'regular' || peerClass === 'unknown')
    }
  })

  it('is no reason to ask many where nobody had asked for it, however often it comes', () => {
    const pulls = new Pulls()
    for (const from of [a, b, c, d]) pulls.announced(KEY, 60 * KIB, from, 'regular', 0)
    for (let i = 0; i < 100; i++) pulls.brought(KEY, peer(99), 100)
    pulls.moved(KEY, a, 40_000, 200)
    expect(askedOf(pulls, SILENCE_MS)).toEqual([])
  })

  it('is given up where nobody else is left but one that was forgotten', () => {
    const pulls = new Pulls()
    for (let i = 0; i < 18; i++) pulls.announced(KEY, SMALL, peer(i), 'regular', 0)
    for (let i = 0; i < 17; i++) pulls.brought(KEY, peer(i), 100)
    expect([pulls.size, [...pulls.takeGivenUp()]]).toEqual([0, [peer(0), peer(17)]])
  })

  it('lets the next be asked as fast as silence does, of a crowd that brings what has no place', () => {
    const pulls = new Pulls()
    for (let i = 0; i < 16; i++) pulls.announced(KEY, SMALL, peer(i), 'unknown', 0)
    pulls.announced(KEY, SMALL, a, 'unknown', 0)
    pulls.brought(KEY, peer(0), 1)
    const asked: number[] = []
    for (let at = pulls.nextAt; asked.length < 15; at = pulls.nextAt)
      for (const { from } of pulls.due(at)) {
        pulls.brought(KEY, from, at)
        asked.push(at)
      }
    expect(asked.at(-1)).toBe(4 * SILENCE_MS)
  })

  it('is nothing where nobody announced it', () => {
    const pulls = new Pulls()
    pulls.brought(KEY, a, 0)
    expect([pulls.size, pulls.nextAt]).toEqual([0, Infinity])
  })
})

describe('what is large', () => {
  const MIB = KIB * KIB

  it('is on its way while its fragments come, and no second source is asked', () => {
    const pulls = new Pulls()
    for (const from of [a, b]) pulls.announced(KEY, 4 * MIB, from, 'regular', 0)
    for (let at = 200; at <= 3_800; at += 200) {
      pulls.moved(KEY, a, 65_536, at)
      expect(askedOf(pulls, at), String(at)).toEqual([])
    }
    // 250 ms after the last of them, at the next look.
    expect(askedOf(pulls, 4_249)).toEqual([])
    expect(askedOf(pulls, 4_250)).toEqual([[b, 4_250]])
  })

  it('is silent where somebody else brings fragments', () => {
    const pulls = new Pulls()
    for (const from of [a, b]) pulls.announced(KEY, MIB, from, 'regular', 0)
    pulls.moved(KEY, b, 65_536, 200)
    expect(askedOf(pulls, 250)).toEqual([[b, 250]])
  })

  it('has a deadline of its size at 256 KiB a second, and two seconds at least', () => {
    for (const [size, deadlineMs] of [
      [SMALL, 2_000],
      [512 * KIB, 2_000],
      [MIB, 4_000],
      [4 * MIB, 16_000],
    ] as const) {
      const pulls = new Pulls()
      pulls.announced(KEY, size, a, 'regular', 0)
      until(pulls, deadlineMs - 1)
      expect([pulls.size, pulls.isDefaulter(a, deadlineMs - 1)], String(size)).toEqual([1, false])
      until(pulls, deadlineMs)
      expect([pulls.size, pulls.isDefaulter(a, deadlineMs)], String(size)).toEqual([0, true])
    }
  })

  it('has less and less patience with those whose fragments crawl, one after the other', () => {
    for (const [peerClass, size] of [
      ['unknown', 60 * KIB],
      ['regular', MIB],
    ] as const) {
      const pulls = new Pulls()
      // One deadline, and a silence for each that is left.
      const liars = Array.from({ length: 12 }, (_, i) => peer(10 + i))
      for (const from of [...liars, a]) pulls.announced(KEY, size, from, peerClass, 0)
      for (const from of liars) pulls.announced(`of ${from}`, 60 * MIB, from, peerClass, 0)
      let askedAt = 0
      for (let at = SILENCE_MS; askedAt === 0 && at < 60_000; at += SILENCE_MS) {
        // A crumb each, in time for the look.
        for (const from of liars) pulls.moved(`of ${from}`, from, 1_100, at - 3)
        if (askedOf(pulls, at).some(([from]) => from === a)) askedAt = at
      }
      expect(askedAt, peerClass).toBeLessThanOrEqual(Math.max(2_000, size / 262) + 12 * SILENCE_MS)
    }
  })

  it('gets no patience for fragments where it is announced as one that has none', () => {
    for (const [size, asked] of [
      [32 * KIB, [[b, 250]]],
      [32 * KIB + 1, []],
    ] as const) {
      const pulls = new Pulls()
      for (const from of [a, b]) pulls.announced(KEY, size, from, 'regular', 0)
      pulls.moved(KEY, a, 65_536, 200)
      expect(askedOf(pulls, 250), String(size)).toEqual(asked)
    }
  })
})

describe('a defaulter', () => {
  it('is who has not sent it by the deadline, even where somebody else has', () => {
    const pulls = announcedBy(a, b)
    expect(askedOf(pulls, 250)).toEqual([[b, 250]])
    pulls.arrived(KEY, b)
    until(pulls, 1_999)
    expect(pulls.isDefaulter(a, 1_999)).toBe(false)
    until(pulls, 2_000)
    expect([pulls.isDefaulter(a, 2_000), pulls.isDefaulter(b, 2_000)]).toEqual([true, false])
    expect(pulls.takeGivenUp().size).toBe(0)
  })

  it('is no masternode whose link is stalled for want of credit, nor for five seconds after', () => {
    for (const [peerClass, stalled, isDefaulter] of [
      ['masternode', true, false],
      ['masternode', false, true],
      ['regular', true, true],
    ] as const) {
      const pulls = new Pulls()
      pulls.announced(KEY, SMALL, a, peerClass, 0)
      const asked: unknown[] = []
      for (let next = pulls.nextAt; next <= 2_000; next = pulls.nextAt)
        pulls.due(next, (from, size) => {
          asked.push([from, size])
          return stalled
        })
      expect(asked).toEqual([[a, SMALL]])
      expect([peerClass, stalled, pulls.isDefaulter(a, 2_000)]).toEqual([peerClass, stalled, isDefaulter])
    }
    for (const [askedAt, isDefaulter] of [
      [4_999, false],
      [5_000, true],
    ] as const) {
      const pulls = new Pulls()
      pulls.brought('something', a, 2_000)
      pulls.announced(KEY, SMALL, a, 'masternode', askedAt)
      until(pulls, 20_000)
      expect([askedAt, pulls.isDefaulter(a, 20_000)]).toEqual([askedAt, isDefaulter])
    }
  })

  it('is not who sends it late, but in time', () => {
    const pulls = announcedBy(a, b)
    until(pulls, 250)
    pulls.arrived(KEY, b)
    pulls.arrived(KEY, a)
    until(pulls, 5_000)
    expect([pulls.size, pulls.isDefaulter(a, 5_000)]).toEqual([0, false])
  })

  it('is asked last, however trusted, and whoever else announces it is asked at once', () => {
    const pulls = withDefaulter(a)
    expect(pulls.announced(KEY, SMALL, a, 'masternode', 3_000)).toBe(false)
    expect(pulls.announced(KEY, SMALL, b, 'regular', 3_100)).toBe(true)
    pulls.announced(KEY, SMALL, c, 'regular', 3_100)
    expect(askedOf(pulls, 4_000)).toEqual([
      [c, 3_500],
      [a, 3_750],
    ])
  })

  it('alone is asked after 250 ms', () => {
    const pulls = withDefaulter(a)
    pulls.announced(KEY, SMALL, a, 'regular', 3_000)
    expect(askedOf(pulls, 3_249)).toEqual([])
    expect(askedOf(pulls, 3_250)).toEqual([[a, 3_250]])
  })

  it('is one for ten minutes', () => {
    const pulls = withDefaulter(a)
    const untilAt = 2_000 + TEN_MINUTES
    expect([pulls.isDefaulter(a, untilAt - 1), pulls.isDefaulter(a, untilAt)]).toEqual([true, false])
    expect(pulls.announced(KEY, SMALL, a, 'regular', untilAt)).toBe(true)
  })
})

describe('who may be nobody', () => {
  it('is joined by one more for each silence, and each that is unknown by another: a crowd is soon asked', () => {
    const pulls = new Pulls()
    for (let i = 0; i < 17; i++) pulls.announced(KEY, SMALL, peer(i), 'unknown', 0)
    const perCheck = [250, 500, 750, 1_000, 1_250].map((at) => until(pulls, at).length)
    expect(perCheck).toEqual([1, 2, 4, 8, 1])
  })

  it('is asked after a regular peer, whoever announced it first', () => {
    const pulls = new Pulls()
    for (let i = 0; i < 17; i++) pulls.announced(KEY, SMALL, peer(i), 'unknown', 0)
    pulls.announced(KEY, SMALL, peer(40), 'regular', 50)
    expect(askedOf(pulls, 250)).toEqual([[peer(40), 250]])
  })

  it('has failed where it leaves while it is asked', () => {
    const pulls = new Pulls()
    pulls.announced(KEY, SMALL, a, 'regular', 0)
    pulls.lost(a, 10)
    expect(pulls.announced('another', SMALL, a, 'regular', 20)).toBe(false)
    expect(pulls.announced('one more', SMALL, a, 'regular', 10 + 60_000)).toBe(true)
  })

  it('gets no more time by coming back on another link', () => {
    const pulls = new Pulls()
    pulls.announced(KEY, SMALL, a, 'unknown', 0)
    pulls.announced(KEY, SMALL, b, 'masternode', 20)
    const asked: string[] = []
    for (let at = 200; at <= 2_200; at += 200) {
      asked.push(...until(pulls, at).map((pull) => JSON.stringify(pull)))
      if (!pulls.isDefaulter(a, at)) expect(pulls.relinked(a)).toEqual([{ key: KEY, from: a }])
    }
    expect(asked.length).toBe(1)
    expect(pulls.isDefaulter(a, 2_200)).toBe(true)
  })

  it('gets no patience for fragments of what it was not asked for', () => {
    const pulls = new Pulls()
    for (const from of [a, b]) pulls.announced(KEY, KIB * KIB, from, 'regular', 0)
    pulls.moved('something else', a, 65_536, 200)
    expect(askedOf(pulls, 250)).toEqual([[b, 250]])
  })

  it('keeps nobody waiting that is better by its fragments', () => {
    const pulls = new Pulls()
    pulls.announced(KEY, KIB * KIB, a, 'regular', 0)
    pulls.announced(KEY, KIB * KIB, b, 'masternode', 10)
    pulls.announced(KEY, KIB * KIB, c, 'masternode', 10)
    for (const at of [100, 200]) pulls.moved(KEY, a, 65_536, at)
    expect(askedOf(pulls, 250)).toEqual([[b, 250]])
    for (const at of [300, 400, 500]) pulls.moved(KEY, b, 65_536, at)
    expect(askedOf(pulls, 500)).toEqual([])
  })

  it('is doubted where one as good says that it is smaller: that one is asked, too, and nobody else', () => {
    const pulls = new Pulls()
    const others = Array.from({ length: 10 }, (_, i) => peer(10 + i))
    for (const from of [a, ...others]) pulls.announced(KEY, 4 * KIB * KIB, from, 'masternode', 0)
    pulls.announced(KEY, 4 * KIB * KIB - 1, b, 'masternode', 5)
    pulls.announced(KEY, 4 * KIB * KIB - 1, c, 'masternode', 5)
    const asked: PeerId[] = []
    for (let at = 0; at < 5_000; at += 100) {
      pulls.moved(KEY, a, 65_536, at)
      asked.push(...pulls.due(at).map(({ from }) => from))
    }
    expect(asked).toEqual([b])
  })

  it('keeps nobody waiting that says truly that it is smaller, and finds out who lied', () => {
    const pulls = new Pulls()
    pulls.announced(KEY, 4 * KIB * KIB, a, 'masternode', 0)
    pulls.announced(KEY, 8, b, 'masternode', 5)
    for (let at = 0; at < 300; at += 100) pulls.moved(KEY, a, 65_536, at)
    expect(pulls.due(300)).toEqual([{ key: KEY, from: b }])
    pulls.arrived(KEY, b)
    until(pulls, 20_000)
    expect([a, b].map((from) => pulls.isDefaulter(from, 20_000))).toEqual([true, false])
  })
})

describe('the bounds', () => {
  const flood = (pulls: Pulls, from: PeerId, count: number, peerClass: PeerClass = 'regular'): number => {
    let asked = 0
    for (let i = 0; i < count; i++) if (pulls.announced(`${from} ${String(i)}`, SMALL, from, peerClass, 0)) asked++
    return asked
  }

  it('let one peer be the first to announce 1,024, and others as many; one that is trusted 4,096', () => {
    const pulls = new Pulls()
    expect(flood(pulls, a, 2_000)).toBe(1_024)
    expect(flood(pulls, b, 2_000)).toBe(1_024)
    expect(flood(pulls, peer(9), 5_000, 'masternode')).toBe(4_096)
    expect(pulls.size).toBe(6_144)
  })

  it('are no secret: whoever announces more may have been missed', () => {
    const pulls = new Pulls()
    flood(pulls, a, 1_024)
    expect([...pulls.takeGivenUp()]).toEqual([])
    flood(pulls, b, 1_025)
    expect([...pulls.takeGivenUp()]).toEqual([b])
    expect([...pulls.takeGivenUp()]).toEqual([])
  })

  it('give a peer room again for each that comes or is given up', () => {
    const pulls = new Pulls()
    flood(pulls, a, 2_000)
    pulls.arrived(`${a} 0`, b)
    pulls.arrived(`${a} 1`, a)
    pulls.arrived(`${a} 2`, a)
    // The first is still owed by who was asked for it.
    expect([1, 2, 3, 4].map((i) => pulls.announced(`new ${String(i)}`, SMALL, a, 'regular', 2))).toEqual([
      true,
      true,
      false,
      false,
    ])
    until(pulls, 5_000)
    expect([pulls.size, flood(pulls, a, 2_000)]).toEqual([0, 0])
    expect(flood(pulls, b, 2_000)).toBe(1_024)
  })

  it('hold 16,384 in all, and of those that stand any number of sources may still be told', () => {
    const pulls = new Pulls()
    for (let i = 0; i < 20; i++) flood(pulls, peer(i), 1_000, 'masternode')
    expect(pulls.size).toBe(16_384)
    expect(pulls.announced(KEY, SMALL, peer(30), 'regular', 0)).toBe(false)
    pulls.announced(`${a} 999`, SMALL, peer(30), 'regular', 0)
    expect(pulls.refused(`${a} 999`, a, 1)).toEqual({ key: `${a} 999`, from: peer(30) })
  })

  it('let whoever has most give way to who has less, so that no crowd keeps anybody out', () => {
    const pulls = new Pulls()
    for (let i = 0; i < 14; i++) flood(pulls, peer(i), 2_000)
    expect(pulls.size).toBe(12_288)
    pulls.takeGivenUp()
    expect(flood(pulls, peer(50), 100)).toBe(100)
    expect(pulls.size).toBe(12_288)
    // Its own are all still wanted, and who gave way is told of as missed.
    for (let i = 0; i < 100; i++) expect(pulls.arrived(`${peer(50)} ${String(i)}`, peer(50))).toEqual([peer(50)])
    const missed = [...pulls.takeGivenUp()]
    expect(missed.length).toBeGreaterThan(0)
    expect(missed).not.toContain(peer(50))
  })

  it('let no crowd of strangers have what a trusted peer announces go, though they announced it first', () => {
    const pulls = new Pulls()
    for (let i = 0; i < 12; i++) flood(pulls, peer(i), 1_024)
    const key = `${peer(0)} 0`
    expect(pulls.announced(key, SMALL, peer(60), 'masternode', 1)).toBe(false)
    for (let i = 12; i < 20; i++) flood(pulls, peer(i), 1_024)
    const asked = until(pulls, SILENCE_MS + 1).filter((pull) => pull.key === key)
    expect(asked.map(({ from }) => from)).toContain(peer(60))
  })

  it('tell of everybody who was still to be asked for what had to make room', () => {
    const pulls = new Pulls()
    for (let i = 0; i < 12; i++) flood(pulls, peer(i), 1_024)
    for (let i = 0; i < 12; i++) pulls.announced(`${peer(i)} 0`, SMALL, peer(50), 'regular', 1)
    pulls.takeGivenUp()
    flood(pulls, peer(40), 100)
    expect([...pulls.takeGivenUp()]).toContain(peer(50))
  })

  it('take no place from a masternode for what it failed, nor think the worse of it for a link that was lost', () => {
    for (const [peerClass, lackingMax] of [
      ['masternode', 4_096],
      ['regular', 16],
    ] as const) {
      const pulls = new Pulls()
      pulls.announced(KEY, SMALL, a, peerClass, 0)
      pulls.lost(a, 10)
      expect(pulls.announced('other', SMALL, a, peerClass, 20)).toBe(peerClass === 'masternode')
      pulls.refused('other', a, 30)
      flood(pulls, a, 5_000, peerClass)
      expect(pulls.size).toBe(lackingMax)
    }
  })

  it('let no stranger take the place of what a trusted peer announced', () => {
    const pulls = new Pulls()
    for (let i = 0; i < 3; i++) flood(pulls, peer(i), 4_096, 'masternode')
    expect(flood(pulls, peer(50), 10)).toBe(0)
    expect(flood(pulls, peer(51), 10, 'persistent')).toBe(10)
    for (let i = 0; i < 3; i++) expect(pulls.arrived(`${peer(i)} 0`, peer(i))).toEqual([peer(i)])
  })

  it('are sixteen for one that has failed before', () => {
    const pulls = new Pulls()
    flood(pulls, a, 1)
    until(pulls, 5_000)
    expect(pulls.isDefaulter(a, 5_000)).toBe(true)
    let wanted = 0
    for (let i = 0; i < 100; i++) {
      pulls.announced(`late ${String(i)}`, SMALL, a, 'regular', 5_000)
      wanted = pulls.size
    }
    expect(wanted).toBe(16)
  })

  it('remember sixteen sources beside those that are asked, the best of them', () => {
    const pulls = announcedBy(...Array.from({ length: 30 }, (_, i) => peer(i)))
    pulls.announced(KEY, SMALL, peer(40), 'masternode', 0)
    const asked = askedOf(pulls, 20_000).map(([from]) => from)
    expect(asked).toEqual([peer(40), ...Array.from({ length: 15 }, (_, i) => peer(1 + i))])
  })

  it('do not make a secret of who was forgotten for want of room, where it is given up', () => {
    const pulls = announcedBy(...Array.from({ length: 18 }, (_, i) => peer(i)))
    askedOf(pulls, 20_000)
    expect([...pulls.takeGivenUp()]).toEqual([peer(0), peer(17)])
  })
})

type Step = { readonly what: 'announced' | 'arrived' | 'refused' | 'lost' | 'moved' | 'wait'; readonly n: number } & {
  readonly who: number
  readonly peerClass: PeerClass
}

const steps = fc.array(
  fc.record({
    what: fc.constantFrom('announced', 'announced', 'announced', 'arrived', 'refused', 'lost', 'moved', 'wait', 'wait'),
    who: fc.nat(5),
    n: fc.nat(900),
    peerClass: fc.constantFrom<PeerClass>('masternode', 'regular', 'unknown'),
  }),
  { maxLength: 120 },
)

const TRUSTWORTHY: readonly (PeerClass | null)[] = ['masternode', 'regular']
/** The best first; those that have failed come last, in an order of their own. */
const CLASSES: readonly (PeerClass | null)[] = [...TRUSTWORTHY, 'unknown', null]
const FAILED = CLASSES.indexOf(null)

/** What a bystander knows of one key: who was asked and still owes it, who announced it and was not asked yet. */
class Bystander {
  readonly pulls: Pulls = new Pulls()
  now = 0
  readonly #size: number
  readonly #deadlineMs: number
  /** On whose account it is: who announced it first, or first of those that are trusted. */
  #by: PeerId | null = null
  #isTrusted = false
  #isHere = false
  #askedAt = -Infinity
  readonly #owing = new Map<PeerId, number>()
  readonly #waiting = new Set<PeerId>()
  readonly #movedAt = new Map<PeerId, number>()
  /** What each was when it last announced it; null once it has failed, and is worth less. */
  readonly #classes = new Map<PeerId, PeerClass | null>()

  constructor(size: number) {
    this.#size = size
    this.#deadlineMs = Math.max(2_000, (1_000 * size) / (256 * KIB))
  }

  step({ what, who, n, peerClass }: Step): void {
    const from = peer(who)
    if (what === 'wait') this.#wait(n)
    else if (what === 'announced') this.#announced(from, peerClass)
    else if (what === 'moved') {
      this.pulls.moved(KEY, from, 65_536, this.now)
      if (this.#owing.has(from)) this.#movedAt.set(from, this.now)
    } else if (what === 'arrived') {
      const holders = this.pulls.arrived(KEY, from)
      for (const holder of holders) expect([...this.#owing.keys(), ...this.#waiting]).toContain(holder)
      if (this.#by !== null) this.#isHere = true
      this.#owing.delete(from)
      this.#waiting.clear()
    } else if (what === 'refused') {
      const wasOwing = this.#owing.delete(from)
      if (wasOwing) this.#classes.set(from, null)
      const pull = this.pulls.refused(KEY, from, this.now)
      expect(pull === null || wasOwing).toBe(true)
      this.#asked(pull)
    } else {
      if (this.#owing.delete(from)) this.#classes.set(from, null)
      this.#waiting.delete(from)
      this.#movedAt.delete(from)
      for (const pull of this.pulls.lost(from, this.now)) this.#asked(pull)
    }
    this.#settle()
  }

  /** Nobody says anything any more. */
  end(): void {
    this.#wait(60_000)
    this.#settle()
    expect([this.pulls.size, this.#waiting.size]).toEqual([0, 0])
    expect(this.pulls.nextAt).toBe(Infinity)
  }

  #announced(from: PeerId, peerClass: PeerClass): void {
    const isOwing = this.#owing.has(from)
    if (!isOwing && !this.#waiting.has(from) && this.#classes.get(from) !== null) this.#classes.set(from, peerClass)
    const isTrusted = peerClass === 'masternode' || peerClass === 'persistent'
    if (this.pulls.size === 0 || (isTrusted && !this.#isTrusted)) {
      this.#by = from
      this.#isTrusted = isTrusted
    }
    const isAsked = this.pulls.announced(KEY, this.#size, from, peerClass, this.now)
    this.#isHere = false
    if (!isOwing) this.#waiting.add(from)
    if (isAsked) {
      expect(this.#owing.size).toBe(0)
      this.#asked({ key: KEY, from })
    }
  }

  #wait(ms: number): void {
    const at = this.now + ms
    for (let next = this.pulls.nextAt; next <= at; next = this.pulls.nextAt) {
      this.now = next
      const pulls = this.pulls.due(next)
      // One, and one more for each that was asked and may be nobody, its time over or not.
      const nobodies = [...this.#owing.keys()].filter((from) => !TRUSTWORTHY.includes(this.#classes.get(from) ?? null))
      for (const [from, deadlineAt] of this.#owing)
        if (deadlineAt <= next && this.pulls.isDefaulter(from, next)) {
          this.#owing.delete(from)
          this.#classes.set(from, null)
        }
      expect(pulls.length).toBeLessThanOrEqual(Math.max(1, nobodies.length))
      if (pulls[0] !== undefined) this.#expectSilence(pulls[0].from)
      for (const pull of pulls) this.#asked(pull)
      this.#settle()
    }
    this.now = at
  }

  /** Whoever is asked has announced it, and does not owe it already. */
  #asked(pull: Pull | null): void {
    if (pull === null) return
    expect(pull.key).toBe(KEY)
    expect(this.#owing.has(pull.from)).toBe(false)
    expect(this.#waiting.delete(pull.from)).toBe(true)
    this.#owing.set(pull.from, this.now + this.#deadlineMs)
    this.#askedAt = this.now
  }

  /** Of all who are asked; fragments of those that the next is no better than. */
  #expectSilence(next: PeerId): void {
    if (this.#owing.size === 0) return
    const rankOf = (from: PeerId): number => CLASSES.indexOf(this.#classes.get(from) ?? null)
    const equals = [...this.#owing.keys()].filter((from) => rankOf(from) <= rankOf(next) && rankOf(from) < FAILED)
    const heardAt = equals.map((from) => this.#movedAt.get(from) ?? -Infinity)
    const lastAt = Math.max(this.#askedAt, ...(this.#size > 32 * KIB ? heardAt : []))
    expect(this.now - lastAt).toBeGreaterThanOrEqual(SILENCE_MS)
  }

  /** It is wanted, or it has come, or it was given up and everybody who announced it had been asked. */
  #settle(): void {
    const givenUp = [...this.pulls.takeGivenUp()]
    if (this.pulls.size === 1 || this.#by === null) {
      expect(givenUp).toEqual([])
      return
    }
    expect(givenUp).toEqual(this.#isHere ? [] : [this.#by])
    expect([this.#owing.size, this.#waiting.size]).toEqual([0, 0])
    this.#by = null
    this.#isHere = false
  }
}

describe('whatever happens', () => {
  it('nobody is asked twice at a time, or too soon, and what does not come is asked of all who have it or given up', () => {
    const sizes = fc.constantFrom(SMALL, 40 * KIB, KIB * KIB)
    fc.assert(
      fc.property(sizes, steps, (size, all) => {
        const bystander = new Bystander(size)
        for (const step of all) bystander.step(step)
        bystander.end()
      }),
      { numRuns: 500 },
    )
  })

  it('many keys are each as if they were alone', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 2, maxLength: 4 }), (all) => {
        const together = new Pulls()
        const alone = all.map(() => new Pulls())
        const length = Math.max(...all.map((one) => one.length))
        for (let i = 0, now = 0; i < length; i++, now += 100) {
          for (const [n, one] of all.entries()) {
            const step = one[i]
            // Who leaves, or is late, does so for all of them.
            if (step === undefined || step.what === 'lost' || step.what === 'wait' || step.what === 'moved') continue
            const { what, peerClass } = step
            const from = peer(10 * n + step.who)
            const key = String(n)
            const [first, second] = [together, alone[n] ?? together].map((pulls) =>
              what === 'announced'
                ? pulls.announced(key, SMALL, from, peerClass, now)
                : what === 'arrived'
                  ? pulls.arrived(key, from)
                  : pulls.refused(key, from, now),
            )
            expect(first).toEqual(second)
          }
          const due = until(together, now + 99)
          for (const [n, pulls] of alone.entries())
            expect(due.filter(({ key }) => key === String(n))).toEqual(until(pulls, now + 99))
        }
        expect(together.size).toBe(alone.reduce((sum, { size }) => sum + size, 0))
      }),
    )
  })
})
