import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import type { Address, PeerId } from '../../src/ports/types.js'
import type { Listing } from '../../src/swarm/listings.js'
import { listingOf, movedIn, saidOf } from '../../src/swarm/listings.js'

const [one, two] = ['a', 'b'].map((letter) => letter.repeat(55)) as [PeerId, PeerId]
const at = (peerId: PeerId | null, host: string): Address => ({ ...parseAddress(`tcp://${host}:1`), peerId })
const line = (origin: Listing['origin'], peerId: PeerId | null, host: string): Listing =>
  listingOf(origin, 'masternode', at(peerId, host))

describe('a list', () => {
  it('says of each address who is named there, by whom, and whether it is also listed alone', () => {
    const said = saidOf([
      line('host', one, 'a'),
      line('directory', two, 'a'),
      line('directory', null, 'A'),
      line('host', two, 'b'),
    ])
    expect(said.get('tcp://a:1')).toEqual({
      bareBy: new Set(['directory']),
      named: new Set([one, two]),
      by: { host: new Set([one]), directory: new Set([two]) },
    })
    expect(said.get('tcp://b:1')).toMatchObject({ bareBy: new Set(), named: new Set([two]) })
    expect(said.size).toBe(2)
  })
})

describe('an answer', () => {
  const idAt = (key: string): PeerId | null => (key === 'tcp://a:1' ? one : null)
  const moved = (before: readonly Address[], now: readonly Address[]): boolean => {
    const found = movedIn(before, now, idAt)
    expect([[], [{ key: 'tcp://a:1', peerId: one }]]).toContainEqual(found)
    return found.length > 0
  }

  it('says that one has moved whom it names elsewhere, and not where it is known to be, if it did not say so before', () => {
    const [here, there, third] = [at(null, 'a'), at(one, 'b'), at(one, 'c')]
    expect(moved([], [here, there])).toBe(true)
    expect(moved([at(one, 'a')], [here, there])).toBe(true)
    expect(moved([at(one, 'a'), there], [here, there])).toBe(true)
    expect(moved([here, there], [here, there, third])).toBe(true)
  })

  it('says so of nobody else', () => {
    const [here, there] = [at(null, 'a'), at(one, 'b')]
    expect(moved([here, there], [here, there])).toBe(false)
    expect(moved([], [here])).toBe(false)
    expect(moved([], [there])).toBe(false)
    expect(moved([], [here, at(one, 'a'), there])).toBe(false)
    expect(moved([], [here, at(two, 'b')])).toBe(false)
    expect(moved([], [at(null, 'd'), there])).toBe(false)
  })
})
