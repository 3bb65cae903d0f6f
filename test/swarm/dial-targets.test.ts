/** How many are remembered that nobody dials any more. */
import { describe, expect, it } from 'vitest'
import type { PeerClass, PeerId } from '../../src/ports/types.js'
import { DialTargets } from '../../src/swarm/dial-targets.js'

const GIVEN_UP_MAX = 2_048
const peer = (i: number): PeerId => `peer ${String(i)}` as PeerId

function givenUp(targets: DialTargets, i: number, peerClass: PeerClass = 'unknown') {
  const target = targets.provide(peer(i), peerClass, [])
  targets.giveUp(target, i)
  return target
}

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
