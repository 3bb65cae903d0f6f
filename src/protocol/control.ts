/** The frames of the protocol itself, apart from hello and fragments: what their bodies hold. */
import type { Reason, WireCode } from '../errors.js'
import { WIRE_CODES, wireCodeName } from '../errors.js'
import { joinBytes, utf8Start, utf8Text } from './bytes.js'
import type { Frame } from './frame.js'
import { FRAME } from './frame.js'
import type { TypeName } from './hello.js'
import { decodeNames } from './hello.js'
import type { Announced } from './inventory.js'
import { decodeIds, decodeInventory } from './inventory.js'
import type { PeerHint } from './peers.js'
import { decodePeers } from './peers.js'
import { ByteReader, varintBytes } from './varint.js'

const TEXT_BYTES_MAX = 200
const PING_BYTES_MAX = 32
/** The longest a peer can make us wait before we come back. */
const RETRY_AFTER_MAX_S = 3600

export type ControlEvent =
  | { readonly kind: 'ping'; readonly payload: Uint8Array }
  | { readonly kind: 'pong'; readonly payload: Uint8Array }
  | { readonly kind: 'types'; readonly names: readonly TypeName[] }
  | { readonly kind: 'get-peers' }
  | { readonly kind: 'peers'; readonly hints: readonly PeerHint[] }
  | {
      readonly kind: 'request'
      readonly id: number
      readonly index: number
      readonly body: Uint8Array
      readonly size: number
    }
  | { readonly kind: 'response'; readonly id: number; readonly body: Uint8Array }
  | { readonly kind: 'failure'; readonly id: number; readonly text: string }
  | { readonly kind: 'cancel'; readonly id: number }
  /** The peer has these broadcasts. */
  | { readonly kind: 'inventory'; readonly announced: readonly Announced[] }
  /** It wants these of ours. */
  | { readonly kind: 'get'; readonly ids: readonly Uint8Array[] }
  /** It was asked for these, and does not send them. */
  | { readonly kind: 'not-found'; readonly ids: readonly Uint8Array[] }
  | { readonly kind: 'window'; readonly bytes: number }
  /** From now on it takes messages of so many bytes, and gives so much credit in all. */
  | { readonly kind: 'limits'; readonly messageBytesMax: number; readonly windowBytes: number }
  /** The peer dropped gossip meant for us. */
  | { readonly kind: 'gap' }
  /**
   * Part of a large message: its bytes are held within a bound of their own, so its credit may return at once. `head`: what its
   * body begins with, of a broadcast its id; it need not stay, and is empty where the message is not kept.
   */
  | { readonly kind: 'fragment'; readonly size: number; readonly head: Uint8Array }
  /** A large message was dropped as it came, for want of memory; `size` is what its last fragment counts in credit, `head` what it began with. */
  | { readonly kind: 'shed'; readonly size: number; readonly head: Uint8Array }
  /** So was a large answer. */
  | { readonly kind: 'answer-shed'; readonly id: number }
  /** An answer begins to come that is larger than was asked for: none of it is kept. */
  | { readonly kind: 'answer-too-big'; readonly id: number; readonly bytes: number; readonly isWhole: boolean }
  /** Part of a large answer that nobody waits for, or no longer. */
  | { readonly kind: 'stray'; readonly isWhole: boolean }
  /** An optional frame of a later version. */
  | { readonly kind: 'skipped' }

/** What a frame says; `unknown` for a critical one of a later version. */
export function decodeControl(
  frame: Frame,
  size: number,
): ControlEvent | { readonly kind: 'goodbye'; readonly reason: Reason } | 'broken' | 'unknown' {
  const { type, body } = frame
  if (type === FRAME.ping || type === FRAME.pong) {
    if (body.length > PING_BYTES_MAX) return 'broken'
    return { kind: type === FRAME.ping ? 'ping' : 'pong', payload: body }
  }
  const reader = new ByteReader(body)
  switch (type) {
    case FRAME.getPeers:
      return { kind: 'get-peers' }
    case FRAME.peers: {
      const hints = decodePeers(body)
      return hints === null ? 'broken' : { kind: 'peers', hints }
    }
    case FRAME.types: {
      const names = decodeNames(body)
      return names === null ? 'broken' : { kind: 'types', names }
    }
    case FRAME.request: {
      const id = reader.varint()
      const index = reader.varint() - FRAME.firstApplication
      return reader.broken ? 'broken' : { kind: 'request', id, index, body: reader.rest(), size }
    }
    case FRAME.response: {
      const id = reader.varint()
      const flags = reader.byte()
      // Bit 0 announces more to come, which version 1 never does.
      return reader.broken || flags !== 0 ? 'broken' : { kind: 'response', id, body: reader.rest() }
    }
    case FRAME.failure: {
      const id = reader.varint()
      const text = readText(reader)
      return reader.broken ? 'broken' : { kind: 'failure', id, text }
    }
    case FRAME.cancel: {
      const id = reader.varint()
      return reader.broken ? 'broken' : { kind: 'cancel', id }
    }
    case FRAME.inventory: {
      const announced = decodeInventory(body)
      return announced === null ? 'broken' : { kind: 'inventory', announced }
    }
    case FRAME.get:
    case FRAME.notFound: {
      const ids = decodeIds(body)
      return ids === null ? 'broken' : { kind: type === FRAME.get ? 'get' : 'not-found', ids }
    }
    case FRAME.window: {
      const bytes = reader.varint()
      return reader.broken || bytes === 0 ? 'broken' : { kind: 'window', bytes }
    }
    case FRAME.limits: {
      const messageBytesMax = reader.varint()
      const windowBytes = reader.varint()
      return reader.broken || messageBytesMax === 0 ? 'broken' : { kind: 'limits', messageBytesMax, windowBytes }
    }
    case FRAME.gap:
      return { kind: 'gap' }
    case FRAME.goodbye:
      return decodeGoodbye(reader)
    default:
      return type >= FRAME.firstOptional ? { kind: 'skipped' } : 'unknown'
  }
}

export function encodeGoodbye(code: WireCode, retryAfterMs: number, text: string): Uint8Array {
  const retryAfterS = Math.min(Math.ceil(retryAfterMs / 1000), RETRY_AFTER_MAX_S)
  return joinBytes([varintBytes(WIRE_CODES[code]), varintBytes(retryAfterS), utf8Start(text, TEXT_BYTES_MAX)])
}

export function encodeFailure(id: number, text: string): Uint8Array {
  return joinBytes([varintBytes(id), utf8Start(text, TEXT_BYTES_MAX)])
}

/** What a peer says in words, for people: nothing in it begins a new line of a log, or moves a cursor. */
function readText(reader: ByteReader): string {
  const text = utf8Text(reader.rest().subarray(0, TEXT_BYTES_MAX)) ?? ''
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?')
}

function decodeGoodbye(reader: ByteReader): { readonly kind: 'goodbye'; readonly reason: Reason } | 'broken' {
  const code = wireCodeName(reader.varint())
  const retryAfterS = Math.min(reader.varint(), RETRY_AFTER_MAX_S)
  const text = readText(reader)
  if (reader.broken) return 'broken'
  return {
    kind: 'goodbye',
    reason: {
      code,
      fault: 'remote',
      ...(retryAfterS === 0 ? {} : { retryAfterMs: retryAfterS * 1000 }),
      ...(text === '' ? {} : { cause: text }),
    },
  }
}
