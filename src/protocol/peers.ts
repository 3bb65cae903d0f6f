/**
 * Peers told to peers: identity key 32 ‖ seconds since it was seen, varint ‖ number of addresses u8 ‖ (length varint ‖ text)…,
 * repeated. Hearsay: whoever dials one of them dials it with its id, so that a false address costs one failed dial.
 */
import { copyBytes, joinBytes, utf8, utf8Text } from './bytes.js'
import { ByteReader, VARINT_MAX, varintBytes } from './varint.js'

/** What one peer says of another. */
export interface PeerHint {
  readonly publicKey: Uint8Array
  readonly ageS: number
  /** As text, without the id. */
  readonly addresses: readonly string[]
}

/** Peers in one answer. */
export const PEERS_MAX = 100
const KEY_BYTES = 32
const ADDRESSES_MAX = 8

export function encodePeers(hints: readonly PeerHint[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { publicKey, ageS, addresses } of hints.slice(0, PEERS_MAX)) {
    const texts = addresses.slice(0, ADDRESSES_MAX).map(utf8)
    parts.push(publicKey, varintBytes(Math.min(Math.max(0, Math.floor(ageS)), VARINT_MAX)), Uint8Array.of(texts.length))
    for (const text of texts) parts.push(varintBytes(text.length), text)
  }
  return joinBytes(parts)
}

/** @returns null for what cannot be such a list, or is longer than any may be */
export function decodePeers(bytes: Uint8Array): readonly PeerHint[] | null {
  const reader = new ByteReader(bytes)
  const hints: PeerHint[] = []
  while (reader.left > 0) {
    const publicKey = copyBytes(reader.take(KEY_BYTES))
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
