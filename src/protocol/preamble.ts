/**
 * The first 16 bytes of each side, in the clear: they tell garbage, a wrong network, a wrong chain and a wrong version apart
 * before any key is touched. Both are bound into the handshake, so an edit of either breaks it.
 * Initiator: signature 4 ‖ network id 8 ‖ max version ‖ min version ‖ flags ‖ 0. Responder: … ‖ version ‖ status ‖ flags ‖ 0.
 */
import type { WireCode } from '../errors.js'

export const PREAMBLE_BYTES = 16
const WIRE_VERSION = 1
const SIGNATURE = [0x9d, 0x48, 0x46, 0x0a] as const
const VERSION_AT = 12
/** How an honest WebSocket dial begins, plain or secure, that was told the port of another transport. */
const FOREIGN: Readonly<Record<number, ForeignProtocol>> = { 0x47: 'http', 0x16: 'tls' }

/** What another node of ours speaks elsewhere. */
export type ForeignProtocol = 'http' | 'tls'

/** What a responder says instead of going on. A hint, since nobody has signed it: never grounds to ban or forget. */
export type PreambleStatus = Extract<
  WireCode,
  'wrong-network' | 'wrong-chain' | 'wrong-version' | 'busy' | 'banned' | 'rate-limit'
>

const STATUS: Readonly<Record<PreambleStatus, number>> = {
  'wrong-network': 1,
  'wrong-chain': 2,
  'wrong-version': 3,
  busy: 4,
  // 5 is reserved for a network-wide secret, which version 1 does not have.
  banned: 6,
  'rate-limit': 7,
}

export type PreambleCheck =
  | { readonly kind: 'partial' }
  | { readonly kind: 'good' }
  /** `foreign` where it may be an honest node's: anybody can tell it a wrong address. */
  | { readonly kind: 'garbage'; readonly foreign: ForeignProtocol | null }
  /** The other side is not for us: `said` when it was the other side that found out. */
  | { readonly kind: 'refused'; readonly status: PreambleStatus; readonly said: boolean }

export function initiatorPreamble(networkId: Uint8Array): Uint8Array {
  return preamble(networkId, WIRE_VERSION, WIRE_VERSION)
}

/** @param status null to go on */
export function responderPreamble(networkId: Uint8Array, status: PreambleStatus | null): Uint8Array {
  return preamble(networkId, WIRE_VERSION, status === null ? 0 : STATUS[status])
}

/** Judges as early as possible: the first wrong byte of the signature is garbage already. */
export function checkPreamble(
  bytes: Uint8Array,
  networkId: Uint8Array,
  from: 'initiator' | 'responder',
): PreambleCheck {
  for (let i = 0; i < Math.min(bytes.length, SIGNATURE.length); i++)
    if (bytes[i] !== SIGNATURE[i]) return { kind: 'garbage', foreign: FOREIGN[bytes[0] ?? 0] ?? null }
  if (bytes.length < PREAMBLE_BYTES) return { kind: 'partial' }
  if (from === 'responder') {
    const status = statusName(bytes[VERSION_AT + 1] ?? 0)
    if (status !== null) return { kind: 'refused', status, said: true }
  }
  for (let i = 0; i < 8; i++)
    if (bytes[4 + i] !== networkId[i])
      return { kind: 'refused', status: i < 4 ? 'wrong-network' : 'wrong-chain', said: false }
  const version = bytes[VERSION_AT] ?? 0
  const lowest = from === 'initiator' ? (bytes[VERSION_AT + 1] ?? 0) : version
  if (version < WIRE_VERSION || lowest > WIRE_VERSION || (from === 'responder' && version !== WIRE_VERSION))
    return { kind: 'refused', status: 'wrong-version', said: false }
  return { kind: 'good' }
}

function preamble(networkId: Uint8Array, first: number, second: number): Uint8Array {
  const bytes = new Uint8Array(PREAMBLE_BYTES)
  bytes.set(SIGNATURE)
  bytes.set(networkId, 4)
  bytes[VERSION_AT] = first
  bytes[VERSION_AT + 1] = second
  return bytes
}

/** A status of a later version still refuses: as busy, which is worth another try. */
function statusName(status: number): PreambleStatus | null {
  if (status === 0) return null
  const names = Object.keys(STATUS) as PreambleStatus[]
  return names.find((name) => STATUS[name] === status) ?? 'busy'
}
