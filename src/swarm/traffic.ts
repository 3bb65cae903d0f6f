/**
 * What arrives on open connections, and where it goes: broadcasts to gossip, questions to requests, direct messages to their
 * handler, and whatever no honest peer sends to discipline. What a peer in quarantine sends goes nowhere.
 */
import type { HoldfastError, Reason } from '../errors.js'
import { isTrusted } from '../policy/peer-class.js'
import { copyBytes, keyOf } from '../protocol/bytes.js'
import { encodeFailure } from '../protocol/control.js'
import { FRAME } from '../protocol/frame.js'
import { Answers } from './answers.js'
import { Anteroom } from './anteroom.js'
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
import type { Peer } from './peer.js'
import { Registry } from './registry.js'
import { Requests } from './requests.js'
import { Turnstile } from './turnstile.js'

type RequestEvent = Extract<OwnersEvent, { kind: 'request' }>

export class Traffic {
  readonly registry: Registry = new Registry()
  readonly requests: Requests
  readonly #answers: Answers
  readonly #directs: Directs
  readonly gossip: Gossip
  readonly discipline: Discipline
  readonly #context: SwarmContext
  readonly #connections: Connections<Peer>
  readonly #turnstile: Turnstile
  readonly #gaps: Gaps
  /** Handlers whose answer is awaited. Bound: HANDLERS_MAX for each definition. */
  readonly #running = new Set<HandlerCall>()
  readonly #anteroom = new Anteroom()

