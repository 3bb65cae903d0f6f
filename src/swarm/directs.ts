/** Direct messages: each is decoded when its turn comes, given to its handler once, and its credit goes back when that is done. */
import type { HoldfastError } from '../errors.js'
import { isTrusted } from '../policy/peer-class.js'
import type { PeerId } from '../ports/types.js'
import { copyBytes } from '../protocol/bytes.js'
import type { Agenda } from './agenda.js'
import type { Connection } from './connection.js'
import type { Counters } from './counters.js'
import type { Violation } from './discipline.js'
import { HandlerCall } from './handler-call.js'
import type { HandlerJob } from './handler-queue.js'
import type { Peer } from './peer.js'
import type { Decoded } from './payload.js'
import { decodeArrived, whenDecoded } from './payload.js'
import type { ReceivedDirect } from './registry.js'

export interface DirectsSetup {
  readonly agenda: Agenda
  readonly counters: Counters
  readonly running: Set<HandlerCall>
  readonly strike: (connection: Connection, violation: Violation) => void
  readonly failed: (error: HoldfastError) => void
}

/** What came. */
export interface DirectArrival {
  readonly connection: Connection
  readonly peer: Peer
  readonly received: ReceivedDirect
  /** Need not stay. */
  readonly body: Uint8Array
  /** The credit it holds. */
  readonly size: number
}

export class Directs {
  readonly #setup: DirectsSetup

  constructor(setup: DirectsSetup) {
    this.#setup = setup
  }

  receive(arrival: DirectArrival): void {
    const { received, body, connection } = arrival
    // A record may be large, and a message in it small: what has to wait is kept by itself.
    const kept = received.queue.isFull(isTrusted(connection)) ? { ...arrival, body: copyBytes(body) } : arrival
    received.queue.submit(new DirectJob(kept, this.#setup))
  }
}

class DirectJob implements HandlerJob {
  readonly #arrival: DirectArrival
  readonly #setup: DirectsSetup

  constructor(arrival: DirectArrival, setup: DirectsSetup) {
    this.#arrival = arrival
    this.#setup = setup
  }

  get source(): Connection {
    return this.#arrival.connection
  }

  get senders(): readonly [PeerId] {
    return [this.#arrival.peer.id]
  }

  get isTrusted(): boolean {
    return isTrusted(this.#arrival.connection)
  }

  run(done: () => void): void {
    const { received, body, connection } = this.#arrival
    const { agenda } = this.#setup
    const { name } = received.definition
    const decoded = decodeArrived(received.definition, body, { agenda, intake: connection.intake, isDone: true })
    if (decoded instanceof Promise)
      whenDecoded(name, decoded, agenda, (later) => {
        this.#call(later, done)
      })
    else this.#call(decoded, done)
  }

  drop(): void {
    this.#arrival.connection.intake?.release(this.#arrival.size)
  }

  #call(decoded: Decoded, done: () => void): void {
    const { agenda, counters, running, strike, failed } = this.#setup
    const { connection, peer, received } = this.#arrival
    if (decoded.kind !== 'value') {
      if (decoded.kind === 'unjudged') failed(decoded.error)
      else strike(connection, decoded.kind)
      this.#finish(done)
      return
    }
    counters.count('direct-received')
    new HandlerCall(peer, running).run(received.definition.name, received.handler, decoded.value, agenda, (outcome) => {
      if (outcome.kind === 'failed') failed(outcome.error)
      this.#finish(done)
    })
  }

  #finish(done: () => void): void {
    this.drop()
    done()
  }
}
