/**
 * The public face: starts and stops, listens, dials, sends, and tells. Everything it does is carried out by the parts it is
 * made of; everything it says has been decided elsewhere.
 */
import { checkNames, HoldfastError, invalidOption } from '../errors.js'
import { isPeerIdText } from '../policy/address.js'
import type { PeerClass, PeerId } from '../ports/types.js'
import { FRAME } from '../protocol/frame.js'
import { encodeNames } from '../protocol/hello.js'
import type { DirectDefinition, MessageDefinition, RequestDefinition } from '../protocol/message.js'
import { expectKind } from '../protocol/message.js'
import { parsePeerId } from '../protocol/peer-id.js'
import type { Connection } from './connection.js'
import type { SwarmContext } from './context.js'
import { createContext } from './context.js'
import type { SwarmEventName, SwarmEvents, SwarmListener } from './events.js'
import type { BroadcastResult } from './fan-out.js'
import { HANDLERS_MAX, HandlerQueue } from './handler-queue.js'
import { Membership } from './membership.js'
import type { Environment, SwarmOptions } from './options.js'
import { parseTrusted, resolveOptions } from './options.js'
import type { Peer } from './peer.js'
import type { DirectHandler, MessageHandler, Received, RequestHandler } from './registry.js'
import { signalOf } from './option-checks.js'
import { PEER_CLASSES } from './profile.js'
import type { Explanation } from './explanation.js'
import { explanationOf } from './explanation.js'
import type { SwarmStatus } from './status.js'
import { statusOf } from './status.js'
import { eventStream, onceEvent } from './waiting.js'
import type { StopOptions } from './lifecycle.js'
import { Lifecycle } from './lifecycle.js'
import { Masternodes } from './masternodes.js'

/** The default, which need not be looked at for misspelt names. */
const EVERYBODY = {}

/** Whom a broadcast is sent to at first; relays still carry it further. */
export interface BroadcastOptions {
  /** Only these peers, or only peers of this class. Default: all that receive it. */
  readonly to?: readonly PeerId[] | PeerClass
}

/** How a call that waits is called off. */
export interface SignalOptions {
  readonly signal?: AbortSignal
}

/** A ban by the host. */
export interface BanOptions {
  /** Milliseconds, above 0. Default: for good, or until `unban`. */
  readonly forMs?: number | 'permanent'
  /** What the peer is told. */
  readonly cause?: string
}

/** A node: its peers, its messages, its events. */
export class Swarm {
  /** The whitelist, which may change while this swarm runs. */
  readonly masternodes: Masternodes
  readonly #context: SwarmContext
  readonly #membership: Membership
  readonly #lifecycle: Lifecycle

