/** What a dialer does by itself, without a network: sockets that it opens never answer. */
import { describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { parseAddress } from '../../src/policy/address.js'
import { BackoffPolicy } from '../../src/policy/backoff.js'
import type { DialEvents, Transport } from '../../src/ports/transport.js'
import type { Address, PeerClass, PeerId } from '../../src/ports/types.js'
import type { Attempt } from '../../src/swarm/dial-target.js'
import type { Connection } from '../../src/swarm/connection.js'
import { isTrustedClass } from '../../src/policy/peer-class.js'
import { Agenda } from '../../src/swarm/agenda.js'
import { Dialer } from '../../src/swarm/dialer.js'
import { DEFAULT_HEALING } from '../../src/swarm/healing.js'
import { SeededRandom } from '../../src/testing/seeded-random.js'
import { ManualClock } from './manual-clock.js'

const peer = (i: number): PeerId => `peer ${String(i)}` as PeerId
const addressOf = (i: number): Address => parseAddress(`tcp://192.0.2.${String(i)}:1`)

/** What is left of a second link, for whoever asks only whose it was. */
const connectionTo = (i: number): never => ({ peerId: peer(i) }) as never

function scene({ seeds = [] }: { readonly seeds?: readonly Address[] } = {}) {
  const clock = new ManualClock()
  const linked = new Set<PeerId>()
  const suspects = new Set<PeerId>()
  const banned = new Set<PeerId>()
  const opened: string[] = []
  const failures: string[] = []
  const sockets: DialEvents[] = []
  const adopted: Connection[] = []
  const scene = {
    clock,
    linked,
    suspects,
    opened,
    mayTry: true,
    banned,
    hears: (): void => undefined,
    dialer: null as unknown as Dialer,
  }
  const transport: Pick<Transport, 'dial'> = {
    dial: ({ host }, events) => {
      opened.push(host)
      sockets.push(events)
      return () => undefined
    },
  }
  scene.dialer = new Dialer({
    agenda: new Agenda(clock),
    random: new SeededRandom(1),
    seeds,
    backoff: new BackoffPolicy(),
    transports: new Map([['tcp', transport as Transport]]),
    healing: DEFAULT_HEALING,
    connectMs: () => 10_000,
    trustedCount: () => 0,
    linkCount: () => linked.size,
    suspectCount: () => 0,
    isSuspect: (peerId) => peerId !== null && suspects.has(peerId),
    isConnected: (peerId) => linked.has(peerId),
    isBanned: (peerId) => banned.has(peerId),
    isPreferred: () => true,
    adopt: () => {
      const connection = { link: adopted.length, close: () => undefined } as never
      adopted.push(connection)
      return connection
    },
    failed: ({ reason }) => {
      failures.push(reason.code)
      scene.hears()
    },
    alarmed: () => undefined,
    maintenance: () => ({
      bridged: () => undefined,
      need: () => 'dial',
      choose: ({ addresses: [first] }) => (scene.mayTry && first !== undefined ? first : 'cool'),
    }),
  })
  const want = (i: number, peerClass: PeerClass): void => {
    const { wishes } = scene.dialer
    if (isTrustedClass(peerClass)) wishes.promote(peer(i), peerClass, [addressOf(i)])
    else wishes.want(peer(i), peerClass, [addressOf(i)])
  }
  /** The socket that was opened last is open: what its handshake comes to is the test's to say. */
  const answer = (): Connection => {
    sockets.at(-1)?.opened({} as never)
    return (scene.dialer.targets.find(peer(1))?.attempt as Extract<Attempt, { kind: 'handshaking' }>).connection
  }
  /** The same of any target. */
  const adoptLast = (): Connection => {
    sockets.at(-1)?.opened({} as never)
    const connection = adopted.at(-1)
    if (connection === undefined) throw new Error('not adopted')
    return connection
  }
  return Object.assign(scene, { adoptLast, want, failures, answer, sockets, adopted })
}

describe('a stranger that is silent', () => {
  it('stays suspect where it may not be dialled yet, and is dialled once it may', () => {
    const all = scene()
    const { dialer, clock, linked, opened } = all
    linked.add(peer(1))
    all.want(1, 'regular')
    all.mayTry = false
    dialer.suspected(peer(1))
    clock.advance(10_000)
    expect([dialer.targets.find(peer(1))?.standing.kind, opened]).toEqual(['suspect', []])
    all.mayTry = true
    clock.advance(3_000)
    expect(opened).toEqual(['192.0.2.1'])
    linked.delete(peer(1))
    dialer.lost(peer(1), 'regular', { code: 'timeout', fault: 'network' })
    expect(dialer.targets.find(peer(1))?.attempt?.kind).toBe('dialing')
  })

  it('that heals before it may be dialled is not', () => {
    const all = scene()
    all.linked.add(peer(1))
    all.want(1, 'regular')
    all.mayTry = false
    all.dialer.suspected(peer(1))
    all.dialer.cleared(peer(1))
    all.mayTry = true
    all.clock.advance(60_000)
    expect([all.dialer.targets.find(peer(1))?.standing.kind, all.opened]).toEqual(['connected', []])
  })
})

describe('a silent link whose replacement ends', () => {
  it('is dialled beside again in three seconds, or when it said, and not at once', () => {
    for (const retryAfterMs of [undefined, 0, 2_000, 60_000]) {
      const { dialer, clock, linked, suspects, opened, want } = scene()
      linked.add(peer(1))
      want(1, 'masternode')
      suspects.add(peer(1))
      for (let count = 0; count < 2 && opened.length === count; count++) {
        dialer.reached(peer(1), connectionTo(1))()
        dialer.ended(
          connectionTo(1),
          { code: 'duplicate', fault: 'remote', ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
          false,
        )
        clock.advance(Math.max(3_000, retryAfterMs ?? 0) - 1)
        expect(opened.length).toBe(count)
        clock.advance(1)
        expect(opened.length).toBe(count + 1)
      }
    }
  })
})

describe('a dial whose socket has opened', () => {
  it('is a failure where somebody else is there, and the one who was looked for is dialled again', async () => {
    const { dialer, clock, opened, answer, failures, want } = scene()
    want(1, 'masternode')
    clock.advance(10_000 - 1)
    const asked = dialer
      .dial({ ...addressOf(1), peerId: peer(1) }, 'masternode')
      .catch((error: unknown) => (error as HoldfastError).code)
    const connection = answer()
    const follow = dialer.reached(peer(2), connection)
    // Whoever is there has no place yet.
    expect(failures).toEqual([])
    follow()
    expect(failures).toEqual(['wrong-identity'])
    expect(await asked).toBe('wrong-identity')
    const before = opened.length
    clock.advance(61_000)
    expect(opened.length).toBeGreaterThan(before)
  })

  it('and then fails says nothing of a peer whose silent link lives after all', () => {
    const { dialer, clock, linked, opened, answer, want } = scene()
    linked.add(peer(1))
    want(1, 'masternode')
    dialer.suspected(peer(1))
    const connection = answer()
    dialer.cleared(peer(1))
    dialer.ended(connection, { code: 'timeout', fault: 'network' }, false)
    expect(dialer.targets.find(peer(1))?.standing.kind).toBe('connected')
    const before = opened.length
    clock.advance(1_000)
    dialer.suspected(peer(1))
    expect(opened.length).toBe(before + 1)
  })
})

describe('a dialer that stops', () => {
  it('opens no socket for those that wait', () => {
    const all = scene()
    for (let i = 1; i <= 200; i++) all.want(i, 'masternode')
    all.clock.advance(1_000)
    const before = all.opened.length
    expect(before).toBeGreaterThan(0)
    expect(before).toBeLessThan(200)
    all.dialer.stop()
    all.clock.advance(60_000)
    expect(all.opened.length).toBe(before)
  })
})

describe('a dial to one that somebody else answered', () => {
  it('is no failure where it was called off before the host could hear of it', () => {
    for (const callOff of [
      (dialer: Dialer) => {
        dialer.stop()
      },
      (dialer: Dialer) => {
        const target = dialer.targets.find(peer(1))
        if (target !== null) dialer.forget(target)
      },
    ]) {
      const { dialer, clock, answer, failures, opened, want } = scene()
      want(1, 'masternode')
      clock.advance(1_000)
      const follow = dialer.reached(peer(2), answer())
      const before = opened.length
      callOff(dialer)
      follow()
      clock.advance(3_600_000)
      expect([failures, opened.length]).toEqual([[], before])
    }
  })
})

describe('a dial to an address that turns out to be a peer’s', () => {
  it('goes on as one to the peer, with whatever the address was wanted for', async () => {
    const { dialer, clock, opened, adoptLast } = scene()
    dialer.lost(peer(1), 'regular', { code: 'closed', fault: 'remote' })
    dialer.wishes.promote(null, 'masternode', [addressOf(1)])
    clock.advance(1)
    const asked = dialer.dial(addressOf(1), 'masternode')
    const connection = adoptLast()
    dialer.found(peer(1), connection)
    expect([...dialer.targets.all()]).toMatchObject([
      { peerId: peer(1), peerClass: 'masternode', kept: true, attempt: { kind: 'handshaking' } },
    ])
    expect(dialer.targets.findAddress(addressOf(1))).toBe(null)
    dialer.reached(peer(1), connection)()
    expect(await asked).toBe(peer(1))
    const before = opened.length
    clock.advance(3_600_000)
    expect(opened.length).toBe(before)
  })

  it('and fails is followed by others to the peer, and to nobody else', () => {
    const { dialer, clock, failures, opened, adoptLast } = scene()
    dialer.lost(peer(1), 'regular', { code: 'closed', fault: 'remote' })
    dialer.wishes.promote(null, 'masternode', [addressOf(1)])
    clock.advance(1)
    const connection = adoptLast()
    dialer.found(peer(1), connection)
    dialer.ended(connection, { code: 'not-allowed', fault: 'local' }, true)
    expect(failures).toEqual(['not-allowed'])
    const before = opened.length
    clock.advance(3_600_000)
    expect(opened.length).toBeGreaterThan(before)
    const target = dialer.targets.find(peer(1))
    if (target === null) throw new Error('no target')
    expect([...dialer.targets.all()]).toEqual([target])
    dialer.forget(target)
    const after = opened.length
    clock.advance(3_600_000)
    expect(opened.length).toBe(after)
  })
})

describe('a peer that is dialled at one address while it is found at another', () => {
  it('has not failed before both have', async () => {
    const { dialer, clock, failures, opened, sockets, adopted } = scene()
    dialer.wishes.promote(null, 'masternode', [addressOf(1)])
    clock.advance(1)
    const asked = dialer.dial({ ...addressOf(2), peerId: peer(1) }, 'regular')
    sockets[0]?.opened({} as never)
    const [found] = adopted
    if (found === undefined) throw new Error('not adopted')
    dialer.found(peer(1), found)
    dialer.ended(found, { code: 'connection-lost', fault: 'network' }, false)
    expect(failures).toEqual([])
    sockets[1]?.failed({ code: 'unreachable', fault: 'network' })
    await expect(asked).rejects.toMatchObject({ code: 'unreachable' })
    expect(failures).toEqual(['unreachable'])
    clock.advance(60_000)
    expect(opened.length).toBeGreaterThan(2)
  })
})

describe('a peer of whom strangers have told false addresses', () => {
  const told = [11, 12, 13, 14, 15, 16, 17, 18].map(addressOf)

  it.each(['is not dialled', 'is dialled', 'waits for a slot'])(
    'and that %s is dialled where the operator lists it, and nowhere else',
    (state) => {
      const { dialer, clock, opened, want } = scene()
      if (state === 'waits for a slot') for (let i = 100; i < 200; i++) want(i, 'regular')
      if (state !== 'is not dialled') dialer.wishes.want(peer(1), 'regular', told)
      else dialer.lost(peer(1), 'regular', { code: 'closed', fault: 'remote' })
      clock.advance(1)
      const before = opened.length
      dialer.wishes.promote(peer(1), 'masternode', [addressOf(1)])
      clock.advance(1)
      expect(opened.slice(before)).toContain('192.0.2.1')
      clock.advance(600_000)
      const others = told.map(({ host }) => host)
      expect(opened.slice(before).filter((host) => others.includes(host))).toEqual([])
    },
  )

  it('is dialled where it was found, and nowhere else, once it is the masternode of an address', () => {
    const { dialer, clock, linked, opened, adoptLast } = scene()
    dialer.wishes.want(peer(1), 'regular', told)
    dialer.wishes.promote(null, 'masternode', [addressOf(1)])
    clock.advance(1)
    const connection = adoptLast()
    dialer.found(peer(1), connection)
    dialer.reached(peer(1), connection)()
    linked.add(peer(1))
    clock.advance(1_000)
    linked.delete(peer(1))
    const before = opened.length
    dialer.lost(peer(1), 'masternode', { code: 'connection-lost', fault: 'network' })
    clock.advance(600_000)
    expect(new Set(opened.slice(before))).toEqual(new Set(['192.0.2.1']))
  })

  it('and that is struck off again while it is being listed is dialled no more', () => {
    const all = scene()
    const { dialer, clock, banned, opened, want } = all
    dialer.wishes.want(peer(1), 'regular', told)
    for (let i = 100; i < 200; i++) want(i, 'regular')
    clock.advance(1)
    for (const { peerId, attempt } of dialer.targets.all())
      if (peerId !== null && attempt?.kind === 'queued') banned.add(peerId)
    all.hears = () => {
      const target = dialer.targets.find(peer(1))
      if (target !== null) dialer.forget(target)
    }
    const before = opened.length
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(1)])
    expect(all.failures).toContain('banned')
    clock.advance(600_000)
    expect(opened.slice(before)).not.toContain('192.0.2.1')
  })

  it('is dialled where the host says, also while it is being dialled where they say, unless somebody waits for that', () => {
    for (const isAwaited of [false, true]) {
      const { dialer, clock, opened } = scene()
      const [hearsay] = told
      dialer.wishes.want(peer(1), 'regular', told)
      clock.advance(1)
      if (isAwaited && hearsay !== undefined) dialer.dial({ ...hearsay, peerId: peer(1) }, 'regular').catch(() => 0)
      dialer.dial({ ...addressOf(1), peerId: peer(1) }, 'regular').catch(() => 0)
      expect(opened).toEqual(isAwaited ? ['192.0.2.11'] : ['192.0.2.11', '192.0.2.1'])
    }
  })

  it('is not dialled anew where the operator lists it and it is being dialled', () => {
    const { dialer, clock, opened } = scene()
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(1)])
    clock.advance(1)
    dialer.dial({ ...addressOf(2), peerId: peer(1) }, 'masternode').catch(() => 0)
    expect(opened).toEqual(['192.0.2.1'])
  })

  it.each(['masternode', 'persistent'] as const)(
    'is a %s, and dialled at its other address soon after',
    (peerClass) => {
      const { dialer, clock, opened, answer } = scene()
      dialer.wishes.promote(peer(1), peerClass, [addressOf(9), addressOf(1)])
      clock.advance(1)
      for (let i = 0; i < 3; i++) {
        dialer.ended(answer(), { code: 'wrong-identity', fault: 'remote' }, true)
        clock.advance(8_000)
      }
      expect(opened).toEqual(['192.0.2.9', '192.0.2.1', '192.0.2.9', '192.0.2.1'])
    },
  )

  it('keeps its place among those that wait, however often the host dials it', () => {
    const { dialer, clock, opened, sockets, want } = scene()
    for (let i = 100; i < 116; i++) want(i, 'masternode')
    want(1, 'masternode')
    for (let i = 120; i < 150; i++) want(i, 'masternode')
    clock.advance(1)
    for (let round = 0; round < 5; round++) {
      const stop = new AbortController()
      dialer.dial({ ...addressOf(2), peerId: peer(1) }, 'masternode', stop.signal).catch(() => 0)
      clock.advance(100)
      stop.abort()
    }
    const before = opened.length
    sockets[0]?.failed({ code: 'unreachable', fault: 'network' })
    expect(opened.slice(before)).toEqual(['192.0.2.2'])
  })

  it('is dialled first where the host names it', () => {
    const { dialer, clock, opened } = scene()
    dialer.wishes.want(peer(1), 'regular', told)
    clock.advance(10_000)
    dialer.wishes.wantSeed({ ...addressOf(1), peerId: peer(1) })
    clock.advance(600_000)
    expect(opened).toContain('192.0.2.1')
  })
})

