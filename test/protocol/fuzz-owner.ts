/**
 * A session in the hands of somebody who trusts nothing: every event is checked against what the documentation promises as it
 * comes, folded into a trace that can be compared, and the bounds on memory are looked at after every chunk.
 */
import type { Reason } from '../../src/errors.js'
import { WIRE_CODES } from '../../src/errors.js'
import type { Crypto } from '../../src/ports/crypto.js'
import { copyBytes, hex, utf8 } from '../../src/protocol/bytes.js'
import type { SessionEvent } from '../../src/protocol/session.js'
import { Session } from '../../src/protocol/session.js'
import { delegate, makeHello, makePair, makeSetup, partiesOf } from './harness.js'

export const SIDES: readonly ['initiator', 'responder'] = ['initiator', 'responder']
export type Side = (typeof SIDES)[number]
export const otherSide = (side: Side): Side => (side === 'initiator' ? 'responder' : 'initiator')

// The documented numbers, written out: a test that took them from the source would follow it anywhere.
const VARINT_MAX = 268_435_455
const FRAME_BYTES_MAX = 32_768
const HEADER_BYTES_MAX = 64
const HELLO_BYTES_MAX = 16_384
const NAME_BYTES_MAX = 32
const NAMES_MAX = 256
const PEERS_MAX = 100
const HANDSHAKE_WAITING_MAX = 2 + 512
const RECORD_MAX = 65_535
/** Three bytes of length before a frame that is not whole. */
const FRAME_WAITING_MAX = 3 + FRAME_BYTES_MAX
const LANES = 3
const RETRY_AFTER_MAX_MS = 3_600_000
const TEXT_BYTES_MAX = 200
/** Two flights, a hello and a goodbye: a session has no more to say by itself. */
const SAID_MAX = 1_500
export const ANSWER_BYTES_MAX = 5_000

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

/** The salt of each side's hello, as in the harness. */
const SALT: Readonly<Record<Side, number>> = { initiator: 7, responder: 9 }
const hellos = { initiator: makeHello(SALT.initiator), responder: makeHello(SALT.responder) }
const { messageBytesMax, windowBytes } = hellos.initiator.limits

interface Recorded {
  /** What each side hears of a session that nobody disturbs, up to both hellos. Always the same: all keys are fixed. */
  readonly heard: Readonly<Record<Side, Uint8Array>>
  readonly delegations: Readonly<Record<Side, Uint8Array>>
}

const recordings = new Map<Crypto, Recorded>()

export function recorded(crypto: Crypto): Recorded {
  let recording = recordings.get(crypto)
  if (recording === undefined) {
    const { initiator, responder } = partiesOf(crypto)
    const delegations = { initiator: delegate(initiator), responder: delegate(responder) }
    const pair = makePair({ crypto }).pump()
    if (!pair.bothEstablished) throw new Error('an undisturbed session must be established')
    recording = { delegations, heard: { initiator: pair.responder.sent, responder: pair.initiator.sent } }
    recordings.set(crypto, recording)
  }
  return recording
}

export interface OwnerOptions {
  /** Whether credit goes back as soon as a message is done with. Default true. */
  readonly releases?: boolean
  /** Keeps every event as text. Default false: only their hash. */
  readonly keeps?: boolean
}

export class Owner {
  readonly session: Session
  readonly texts: string[] = []
  /** Hash of all events so far. */
  trace = 0
  events = 0
  established = false
  ended: Extract<SessionEvent, { kind: 'told' | 'refused' }> | null = null
  /** Bytes it has said. */
  said = 0
  readonly #releases: boolean
  readonly #keeps: boolean
  readonly #side: Side
  #uncredited = 0

  constructor(crypto: Crypto, side: Side, options: OwnerOptions = {}) {
    this.#side = side
    this.#releases = options.releases ?? true
    this.#keeps = options.keeps ?? false
    const delegation = recorded(crypto).delegations[side]
    const direction = side === 'initiator' ? 'outbound' : 'inbound'
    this.session = new Session(makeSetup(direction, partiesOf(crypto)[side], { delegation }))
  }

  /** Takes a chunk as a transport hands it over, in memory that is overwritten afterwards. */
  receive(chunk: Uint8Array): void {
    const lent = copyBytes(chunk)
    this.session.receive(lent)
    for (let event = this.session.next(); event !== null; event = this.session.next()) this.#take(event)
    lent.fill(0xee)
    this.#checkState()
  }

