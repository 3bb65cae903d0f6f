/** What a saved book holds. Whoever wrote it, nothing in it is believed that does not make sense, and no instant is in the future. */
import { addressKey, isPeerIdText, readAddress } from './address.js'
import type { AddressPin } from './address-pins.js'
import { PIN_GRADES } from './address-pins.js'
import type { PeerSource } from './peer-record.js'
import { isRecord, someOf, within } from './stored.js'
import type { Address, PeerId } from '../ports/types.js'

/** One peer of a saved book. */
export interface StoredPeer {
  readonly id: PeerId
  readonly source: PeerSource
  readonly addresses: readonly { readonly address: Address; readonly isConfigured: boolean }[]
  readonly linkedMs: number
  readonly lastSeenAt: number | null
  readonly dialedUs: boolean
  readonly failures: number
  readonly anchor: boolean
}

/** A saved book, of no more peers, addresses of each, and pinned addresses than may be. */
export interface StoredBook {
  /** Least recently seen first. */
  readonly peers: readonly StoredPeer[]
  readonly pinnedAddresses: readonly AddressPin[]
}

const SOURCES: readonly PeerSource[] = ['configured', 'hello', 'exchange', 'inbound']
const NOTHING: StoredBook = { peers: [], pinnedAddresses: [] }

/** Tells ids from text that only looks like one. */
export type IdCheck = (text: string) => text is PeerId

export function readBook(
  snapshot: unknown,
  wall: number,
  { peersMax, addressesMax, pinsMax }: Readonly<Record<'peersMax' | 'addressesMax' | 'pinsMax', number>>,
  isId: IdCheck = isPeerIdText,
): StoredBook {
  if (!isRecord(snapshot) || snapshot['version'] !== 1) return NOTHING
  const peers = someOf(snapshot['peers'], peersMax).flatMap((peer) => readPeer(peer, wall, addressesMax, isId))
  const pinnedAddresses = someOf(snapshot['pinnedAddresses'], pinsMax).flatMap((pair) => {
    const [text, id, word] = someOf(pair, 3)
    const address = readAddress(text)
    if (address === null || typeof id !== 'string' || !isId(id)) return []
    const grade = PIN_GRADES.find((one) => one === word) ?? 'found'
    return [{ key: addressKey(address), id, grade }]
  })
  return { peers: peers.sort((a, b) => (a.lastSeenAt ?? -1) - (b.lastSeenAt ?? -1)), pinnedAddresses }
}

/** Pins as they are saved: of those that were found the address and the peer, and of others how they are known. */
export function storedPins(pins: Iterable<AddressPin>): readonly (readonly string[])[] {
  return Array.from(pins, ({ key, id, grade }) => [key, id, ...(grade === 'found' ? [] : [grade])])
}

function readPeer(peer: unknown, wall: number, addressesMax: number, isId: IdCheck): StoredPeer[] {
  if (!isRecord(peer)) return []
  const id = peer['id']
  const source = SOURCES.find((name) => name === peer['source'])
  if (typeof id !== 'string' || !isId(id) || source === undefined) return []
  const configured = someOf(peer['configured'], addressesMax)
  const addresses = someOf(peer['addresses'], addressesMax).flatMap((text) => {
    const address = readAddress(text)
    const isSound = address !== null && (address.peerId === null || isId(address.peerId))
    return !isSound ? [] : [{ address, isConfigured: configured.includes(addressKey(address)) }]
  })
  return [
    {
      id,
      source,
      addresses,
      linkedMs: within(peer['linkedMs'], Number.MAX_SAFE_INTEGER, 0),
      lastSeenAt: peer['lastSeenAt'] === null ? null : within(peer['lastSeenAt'], wall, 0),
      dialedUs: peer['dialedUs'] === true,
      failures: Math.floor(within(peer['failures'], Number.MAX_SAFE_INTEGER, 0)),
      anchor: peer['anchor'] === true,
    },
  ]
}