describe('a stranger of whom somebody has told our own address', () => {
  it('is given up, and not wanted again a moment later', () => {
    const all = scene()
    const { dialer, clock, opened, failures, answer, want } = all
    want(1, 'regular')
    clock.advance(1)
    dialer.ended(answer(), { code: 'self', fault: 'local' }, true)
    expect([failures, dialer.targets.find(peer(1))?.standing.kind]).toEqual([['self'], 'given-up'])
    const before = opened.length
    for (let i = 0; i < 60; i++) {
      want(1, 'regular')
      clock.advance(10_000)
    }
    expect(opened.length).toBe(before)
  })
})

describe('a stranger of whom an address was told that is another’s, or our own', () => {
  it.each(['self', 'wrong-identity'] as const)('is dialled at its others a second later, and not there: %s', (code) => {
    const all = scene()
    const { dialer, clock, opened, answer } = all
    dialer.wishes.want(peer(1), 'regular', [addressOf(9), addressOf(1)])
    clock.advance(1)
    dialer.ended(answer(), { code, fault: 'local' }, true)
    clock.advance(1_000)
    expect(opened).toEqual(['192.0.2.9', '192.0.2.1'])
    for (let i = 0; i < 3; i++) {
      all.sockets.at(-1)?.failed({ code: 'unreachable', fault: 'network' })
      clock.advance(300_000)
    }
    expect(new Set(opened.slice(1))).toEqual(new Set(['192.0.2.1']))
  })

  it('is not given up for the word of another, nor where the operator listed it', () => {
    for (const [peerClass, judged] of [
      ['regular', false],
      ['masternode', true],
    ] as const) {
      const { dialer, clock, answer } = scene()
      const where = [addressOf(9), addressOf(1)]
      if (judged) dialer.wishes.promote(peer(1), peerClass, where)
      else dialer.wishes.want(peer(1), peerClass, where)
      clock.advance(1)
      dialer.ended(answer(), { code: 'self', fault: 'remote' }, judged)
      expect(dialer.targets.find(peer(1))?.addresses.length).toBe(2)
    }
  })
})

