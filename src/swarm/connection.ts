/**
 * One link with its session. Carries bytes up and answers down; judges nobody: who may come in, which of two links stays and
 * what a message means is its owner's business. It is *open* from hello to its end, ends once for its owner (`lost`), and is
 * *gone* when the link below has closed, too.
 */
import type { Reason, WireCode } from '../errors.js'
import type { Link, LinkEvents } from '../ports/transport.js'
import type { Direction, PeerClass, PeerId } from '../ports/types.js'
import { EMPTY, keyOf } from '../protocol/bytes.js'
import type { Reassembly } from '../protocol/fragment.js'
import { FRAME } from '../protocol/frame.js'
import type { Hello, NameKind } from '../protocol/hello.js'
import { NameTable } from '../protocol/hello.js'
import type { Priority } from '../protocol/message.js'
import type { SessionEvent, SessionSetup } from '../protocol/session.js'
import { Session } from '../protocol/session.js'
import type { Deadline } from './agenda.js'
import type { CloseOptions, ConnectionOwner, ConnectionWorld, PeerIdentity } from './connection-owner.js'
import type { Intake } from './intake.js'
import type { OpenParts } from './open-parts.js'
import { createOpenParts, heed } from './open-parts.js'
import type { Leftover, Outgoing } from './outgoing.js'
import type { ClassLimits } from './profile.js'
import type { Sender } from './sender.js'
import type { Vitals } from './vitals.js'

export class Connection implements LinkEvents {
  readonly link: Link
  readonly direction: Direction
  readonly openedAt: number
  /** Who is at the other end, once it is proven. */
  peerId: PeerId | null = null
  /** What it was admitted as. */
  identity: PeerIdentity | null = null
  /** When it last brought a broadcast that was new and accepted. */
  novelAt: number | null = null
  /** When this side first wrote: of an inbound link, when the first handshake message had come whole. */
  answeredAt: number | null = null
  readonly #world: ConnectionWorld
  readonly #owner: ConnectionOwner<Connection>
  readonly #session: Session
  readonly #remoteNames = new NameTable()
  #stage: 'shaking' | 'open' | 'closing' | 'gone' = 'shaking'
  /** What exists from hello on. */
  #open: OpenParts | null = null
  #deadline: Deadline

