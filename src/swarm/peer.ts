/**
 * A peer as the host holds it: outlives the link below, as long as the peer's process does. A link that is replaced is not
 * noticed here, except by questions that were under way on it.
 */
import { HoldfastError } from '../errors.js'
import { signalOf } from './option-checks.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { Score } from '../policy/score.js'
import type { Direction, PeerClass, PeerId } from '../ports/types.js'
import { hex } from '../protocol/bytes.js'
import type { DirectDefinition, RequestDefinition } from '../protocol/message.js'
import { expectKind } from '../protocol/message.js'
import type { Connection } from './connection.js'
import { encodeParts } from './payload.js'
import type { PeerSeat } from './peer-seat.js'

/** How a question is asked. */
export interface AskOptions {
  /** Withdraws the question. */
  readonly signal?: AbortSignal
  /** Above 0, at most a day; default 10 s. */
  readonly timeoutMs?: number
}

/** Who carries questions to a peer and answers back. */
export interface Asker {
  ask<Q, A>(connection: Connection, definition: RequestDefinition<Q, A>, question: Q, options: AskOptions): Promise<A>
}

const DIRECT: readonly string[] = ['direct']

/** One peer, while it is connected. Made by the swarm. */
export class Peer {
  /** Its proven identity. */
  readonly id: PeerId
  readonly #seat: PeerSeat
  readonly #asker: Asker
  readonly #score: (rttMs: number | null) => Score

  constructor(seat: PeerSeat, asker: Asker, score: (rttMs: number | null) => Score) {
    this.#score = score
    this.id = seat.peerId
    this.#seat = seat
    this.#asker = asker
  }

  /** The address we dialled, or where it came from; null where the transport has none. */
  get address(): string | null {
    return this.#seat.address
  }

  /** How much it is trusted. */
  get class(): PeerClass {
    return this.#seat.peerClass
  }

  /** Who opened the present link. */
  get direction(): Direction {
    return this.#seat.direction
  }

  /** Whether it is connected now. */
  get connected(): boolean {
    return this.#seat.connection?.isOpen ?? false
  }

  /** The present link's id, 16 hex digits: the same at both ends, and in both logs. Null while there is none. */
  get linkId(): string | null {
    const { connection } = this.#seat
    return connection === null ? null : hex(connection.id)
  }

  /** Smoothed round trip in milliseconds, null before it was measured. */
  get rttMs(): number | null {
    return this.#seat.connection?.vitals?.rttMs ?? null
  }

  /** How good it has been to us, and why. */
  get score(): Score {
    return this.#score(this.rttMs)
  }

  /** Whether probes go unanswered at present. */
  get suspect(): boolean {
    return this.#seat.connection?.vitals?.suspect ?? false
  }

  /** Whether what is sent now leaves soon. When false, wait for {@link Peer.drain}, or send less. */
  get writable(): boolean {
    return this.#seat.connection?.writable ?? false
  }

  /**
   * Sends a direct message. Delivered at most once, in order with others of its priority: but for those few that are on their way on one
   * link while another takes its place, which those on the other may overtake.
   * @returns {@link Peer.writable}: false means that the message was taken, and that more should wait
   * @throws HoldfastError `not-connected`, `type-not-accepted` (the peer has no handler for it), `message-too-big`,
   * `outbox-full`, `invalid-payload`
   */
  send<T>(definition: DirectDefinition<T>, payload: T): boolean {
    expectKind(definition, DIRECT)
    const connection = this.#connection()
    const { name, format, priority } = definition
    const type = connection.remoteType('direct', name)
    if (type === null) throw new HoldfastError('type-not-accepted', `the peer does not receive ${name}`)
    const parts = encodeParts(name, format, payload, type)
    let bodyBytes = 0
    for (const part of parts) bodyBytes += part.length
    if (bodyBytes > (connection.hello?.limits.messageBytesMax ?? 0))
      throw new HoldfastError('message-too-big', `${name} has ${String(bodyBytes)} bytes, more than the peer takes`)
    if (!connection.enqueue(priority, { type, parts, bodyBytes, counted: true })) {
      if (!connection.writable && connection.identity?.limits.outboxFull === 'close') connection.close('slow-consumer')
      throw new HoldfastError('outbox-full', `no room to send ${name}`)
    }
    return connection.writable
  }

  /**
   * Asks a question.
   * @throws HoldfastError `not-connected`, `type-not-accepted`, `too-many-requests`, `outbox-full`, `invalid-payload`,
   * `invalid-option` (a bad `timeoutMs`), `message-too-big` (fault local: the question, and it was not sent; remote: the answer),
   * `request-timeout`, `request-failed` (the peer's handler failed, or its outbox has no room for the answer; fault local: there was no
   * memory for the answer), `link-replaced`,
   * `undecodable` or `schema-violation` (the answer makes no sense), `decode-timeout` or `schema-failed` (its schema does not
   * answer, or fails), or the reason the link was lost; and the signal's reason when it
   * aborts
   */
  async request<Q, A>(
    definition: RequestDefinition<Q, A>,
    ...args: undefined extends Q ? [question?: Q, options?: AskOptions] : [question: Q, options?: AskOptions]
  ): Promise<A> {
    const [question, options] = args
    return this.#asker.ask(this.#connection(), definition, question as Q, options ?? {})
  }

  /**
   * Resolves once everything sent so far has been handed to the link, or the link is lost: a peer that reads nothing may make it
   * wait for as long as it stays. Rejects with the signal's reason.
   */
  async drain(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const signal = signalOf('drain', options)
    signal?.throwIfAborted()
    const { connection } = this.#seat
    if (connection === null) return
    await new Promise<void>((resolve, reject) => {
      let callOff: (() => void) | null = null
      const abort = (): void => {
        callOff?.()
        reject(signal?.reason as Error)
      }
      signal?.addEventListener('abort', abort)
      callOff = connection.whenDrained(() => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
    })
  }

  /** Closes the connection. A trusted peer is dialled again; remove it from the list to be rid of it. */
  close(): void {
    this.#seat.connection?.close('closed')
  }

  #connection(): Connection {
    const { connection } = this.#seat
    if (connection?.isOpen !== true) throw notConnected()
    return connection
  }
}

export function notConnected(): HoldfastError {
  return new HoldfastError('not-connected', 'the peer is not connected', { fault: 'network' })
}

/** Who has left may be back, and be trusted now, or not any more. @param peerOf who is linked */
export function isTrustedNow(peer: Peer, peerOf: (peerId: PeerId) => Peer | null): boolean {
  return isTrustedClass((peer.connected ? peer : (peerOf(peer.id) ?? peer)).class)
}
