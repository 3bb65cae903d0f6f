/**
 * One link's protocol, without the link: bytes go in by `receive`, what they mean comes out of `next`, one event at a time,
 * and what must be sent waits in `output`. The owner decides; the session never calls anybody, and never waits.
 */
import type { Reason, ReasonCode, WireCode } from '../errors.js'
import { copyBytes, EMPTY } from './bytes.js'
import type { ControlEvent } from './control.js'
import { decodeControl, encodeGoodbye } from './control.js'
import { ReceiveCredit } from './credit.js'
import { Reassembly } from './fragment.js'
import type { Frame } from './frame.js'
import { encodeFrame, FRAME, FrameReader, HEADER_BYTES_MAX, isCounted } from './frame.js'
import type { HandshakeSetup, HandshakeStep } from './handshake.js'
import { Handshake, hintName } from './handshake.js'
import type { Hello, VersionRange } from './hello.js'
import { decodeHello, encodeHello, HELLO_BYTES_MAX, misfitOf } from './hello.js'
import { Inbox } from './inbox.js'
import { RecordReader, RecordWriter } from './record.js'
import type { SessionState, SessionStep } from './session-state.js'
import { step } from './session-state.js'
import { varintLength } from './varint.js'
import { Tally } from './tally.js'

export interface SessionSetup extends HandshakeSetup {
  readonly protocol: VersionRange
}

export type SessionEvent =
  /** The peer is who it says; the owner answers with `admit` or `close` before it calls anything else. `skewMs` > 0: its delegation has expired. */
  | { readonly kind: 'proven'; readonly publicKey: Uint8Array; readonly skewMs: number }
  | { readonly kind: 'established'; readonly hello: Hello }
  /** An application frame: `index` into the names we said we receive. `size` is what it counts in credit. */
  | { readonly kind: 'application'; readonly index: number; readonly body: Uint8Array; readonly size: number }
  | ControlEvent
  /** The other side ended it: by a goodbye, or in the clear before there were keys. */
  | { readonly kind: 'told'; readonly reason: Reason }
  /** This side must end it: `output` already says so to the other. The reason's cause names what exactly was wrong. */
  | { readonly kind: 'refused'; readonly reason: Reason }

/** An honest hello comes in one record, behind whom else to ask in another. */
const EARLY_MAX = 16

export class Session {
  /** Bytes for the link, in order. The owner writes them and empties the list. */
  output: Uint8Array[] = []
  /** What has come of messages too large for a frame; the owner says how large one may be, which answers are waited for, and when memory is short. */
  readonly reassembly: Reassembly = new Reassembly(HELLO_BYTES_MAX)
  /** What has come cost beside its bytes. */
  readonly tally: Tally = new Tally()
  readonly #setup: SessionSetup
  readonly #inbox = new Inbox()
  readonly #frames = new FrameReader()
  #handshake: Handshake | null
  #state: SessionState = 'preamble'
  #writer: RecordWriter | null = null
  #reader: RecordReader | null = null
  #connectionId: Uint8Array = EMPTY
  #hello: Hello | null = null
  #hinted = false
  /** Records before the hello. */
  #early = 0
  #credit = new ReceiveCredit(0)

  constructor(setup: SessionSetup) {
    this.#setup = setup
    this.#handshake = new Handshake(setup)
    this.#flushHandshake()
  }

  get state(): SessionState {
    return this.#state
  }

  /** Eight bytes that both ends derive, to name the link by; no secret. Empty before the keys. */
  get connectionId(): Uint8Array {
    return this.#connectionId
  }

  /** Bytes held of what is not yet whole. */
  get waiting(): number {
    return this.#inbox.waiting + this.#frames.waiting + this.reassembly.waiting
  }

  /** The credit this side gives. */
  get credit(): ReceiveCredit {
    return this.#credit
  }