describe('a peer that is listed while its link is silent', () => {
  it('is dialled beside it at once, where it is listed', () => {
    const { dialer, clock, linked, opened, want } = scene()
    linked.add(peer(1))
    want(1, 'regular')
    dialer.suspected(peer(1))
    clock.advance(1)
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(2)])
    clock.advance(1)
    expect(opened).toEqual(['192.0.2.1', '192.0.2.2'])
  })
})

describe('a stranger that cannot be dialled from here', () => {
  const elsewhere: Address = { ...addressOf(9), scheme: 'foo' }

  it('is given up like any that is not where others say, and dialled where it says itself', () => {
    const { dialer, opened, clock } = scene()
    dialer.wishes.want(peer(1), 'regular', [elsewhere])
    expect([dialer.targets.find(peer(1))?.standing.kind, opened]).toEqual(['given-up', []])
    dialer.wishes.want(peer(2), 'regular', [addressOf(2), elsewhere])
    dialer.wishes.met(peer(2), [elsewhere])
    expect(dialer.targets.find(peer(2))?.addresses).toEqual([addressOf(2), elsewhere])
    clock.advance(1)
    expect(opened).toEqual(['192.0.2.2'])
  })

  it('is told to the host where it is a seed', () => {
    const { dialer, failures } = scene()
    dialer.wishes.wantSeed(elsewhere)
    expect(failures).toEqual(['no-transport'])
  })
})