  constructor(context: SwarmContext, connections: Connections<Peer>) {
    this.#context = context
    this.#connections = connections
    const { agenda, counters, emitter, settings } = context
    const failed = (error: HoldfastError): void => {
      emitter.emit('error', error)
    }
    const strike = this.strike.bind(this)
    const running = this.#running
    this.#turnstile = new Turnstile(agenda)
    this.#gaps = new Gaps(agenda, emitter, (peerId) => connections.current(peerId))
    this.#directs = new Directs({ agenda, counters, running, strike, failed })
    this.requests = new Requests({ agenda, strike })
    this.#answers = new Answers({ agenda, strike, failed, running })
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
      missed: this.#missed.bind(this),
    })
    this.discipline = createDiscipline(context, connections)
  }

  application(connection: Connection, index: number, body: Uint8Array, size: number): void {
    if (connection.intake?.arrived(size) === true) this.#arrived(connection, index, body, size)
    else this.#shed(connection, size, this.gossip.shed(connection, body))
  }

  control(connection: Connection, event: OwnersEvent): void {
    const { peerId } = connection
    switch (event.kind) {
      case 'request':
        connection.intake?.asked()
        if (connection.intake?.arrived(event.size) === true) this.#asked(connection, event)
        else {
          this.#refuse(connection, event.id)
          connection.intake?.returned(event.size)
        }
        break
      case 'fragment':
        connection.intake?.returned(event.size)
        if (peerId !== null) this.gossip.propagation.moved(peerId, keyOf(event.head), event.size)
        break
      case 'shed':
        this.#shed(connection, event.size, this.gossip.shed(connection, event.head))
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

  /** A newcomer has taken its place: what it brought while it waited is handled now. */
  seated(connection: Connection): void {
    this.#anteroom.enter(connection)
  }

  lost(connection: Connection, reason: Reason | 'link-replaced'): void {
    // Another link of its process is there, which takes its place in a moment.
    if (reason !== 'link-replaced' && this.#connections.heirOf(connection)?.epoch === connection.epoch) return
    this.#anteroom.leave(connection)
    this.requests.lost(connection, reason)
    this.#answers.lost(connection)
    const others = this.#connections.linksTo(connection.peerId).filter((link) => link !== connection && link.isOpen)
    const gone = others.length === 0 ? connection.peerId : null
    this.gossip.propagation.lost(connection, this.#otherOf(connection)?.isOpen !== true)
    // What the same process brought on this link must not be lost.
    const livesOn = others.some(({ epoch }) => epoch === connection.epoch)
    if (livesOn) this.#turnstile.replaced(connection)
    else this.#turnstile.lost(connection, gone !== null)
    // Strangers who come again and again must not leave a heap behind each time.
    if (livesOn || isTrusted(connection)) return
    this.gossip.lost(connection, gone)
    for (const queue of this.registry.queues()) queue.lost(connection, gone)
  }

  /** No handler begins any more, and those that run are told that nobody waits. */
  stop(): void {
    this.gossip.stop()
    this.requests.stop()
    for (const queue of this.registry.queues()) queue.stop()
    for (const call of [...this.#running]) call.withdraw()
    this.#turnstile.stop()
  }

  #arrived(connection: Connection, index: number, body: Uint8Array, size: number): void {
    if (!this.#take(connection, index, body, size)) this.#queue(connection, index, copyBytes(body), size)
  }

  #queue(connection: Connection, index: number, kept: Uint8Array, size: number): void {
    if (!this.#turnstile.wait(connection, size, () => this.#take(connection, index, kept, size)))
      this.#turnedAway(connection, size)
  }

  #asked(connection: Connection, event: RequestEvent): void {
    if (this.#takeRequest(connection, event)) return
    const kept = { ...event, body: copyBytes(event.body) }
    if (!this.#turnstile.wait(connection, event.size, () => this.#takeRequest(connection, kept))) {
      connection.intake?.turnedAway(event.size)
      this.#refuse(connection, event.id)
    }
  }

  /** @returns false where it must wait for its sender's quota, and nothing was done */
  #take(connection: Connection, index: number, body: Uint8Array, size: number): boolean {
    const peer = this.#enter(connection, size)
    if (peer === 'contested') this.#hold(connection, index, body, size)
    if (typeof peer === 'string') return true
    const received = this.registry.at(index)
    if (received === null || received.kind === 'request') this.#unknownType(connection, size)
    else if (this.discipline.isQuarantined(peer.id)) {
      this.#context.counters.count('quarantined-dropped')
      connection.intake?.release(size)
    } else if (received.kind === 'message') return this.gossip.receive(connection, peer, received, body, size)
    else if (this.#turnstile.mayPass(connection)) this.#directs.receive(connection, peer, received, body, size)
    else return false
    return true
  }

  /** @returns false where it must wait for its sender's quota, and nothing was done */
  #takeRequest(connection: Connection, event: RequestEvent): boolean {
    const { index, size } = event
    // Nobody waits for answers on a link that ends.
    if (connection.isEnding) {
      connection.intake?.release(size)
      return true
    }
    const peer = this.#enter(connection, size)
    const later = () => {
      const kept = { ...event, body: copyBytes(event.body) }
      return () => {
        this.#asked(connection, kept)
      }
    }
    if (peer === 'contested' && !this.#anteroom.hold(connection, size, later)) {
      connection.intake?.turnedAway(size)
      this.#refuse(connection, event.id)
    }
    if (typeof peer === 'string') return true
    const received = this.registry.at(index)
    // Who was sent too much for its asking waits with its next question, as with all else.
    const mayPass = (): boolean => connection.intake?.owesServed !== true && this.#turnstile.mayPass(connection)
    if (this.discipline.isQuarantined(peer.id)) {
      this.#context.counters.count('quarantined-dropped')
      this.#answers.refuse(connection, event, 'not-allowed')
    } else if (received?.kind !== 'request') this.#unknownType(connection, size)
    else if (mayPass()) this.#answers.answer(connection, peer, received, event)
    else return false
    return true
  }

  #refuse(connection: Connection, id: number): void {
    connection.sendControl(FRAME.failure, encodeFailure(id, 'too-many-requests'))
  }

  /** There is no memory for it; nothing is missed by a copy of what is here. */
  #shed(connection: Connection, size: number, isCopy: boolean): void {
    connection.intake?.returned(size)
    if (!isCopy) this.#turnedAway(connection, size)
  }

  /** There was no place for it to wait. */
  #turnedAway(connection: Connection, size: number): void {
    connection.intake?.turnedAway(size)
    this.#missed(connection)
  }

  /** A message was dropped as it came: the host learns that something is missing, as when the other side sheds. */
  #missed(connection: Connection): void {
    this.#context.counters.count('arrival-shed')
    this.#gaps.tell(connection)
  }

  /** Whose frame it is; else its place is `contested`, or it is `nobodys`. */
  #enter(connection: Connection, size: number): Peer | 'contested' | 'nobodys' {
    const other = this.#otherOf(connection)
    if (other !== null && other.epoch !== connection.epoch) return 'contested'
    const peer = connection.peerId === null ? null : this.#connections.handle(connection.peerId)
    if (peer !== null) return peer
    connection.intake?.release(size)
    return 'nobodys'
  }

  /** Until the place is its sender's. */
  #hold(connection: Connection, index: number, body: Uint8Array, size: number): void {
    const isHeld = this.#anteroom.hold(connection, size, () => {
      const kept = copyBytes(body)
      return () => {
        this.#arrived(connection, index, kept, size)
      }
    })
    if (!isHeld) this.#turnedAway(connection, size)
  }

  /** The link of the same peer that is in use, where that is another. */
  #otherOf(connection: Connection): Connection | null {
    const { peerId } = connection
    const current = peerId === null ? null : this.#connections.current(peerId)
    return current === connection ? null : current
  }

  /** It used a number that we never gave out. */
  #unknownType(connection: Connection, size: number): void {
    connection.intake?.release(size)
    this.strike(connection, 'unknown-type')
    connection.close('protocol-error', { text: 'unknown-type' })
  }
}