  /**
   * Takes bytes from the link; they need not stay. Call `next` until it gives null, and answer `proven`, before the next call.
   */
  receive(bytes: Uint8Array): void {
    if (this.#state === 'deciding') throw new Error('a proven peer must be admitted or refused before more is received')
    if (this.#state !== 'over') this.#inbox.push(bytes)
  }

  /** What the bytes so far mean, one event a call; null when more must come, or the owner must decide. */
  next(): SessionEvent | null {
    for (;;) {
      if (this.#state === 'deciding' || this.#state === 'over') return null
      const shaking = this.#state === 'preamble' || this.#state === 'keys'
      const event = shaking ? this.#shake() : this.#read()
      if (event !== undefined) return event
    }
  }

  /** Lets the proven peer in, and says hello: the initiator at once, the responder once it has been greeted. */
  admit(hello: Hello): void {
    this.#take('admitted')
    this.#hello = hello
    this.reassembly.bytesMax = hello.limits.messageBytesMax
    this.reassembly.keptMax = hello.limits.messageBytesMax
    this.#credit = new ReceiveCredit(hello.limits.windowBytes)
    if (!this.#openRecords()) this.#end()
    else if (this.#setup.direction === 'outbound') this.#sayHello(hello)
  }

  /** Ends the session and tells the other side, as well as the moment allows: sealed, after `farewell`, or in the clear. */
  close(code: WireCode, retryAfterMs = 0, text = '', farewell: readonly Uint8Array[] = []): void {
    if (this.#state === 'over') return
    // A responder has keys once the initiator is proven; an initiator would have to show itself to get them, and does not.
    if (this.#state === 'deciding' && this.#setup.direction === 'inbound') this.#openRecords()
    if (this.#writer === null) this.#handshake?.abort(code)
    else this.#seal([...farewell, encodeFrame(FRAME.goodbye, encodeGoodbye(code, retryAfterMs, text))])
    this.#flushHandshake()
    this.#end()
  }

  /** Says goodbye, but goes on reading: what the peer sent before it hears is not lost. Only when established. */
  leave(code: WireCode): void {
    const goodbye = this.seal([encodeFrame(FRAME.goodbye, encodeGoodbye(code, 0, ''))])
    this.#take('left')
    this.output.push(...goodbye)
  }

  /** Ends the session without a word: the link is gone. */
  abandon(): void {
    this.#end()
  }

  /** Seals frames as one record. Only between hello and the end. @returns chunks for the link */
  seal(parts: readonly Uint8Array[]): readonly Uint8Array[] {
    return this.#state === 'over' || this.#state === 'leaving' ? [] : (this.#writer?.seal(parts) ?? [])
  }

  /** @returns undefined to go on reading */
  #shake(): SessionEvent | null | undefined {
    const handshake = this.#handshake
    if (handshake === null) return null
    const outcome: HandshakeStep =
      this.#state === 'preamble' ? handshake.readPreamble(this.#inbox) : handshake.readMessage(this.#inbox)
    this.#flushHandshake()
    switch (outcome.kind) {
      case 'waiting':
        return null
      case 'introduced':
        this.#take('introduced')
        return undefined
      case 'proven':
        this.#take('proven')
        return outcome
      case 'told':
        this.#end()
        return { kind: 'told', reason: { code: outcome.code, fault: 'remote' } }
      case 'refused':
        return this.#refuse(outcome.code, outcome.tell, outcome.cause)
    }
  }

  /** @returns undefined to go on reading */
  #read(): SessionEvent | null | undefined {
    const frame = this.#frames.next()
    if (typeof frame === 'string') return this.#violated(frame)
    this.tally.looked(frame !== null)
    if (frame !== null) return this.#interpret(frame)
    const record = this.#reader?.next() ?? { kind: 'partial' as const }
    switch (record.kind) {
      case 'partial':
        return null
      case 'plain':
        this.tally.record(record.bytes.length)
        // Nothing bounds what a peer may send that has no quota yet.
        if (this.#state === 'hello' && ++this.#early > EARLY_MAX) return this.#violated('hello-broken')
        this.#frames.push(record.bytes)
        return undefined
      case 'abort':
        this.#end()
        return { kind: 'told', reason: { code: hintName(record.code), fault: 'remote' } }
      case 'forged':
        // No answer, and nobody to blame: whoever stands between two honest nodes can break a tag.
        this.#end()
        return { kind: 'refused', reason: { code: 'bad-record', fault: 'network' } }
    }
  }

  #interpret(frame: Frame): SessionEvent | null | undefined {
    if (this.#state === 'hello') return this.#greet(frame)
    if (frame.type === FRAME.fragment) return this.#gather(frame)
    const size = frame.body.length + varintLength(frame.type)
    if (!isCounted(frame.type)) return this.#control(frame, size)
    if (frame.body.length > this.reassembly.bytesMax + HEADER_BYTES_MAX) return this.#violated('message-too-big')
    return this.#credit.arrived(size) ? this.#deliver(frame, size) : this.#violated('credit-overrun')
  }

  #gather(fragment: Frame): SessionEvent | null | undefined {
    const read = this.reassembly.add(fragment.body)
    if (read.kind === 'fault') return this.#violated(read.fault)
    if (read.kind === 'stray') return read
    if (read.kind === 'too-big')
      return { kind: 'answer-too-big', id: read.answerId, bytes: read.total, isWhole: read.isWhole }
    const counted = isCounted(read.innerType)
    if (!counted && read.innerType !== FRAME.response) return this.#violated('fragment-broken')
    const last = fragment.body.length + 1
    if (counted && !this.#credit.arrived(last)) return this.#violated('credit-overrun')
    if (read.kind === 'shed' && read.answerId !== null) return { kind: 'answer-shed', id: read.answerId }
    if (read.kind === 'shed') return { kind: 'shed', size: last, head: read.head }
    if (read.kind === 'partial') return counted ? { kind: 'fragment', size: last, head: read.head } : undefined
    // Its parts gave their credit back so that the whole could come; now the whole waits, and its credit with it.
    if (counted) this.#credit.withhold(read.early)
    return this.#deliver(read.frame, last + read.early)
  }

  #deliver(frame: Frame, size: number): SessionEvent | undefined {
    const index = frame.type - FRAME.firstApplication
    return index < 0 ? this.#control(frame, size) : { kind: 'application', index, body: frame.body, size }
  }

  #control(frame: Frame, size: number): SessionEvent | undefined {
    const event = decodeControl(frame, size)
    if (event === 'broken') return this.#violated('frame-broken')
    if (event === 'unknown') return this.#violated('unknown-frame')
    if (event.kind !== 'goodbye') return event
    this.#end()
    return { kind: 'told', reason: event.reason }
  }

  #greet(frame: Frame): SessionEvent | undefined {
    // A node that is full names others before its goodbye, so that nobody has dialled it in vain.
    const hints = frame.type === FRAME.peers && this.#setup.direction === 'outbound' && !this.#hinted
    this.#hinted ||= hints
    if (hints || frame.type === FRAME.goodbye) return this.#control(frame, 0)
    const hello = frame.type === FRAME.hello ? decodeHello(frame.body) : null
    if (hello === null) return this.#violated('hello-broken')
    // A field that must be understood and is not: an honest peer of a later version.
    if (hello === 'unsupported') return this.#refuse('wrong-version', 'protocol-error', 'unknown-hello-field')
    const { protocol, direction } = this.#setup
    const misfit = misfitOf(hello, protocol)
    if (misfit !== null) return this.#refuse('wrong-version', 'wrong-version', misfit)
    if (direction === 'inbound' && this.#hello !== null) this.#sayHello(this.#hello)
    this.#take('greeted')
    return { kind: 'established', hello }
  }

  #openRecords(): boolean {
    const keys = this.#handshake?.finish() ?? null
    this.#flushHandshake()
    this.#handshake = null
    if (keys === null) return false
    this.#writer = new RecordWriter(keys.send)
    this.#reader = new RecordReader(keys.receive, this.#inbox)
    this.#connectionId = copyBytes(keys.handshakeHash, 0, 8)
    return true
  }

  #sayHello(hello: Hello): void {
    this.#seal([encodeFrame(FRAME.hello, encodeHello(hello))])
  }

  #seal(parts: readonly Uint8Array[]): void {
    this.output.push(...this.seal(parts))
  }

  #violated(specific: string): SessionEvent {
    const code = specific === 'credit-overrun' || specific === 'message-too-big' ? specific : 'protocol-error'
    return this.#refuse(code, 'protocol-error', specific)
  }

  #refuse(code: ReasonCode, tell: WireCode | null, cause?: string): SessionEvent {
    if (tell !== null) this.close(tell, 0, cause ?? code)
    this.#end()
    return { kind: 'refused', reason: { code, fault: 'remote', ...(cause === undefined ? {} : { cause }) } }
  }

  #flushHandshake(): void {
    this.output.push(...(this.#handshake?.output.splice(0) ?? []))
  }

  #take(taken: SessionStep): void {
    this.#state = step(this.#state, taken)
  }

  #end(): void {
    this.#take('ended')
    this.#handshake = null
    // Messages that wait may keep a link that is gone; what it had begun to read is nothing to anybody.
    this.#inbox.clear()
    this.#frames.clear()
    this.reassembly.clear()
  }
}
