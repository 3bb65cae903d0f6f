import { beforeEach, describe, expect, it } from 'vitest'
import type { PeerClass, PeerId } from '../../src/ports/types.js'
import { Agenda } from '../../src/swarm/agenda.js'
import type { Connection } from '../../src/swarm/connection.js'
import type { ClassLimits } from '../../src/swarm/profile.js'
import { resolveLimits, windowBytesFor } from '../../src/swarm/profile.js'
import { Turnstile } from '../../src/swarm/turnstile.js'
import { ManualClock } from './manual-clock.js'

const LIMITS = resolveLimits('masternode', {})
const WINDOW = windowBytesFor(LIMITS.unknown)

/** A link of one peer with room for so many, and what came back of its credit. */
class Fake {
  readonly peerId: PeerId
  readonly identity: { readonly limits: ClassLimits; readonly peerClass: PeerClass }
  room = 0
  released = 0
  /** What holds no memory any more, though it was never handled. */
  dropped = 0
  readonly intake: Pick<NonNullable<Connection['intake']>, 'takeFirstCopy' | 'firstCopyWaitMs' | 'returned' | 'dropped'>

  constructor(name = 'p', peerClass: PeerClass = 'unknown') {
    this.peerId = name as PeerId
    this.identity = { limits: LIMITS[peerClass], peerClass }
    this.intake = {
      firstCopyWaitMs: 600,
      takeFirstCopy: () => this.room-- > 0,
      returned: (bytes) => {
        this.released += bytes
      },
      dropped: (bytes) => {
        this.dropped += bytes
      },
    }
  }

  get connection(): Connection {
    return this as unknown as Connection
  }
}

describe('a turnstile', () => {
  let clock: ManualClock
  let agenda: Agenda
  let turnstile: Turnstile
  let passed: number[]
  const wait = (link: Fake, n: number, size = 10): boolean =>
    turnstile.wait(link.connection, size, () => {
      if (!turnstile.mayPass(link.connection)) return false
      passed.push(n)
      return true
    })

  beforeEach(() => {
    clock = new ManualClock()
    agenda = new Agenda(clock)
    turnstile = new Turnstile(agenda)
    passed = []
  })

  it('lets nobody pass whose peer has others waiting, whatever room there is', () => {
    const [link, other] = [new Fake(), new Fake()]
    wait(link, 0)
    link.room = other.room = 1
    expect([turnstile.mayPass(link.connection), turnstile.mayPass(other.connection)]).toEqual([false, false])
    clock.advance(600)
    expect(passed).toEqual([0])
    link.room = 1
    expect(turnstile.mayPass(link.connection)).toBe(true)
  })

  it('holds 4,096 for one stranger, no more than its even share for each when they are many, and of a masternode all that its credit allows', () => {
    const fill = (link: Fake): number => {
      let held = 0
      while (held < 100_000 && wait(link, 0, 1)) held++
      return held
    }
    const strangers = ['a', 'b', 'c', 'd'].map((name) => new Fake(name))
    expect(strangers.map(fill)).toEqual([4_096, 2_048, 1_366, 1_024])
    expect(fill(new Fake('m', 'masternode'))).toBe(65_536)
    const [a] = strangers
    if (a !== undefined) turnstile.lost(a.connection, false)
    expect(fill(new Fake('e'))).toBe(820)
    turnstile.stop()
    expect(fill(new Fake('f'))).toBe(4_096)
  })

  it('lets as many pass as there is room for, in order, and the rest later', () => {
    const link = new Fake()
    for (let n = 0; n < 5; n++) wait(link, n)
    link.room = 2
    clock.advance(600)
    expect(passed).toEqual([0, 1])
    link.room = 9
    clock.advance(599)
    expect(passed).toEqual([0, 1])
    clock.advance(1)
    expect(passed).toEqual([0, 1, 2, 3, 4])
    expect(agenda.size).toBe(0)
  })

  it('holds at most three windows of a peer, over all of its links', () => {
    const [link, other] = [new Fake(), new Fake()]
    expect([wait(link, 0, WINDOW), wait(other, 1, WINDOW), wait(link, 2, WINDOW)]).toEqual([true, true, true])
    expect([wait(link, 3, 1), wait(other, 4, 2), wait(other, 5, 3)]).toEqual([false, false, false])
    expect([link.released, other.released]).toEqual([0, 0])
    link.room = other.room = 9
    clock.advance(600)
    expect(passed).toEqual([0, 1, 2])
    expect([link.released, other.released]).toEqual([1, 5])
    expect([link.dropped, other.dropped]).toEqual([1, 5])
    expect(wait(link, 6, WINDOW)).toBe(true)
  })

  it('counts what has passed and what is gone no longer', () => {
    const [link, other] = [new Fake(), new Fake()]
    wait(link, 0, 2 * WINDOW)
    wait(other, 1, WINDOW)
    turnstile.lost(link.connection, false)
    expect(wait(other, 2, 2 * WINDOW)).toBe(true)
    other.room = 1
    clock.advance(600)
    expect([passed, wait(other, 3, WINDOW), wait(other, 4, 1)]).toEqual([[1], true, false])
  })

  it('waits for nothing any more once the last link is gone, or the swarm', () => {
    const link = new Fake()
    wait(link, 0)
    turnstile.lost(link.connection, false)
    expect([agenda.size, link.dropped]).toEqual([0, 10])
    wait(link, 1)
    turnstile.stop()
    expect(link.dropped).toBe(20)
    expect(agenda.size).toBe(0)
    link.room = 1
    expect(turnstile.mayPass(link.connection)).toBe(true)
  })

  it('keeps what a link brought that was replaced, and gives nothing back to it of what was turned away', () => {
    const link = new Fake()
    wait(link, 0, 3 * WINDOW)
    expect(wait(link, 1, 5)).toBe(false)
    turnstile.replaced(link.connection)
    link.room = 1
    clock.advance(600)
    expect([passed, link.released]).toEqual([[0], 0])
  })

  it('keeps nothing of a peer that is gone, whichever of its links brought it', () => {
    const [first, last] = [new Fake(), new Fake()]
    wait(first, 0)
    turnstile.lost(last.connection, false)
    expect([first.dropped, agenda.size]).toEqual([0, 1])
    turnstile.lost(last.connection, true)
    first.room = 1
    clock.advance(600)
    expect([first.dropped, passed, agenda.size]).toEqual([10, [], 0])
  })

  it('gives back nothing of what was turned away to a link that is gone', () => {
    const [link, other] = [new Fake(), new Fake()]
    wait(other, 0, 3 * WINDOW)
    wait(link, 1, 7)
    turnstile.lost(link.connection, false)
    other.room = 1
    clock.advance(600)
    expect([passed, link.released]).toEqual([[0], 0])
  })

  it('goes on with the rest when a link ends while what it brought passes', () => {
    const [link, other] = [new Fake(), new Fake()]
    link.room = other.room = 9
    turnstile.wait(link.connection, 1, () => {
      turnstile.lost(link.connection, false)
      return true
    })
    wait(link, 1)
    wait(other, 2)
    clock.advance(600)
    expect(passed).toEqual([2])
    expect(agenda.size).toBe(0)
  })
})
