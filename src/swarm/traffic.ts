/**
 * All that peers say to each other for their hosts: what arrives, what is asked and answered, what is told of broadcasts; and what
 * becomes of it when a link takes its place, or is lost. Whatever no honest peer sends goes to discipline.
 */
import type { HoldfastError, Reason } from '../errors.js'
import { isTrusted } from '../policy/peer-class.js'
import type { PeerClass, PeerId } from '../ports/types.js'
import { keyOf } from '../protocol/bytes.js'
import { Answers } from './answers.js'
import { Arrivals, otherThan } from './arrivals.js'
import { Breaks } from './breaks.js'
import type { Connection } from './connection.js'
import type { OwnersEvent } from './connection-owner.js'
import type { Connections } from './connections.js'
import type { SwarmContext } from './context.js'
import type { Discipline, Violation } from './discipline.js'
import { createDiscipline } from './discipline-setup.js'
import { Directs } from './directs.js'
import { Gaps } from './gaps.js'
import { Gossip } from './gossip.js'
import type { HandlerCall } from './handler-call.js'
import type { HandlerJob } from './handler-queue.js'
import type { Peer } from './peer.js'
import { Registry } from './registry.js'
import { Requests } from './requests.js'
import { Turnstile } from './turnstile.js'

/**
 * Whoever goes by itself, is cut off, or makes room, is heard to the end of what it has sent, where that waits for nothing but a break.
 * Whoever is sent away for what it did is not.
 */
const LEAVING: ReadonlySet<Reason['code']> = new Set([
  'closed',
  'shutdown',
  'connection-lost',
  'too-many-peers',
  'busy',
  'useless',
  'timeout',
  'slow-consumer',
])

export class Traffic {
  readonly registry: Registry = new Registry()
  readonly breaks: Breaks<HandlerJob>
  readonly requests: Requests
  readonly #answers: Answers
  readonly arrivals: Arrivals
  readonly gossip: Gossip
  readonly discipline: Discipline
  readonly #context: SwarmContext
  readonly #connections: Connections<Peer>
  readonly #turnstile: Turnstile
  readonly #gaps: Gaps
  /** Handlers whose answer is awaited. Bound: HANDLERS_MAX for each definition. */
  readonly #running = new Set<HandlerCall>()

  constructor(context: SwarmContext, connections: Connections<Peer>) {
    this.#context = context
    this.#connections = connections
    const { agenda, counters, emitter, settings } = context
    const failed = (error: HoldfastError): void => {
      emitter.emit('error', error)
    }
    const strike = this.strike.bind(this)
    const running = this.#running
    const missed = this.#missed.bind(this)
    this.breaks = new Breaks(agenda, () => this.registry.queues())
    this.#turnstile = new Turnstile(agenda)
    this.#gaps = new Gaps(agenda, emitter, (peerId) => connections.current(peerId))
    this.requests = new Requests({ agenda, strike })
    const peerOf = (peerId: PeerId): Peer | null => connections.handle(peerId)
    this.#answers = new Answers({ agenda, strike, failed, running, peerOf })
    this.gossip = new Gossip({
      ...settings,
      ...context,
      running,
      mayPass: (connection) => this.#turnstile.mayPass(connection),
      strike,
      failed,
      mode: settings.propagation,
      connections: () => connections.currents(),
      peers: () => connections.size,
      connectionTo: (peerId) => connections.current(peerId),
      peerOf: ({ peerId }) => (peerId === null ? null : connections.handle(peerId)),
      missed,
    })
    this.discipline = createDiscipline(context, connections)
    this.arrivals = new Arrivals({
      connections,
      counters,
      registry: this.registry,
      discipline: this.discipline,
      turnstile: this.#turnstile,
      gossip: this.gossip,
      directs: new Directs({ agenda, counters, running, strike, failed, peerOf }),
      answers: this.#answers,
      strike,
      missed,
    })
  }