  /** @throws HoldfastError `invalid-option`, `invalid-address`, `invalid-peer-id`: which field, what was given, what is allowed */
  constructor(options: SwarmOptions, environment: Environment) {
    this.#context = createContext(resolveOptions(options, environment))
    this.#membership = new Membership(this.#context)
    this.#lifecycle = new Lifecycle(this.#context, this.#membership)
    const { roster, settings } = this.#context
    this.masternodes = new Masternodes(roster, this.#membership.whitelist, settings.crypto)
  }

  /** This node's own id. */
  get id(): PeerId {
    return this.#context.settings.identity.id
  }

  /** Where this node accepts links, with real ports and its own id: what others put in their lists. */
  get addresses(): readonly string[] {
    return this.#lifecycle.addresses
  }

  /** The connected peers, by id: a copy, as of now. */
  get peers(): ReadonlyMap<PeerId, Peer> {
    return new Map(this.#membership.connections.handles())
  }

  /** A connected peer, or null. */
  peer(id: PeerId): Peer | null {
    return this.#membership.connections.handle(id)
  }

  /**
   * Opens the listeners and begins to dial.
   * @throws HoldfastError `already-running`, `listen-failed`, `no-transport`, or `invalid-option` where the identity does not sign
   */
  async start(): Promise<void> {
    return this.#lifecycle.start()
  }

  /** Says goodbye to everybody, sends what still waits for half a second at most, and frees every socket, timer and address. */
  async stop(options: StopOptions = {}): Promise<void> {
    return this.#lifecycle.stop(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Judges a broadcast message. @throws HoldfastError `already-defined`, or `invalid-option` for what is no definition or no function */
  handle<T>(definition: MessageDefinition<T>, handler: MessageHandler<T>): void
  /** Takes a direct message. @throws HoldfastError `already-defined`, `invalid-option` */
  handle<T>(definition: DirectDefinition<T>, handler: DirectHandler<T>): void
  handle(
    definition: MessageDefinition<unknown> | DirectDefinition<unknown>,
    handler: (...args: never[]) => unknown,
  ): void {
    expectKind(definition, ['message', 'direct'])
    checkHandler(definition.name, handler)
    const queue = new HandlerQueue(definition.serial ? 1 : HANDLERS_MAX, this.#membership.traffic.breaks)
    if (definition.kind === 'message')
      this.#receive({ kind: 'message', definition, handler: handler as MessageHandler<unknown>, queue })
    else this.#receive({ kind: 'direct', definition, handler: handler as DirectHandler<unknown>, queue })
  }

  /** Answers a question. @throws HoldfastError `already-defined`, `invalid-option` */
  respond<Q, A>(definition: RequestDefinition<Q, A>, handler: RequestHandler<Q, A>): void {
    expectKind(definition, ['request'])
    checkHandler(definition.name, handler)
    const queue = new HandlerQueue(HANDLERS_MAX, this.#membership.traffic.breaks)
    this.#receive({ kind: 'request', definition, handler: handler as RequestHandler<unknown, unknown>, queue })
  }

  /**
   * Sends a message to every peer that receives it, and through them to the whole network. Never calls this node's own handler.
   * @throws HoldfastError `not-running`, `invalid-payload` (also where the payload has no id), `invalid-option` for a bad `to`
   */
  broadcast<T>(definition: MessageDefinition<T>, payload: T, options: BroadcastOptions = EVERYBODY): BroadcastResult {
    if (this.#lifecycle.state !== 'running')
      throw new HoldfastError('not-running', 'a swarm that is not running cannot broadcast')
    expectKind(definition, ['message'])
    if (options !== EVERYBODY) checkNames('broadcast', options, ['to'])
    const { to } = options
    return this.#membership.traffic.gossip.broadcast(definition, payload, to === undefined ? null : chooser(to))
  }

  /**
   * Dials an address once, now. Joins an attempt that is under way, and gives the peer that is there already.
   * @throws HoldfastError `not-running`, `invalid-address`, `no-transport`, or the reason the attempt failed; the signal's reason
   */
  async dial(address: string, options: SignalOptions = {}): Promise<Peer> {
    const signal = signalOf('dial', options)
    if (this.#lifecycle.state !== 'running')
      throw new HoldfastError('not-running', 'a swarm that is not running cannot dial')
    const { settings, roster } = this.#context
    const parsed = parseTrusted(address, settings.crypto)
    const peerClass = parsed.peerId === null ? null : roster.classOf(parsed.peerId)
    const peerId = await this.#membership.dialer.dial(parsed, peerClass ?? 'regular', signal)
    const peer = this.#membership.connections.handle(peerId)
    if (peer === null) throw new HoldfastError('connection-lost', 'the peer left at once', { fault: 'network' })
    return peer
  }

  /**
   * Bans a peer by its id, or an IP, an IPv6 /64 or /48. Links to that id end; an IP is turned away from now on.
   * @returns `exempt` where the peer is trusted: take it off its list first. `full` beyond 65,536 bans of the host's own
   * @throws HoldfastError `invalid-option` for a key of no such form, a time that is not above 0, or a cause that is no text
   */
  ban(key: string, options: BanOptions = {}): 'banned' | 'exempt' | 'full' {
    checkNames('ban', options, ['forMs', 'cause'])
    const { forMs = 'permanent', cause = 'by the host' } = options
    if (typeof (cause as unknown) !== 'string') throw invalidOption('cause', cause, 'text')
    if (forMs !== 'permanent' && !(typeof forMs === 'number' && forMs > 0))
      throw invalidOption('forMs', forMs, "a number above 0, or 'permanent'")
    return this.#membership.traffic.discipline.order(key, forMs, cause)
  }

  /** Lifts a ban, whoever ordered it, and forgives what led to it; ends a quarantine. @returns whether there was anything to lift */
  unban(key: string): boolean {
    const { agenda, journal, log } = this.#context
    const wasBanned = this.#membership.traffic.discipline.pardon(key)
    if (wasBanned) log('info', `${key} is pardoned`)
    if (wasBanned && isPeerIdText(key)) journal.note(key, 'pardoned', agenda.now())
    return wasBanned
  }

  /** Every event is one of {@link SwarmEvents}. @throws HoldfastError `invalid-option` for what is no event, or no function */
  on<K extends SwarmEventName>(name: K, listener: SwarmListener<K>): this {
    this.#context.emitter.on(name, listener)
    return this
  }

  off<K extends SwarmEventName>(name: K, listener: SwarmListener<K>): this {
    this.#context.emitter.off(name, listener)
    return this
  }

  /** The next event of that name. Rejects with the signal's reason, and as `not-running` once this swarm has stopped. */
  async once<K extends SwarmEventName>(name: K, options: SignalOptions = {}): Promise<SwarmEvents[K]> {
    return onceEvent(this.#context.emitter, name, signalOf('once', options))
  }

  /** Events of that name as they come, until this swarm has stopped; at most 1,024 wait for a slow reader, then the oldest are dropped. */
  events<K extends SwarmEventName>(
    name: K,
    options: SignalOptions = {},
  ): AsyncGenerator<SwarmEvents[K], void, undefined> {
    return eventStream(this.#context.emitter, name, signalOf('events', options))
  }

  /** Resolves once everything sent so far has been handed to the links, or those are lost. Rejects with the signal's reason. */
  async drain(options: SignalOptions = {}): Promise<void> {
    signalOf('drain', options)
    await Promise.all(Array.from(this.peers.values(), async (peer) => peer.drain(options)))
  }

  /**
   * Why a peer is not connected, or since when it is: its standing, its next attempt, and the last decisions about it.
   * @throws HoldfastError `invalid-peer-id` for what is none, or mistyped
   */
  explain(id: PeerId): Explanation {
    parsePeerId(id, this.#context.settings.crypto)
    return explanationOf(this.#context, this.#membership, id)
  }

  /** A picture of this swarm now. */
  status(): SwarmStatus {
    const { state, uptimeMs, addresses } = this.#lifecycle
    return statusOf(this.#context, this.#membership, { state, uptimeMs, addresses })
  }

  #receive(received: Received): void {
    const { registry } = this.#membership.traffic
    const name = registry.add(received)
    for (const connection of this.#membership.links) connection.sendControl(FRAME.types, encodeNames([name]))
  }
}

function chooser(to: readonly PeerId[] | PeerClass): (connection: Connection) => boolean {
  if (PEER_CLASSES.includes(to as PeerClass)) return ({ identity }) => identity?.peerClass === to
  if (!Array.isArray(to)) throw invalidOption('to', to, `a list of peer ids, or one of ${PEER_CLASSES.join(', ')}`)
  const wanted = new Set<unknown>(to)
  return ({ peerId }) => peerId !== null && wanted.has(peerId)
}

/** JavaScript may pass anything. */
function checkHandler(name: string, handler: unknown): void {
  if (typeof handler !== 'function') throw invalidOption(`the handler of ${name}`, handler, 'a function')
}