describe('a peer that the operator lists', () => {
  it('at one more address, while it waits, is dialled there and not where it failed', () => {
    const { dialer, clock, opened, sockets, want } = scene()
    want(1, 'masternode')
    for (let i = 0; i < 8; i++) {
      sockets.at(-1)?.failed({ code: 'connection-refused', fault: 'network' })
      clock.advance(60_001)
    }
    sockets.at(-1)?.failed({ code: 'connection-refused', fault: 'network' })
    const before = opened.length
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(1), addressOf(2)])
    clock.advance(1)
    expect(opened.slice(before)).toEqual(['192.0.2.2'])
  })

  it('by its address alone waits for nothing that it had to wait for as a stranger', () => {
    const { dialer, opened, sockets } = scene()
    dialer.dial(addressOf(1), 'regular').catch(() => undefined)
    sockets.at(-1)?.failed({ code: 'not-allowed', fault: 'remote', retryAfterMs: 3_600_000 })
    dialer.wishes.promote(null, 'masternode', [addressOf(1)])
    expect(opened).toEqual(['192.0.2.1', '192.0.2.1'])
  })

  it('while it is linked keeps the address of its link first, however many more it is listed at', () => {
    const { dialer, linked, want } = scene()
    linked.add(peer(1))
    want(1, 'masternode')
    const more = Array.from({ length: 12 }, (_, i) => addressOf(20 + i))
    dialer.wishes.promote(peer(1), 'masternode', [...more, addressOf(1)])
    expect(dialer.targets.find(peer(1))?.addresses.slice(0, 2)).toEqual([addressOf(1), addressOf(20)])
    dialer.wishes.promote(peer(1), 'masternode', more)
    expect(dialer.targets.find(peer(1))?.addresses).not.toContainEqual(addressOf(1))
  })

  it('while it is not keeps one that it had, behind those', () => {
    const { dialer, want } = scene()
    want(1, 'masternode')
    const more = Array.from({ length: 12 }, (_, i) => addressOf(20 + i))
    dialer.wishes.promote(peer(1), 'masternode', [...more, addressOf(1)])
    const { addresses = [] } = dialer.targets.find(peer(1)) ?? {}
    expect([addresses[0], addresses.at(-1), addresses.length]).toEqual([addressOf(20), addressOf(1), 8])
  })

  it('anew, while its old address is being dialled or waited for beside a silent link, is dialled there at once', () => {
    const { dialer, linked, suspects, opened, want, clock } = scene()
    want(1, 'masternode')
    expect(opened).toEqual(['192.0.2.1'])
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(1), addressOf(2)])
    expect(opened).toEqual(['192.0.2.1', '192.0.2.2'])
    for (const all of [linked, suspects]) all.add(peer(3))
    want(3, 'masternode')
    clock.advance(11_000)
    opened.length = 0
    dialer.wishes.promote(peer(3), 'masternode', [addressOf(3), addressOf(4)])
    expect(opened.length).toBe(1)
  })

  it('while its link is silent, at no address that can be dialled from here, is told of to the host', () => {
    const { dialer, linked, suspects, failures, want } = scene()
    for (const all of [linked, suspects]) all.add(peer(1))
    want(1, 'regular')
    dialer.wishes.promote(peer(1), 'masternode', [{ ...addressOf(1), scheme: 'foo' }])
    expect(failures).toEqual(['no-transport'])
  })

  it.each([true, false])('while its link is silent is dialled at once, known to the dialer or not: %s', (isKnown) => {
    const { dialer, linked, suspects, opened, want } = scene()
    for (const all of [linked, suspects]) all.add(peer(1))
    if (isKnown) want(1, 'regular')
    const before = opened.length
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(2)])
    expect(opened.slice(before)).toEqual(['192.0.2.2'])
    expect(dialer.targets.find(peer(1))?.standing.kind).toBe('suspect')
  })

  it('is looked for where it is listed and nowhere else, however often the host has dialled it elsewhere', () => {
    const { dialer, clock, opened, want } = scene()
    want(1, 'masternode')
    for (let i = 10; i < 40; i++) {
      dialer.dial({ ...addressOf(i), peerId: peer(1) }, 'masternode').catch(() => undefined)
      clock.advance(120_000)
    }
    expect(new Set(opened).size).toBeGreaterThan(8)
    const between = opened.length
    clock.advance(1_200_000)
    expect(new Set(opened.slice(between))).toEqual(new Set(['192.0.2.1']))
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(1), addressOf(2)])
    const before = opened.length
    clock.advance(1_200_000)
    expect(new Set(opened.slice(before))).toEqual(new Set(['192.0.2.1', '192.0.2.2']))
  })

  it('is looked for there, whatever strangers had told of it, and though the host alone had called it a masternode before', () => {
    const { dialer, linked, clock, opened } = scene()
    const told = Array.from({ length: 8 }, (_, i) => addressOf(100 + i))
    dialer.wishes.want(peer(1), 'regular', told)
    linked.add(peer(1))
    dialer.lost(peer(1), 'masternode', { code: 'connection-lost', fault: 'network' })
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(1)])
    expect(dialer.targets.find(peer(1))?.addresses).toEqual([addressOf(1)])
    linked.delete(peer(1))
    const before = opened.length
    clock.advance(600_000)
    dialer.lost(peer(1), 'masternode', { code: 'connection-lost', fault: 'network' })
    clock.advance(600_000)
    expect(new Set(opened.slice(before))).toEqual(new Set(['192.0.2.1']))
  })

  it('is also looked for where the host gave it as a seed, wherever it is listed from then on', () => {
    const seed = { ...addressOf(7), peerId: peer(1) }
    const { dialer, clock, opened, want } = scene({ seeds: [addressOf(6), { ...addressOf(5), peerId: peer(2) }, seed] })
    want(1, 'masternode')
    expect(dialer.targets.find(peer(1))?.addresses).toEqual([addressOf(1), seed])
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(2)])
    clock.advance(600_000)
    const before = opened.length
    clock.advance(600_000)
    expect(new Set(opened.slice(before))).toEqual(new Set(['192.0.2.2', '192.0.2.7']))
    dialer.wishes.wantSeed(seed)
    dialer.wishes.leaveSeed(seed)
    expect(dialer.targets.find(peer(1))?.isSeed).toBe(false)
  })

  it('is not looked for at a seed where it is listed no more, or that names another; and no seed pushes out what is listed', () => {
    const seeds = [addressOf(1), { ...addressOf(2), peerId: peer(2) }, { ...addressOf(9), peerId: peer(1) }]
    const { dialer } = scene({ seeds })
    const eight = Array.from({ length: 8 }, (_, i) => addressOf(20 + i))
    const addresses = (): readonly Address[] => dialer.targets.find(peer(1))?.addresses ?? []
    const here = [addressOf(1), addressOf(2), addressOf(9)]
    dialer.wishes.promote(peer(1), 'masternode', here)
    for (const seed of [addressOf(1), { ...addressOf(2), peerId: peer(2) }]) dialer.wishes.wantSeed(seed)
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(3)], here)
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(3)])
    expect(addresses()).toEqual([addressOf(3)])
    dialer.wishes.promote(peer(1), 'masternode', eight)
    dialer.wishes.wantSeed({ ...addressOf(9), peerId: peer(1) })
    expect(addresses()).toEqual(eight)
  })

  it('is looked for at the seed that names it as soon as it is known who is at its address', () => {
    const seed = { ...addressOf(7), peerId: peer(1) }
    const { dialer, linked, adoptLast } = scene({ seeds: [seed] })
    dialer.wishes.promote(null, 'masternode', [addressOf(1)])
    const connection = adoptLast()
    dialer.found(peer(1), connection)
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(1)])
    dialer.reached(peer(1), connection)()
    linked.add(peer(1))
    expect(dialer.targets.find(peer(1))?.addresses.map(({ host }) => host)).toEqual(['192.0.2.1', '192.0.2.7'])
  })

  it('has room for all where it is listed, whatever seeds name it', () => {
    const seeds = [7, 8].map((i) => ({ ...addressOf(i), peerId: peer(1) }))
    const { dialer, linked } = scene({ seeds })
    linked.add(peer(1))
    const six = [1, 2, 3, 4, 5, 6].map((i) => addressOf(i))
    dialer.wishes.promote(peer(1), 'masternode', six)
    dialer.wishes.promote(peer(1), 'masternode', [...six, addressOf(9)])
    const hosts = dialer.targets.find(peer(1))?.addresses.map(({ host }) => host)
    expect(hosts).toHaveLength(8)
    expect(hosts).toContain('192.0.2.9')
    linked.clear()
    const eight = [11, 12, 13, 14, 15, 16, 17, 18].map((i) => addressOf(i))
    dialer.wishes.promote(peer(1), 'masternode', eight)
    expect(new Set(dialer.targets.find(peer(1))?.addresses)).toEqual(new Set(eight))
  })

  it('is looked for at all of eight new addresses, though a seed names it', () => {
    const { dialer } = scene({ seeds: [{ ...addressOf(9), peerId: peer(1) }] })
    const listed = (from: number): readonly Address[] => Array.from({ length: 8 }, (_, i) => addressOf(from + i))
    dialer.wishes.promote(peer(1), 'masternode', listed(20).slice(0, 7))
    dialer.wishes.promote(peer(1), 'masternode', listed(40), listed(20))
    const hosts = new Set(dialer.targets.find(peer(1))?.addresses.map(({ host }) => host))
    expect(hosts).toEqual(new Set(listed(40).map(({ host }) => host)))
  })

  it('is looked for at its own address soon after somebody else was found where the host dialled it', () => {
    const { dialer, clock, opened, sockets, answer, want } = scene()
    want(1, 'masternode')
    for (let i = 0; i < 8; i++) {
      sockets.at(-1)?.failed({ code: 'connection-refused', fault: 'network' })
      if (i < 7) clock.advance(60_001)
    }
    dialer.dial({ ...addressOf(9), peerId: peer(1) }, 'masternode').catch(() => 0)
    expect(opened.at(-1)).toBe('192.0.2.9')
    const before = opened.length
    dialer.ended(answer(), { code: 'wrong-identity', fault: 'remote' }, true)
    clock.advance(36_000)
    expect(opened.slice(before)).toContain('192.0.2.1')
  })

  it('is no seed any more', () => {
    const { dialer, clock, opened } = scene()
    dialer.wishes.wantSeed({ ...addressOf(1), peerId: peer(1) })
    clock.advance(1)
    dialer.wishes.promote(peer(1), 'masternode', [addressOf(2)])
    const target = dialer.targets.find(peer(1))
    if (target === null) throw new Error('no target')
    expect([target.isSeed, target.isNamed]).toEqual([false, false])
    dialer.wishes.demote(target, 'regular')
    const before = opened.length
    clock.advance(86_400_000)
    expect(opened.length).toBe(before)
  })
})

