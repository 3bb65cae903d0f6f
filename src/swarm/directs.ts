/** Direct messages: each is decoded when its turn comes, given to its handler once, and its credit goes back when that is done. */
import type { HoldfastError } from '../errors.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { PeerId } from '../ports/types.js'
import { copyBytes } from '../protocol/bytes.js'
import type { Agenda } from './agenda.js'
import type { Connection } from './connection.js'
import type { Counters } from './counters.js'
import type { Violation } from './discipline.js'
import type { Caller, HandlerOutcome } from './handler-call.js'
import { HandlerCall } from './handler-call.js'
import type { HandlerJob } from './handler-queue.js'
import type { Peer } from './peer.js'
import { isTrustedNow } from './peer.js'
import type { Decoded } from './payload.js'
import { decodeArrived, whenDecoded } from './payload.js'
import type { ReceivedDirect } from './registry.js'

export interface DirectsSetup {
  readonly agenda: Agenda
  readonly counters: Counters
  readonly running: Set<HandlerCall>
  readonly strike: (connection: Connection, violation: Violation) => void
  readonly failed: (error: HoldfastError) => void
  readonly peerOf: (peerId: PeerId) => Peer | null
}

export class Directs {
  readonly #setup: DirectsSetup

  constructor(setup: DirectsSetup) {
    this.#setup = setup
  }

  receive(connection: Connection, peer: Peer, received: ReceivedDirect, body: Uint8Array, size: number): void {
    // A record may be large, and a message in it small: what has to wait is kept by itself.
    const kept = received.queue.isFull(isTrustedClass(peer.class)) ? copyBytes(body) : body
    received.queue.submit(new DirectJob(this.#setup, connection, peer, received, kept, size))
  }
}

/** One object for each message, from its arrival to its end. */
class DirectJob implements HandlerJob, Caller {
  readonly source: Connection
  readonly #peer: Peer
  readonly #received: ReceivedDirect
  readonly #body: Uint8Array
  /** The credit it holds. */
  readonly #size: number
  readonly #setup: DirectsSetup
  #done: (() => void) | null = null

  constructor(
    setup: DirectsSetup,
    source: Connection,
    peer: Peer,
    received: ReceivedDirect,
    body: Uint8Array,
    size: number,
  ) {
    this.#setup = setup
    this.source = source
    this.#peer = peer
    this.#received = received
    this.#body = body
    this.#size = size
  }

  get senders(): readonly [PeerId] {
    return [this.#peer.id]
  }

  get isTrusted(): boolean {
    return isTrustedNow(this.#peer, this.#setup.peerOf)
  }

  run(done: () => void): void {
    this.#done = done
    const { agenda } = this.#setup
    const { definition } = this.#received
    const { intake } = this.source
    const decoded = decodeArrived(definition, this.#body, { agenda, intake, isDone: true })
    if (decoded instanceof Promise)
      whenDecoded(definition.name, decoded, agenda, (later) => {
        this.#received.queue.goOn(this, () => {
          this.#call(later)
        })
      })
    else this.#call(decoded)
  }

  outlives(): false {
    return false
  }

  drop(): void {
    this.source.intake?.release(this.#size)
  }

  settled(outcome: HandlerOutcome): void {
    if (outcome.kind === 'failed') this.#setup.failed(outcome.error)
    this.#finish()
  }

  #call(decoded: Decoded): void {
    const { agenda, counters, running, strike, failed } = this.#setup
    const { definition, handler } = this.#received
    if (this.#received.queue.isStopped) {
      this.#finish()
      return
    }
    if (decoded.kind !== 'value') {
      if (decoded.kind === 'unjudged') failed(decoded.error)
      else strike(this.source, decoded.kind)
      this.#finish()
      return
    }
    counters.count('direct-received')
    new HandlerCall(this.#peer, running).run(definition.name, handler, decoded.value, agenda, this)
  }

  #finish(): void {
    this.drop()
    this.#done?.()
  }
}
