/**
 * Ids of broadcasts, as peers tell them to each other. INV: what this node has, each id with the bytes of id and body. GET: what
 * is wanted of it. NOTFOUND: what was asked for and is here no more. What is asked for comes as any broadcast does.
 */
import { joinBytes } from './bytes.js'
import { BROADCAST_ID_BYTES } from './message.js'
import { ByteReader, varintBytes } from './varint.js'

/** Ids in one frame: with their sizes, less than a frame holds. */
export const IDS_MAX = 1_000

export interface Announced {
  readonly id: Uint8Array
  /** Bytes of id and body. */
  readonly size: number
}

export function encodeInventory(announced: readonly Announced[]): Uint8Array {
  return joinBytes(announced.flatMap(({ id, size }) => [id, varintBytes(size)]))
}

/** @returns null for what is not of that form, too many, or none: a frame that says nothing is not free */
export function decodeInventory(body: Uint8Array): readonly Announced[] | null {
  const reader = new ByteReader(body)
  const announced: Announced[] = []
  while (reader.left > 0) {
    const id = reader.take(BROADCAST_ID_BYTES)
    const size = reader.varint()
    if (reader.broken || size < BROADCAST_ID_BYTES || announced.push({ id, size }) > IDS_MAX) return null
  }
  return announced.length === 0 ? null : announced
}

export function encodeIds(ids: readonly Uint8Array[]): Uint8Array {
  return joinBytes(ids)
}

/** @returns null for what is not of that form, too many, or none */
export function decodeIds(body: Uint8Array): readonly Uint8Array[] | null {
  if (body.length === 0 || body.length % BROADCAST_ID_BYTES !== 0 || body.length > IDS_MAX * BROADCAST_ID_BYTES)
    return null
  const ids: Uint8Array[] = []
  for (let at = 0; at < body.length; at += BROADCAST_ID_BYTES) ids.push(body.subarray(at, at + BROADCAST_ID_BYTES))
  return ids
}
