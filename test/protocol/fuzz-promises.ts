/** What the documentation promises of every event, whatever bytes it came from. */
import type { Reason } from '../../src/errors.js'
import { WIRE_CODES } from '../../src/errors.js'
import { hex, utf8 } from '../../src/protocol/bytes.js'
import type { Hello } from '../../src/protocol/hello.js'
import type { SessionEvent } from '../../src/protocol/session.js'

// The documented numbers, written out: a test that took them from the source would follow it anywhere.
const VARINT_MAX = 268_435_455
export const FRAME_BYTES_MAX: number = 32_768
export const HEADER_BYTES_MAX: number = 64
const HELLO_BYTES_MAX = 16_384
const NAME_BYTES_MAX = 32
const NAMES_MAX = 256
const PEERS_MAX = 100
const IDS_MAX = 1_000
const ID_BYTES = 16
const RETRY_AFTER_MAX_MS = 3_600_000
const TEXT_BYTES_MAX = 200
/** What the largest answer is that was ever asked for. */
export const ANSWER_BYTES_MAX: number = 5_000
/** The first questions, whose answers are waited for; those to others go astray. */
export const AWAITED: number = 64

/** What a session may refuse for, and whose fault each is. */
const REFUSALS: Readonly<Partial<Record<Reason['code'], Reason['fault']>>> = {
  garbage: 'remote',
  'bad-handshake': 'remote',
  'wrong-network': 'remote',
  'wrong-chain': 'remote',
  'wrong-version': 'remote',
  'wrong-identity': 'remote',
  self: 'remote',
  'protocol-error': 'remote',
  'message-too-big': 'remote',
  'credit-overrun': 'remote',
  'bad-record': 'network',
}

/** An event as text, bytes in hex: equal texts, equal events. */
export function textOf(event: SessionEvent): string {
  return JSON.stringify(event, function (this: Record<string, unknown>, key, value: unknown) {
    // What Node's own arrays make of themselves is in `value` already.
    const bytes = this[key]
    return bytes instanceof Uint8Array ? hex(bytes) : value
  })
}

function must(holds: boolean, event: SessionEvent): void {
  if (!holds) throw new Error(`not what is documented: ${textOf(event).slice(0, 400)}`)
}

/** Throws for an event beyond its bounds. */
export function checkEvent(event: SessionEvent, bodyBytesMax: number): void {
  switch (event.kind) {
    case 'proven':
      must(event.publicKey.length === 32 && event.skewMs >= 0, event)
      break
    case 'established':
      must(checkHello(event.hello), event)
      break
    case 'application':
      must(event.index >= 0 && event.size > event.body.length, event)
      must(event.body.length <= bodyBytesMax, event)
      break
    case 'request':
      must(event.id >= 0 && event.id <= VARINT_MAX && event.size > event.body.length, event)
      must(event.body.length <= bodyBytesMax, event)
      break
    case 'response':
      must(event.body.length <= Math.max(FRAME_BYTES_MAX, ANSWER_BYTES_MAX + HEADER_BYTES_MAX), event)
      break
    case 'failure':
      must(isShortText(event.text), event)
      break
    case 'shed':
      must(event.size >= 0 && event.size <= FRAME_BYTES_MAX + 1, event)
      break
    case 'answer-shed':
      must(event.id >= 0 && event.id < AWAITED, event)
      break
    case 'answer-too-big':
      must(event.id >= 0 && event.id < AWAITED && event.bytes > ANSWER_BYTES_MAX, event)
      break
    case 'limits':
      must(event.messageBytesMax > 0 && event.messageBytesMax <= VARINT_MAX, event)
      break
    case 'skipped':
    case 'stray':
      break
    case 'ping':
    case 'pong':
      must(event.payload.length <= 32, event)
      break
    case 'types':
      must(checkNames(event.names), event)
      break
    case 'peers':
      must(event.hints.length <= PEERS_MAX, event)
      must(
        event.hints.every(({ publicKey, addresses }) => publicKey.length === 32 && addresses.length <= 8),
        event,
      )
      break
    case 'inventory':
      must(event.announced.length <= IDS_MAX, event)
      must(
        event.announced.every(({ id, size }) => id.length === ID_BYTES && size >= ID_BYTES && size <= VARINT_MAX),
        event,
      )
      break
    case 'get':
    case 'not-found':
      must(event.ids.length <= IDS_MAX && event.ids.every((id) => id.length === ID_BYTES), event)
      break
    case 'window':
      must(event.bytes >= 1 && event.bytes <= VARINT_MAX, event)
      break
    case 'told':
      must(event.reason.fault === 'remote' && Object.hasOwn(WIRE_CODES, event.reason.code), event)
      must((event.reason.retryAfterMs ?? 0) <= RETRY_AFTER_MAX_MS, event)
      must(event.reason.cause === undefined || isShortText(event.reason.cause), event)
      break
    case 'refused':
      must(REFUSALS[event.reason.code] === event.reason.fault, event)
      must(event.reason.cause === undefined || isShortText(event.reason.cause), event)
      break
    case 'fragment':
      must(event.size > 0 && event.size <= FRAME_BYTES_MAX, event)
      break
    case 'cancel':
    case 'get-peers':
    case 'gap':
      break
  }
}

export function checkHello(hello: Hello): boolean {
  const { epoch, names, supersedes, agent, addresses } = hello
  const texts = addresses.length <= 8 && addresses.every((text) => utf8(text).length <= HELLO_BYTES_MAX)
  return (
    epoch.length === 8 &&
    checkNames(names) &&
    supersedes.length <= 8 &&
    supersedes.every((id) => id.length === 8) &&
    utf8(agent).length <= 128 &&
    texts
  )
}

export function checkNames(names: readonly { readonly name: string }[]): boolean {
  const lengths = names.map(({ name }) => utf8(name).length)
  return names.length <= NAMES_MAX && lengths.every((length) => length > 0 && length <= NAME_BYTES_MAX)
}

function isShortText(value: unknown): boolean {
  if (typeof value !== 'string' || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value)) return false
  return utf8(value).length <= TEXT_BYTES_MAX
}