  receiveAll(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) this.receive(chunk)
  }

  /** What waits to be sent. */
  takeOutput(): readonly Uint8Array[] {
    const chunks = this.session.output
    this.session.output = []
    for (const chunk of chunks) this.said += chunk.length
    return chunks
  }

  #take(event: SessionEvent): void {
    if (this.ended !== null) throw new Error(`a ${event.kind} after the end`)
    checkEvent(event)
    this.#note(event)
    switch (event.kind) {
      case 'proven':
        if (this.events !== 1) throw new Error('proven is not the first event')
        this.session.admit(hellos[this.#side])
        this.session.expectAnswer(ANSWER_BYTES_MAX)
        break
      case 'established':
        if (this.established) throw new Error('established twice')
        this.established = true
        break
      case 'told':
      case 'refused':
        this.ended = event
        break
      case 'fragment':
        // Its whole counts it once more.
        if (this.#releases) this.#spend(event.size)
        this.#expectEstablished(event)
        break
      case 'application':
      case 'request':
        this.#spend(event.size)
        this.#expectEstablished(event)
        break
      case 'peers':
        // A full responder names others before its goodbye.
        if (this.#side === 'responder') this.#expectEstablished(event)
        break
      default:
        this.#expectEstablished(event)
    }
  }

  #expectEstablished(event: SessionEvent): void {
    if (!this.established) throw new Error(`a ${event.kind} before hello`)
  }

  #spend(size: number): void {
    if (this.#releases) {
      this.session.credit.release(size)
      this.session.credit.pickGrant()
      return
    }
    this.#uncredited += size
    if (this.#uncredited > windowBytes) throw new Error(`${String(this.#uncredited)} bytes against the credit`)
  }

  #checkState(): void {
    const { session } = this
    if ((session.state === 'over') !== (this.ended !== null)) throw new Error(`${session.state}, but no word of an end`)
    if ((session.state === 'established') !== (this.established && this.ended === null))
      throw new Error(`${session.state} without the event`)
    if (session.waiting > waitingMax(session)) throw new Error(`${String(session.waiting)} bytes wait: too many`)
    this.takeOutput()
    if (this.said > SAID_MAX) throw new Error(`it has said ${String(this.said)} bytes`)
  }

  #note(event: SessionEvent): void {
    this.events++
    let trace = this.trace
    const text =
      this.#keeps || !('body' in event) ? textOf(event) : `${event.kind}${String('id' in event ? event.id : 0)}`
    for (let i = 0; i < text.length; i++) trace = Math.imul(trace ^ text.charCodeAt(i), 0x01000193)
    if ('body' in event) for (const byte of event.body) trace = Math.imul(trace ^ byte, 0x01000193)
    if ('size' in event) trace = Math.imul(trace ^ event.size, 0x01000193)
    if ('index' in event) trace = Math.imul(trace ^ event.index, 0x01000193)
    this.trace = this.#keeps ? 0 : trace
    if (this.#keeps) this.texts.push(text)
  }
}

/** What may wait in memory at most, by how far the session has come. */
function waitingMax({ state }: Session): number {
  const early = state === 'preamble' || state === 'keys' || state === 'deciding'
  if (early) return HANDSHAKE_WAITING_MAX
  const lanes = state === 'hello' ? 0 : LANES * (Math.max(messageBytesMax, ANSWER_BYTES_MAX) + HEADER_BYTES_MAX)
  return RECORD_MAX + FRAME_WAITING_MAX + lanes
}

/** An event as text, bytes in hex: equal texts, equal events. */
export function textOf(event: SessionEvent): string {
  return JSON.stringify(event, (_key, value: unknown) => (value instanceof Uint8Array ? hex(value) : value))
}

function must(holds: boolean, event: SessionEvent): void {
  if (!holds) throw new Error(`not what is documented: ${textOf(event).slice(0, 400)}`)
}

function checkEvent(event: SessionEvent): void {
  switch (event.kind) {
    case 'proven':
      must(event.publicKey.length === 32 && event.skewMs >= 0, event)
      break
    case 'established':
      must(checkHello(event.hello), event)
      break
    case 'application':
      must(event.index >= 0 && event.size > event.body.length, event)
      must(event.body.length <= messageBytesMax + HEADER_BYTES_MAX, event)
      break
    case 'request':
      must(event.id >= 0 && event.id <= VARINT_MAX && event.size > event.body.length, event)
      must(event.body.length <= messageBytesMax + HEADER_BYTES_MAX, event)
      break
    case 'response':
      must(event.body.length <= Math.max(FRAME_BYTES_MAX, ANSWER_BYTES_MAX + HEADER_BYTES_MAX), event)
      break
    case 'failure':
      must(utf8(event.text).length <= TEXT_BYTES_MAX, event)
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

export function checkHello(hello: Extract<SessionEvent, { kind: 'established' }>['hello']): boolean {
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
  return typeof value === 'string' && utf8(value).length <= TEXT_BYTES_MAX
}
