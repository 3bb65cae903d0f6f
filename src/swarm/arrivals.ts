/**
 * What a peer brings, from its link to where it is handled. It is shed where there is no memory for it, and waits until the peer's place
 * is its own and its quota has room; then a broadcast goes to gossip, a direct message to its handler, a question to who answers it.
 */
import { isTrusted } from '../policy/peer-class.js'
import { copyBytes } from '../protocol/bytes.js'
import { encodeFailure } from '../protocol/control.js'
import { FRAME } from '../protocol/frame.js'
import type { Answers } from './answers.js'
import { Anteroom } from './anteroom.js'
import type { Connection } from './connection.js'
import type { OwnersEvent } from './connection-owner.js'
import type { Connections } from './connections.js'
import type { Counters } from './counters.js'
import type { Directs } from './directs.js'
import type { Discipline, Violation } from './discipline.js'
import type { Gossip } from './gossip.js'
import type { Peer } from './peer.js'
import type { Registry } from './registry.js'
import type { Turnstile } from './turnstile.js'

export type RequestEvent = Extract<OwnersEvent, { kind: 'request' }>

export interface ArrivalsSetup {
  readonly connections: Connections<Peer>
  readonly counters: Counters
  readonly registry: Registry
  readonly discipline: Discipline
  readonly turnstile: Turnstile
  readonly gossip: Gossip
  readonly directs: Directs
  readonly answers: Answers
  readonly strike: (connection: Connection, violation: Violation) => void
  /** Something that this peer has sent is missing here. */
  readonly missed: (connection: Connection) => void
}

export class Arrivals {
  readonly #setup: ArrivalsSetup
  readonly #anteroom = new Anteroom()

  constructor(setup: ArrivalsSetup) {
    this.#setup = setup
  }

  /** A frame of the host's own: a broadcast or a direct message. `body` need not stay; `size` is the credit it holds. */
  application(connection: Connection, index: number, body: Uint8Array, size: number): void {
    if (connection.intake?.arrived(size) === true) this.#arrived(connection, index, body, size)
    else this.shed(connection, size, this.#setup.gossip.shed(connection, body))
  }

  question(connection: Connection, event: RequestEvent): void {
    connection.intake?.asked()
    if (connection.intake?.arrived(event.size) === true) this.#asked(connection, event)
    else {
      this.#refuse(connection, event.id)
      connection.intake?.returned(event.size)
    }
  }

  /** There is no memory for it; nothing is missed by a copy of what is here. */
  shed(connection: Connection, size: number, isCopy: boolean): void {
    connection.intake?.returned(size)
    if (!isCopy) this.#turnedAway(connection, size)
  }

  /** A newcomer has taken its place: what it brought while it waited is handled now. */
  seated(connection: Connection): void {
    this.#anteroom.enter(connection)
  }

  /**
   * A link is gone. What a trusted peer has brought goes on waiting for the quota, as it does for a handler: nobody else may have it.
   * @param livesOn whether the same process has another link
   * @param isGone whether its peer has none at all
   */
  lost(connection: Connection, livesOn: boolean, isGone: boolean): void {
    this.#anteroom.leave(connection)
    const { turnstile } = this.#setup
    if (livesOn || isTrusted(connection)) turnstile.replaced(connection)
    else turnstile.lost(connection, isGone)
  }

  #arrived(connection: Connection, index: number, body: Uint8Array, size: number): void {
    const peer = this.#enter(connection, size)
    if (peer === 'contested') this.#hold(connection, index, body, size)
    if (typeof peer === 'string' || this.#take(connection, peer, index, body, size)) return
    const kept = copyBytes(body)
    const pass = (): boolean => this.#take(connection, peer, index, kept, size)
    if (!this.#setup.turnstile.wait(connection, size, pass)) this.#turnedAway(connection, size)
  }

  #asked(connection: Connection, event: RequestEvent): void {
    const later = (): (() => void) => {
      const kept = { ...event, body: copyBytes(event.body) }
      return () => {
        this.#asked(connection, kept)
      }
    }
    const peer = this.#enter(connection, event.size)
    if (peer === 'contested' && !this.#anteroom.hold(connection, event.size, later)) {
      connection.intake?.turnedAway(event.size)
      this.#refuse(connection, event.id)
    }
    if (typeof peer === 'string' || this.#takeRequest(connection, peer, event)) return
    const kept = { ...event, body: copyBytes(event.body) }
    const pass = (): boolean => this.#takeRequest(connection, peer, kept)
    if (this.#setup.turnstile.wait(connection, event.size, pass)) return
    connection.intake?.turnedAway(event.size)
    this.#refuse(connection, event.id)
  }

  /** @param peer who had the place when it came @returns false where it must wait for its sender's quota, and nothing was done */
  #take(connection: Connection, peer: Peer, index: number, body: Uint8Array, size: number): boolean {
    const { registry, discipline, counters, gossip, directs, turnstile } = this.#setup
    const received = registry.at(index)
    if (received === null || received.kind === 'request') this.#unknownType(connection, size)
    else if (discipline.isQuarantined(peer.id)) {
      counters.count('quarantined-dropped')
      connection.intake?.release(size)
    } else if (received.kind === 'message') return gossip.receive(connection, peer, received, body, size)
    else if (turnstile.mayPass(connection)) directs.receive(connection, peer, received, body, size)
    else return false
    return true
  }

  /** @returns false where it must wait for its sender's quota, and nothing was done */
  #takeRequest(connection: Connection, peer: Peer, event: RequestEvent): boolean {
    const { index, size } = event
    const { registry, discipline, counters, answers, turnstile } = this.#setup
    // Nobody waits for answers on a link that ends.
    if (connection.isEnding) {
      connection.intake?.release(size)
      return true
    }
    const received = registry.at(index)
    // Who was sent too much for its asking waits with its next question, as with all else.
    const mayPass = (): boolean => connection.intake?.owesServed !== true && turnstile.mayPass(connection)
    if (discipline.isQuarantined(peer.id)) {
      counters.count('quarantined-dropped')
      answers.refuse(connection, event, 'not-allowed')
    } else if (received?.kind !== 'request') this.#unknownType(connection, size)
    else if (mayPass()) answers.answer(connection, peer, received, event)
    else return false
    return true
  }

  #refuse(connection: Connection, id: number): void {
    connection.sendControl(FRAME.failure, encodeFailure(id, 'too-many-requests'))
  }

  /** There was no place for it to wait. */
  #turnedAway(connection: Connection, size: number): void {
    connection.intake?.turnedAway(size)
    this.#setup.missed(connection)
  }

  /** Whose frame it is; else its place is `contested`, or it is `nobodys`. */
  #enter(connection: Connection, size: number): Peer | 'contested' | 'nobodys' {
    const { connections } = this.#setup
    const other = otherThan(connection, connections)
    if (other !== null && other.epoch !== connection.epoch) return 'contested'
    const peer = connection.peerId === null ? null : connections.handle(connection.peerId)
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

  /** It used a number that we never gave out. */
  #unknownType(connection: Connection, size: number): void {
    connection.intake?.release(size)
    this.#setup.strike(connection, 'unknown-type')
    connection.close('protocol-error', { text: 'unknown-type' })
  }
}

/** The link of the same peer that is in use, where that is another. */
export function otherThan(connection: Connection, connections: Connections<Peer>): Connection | null {
  const current = connection.peerId === null ? null : connections.current(connection.peerId)
  return current === connection ? null : current
}
