/**
 * Peers told to peers: identity key 32 ‖ seconds since it was seen, varint ‖ number of addresses u8 ‖ (length varint ‖ text)…,
 * repeated. Hearsay: whoever dials one of them dials it with its id, so that a false address costs one failed dial.
 */
import { joinBytes, utf8, utf8Text } from './bytes.js'
import { ByteReader, VARINT_MAX, varintBytes } from './varint.js'

/** What one peer says of another. */
export interface PeerHint {
  /** A view of the frame. */
  readonly publicKey: Uint8Array
  readonly ageS: number
  /** As text, without the id. */
  readonly addresses: readonly string[]
}

/** What is told of a peer, with its addresses encoded: they change more seldom than they are told. */
export interface PeerTelling {
  readonly publicKey: Uint8Array
  readonly ageS: number
  readonly addresses: Uint8Array
}

/** Peers in one answer. */
export const PEERS_MAX = 100
const KEY_BYTES = 32
const ADDRESSES_MAX = 8
/** A longer address is nobody's: it is neither told nor heard. */
const ADDRESS_BYTES_MAX = 255
/** The whole list fits a frame, whatever is in it. */
const LIST_BYTES_MAX = 30_000

export function encodePeers(tellings: readonly PeerTelling[]): Uint8Array {
  const parts: Uint8Array[] = []
  let length = 0
  for (const { publicKey, ageS, addresses } of tellings.slice(0, PEERS_MAX)) {
    const age = varintBytes(Math.min(Math.max(0, Math.floor(ageS)), VARINT_MAX))
    length += publicKey.length + age.length + addresses.length
    if (length > LIST_BYTES_MAX) break
    parts.push(publicKey, age, addresses)
  }
  return joinBytes(parts)
}

export function encodeAddresses(addresses: readonly string[]): Uint8Array {
  const texts = addresses
    .map(utf8)
    .filter((text) => text.length <= ADDRESS_BYTES_MAX)
    .slice(0, ADDRESSES_MAX)
  return joinBytes([Uint8Array.of(texts.length), ...texts.flatMap((text) => [varintBytes(text.length), text])])
}

/** @returns null for what cannot be such a list, or is longer than any may be */
export function decodePeers(bytes: Uint8Array): readonly PeerHint[] | null {
  const reader = new ByteReader(bytes)
  const hints: PeerHint[] = []
  while (reader.left > 0) {
    const publicKey = reader.take(KEY_BYTES)
    const ageS = reader.varint()
    const count = reader.byte()
    const addresses: string[] = []
    for (let i = 0; i < count && !reader.broken; i++) {
      const text = utf8Text(reader.take(reader.varint()))
      if (text === null) return null
      addresses.push(text)
    }
    if (reader.broken || count > ADDRESSES_MAX || hints.push({ publicKey, ageS, addresses }) > PEERS_MAX) return null
  }
  return hints
}
