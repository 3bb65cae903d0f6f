import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import type { Address, PeerId } from '../../src/ports/types.js'
import type { Listing } from '../../src/swarm/listings.js'
import { listingOf, saidOf } from '../../src/swarm/listings.js'

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
