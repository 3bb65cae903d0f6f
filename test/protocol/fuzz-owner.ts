/**
 * A session in the hands of somebody who trusts nothing: every event is checked against what the documentation promises as it
 * comes, folded into a trace that can be compared, and the bounds on memory are looked at after every chunk.
 */
import type { Crypto } from '../../src/ports/crypto.js'
import { copyBytes } from '../../src/protocol/bytes.js'
import type { Hello } from '../../src/protocol/hello.js'
import type { SessionEvent } from '../../src/protocol/session.js'
import { Session } from '../../src/protocol/session.js'
import { ANSWER_BYTES_MAX, AWAITED, checkEvent, FRAME_BYTES_MAX, HEADER_BYTES_MAX, textOf } from './fuzz-promises.js'
import { delegate, makeHello, makePair, makeSetup, partiesOf } from './harness.js'

export const SIDES: readonly ['initiator', 'responder'] = ['initiator', 'responder']
export type Side = (typeof SIDES)[number]
export const otherSide = (side: Side): Side => (side === 'initiator' ? 'responder' : 'initiator')

const HANDSHAKE_WAITING_MAX = 2 + 512
const RECORD_MAX = 65_535
/** Three bytes of length before a frame that is not whole. */
export const FRAME_WAITING_MAX: number = 3 + FRAME_BYTES_MAX
const LANES = 3
/** Two flights, a hello and a goodbye: a session has no more to say by itself. */
const SAID_MAX = 1_500

/** The salt of each side's hello, as in the harness. */
const SALT: Readonly<Record<Side, number>> = { initiator: 7, responder: 9 }
const MESSAGE_BYTES_MAX = 20_000
/** Of an owner who gives no credit back: soon used up. */
const SMALL_WINDOW_BYTES = 3_000

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
  /** The largest message it takes. Default 20,000 bytes. */
  readonly messageBytesMax?: number
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
  // Bound: SAID_MAX.
  readonly #output: Uint8Array[] = []
  readonly #releases: boolean
  readonly #keeps: boolean
  readonly #side: Side
  readonly #messageBytesMax: number
  readonly #windowBytes: number
  #uncredited = 0

  constructor(crypto: Crypto, side: Side, options: OwnerOptions = {}) {
    this.#side = side
    this.#releases = options.releases ?? true
    this.#keeps = options.keeps ?? false
    this.#messageBytesMax = options.messageBytesMax ?? MESSAGE_BYTES_MAX
    this.#windowBytes = this.#releases ? 3 * this.#messageBytesMax : SMALL_WINDOW_BYTES
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

  /** What waits to be sent, and is its own to say. */
  takeOutput(): readonly Uint8Array[] {
    this.#collect()
    return this.#output.splice(0)
  }

  #collect(): void {
    for (const chunk of this.session.output.splice(0)) {
      this.said += chunk.length
      this.#output.push(copyBytes(chunk))
    }
  }

  #take(event: SessionEvent): void {
    if (this.ended !== null) throw new Error(`a ${event.kind} after the end`)
    checkEvent(event, this.#messageBytesMax + HEADER_BYTES_MAX)
    this.#note(event)
    switch (event.kind) {
      case 'proven':
        if (this.events !== 1) throw new Error('proven is not the first event')
        this.session.admit(this.#hello())
        for (let id = 0; id < AWAITED; id++) this.session.reassembly.awaitAnswer(id, ANSWER_BYTES_MAX)
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

  #hello(): Hello {
    const limits = { messageBytesMax: this.#messageBytesMax, requestsMax: 16, windowBytes: this.#windowBytes }
    return makeHello(SALT[this.#side], { limits })
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
    if (this.#uncredited > this.#windowBytes) throw new Error(`${String(this.#uncredited)} bytes against the credit`)
  }

  #checkState(): void {
    const { session } = this
    if ((session.state === 'over') !== (this.ended !== null)) throw new Error(`${session.state}, but no word of an end`)
    if ((session.state === 'established') !== (this.established && this.ended === null))
      throw new Error(`${session.state} without the event`)
    if (session.waiting > waitingMax(session, this.#messageBytesMax))
      throw new Error(`${String(session.waiting)} bytes wait: too many`)
    this.#collect()
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
function waitingMax({ state }: Session, messageBytesMax: number): number {
  const early = state === 'preamble' || state === 'keys' || state === 'deciding'
  if (early) return HANDSHAKE_WAITING_MAX
  const lanes = state === 'hello' ? 0 : LANES * (Math.max(messageBytesMax, ANSWER_BYTES_MAX) + HEADER_BYTES_MAX)
  return RECORD_MAX + FRAME_WAITING_MAX + lanes
}
