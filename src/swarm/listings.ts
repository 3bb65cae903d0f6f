/** The operator's list line by line, as it was said, and what its lines say of each address. Who is meant by them is the roster's. */
import { addressKey } from '../policy/address.js'
import type { Address, PeerId } from '../ports/types.js'

export type TrustedClass = 'masternode' | 'persistent'

/** `host`: the options, or a call. What a directory says replaces only what it said before. */
export type Origin = 'host' | 'directory'

/** One line of the list. */
export interface Listing {
  readonly origin: Origin
  readonly peerClass: TrustedClass
  readonly address: Address
  /** The address without an id, as canonical text: worked out once, for it is asked for often. */
  readonly key: string
}

export function listingOf(origin: Origin, peerClass: TrustedClass, address: Address): Listing {
  return { origin, peerClass, address, key: addressKey(address) }
}

/** Of one address. */
export interface Said {
  /** Whose lines name nobody. */
  readonly bareBy: Set<Origin>
  /** Whom lines name. Bound: the lines. */
  readonly named: Set<PeerId>
  /** The same by the host alone, and by the directory. */
  readonly by: Readonly<Record<Origin, Set<PeerId>>>
}

/** Of an address that is not listed. */
export const NOTHING: Said = { bareBy: new Set(), named: new Set(), by: { host: new Set(), directory: new Set() } }

/** By the address's key. */
export function saidOf(listings: readonly Listing[]): ReadonlyMap<string, Said> {
  const said = new Map<string, Said>()
  for (const { origin, address, key } of listings) {
    const { peerId } = address
    const there = said.get(key) ?? {
      bareBy: new Set(),
      named: new Set(),
      by: { host: new Set(), directory: new Set() },
    }
    said.set(key, there)
    if (peerId === null) there.bareBy.add(origin)
    else for (const named of [there.named, there.by[origin]]) named.add(peerId)
  }
  return said
}

/** The lines of each address, by its key. */
export function linesAt(listings: readonly Listing[]): ReadonlyMap<string, readonly Listing[]> {
  const lines = new Map<string, Listing[]>()
  for (const listing of listings) {
    const there = lines.get(listing.key)
    if (there === undefined) lines.set(listing.key, [listing])
    else there.push(listing)
  }
  return lines
}

/** Where each is named. */
export type Places = ReadonlyMap<PeerId, ReadonlySet<string>>

export function placesOf(addresses: readonly Address[]): Places {
  const places = new Map<PeerId, Set<string>>()
  for (const address of addresses)
    if (address.peerId !== null)
      places.set(address.peerId, (places.get(address.peerId) ?? new Set()).add(addressKey(address)))
  return places
}
