import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressKey, parseAddress } from '../../src/policy/address.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import type { Address, PeerId } from '../../src/ports/types.js'
import { SeededRandom } from '../../src/testing/index.js'

const MIN = 60_000
const WALL = 1_800_000_000_000
const at = (n: number): Address => parseAddress(`tcp://10.0.0.${String(n)}:1`)
const keyOf = (n: number): string => addressKey(at(n))
const id = (n: number): PeerId =>
  `${'a'.repeat(52)}${n
    .toString(6)
    .padStart(3, '0')
    .replace(/[01]/g, (digit) => (digit === '0' ? 'y' : 'z'))}` as PeerId
const hosts = (store: PeerStore, n: number): string[] => store.get(id(n))?.addresses.map(({ host }) => host) ?? []

function meet(store: PeerStore, n: number, wall: number, lastsMs = 1): void {
  store.linked(id(n), null, 0, wall)
  store.unlinked(id(n), lastsMs, wall, { penalty: false })
}

const commands = fc.array(
  fc.record({
    call: fc.constantFrom('learn', 'hear', 'pin', 'unpin', 'dial', 'inbound', 'unlink', 'penalize', 'fail', 'forget'),
    peer: fc.integer({ min: 0, max: 9 }),
    address: fc.integer({ min: 0, max: 5 }),
    stepMs: fc.integer({ min: 0, max: 8 * MIN }),
  }),
  { maxLength: 200, size: 'max' },
)
type Command = typeof commands extends fc.Arbitrary<(infer One)[]> ? One : never

function run(store: PeerStore, { call, peer, address }: Command, now: number): void {
  const wall = WALL + now
  if (call === 'learn') store.learn(id(peer), at(address), 'hello')
  else if (call === 'hear') store.learn(id(peer), at(address), 'exchange')
  else if (call === 'pin') store.pin(id(peer))
  else if (call === 'unpin') store.unpin(id(peer))
  else if (call === 'dial') store.linked(id(peer), at(address), now, wall)
  else if (call === 'inbound') store.linked(id(peer), null, now, wall)
  else if (call === 'unlink') store.unlinked(id(peer), now, wall, { penalty: address === 0 })
  else if (call === 'penalize') store.penalized(id(peer), now)
  else if (call === 'fail') store.failed(id(peer), keyOf(address))
  else store.forget(id(peer))
}