describe('a dial that is called off', () => {
  it('may be begun again by a host that hears of whoever is dialled in its place', async () => {
    const all = scene()
    const { dialer, clock, banned, want, adoptLast } = all
    const control = new AbortController()
    const first = dialer.dial(addressOf(1), 'regular', control.signal).catch(() => 'called off')
    for (let i = 2; i < 100; i++) want(i, 'regular')
    clock.advance(1)
    for (const { peerId, attempt } of dialer.targets.all())
      if (peerId !== null && attempt?.kind === 'queued') banned.add(peerId)
    const again: Promise<PeerId>[] = []
    all.hears = () => {
      if (again.length === 0) again.push(dialer.dial(addressOf(1), 'regular'))
    }
    control.abort(new Error('no longer'))
    expect([await first, again.length]).toEqual(['called off', 1])
    const connection = adoptLast()
    dialer.reached(peer(1), connection)()
    expect(await again[0]).toBe(peer(1))
    expect([...dialer.targets.all()]).toContain(dialer.targets.find(peer(1)))
  })
})

describe('the end of an outage', () => {
  it('dials nobody who was struck off as others failed', () => {
    const all = scene()
    const { dialer, clock, linked, banned, opened, want } = all
    for (let i = 1; i <= 200; i++) want(i, 'masternode')
    clock.advance(12_000)
    const [queued, dialing] = (['queued', 'dialing'] as const).map((kind) =>
      [...dialer.targets.all()].filter(({ attempt }) => attempt?.kind === kind),
    )
    const struck = dialing?.at(-1)
    if (struck === undefined || queued === undefined) throw new Error('nobody is dialled')
    // Whose slot is free at last, and who is told to have failed then.
    for (const { peerId } of queued) if (peerId !== null) banned.add(peerId)
    all.hears = () => {
      if (dialer.targets.find(struck.peerId) === struck) dialer.forget(struck)
    }
    const before = opened.length
    linked.add(peer(1))
    dialer.reached(peer(1), connectionTo(1))()
    expect(all.failures).toContain('banned')
    clock.advance(3_600_000)
    expect(opened.length).toBeGreaterThan(before + 100)
    expect(opened.slice(before)).not.toContain(struck.addresses[0]?.host)
  })

  it('is one for the trusted also where a stranger was linked first', () => {
    const { dialer, clock, linked, opened, want } = scene()
    for (const i of [1, 2, 3]) want(i, 'masternode')
    want(9, 'regular')
    clock.advance(1_800_000)
    for (const i of [9, 3]) {
      linked.add(peer(i))
      dialer.reached(peer(i), connectionTo(i))()
    }
    const before = opened.length
    clock.advance(5_000)
    const since = new Set(opened.slice(before))
    expect([...since].toSorted()).toEqual(['192.0.2.1', '192.0.2.2'])
  })
})