  constructor(
    link: Link,
    setup: SessionSetup,
    handshakeMs: number,
    world: ConnectionWorld,
    owner: ConnectionOwner<Connection>,
  ) {
    this.link = link
    this.direction = setup.direction
    this.#world = world
    this.#owner = owner
    this.#session = new Session(setup)
    this.openedAt = world.agenda.now()
    this.#deadline = world.agenda.in(handshakeMs, () => {
      this.close('timeout', { text: 'handshake' })
    })
    link.open(this)
    this.#writeSession()
  }

  get isOpen(): boolean {
    return this.#stage === 'open'
  }

  get isEnding(): boolean {
    return this.#stage === 'closing' || this.#stage === 'gone'
  }

  /** Where the link comes from; null where the transport has no addresses. */
  get remoteIp(): string | null {
    return this.link.remote?.host ?? null
  }

  /** Eight bytes that both ends know this link by; empty before the keys. */
  get id(): Uint8Array {
    return this.#session.connectionId
  }

  /** What the peer said of itself; null before it did. */
  get hello(): Hello | null {
    return this.#open?.hello ?? null
  }

  /** The peer's process. */
  get epoch(): string {
    return keyOf(this.#open?.hello.epoch ?? EMPTY)
  }

  get sender(): Sender | null {
    return this.#stage === 'open' ? (this.#open?.sender ?? null) : null
  }

  get vitals(): Vitals | null {
    return this.#open?.vitals ?? null
  }

  get writable(): boolean {
    return this.#stage === 'open' && this.#open?.sender.outbox.isHigh === false
  }

  /** The frame type of a name at the other side, null where it does not receive it. */
  remoteType(kind: NameKind, name: string): number | null {
    const index = this.#remoteNames.find(kind, name)
    return index === null ? null : FRAME.firstApplication + index
  }

  data(bytes: Uint8Array): void {
    if (this.isEnding && this.#session.state !== 'leaving') return
    this.#world.agenda.look()
    this.#session.reassembly.short = this.#open?.intake.isShort(bytes.length) ?? false
    this.#session.receive(bytes)
    let opened = false
    for (let event = this.#session.next(); event !== null; event = this.#session.next()) {
      opened = true
      this.#handle(event)
    }
    this.#writeSession()
    this.#open?.intake.countArrived(bytes.length, this.#session.tally)
    if (this.#stage === 'open') this.#open?.vitals.arrived(bytes.length, opened)
  }

  drained(): void {
    this.#open?.sender.linkDrained()
  }

  ended(): void {
    // All has come that was on its way.
    if (this.isEnding) this.#session.abandon()
    else this.#lose({ code: 'connection-lost', fault: 'network', cause: 'ended without a goodbye' }, false)
    this.link.end()
  }

  closed(reason: Reason): void {
    if (!this.isEnding)
      this.#end({ code: 'connection-lost', fault: 'network', cause: reason.cause ?? reason.code }, false)
    this.#stage = 'gone'
    this.#deadline.cancel()
    const wasLeaving = this.#session.state === 'leaving'
    this.#session.abandon()
    this.#owner.gone(this, wasLeaving)
  }

  /** Lets the proven peer in, unless the host has ended it while it was asked. */
  admit(identity: PeerIdentity, hello: Hello): void {
    if (this.isEnding) return
    this.identity = identity
    this.#session.admit(hello)
    this.#writeSession()
  }

  /** The peer is of another class while it is linked, and is told what that takes. */
  reclassify(peerClass: PeerClass, limits: ClassLimits): void {
    if (this.identity !== null) this.identity = { ...this.identity, peerClass, limits }
    this.#open?.vitals.reclassify()
    this.#open?.intake.reclassify()
  }

  /** Ends the connection for a reason of ours, and tells the peer. What waits in the outbox goes first, as far as the link takes it. */
  close(code: WireCode, { retryAfterMs, text, farewell, judged = false }: CloseOptions = {}): void {
    if (this.isEnding) return
    this.#open?.sender.flush()
    // One of two living links: what is on its way on this one must still arrive.
    if (code === 'duplicate' && this.#stage === 'open') this.#session.leave(code)
    else this.#session.close(code, retryAfterMs, text, farewell)
    this.#lose({ code, fault: 'local', ...(text === undefined ? {} : { cause: text }) }, judged)
  }

  /** Ends it without a word, at once. */
  destroy(): void {
    if (!this.isEnding) this.#lose({ code: 'aborted', fault: 'local' }, false)
    this.link.destroy()
  }

  /** @returns false where the outbox is full, or the connection is not open */
  enqueue(priority: Priority, outgoing: Outgoing): boolean {
    const wasWritable = this.writable
    const queued = this.sender?.enqueue(priority, outgoing) === true
    if (wasWritable && this.sender?.outbox.isHigh === true) this.#owner.slow(this)
    return queued
  }

  sendControl(type: number, body: Uint8Array): void {
    if (this.sender?.enqueueControl(type, body) === false) this.close('slow-consumer', { text: 'control frames' })
  }

  /** A broadcast found no room: the peer is told once that it misses something or, by class, closed where it is slow. */
  overflowed(): void {
    if (!this.writable && this.identity?.limits.outboxFull === 'close') this.close('slow-consumer')
    else this.#open?.sender.noteGap()
  }

  /** The answers that are waited for. */
  get answers(): Pick<Reassembly, 'awaitAnswer' | 'forgetAnswer'> {
    return this.#session.reassembly
  }

  /** What this peer used of its quota and gets back of its credit; null before hello. */
  get intake(): Intake | null {
    return this.#open?.intake ?? null
  }

  /** Calls back once everything queued so far has been handed to the link, or the connection has ended. */
  whenDrained(run: () => void): () => void {
    if (this.#open === null) run()
    return this.#open?.sender.whenDrained(run) ?? run
  }

  /** Everything that was not sent, to be moved to the link that takes over. */
  takeUnsent(): Leftover | null {
    return this.#open?.sender.takeUnsent() ?? null
  }

  #handle(event: SessionEvent): void {
    if (event.kind !== 'application' && this.#open?.intake.admits(event.kind) === false) return
    switch (event.kind) {
      case 'proven':
        this.#owner.proven(this, event.publicKey, event.skewMs)
        break
      case 'established':
        this.#establish(event.hello)
        break
      case 'application':
        this.#owner.application(this, event.index, event.body, event.size)
        break
      case 'ping':
        this.sendControl(FRAME.pong, event.payload)
        break
      case 'pong':
      case 'window':
      case 'limits':
        if (this.#open !== null && !heed(this.#open, event)) this.#open.intake.takeControl()
        break
      case 'types':
        if (!this.#remoteNames.add(event.names)) this.close('protocol-error', { text: 'too many names', judged: true })
        break
      case 'told':
      case 'refused':
        this.#lose(event.reason, event.kind === 'refused')
        break
      default:
        this.#owner.control(this, event)
    }
  }

  #establish(hello: Hello): void {
    if (this.identity === null) return
    this.#deadline.cancel()
    // The responder's own hello must leave before anything its owner sends.
    this.#writeSession()
    this.#open = createOpenParts(this, hello, this.identity, this.#session, this.#world, {
      write: (parts) => this.link.write(this.#session.seal(parts)),
      suspected: () => {
        this.#owner.suspected(this)
      },
      cleared: () => {
        this.#owner.cleared(this)
      },
    })
    this.#remoteNames.add(hello.names)
    this.#stage = 'open'
    this.#open.vitals.begin()
    this.#open.intake.begin()
    this.#owner.established(this)
  }

  #writeSession(): void {
    if (this.#session.output.length === 0) return
    this.answeredAt ??= this.#world.agenda.now()
    this.link.write(this.#session.output.splice(0))
  }

  /** Ends it for the owner, and the link politely: half-close, keep reading a little, then destroy. */
  #lose(reason: Reason, judged: boolean): void {
    if (this.isEnding) return
    this.#writeSession()
    this.#end(reason, judged)
    this.link.end()
    this.#deadline = this.#world.lingering.begin(this.link, this.#open === null ? null : this.identity, reason.code)
  }

  #end(reason: Reason, judged: boolean): void {
    this.#stage = 'closing'
    if (this.#session.state !== 'leaving') this.#session.abandon()
    this.#deadline.cancel()
    this.#open?.intake.stop()
    this.#open?.vitals.stop()
    this.#open?.sender.stop()
    this.#owner.lost(this, reason, judged)
    // What the owner has not moved to another link is sent to nobody, and held no longer.
    this.takeUnsent()
  }
}