  control(connection: Connection, event: OwnersEvent): void {
    const { peerId } = connection
    switch (event.kind) {
      case 'request':
        this.arrivals.question(connection, event)
        break
      case 'fragment':
        connection.intake?.returned(event.size)
        if (peerId !== null) this.gossip.propagation.moved(peerId, keyOf(event.head), event.size)
        break
      case 'shed':
        this.arrivals.shed(connection, event.size, this.gossip.shed(connection, event.head))
        break
      case 'response':
      case 'failure':
      case 'answer-shed':
      case 'answer-too-big':
      case 'stray':
        if (!this.requests.heard(connection, event)) connection.intake?.takeControl()
        break
      case 'cancel':
        this.#answers.withdraw(connection, event.id)
        break
      case 'inventory':
      case 'get':
      case 'not-found':
        // What one in quarantine asks for it may have: nothing that it tells is believed.
        if (peerId === null || (event.kind === 'inventory' && this.discipline.isQuarantined(peerId))) break
        this.gossip.inventory(connection, peerId, event)
        break
      case 'gap':
        this.#gaps.tell(connection)
        break
      // Others have seen to the rest.
      case 'get-peers':
      case 'peers':
      case 'skipped':
    }
  }

  /** What no honest peer does. The link stays, until there has been too much of it. */
  strike(connection: Connection, violation: Violation): void {
    connection.intake?.countInvalid()
    this.discipline.strike(connection.peerId, connection.remoteIp, violation)
  }

  /** The same, of a stranger who has not proven who it is. */
  strikeAddress(connection: Connection, violation: Violation): void {
    this.discipline.strike(null, connection.remoteIp, violation)
  }

  /** The same, of one who left in the middle of a handshake, or let it run out of time. */
  abandoned({ remoteIp }: Connection): void {
    if (remoteIp !== null) this.discipline.abandoned(remoteIp)
  }

  /** A peer is of another class. What it has sent already goes with it, and none of it overtakes the rest. */
  reclassify(connection: Connection, peerClass: PeerClass): void {
    const wasTrusted = isTrusted(connection)
    connection.reclassify(peerClass, this.#context.settings.limits[peerClass])
    if (!wasTrusted) this.seated(connection)
    else if (!isTrusted(connection) && connection.peerId !== null)
      for (const queue of this.registry.queues()) queue.fallen(connection.peerId)
  }

  /** A peer goes on by this link. Of what it has sent before, and what waits, the same is true. */
  seated(connection: Connection): void {
    const { peerId } = connection
    if (peerId === null) return
    this.breaks.here(peerId)
    if (!isTrusted(connection)) return
    this.gossip.risen(connection)
    for (const queue of this.registry.queues()) queue.risen(peerId)
    this.breaks.risen(peerId)
  }

  lost(connection: Connection, reason: Reason | 'link-replaced'): void {
    // Another link of its process is there, which takes its place in a moment.
    if (reason !== 'link-replaced' && this.#connections.heirOf(connection)?.epoch === connection.epoch) return
    this.requests.lost(connection, reason)
    this.#answers.lost(connection)
    const others = this.#connections.linksTo(connection.peerId).filter((link) => link !== connection && link.isOpen)
    const gone = others.length === 0 ? connection.peerId : null
    this.gossip.propagation.lost(connection, otherThan(connection, this.#connections)?.isOpen !== true)
    // What the same process brought on this link must not be lost.
    const livesOn = others.some(({ epoch }) => epoch === connection.epoch)
    this.arrivals.lost(connection, livesOn, gone !== null)
    // Strangers who come again and again must not leave a heap behind each time: no more than waits for the end of a break.
    if (livesOn || isTrusted(connection)) return
    this.gossip.lost(connection, gone)
    for (const queue of this.registry.queues()) queue.lost(connection, gone)
    if (gone === null) return
    if (reason === 'link-replaced' || LEAVING.has(reason.code)) this.breaks.left(gone)
    else this.breaks.banish(gone)
  }

  /** No handler begins any more, and those that run are told that nobody waits. */
  stop(): void {
    this.gossip.stop()
    this.requests.stop()
    for (const queue of this.registry.queues()) queue.stop()
    this.breaks.stop()
    for (const call of [...this.#running]) call.withdraw()
    this.#turnstile.stop()
  }

  /** A message was dropped as it came: the host learns that something is missing, as when the other side sheds. */
  #missed(connection: Connection): void {
    this.#context.counters.count('arrival-shed')
    this.#gaps.tell(connection)
  }
}
