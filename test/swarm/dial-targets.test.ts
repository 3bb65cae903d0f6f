/** How many are remembered that nobody dials any more. */
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import type { PeerClass, PeerId } from '../../src/ports/types.js'
import { DialTargets } from '../../src/swarm/dial-targets.js'
import { waitFor } from '../../src/swarm/dial-waiting.js'

const GIVEN_UP_MAX = 2_048
const peer = (i: number): PeerId => `peer ${String(i)}` as PeerId

function givenUp(targets: DialTargets, i: number, peerClass: PeerClass = 'unknown') {
  const target = targets.provide(peer(i), peerClass, [])
  targets.giveUp(target, i)
  return target
}

describe('who waits for an address that turns out to be a known peer’s', () => {
  it('is told with those who wait for that peer, and stands in no list afterwards', async () => {
    const targets = new DialTargets()
    const own = targets.provide(peer(1), 'unknown', [])
    const dialled = targets.provide(null, 'unknown', [])
    const abandoned: unknown[] = []
    const wait = async (signal?: AbortSignal): Promise<PeerId> =>
      waitFor(dialled, signal, { begin: () => undefined, abandon: (target) => abandoned.push(target) })
    const calledOff = new AbortController()
    const [first, second] = [wait(), wait(calledOff.signal)]
    expect(targets.merge(dialled, null, peer(1))).toBe(own)
    calledOff.abort(new Error('no longer'))
    await expect(second).rejects.toThrow('no longer')
    expect([own.waiters.length, abandoned]).toEqual([1, []])
    for (const waiter of [...own.waiters]) waiter.resolve(peer(1))
    expect([await first, own.waiters.length]).toEqual([peer(1), 0])
  })

  it('has that peer’s dial called off, where nobody else waits', async () => {
    const targets = new DialTargets()
    const own = targets.provide(peer(1), 'unknown', [])
    const dialled = targets.provide(null, 'unknown', [])
    const abandoned: unknown[] = []
    const calledOff = new AbortController()
    const waiting = waitFor(dialled, calledOff.signal, {
      begin: () => undefined,
      abandon: (target) => abandoned.push(target),
    })
    targets.merge(dialled, null, peer(1))
    calledOff.abort(new Error('no longer'))
    await expect(waiting).rejects.toThrow('no longer')
    expect(abandoned).toEqual([own])
  })
})

describe('an address whose peer our own dial has proven', () => {
  it('is that peer’s from then on, also where the host’s own dial of it went there', () => {
    const targets = new DialTargets()
    const address = parseAddress('tcp://192.0.2.1:1')
    const target = targets.provide(null, 'masternode', [address])
    targets.merge(target, parseAddress('tcp://192.0.2.1:1'), peer(1))
    expect(target.addresses).toEqual([{ ...address, peerId: peer(1) }])
  })
})

describe('a seed’s address', () => {
  it('makes a seed of whoever was found there last, and of nobody who was there before', () => {
    const targets = new DialTargets()
    const address = parseAddress('tcp://192.0.2.1:1')
    const other = targets.provide(peer(9), 'regular', [parseAddress('tcp://192.0.2.9:1')])
    other.isNamed = true
    for (const i of [1, 2, 3, 2]) {
      const seed = targets.provide(null, 'regular', [address])
      seed.isSeed = true
      seed.isNamed = true
      targets.merge(seed, address, peer(i))
      const named = [...targets.all()].filter(({ isNamed }) => isNamed)
      expect(named.map(({ peerId }) => peerId).toSorted()).toEqual([peer(i), peer(9)])
      expect(targets.atSeed(address).map(({ peerId }) => peerId)).toEqual([peer(i)])
    }
  })
})

describe('strangers given up', () => {
  it('are 2,048 at most, the last of them, and the operator’s own peers beside', () => {
    const targets = new DialTargets()
    for (let i = 0; i < 10; i++) givenUp(targets, i, i % 2 === 0 ? 'masternode' : 'persistent')
    for (let i = 10; i < 10_000; i++) givenUp(targets, i)
    expect(targets.size).toBe(10 + GIVEN_UP_MAX)
    for (let i = 0; i < 10_000; i++)
      expect(targets.find(peer(i)) === null, String(i)).toBe(i >= 10 && i < 10_000 - GIVEN_UP_MAX)
  })

  it('are not forgotten while they are somebody again', () => {
    const targets = new DialTargets()
    const [linked, dialled, seed] = [0, 1, 2].map((i) => givenUp(targets, i))
    if (linked !== undefined) linked.standing = { kind: 'connected', sinceAt: 0 }
    if (dialled !== undefined) dialled.attempt = { kind: 'queued' }
    if (seed !== undefined) seed.isNamed = true
    for (let i = 3; i < 3 + 2 * GIVEN_UP_MAX; i++) givenUp(targets, i)
    expect([0, 1, 2, 3].map((i) => targets.find(peer(i)) !== null)).toEqual([true, true, true, false])
    if (linked !== undefined) targets.giveUp(linked, 1)
    for (let i = 0; i < GIVEN_UP_MAX; i++) givenUp(targets, 100_000 + i)
    expect(targets.find(peer(0))).toBe(null)
  })
})