describe('PeerStore', () => {
  it('keeps its bounds, and every pinned or connected peer, through anything', () => {
    fc.assert(
      fc.property(commands, fc.integer({ min: 1, max: 6 }), (steps, peersMax) => {
        const store = new PeerStore({ peersMax, addressesMax: 3 })
        let now = 0
        for (const step of steps) {
          now += step.stepMs
          const held = store
            .ids()
            .filter((peer) => store.get(peer)?.pinned === true || typeof store.get(peer)?.connectedAt === 'number')
          run(store, step, now)
          expect(store.size).toBeLessThanOrEqual(peersMax)
          expect(store.size).toBe(store.ids().length)
          for (const peer of held) if (step.call !== 'forget') expect(store.get(peer)).not.toBeNull()
          for (const peer of store.ids()) {
            const keys = store.get(peer)?.addresses.map(addressKey) ?? []
            expect(keys.length).toBeLessThanOrEqual(3)
            expect(new Set(keys).size).toBe(keys.length)
          }
        }
      }),
    )
  })

  it('loads what it saved', () => {
    fc.assert(
      fc.property(commands, (steps) => {
        const store = new PeerStore({ addressesMax: 3 })
        let now = 0
        for (const step of steps) run(store, step, (now += step.stepMs))
        store.pins.pin(keyOf(1), id(1))
        store.pins.name(keyOf(1), id(2))
        store.pins.name(keyOf(2), id(1))
        store.pins.pin(keyOf(3), id(1))
        for (const n of [4, 5]) store.pins.name(keyOf(n), id(n))
        store.pins.meet(keyOf(5), id(5))
        const copy = new PeerStore({ addressesMax: 3 })
        copy.restore(JSON.parse(JSON.stringify(store.snapshot(now))), WALL + now)
        expect(copy.ids().sort()).toEqual(store.ids().sort())
        expect([...copy.pins.entries()]).toEqual([...store.pins.entries()])
        for (const peer of store.ids()) {
          const record = store.get(peer)
          const isLinked = record?.connectedAt !== null
          expect(copy.get(peer)).toEqual({
            ...record,
            pinned: false,
            connectedAt: null,
            anchor: expect.any(Boolean) as boolean,
            linkedMs: isLinked ? (expect.any(Number) as number) : record.linkedMs,
          })
          expect(copy.classOf(peer, 0)).toBe(store.classOf(peer, now))
        }
      }),
    )
  })

  it('survives a snapshot of any content, within its bounds and with no instant in the future', () => {
    const number = fc.oneof(fc.double(), fc.anything())
    const near = fc.record({
      version: fc.constant(1),
      peers: fc.array(
        fc.record(
          {
            id: fc.oneof(fc.integer({ min: 0, max: 9 }).map(id), fc.anything()),
            addresses: fc.oneof(
              fc.array(fc.oneof(fc.constantFrom('tcp://h:1', 'tcp://1:1', `tcp://${id(1)}@h:1`), fc.anything())),
              fc.anything(),
            ),
            configured: fc.anything(),
            linkedMs: number,
            lastSeenAt: number,
            source: fc.oneof(fc.constantFrom('hello', 'inbound'), fc.anything()),
            failures: number,
          },
          { requiredKeys: [] },
        ),
      ),
      pinnedAddresses: fc.oneof(
        fc.array(fc.tuple(fc.constantFrom('tcp://h:1', 'x'), fc.constant(id(1)))),
        fc.anything(),
      ),
    })
    fc.assert(
      fc.property(fc.oneof(near, fc.anything()), (snapshot) => {
        const store = new PeerStore({ peersMax: 3, addressesMax: 2 })
        store.restore(snapshot, WALL)
        expect(store.size).toBeLessThanOrEqual(3)
        for (const peer of store.ids()) {
          const record = store.get(peer)
          expect(record?.addresses.length).toBeLessThanOrEqual(2)
          expect(record?.lastSeenAt ?? 0).toBeLessThanOrEqual(WALL)
          expect(Number.isSafeInteger(record?.failures)).toBe(true)
          expect(record?.linkedMs).toBeGreaterThanOrEqual(0)
        }
        expect([null, id(1)]).toContain(store.pins.idAt('tcp://h:1'))
      }),
    )
  })

  it('keeps what it knows already when it loads', () => {
    const store = new PeerStore()
    meet(store, 1, WALL, 20 * MIN)
    const copy = new PeerStore()
    copy.linked(id(1), at(1), 0, WALL)
    copy.restore(store.snapshot(0), WALL)
    expect(copy.get(id(1))).toMatchObject({ connectedAt: WALL, linkedMs: 0, dialedUs: false })
    expect(hosts(copy, 1)).toEqual(['10.0.0.1'])
  })

  it('evicts hearsay first, then the unknown seen least recently, then such regulars', () => {
    const store = new PeerStore({ peersMax: 4 })
    meet(store, 1, WALL + 30, 10 * MIN)
    meet(store, 2, WALL + 10)
    meet(store, 3, WALL + 20)
    store.learn(id(4), at(4), 'exchange')
    for (const [newcomer, gone] of [
      [5, 4],
      [6, 5],
      [7, 6],
    ] as const) {
      expect(store.learn(id(newcomer), at(newcomer), 'exchange')).toBe('added')
      expect(store.get(id(gone))).toBeNull()
    }
    meet(store, 7, WALL + 40)
    meet(store, 8, WALL + 50)
    expect([1, 2, 3, 7, 8].map((n) => store.get(id(n)) !== null)).toEqual([true, false, true, true, true])
    for (const n of [3, 7, 8]) meet(store, n, WALL + 60 + n, 10 * MIN)
    expect(store.learn(id(9), at(9), 'exchange')).toBe('full')
    expect(store.learn(id(9), at(9), 'hello')).toBe('added')
    expect(store.get(id(1))).toBeNull()
  })

  it('says so when only pinned and connected peers are left', () => {
    const store = new PeerStore({ peersMax: 2 })
    expect([store.pin(id(1)), store.linked(id(2), null, 0, WALL)]).toEqual([true, true])
    expect([store.pin(id(3)), store.linked(id(3), null, 0, WALL), store.learn(id(3), at(3), 'configured')]).toEqual([
      false,
      false,
      'full',
    ])
    store.unpin(id(1))
    expect(store.pin(id(3))).toBe(true)
    expect(store.get(id(1))).toBeNull()
  })

  it('counts link time without a penalty, over all links', () => {
    const store = new PeerStore()
    expect(store.classOf(id(1), 0)).toBe('unknown')
    meet(store, 1, WALL, 6 * MIN)
    store.linked(id(1), null, 100 * MIN, WALL)
    store.linked(id(1), at(1), 102 * MIN, WALL + 1)
    expect(store.get(id(1))).toMatchObject({
      connectedAt: WALL,
      lastSeenAt: WALL + 1,
      dialedUs: true,
      source: 'inbound',
    })
    expect([store.classOf(id(1), 104 * MIN - 1), store.classOf(id(1), 104 * MIN)]).toEqual(['unknown', 'regular'])
    store.penalized(id(1), 105 * MIN)
    expect([store.classOf(id(1), 115 * MIN - 1), store.classOf(id(1), 115 * MIN)]).toEqual(['unknown', 'regular'])
    store.unlinked(id(1), 116 * MIN, WALL + 2, { penalty: false })
    expect(store.get(id(1))).toMatchObject({ linkedMs: 11 * MIN, connectedAt: null, lastSeenAt: WALL + 2 })
    store.linked(id(1), null, 120 * MIN, WALL)
    store.unlinked(id(1), 119 * MIN, WALL, { penalty: false })
    expect(store.get(id(1))?.linkedMs).toBe(11 * MIN)
    store.linked(id(1), null, 120 * MIN, WALL)
    store.unlinked(id(1), 140 * MIN, WALL, { penalty: true })
    expect(store.classOf(id(1), 140 * MIN)).toBe('unknown')
  })

  it('prefers the address that worked, and tries the one that failed last', () => {
    const store = new PeerStore()
    for (const n of [1, 2, 3]) store.learn(id(1), at(n), 'exchange')
    expect(store.learn(id(1), parseAddress(`tcp://${id(2)}@10.0.0.1:1`), 'exchange')).toBe('known')
    expect(store.get(id(1))?.addresses.every(({ peerId }) => peerId === id(1))).toBe(true)
    store.failed(id(1), keyOf(1))
    store.failed(id(1), keyOf(9))
    expect(hosts(store, 1)).toEqual(['10.0.0.2', '10.0.0.3', '10.0.0.1'])
    expect(store.get(id(1))?.failures).toBe(2)
    store.succeeded(id(1), keyOf(3))
    expect(hosts(store, 1)).toEqual(['10.0.0.3', '10.0.0.2', '10.0.0.1'])
    expect(store.get(id(1))?.failures).toBe(0)
    store.linked(id(1), at(4), 0, WALL)
    expect(hosts(store, 1)[0]).toBe('10.0.0.4')
    expect(store.get(id(1))?.dialedUs).toBe(false)
  })

  it('has what the peer says itself before what others have told of it, in its own order after a restart, too', () => {
    const store = new PeerStore()
    for (const n of [1, 2]) store.learn(id(1), at(n), 'exchange')
    for (const n of [3, 4]) store.learn(id(1), at(n), 'hello')
    expect(hosts(store, 1)).toEqual(['10.0.0.4', '10.0.0.3', '10.0.0.1', '10.0.0.2'])
    // Also where others have told it, behind what is false.
    store.learn(id(1), at(2), 'hello')
    expect(hosts(store, 1)).toEqual(['10.0.0.2', '10.0.0.4', '10.0.0.3', '10.0.0.1'])
    const again = new PeerStore()
    again.restore(store.snapshot(0), WALL)
    expect(hosts(again, 1)).toEqual(hosts(store, 1))
  })

  it('lets hearsay displace no address, and nobody displace the operator’s', () => {
    const store = new PeerStore({ addressesMax: 2 })
    store.learn(id(1), at(1), 'configured')
    store.learn(id(1), at(2), 'hello')
    store.failed(id(1), keyOf(1))
    expect(store.learn(id(1), at(3), 'exchange')).toBe('full')
    expect(store.learn(id(1), at(3), 'hello')).toBe('added')
    expect(hosts(store, 1)).toEqual(['10.0.0.3', '10.0.0.1'])
    expect(store.learn(id(1), at(3), 'configured')).toBe('known')
    expect(store.learn(id(1), at(4), 'hello')).toBe('full')
  })

  it('says whether an address is the peer’s, and draws everybody it knows once', () => {
    const store = new PeerStore()
    for (const [n, address] of [
      [1, 1],
      [1, 2],
      [2, 3],
    ] as const)
      store.learn(id(n), at(address), 'hello')
    store.pin(id(3))
    expect([1, 2, 3].map((n) => store.reaches(id(1), keyOf(n)))).toEqual([true, true, false])
    expect([store.reaches(id(3), keyOf(1)), store.reaches(id(4), keyOf(1))]).toEqual([false, false])
    expect([...store.drawn(new SeededRandom(1))].sort()).toEqual([1, 2, 3].map(id).sort())
  })

  it('lets one teller fill an eighth by hearsay, and whoever says it of itself the rest', () => {
    const store = new PeerStore({ peersMax: 16 })
    const hear = (n: number, source: 'exchange' | 'hello', teller?: string): string =>
      store.learn(id(n), at(n), source, teller)
    expect([1, 2, 3].map((n) => hear(n, 'exchange', 'liar'))).toEqual(['added', 'added', 'full'])
    expect([hear(1, 'exchange', 'liar'), hear(4, 'exchange', 'other')]).toEqual(['known', 'added'])
    for (let n = 5; n < 9; n++) expect(hear(n, 'hello', 'liar')).toBe('added')
    for (let n = 9; n < 13; n++) expect(hear(n, 'exchange')).toBe('added')
    meet(store, 1, WALL)
    expect([hear(3, 'exchange', 'liar'), hear(13, 'exchange', 'liar')]).toEqual(['added', 'full'])
  })

  it('counts nobody as told of for whom there was no room', () => {
    const store = new PeerStore({ peersMax: 8 })
    for (let n = 1; n <= 8; n++) store.pin(id(n))
    expect(store.learn(id(9), at(1), 'exchange', 'teller')).toBe('full')
    store.forget(id(1))
    expect(store.learn(id(9), at(1), 'exchange', 'teller')).toBe('added')
  })

  it('takes whom the operator vouches for as one that has behaved for long enough, and no longer', () => {
    const store = new PeerStore()
    store.pin(id(1))
    meet(store, 2, WALL, 20 * MIN)
    for (const n of [1, 2, 3]) store.vouch(id(n))
    expect([1, 2, 3].map((n) => store.classOf(id(n), 0))).toEqual(['regular', 'regular', 'unknown'])
    expect([1, 2].map((n) => store.get(id(n))?.linkedMs)).toEqual([10 * MIN, 20 * MIN])
    expect(store.get(id(3))).toBeNull()
  })

  it('marks as anchors the regulars that it has dialled for longest, and not whom the operator listed or who came by itself', () => {
    const store = new PeerStore()
    const address = (n: number): Address => parseAddress(`tcp://10.${String(n)}.0.1:1`)
    for (let n = 1; n <= 6; n++) store.linked(id(n), address(n), n * MIN, WALL)
    store.linked(id(6), address(6), 60 * MIN, WALL)
    store.learn(id(7), address(7), 'configured')
    store.linked(id(7), address(7), 0, WALL)
    store.linked(id(8), null, 0, WALL)
    store.linked(id(9), address(9), 0, WALL)
    store.unlinked(id(9), 19 * MIN, WALL, { penalty: false })
    store.linked(id(10), address(10), 0, WALL)
    store.penalized(id(10), 19 * MIN)
    const anchorsAt = (now: number): PeerId[] => {
      const copy = new PeerStore()
      copy.restore(store.snapshot(now), WALL)
      return copy.ids().filter((peer) => copy.get(peer)?.anchor === true)
    }
    expect(anchorsAt(10 * MIN).sort()).toEqual([])
    expect(anchorsAt(12 * MIN).sort()).toEqual([1, 2].map(id).sort())
    expect(anchorsAt(20 * MIN).sort()).toEqual([1, 2, 3, 4].map(id).sort())
    expect(anchorsAt(29 * MIN).sort()).toEqual([1, 2, 3, 10].map(id).sort())
    const copy = new PeerStore()
    copy.restore(store.snapshot(20 * MIN), WALL)
    copy.linked(id(1), null, 0, WALL)
    expect([1, 2].map((n) => copy.get(id(n))?.anchor)).toEqual([false, true])
    expect(store.get(id(1))?.anchor).toBe(false)
  })

  it('fills a book from a snapshot and displaces nobody, nor more addresses than there may be', () => {
    const full = new PeerStore()
    for (let n = 1; n <= 4; n++) full.learn(id(1), at(n), n === 2 ? 'configured' : 'exchange')
    full.learn(id(2), at(5), 'hello')
    full.learn(id(3), at(6), 'hello')
    const small = new PeerStore({ peersMax: 2, addressesMax: 2 })
    small.learn(id(4), at(7), 'exchange')
    small.restore(full.snapshot(0), WALL)
    expect(small.ids()).toEqual([4, 1].map(id))
    expect(hosts(small, 1)).toEqual(['10.0.0.1', '10.0.0.2'])
    expect(small.learn(id(1), at(8), 'hello')).toBe('added')
    expect(hosts(small, 1)).toEqual(['10.0.0.8', '10.0.0.2'])
  })

  it('does nothing for an id that it does not know', () => {
    const store = new PeerStore()
    store.unpin(id(1))
    store.unlinked(id(1), 0, 0, { penalty: true })
    store.penalized(id(1), 0)
    store.failed(id(1), keyOf(1))
    store.succeeded(id(1), keyOf(1))
    store.forget(id(1))
    expect(store.size).toBe(0)
  })

  it.each(['peersMax', 'addressesMax', 'regularAfterMs'])('refuses a bad %s by name', (field) => {
    for (const bad of [0, 1.5, NaN, Infinity]) expect(() => new PeerStore({ [field]: bad })).toThrow(field)
  })
})
