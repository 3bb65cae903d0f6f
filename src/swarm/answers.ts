/**
 * Questions of peers. Each waits its turn among those of its definition, trusted peers' first, is decoded and given to its handler
 * once, and holds its place and its credit until that is done, whether anybody still waits for the answer or not: nothing else
 * bounds how many run. What a peer is sent for its asking has a quota: it waits with its next question, whoever it is.
 */
import type { LocalCode } from '../errors.js'
import { HoldfastError } from '../errors.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { PeerId } from '../ports/types.js'
import { copyBytes, joinBytes } from '../protocol/bytes.js'
import type { ControlEvent } from '../protocol/control.js'
import { encodeFailure } from '../protocol/control.js'
import { FRAME } from '../protocol/frame.js'
import { varintBytes } from '../protocol/varint.js'
import type { Agenda } from './agenda.js'
import type { Connection } from './connection.js'
import type { HandlerOutcome } from './handler-call.js'
import { HandlerCall } from './handler-call.js'
import type { HandlerJob } from './handler-queue.js'
import type { Peer } from './peer.js'
import { isTrustedNow } from './peer.js'
import type { Decoded } from './payload.js'
import { decodeArrived, encodePayload, whenDecoded } from './payload.js'
import type { ReceivedRequest } from './registry.js'

export interface AnswersSetup {
  readonly running: Set<HandlerCall>
  readonly agenda: Agenda
  readonly strike: (connection: Connection, violation: LocalCode, cause?: unknown) => void
  readonly failed: (error: HoldfastError) => void
  readonly peerOf: (peerId: PeerId) => Peer | null
}

type Question = Extract<ControlEvent, { kind: 'request' }>

interface LinkAnswers {
  // Bound: the class's `requestsMax`.
  readonly answering: Map<number, Answering>
  /** Withdrawn, and not being answered: it may still wait for its sender's quota. Bound: WITHDRAWN_MAX, the oldest forgotten. */
  readonly withdrawn: Set<number>
}

/** As many as one of our own kind asks at once. */
const WITHDRAWN_MAX = 256

export class Answers {
  readonly #setup: AnswersSetup
  // Bound: one entry for each open connection.
  readonly #links = new Map<Connection, LinkAnswers>()
  /** By who asked: who comes back on a new link finds the old ones counted. Bound: questions that wait, or are with their handlers. */
  readonly #counts = new Map<PeerId, number>()

  constructor(setup: AnswersSetup) {
    this.#setup = setup
  }

  /** A question from a peer. */
  answer(connection: Connection, peer: Peer, received: ReceivedRequest, question: Question): void {
    const { answering: link, withdrawn } = this.#link(connection)
    if (withdrawn.delete(question.id)) {
      connection.intake?.release(question.size)
      return
    }
    const count = this.#counts.get(peer.id) ?? 0
    if (link.has(question.id) || count >= (connection.identity?.limits.requestsMax ?? 0)) {
      this.refuse(connection, question, 'too-many-requests')
      return
    }
    // A record may be large, and a question in it small: what has to wait is kept by itself.
    const kept = received.queue.isFull(isTrustedClass(peer.class))
      ? { ...question, body: copyBytes(question.body) }
      : question
    const answering = new Answering(this.#setup, { connection, peer, received, question: kept }, () => {
      if (link.get(question.id) === answering) link.delete(question.id)
      const left = (this.#counts.get(peer.id) ?? 0) - 1
      if (left > 0) this.#counts.set(peer.id, left)
      else this.#counts.delete(peer.id)
    })
    link.set(question.id, answering)
    this.#counts.set(peer.id, count + 1)
    received.queue.submit(answering)
  }

  /** A question that nobody here answers now. */
  refuse(
    connection: Connection,
    { id, size }: Pick<Question, 'id' | 'size'>,
    code: 'not-allowed' | 'too-many-requests',
  ): void {
    connection.sendControl(FRAME.failure, encodeFailure(id, code))
    connection.intake?.release(size)
  }

  /** The asker waits no more. It need not know yet that it was answered. */
  withdraw(connection: Connection, id: number): void {
    connection.intake?.cancelled()
    if (connection.isEnding) return
    const { answering, withdrawn } = this.#link(connection)
    const one = answering.get(id)
    one?.withdraw()
    if (one !== undefined) return
    withdrawn.add(id)
    const [oldest] = withdrawn
    if (withdrawn.size > WITHDRAWN_MAX && oldest !== undefined) withdrawn.delete(oldest)
  }

  /** The connection is lost: nobody there waits for our answers. */
  lost(connection: Connection): void {
    const link = this.#links.get(connection)
    this.#links.delete(connection)
    for (const answering of [...(link?.answering.values() ?? [])]) answering.lost()
  }

  #link(connection: Connection): LinkAnswers {
    const known = this.#links.get(connection)
    if (known !== undefined) return known
    const link = { answering: new Map<number, Answering>(), withdrawn: new Set<number>() }
    this.#links.set(connection, link)
    return link
  }
}

interface Asked {
  readonly connection: Connection
  readonly peer: Peer
  readonly received: ReceivedRequest
  readonly question: Question
}

/** One question, from its arrival to its answer. */
class Answering implements HandlerJob {
  readonly #setup: AnswersSetup
  readonly #asked: Asked
  readonly #call: HandlerCall
  readonly #over: () => void

  constructor(setup: AnswersSetup, asked: Asked, over: () => void) {
    this.#setup = setup
    this.#asked = asked
    this.#over = over
    this.#call = new HandlerCall(asked.peer, setup.running)
  }

  get source(): Connection {
    return this.#asked.connection
  }

  get senders(): readonly [PeerId] {
    return [this.#asked.peer.id]
  }

  get isTrusted(): boolean {
    return isTrustedNow(this.#asked.peer, this.#setup.peerOf)
  }

  withdraw(): void {
    this.#call.withdraw()
  }

  /** Its link is gone. What has not begun need not wait any more, nor keep its place among those that its peer may ask. */
  lost(): void {
    this.withdraw()
    if (this.#asked.received.queue.withdraw(this)) this.drop()
  }

  run(done: () => void): void {
    const { connection, received, question } = this.#asked
    const { definition } = received
    const { agenda } = this.#setup
    const decoded = decodeArrived(definition, question.body, { agenda, intake: connection.intake })
    const go = (result: Decoded): void => {
      this.#handle(result, () => {
        this.drop()
        done()
      })
    }
    if (decoded instanceof Promise)
      whenDecoded(definition.name, decoded, agenda, (later) => {
        received.queue.goOn(this, () => {
          go(later)
        })
      })
    else go(decoded)
  }

  outlives(): false {
    return false
  }

  drop(): void {
    const { connection, question } = this.#asked
    connection.intake?.release(question.size)
    this.#over()
  }

  #handle(decoded: Decoded, finish: () => void): void {
    const { connection, received, question } = this.#asked
    if (decoded.kind === 'unjudged') this.#fail(decoded.error)
    else if (decoded.kind !== 'value') {
      this.#setup.strike(connection, decoded.kind, decoded.cause)
      connection.sendControl(FRAME.failure, encodeFailure(question.id, decoded.kind))
    }
    if (decoded.kind !== 'value' || this.#call.isWithdrawn || received.queue.isStopped) {
      finish()
      return
    }
    const { definition, handler } = received
    const settled = (outcome: HandlerOutcome): void => {
      finish()
      if (!this.#call.isWithdrawn) this.#tell(outcome)
    }
    this.#call.run(definition.name, handler, decoded.value, this.#setup.agenda, { settled })
  }

  #tell(outcome: HandlerOutcome): void {
    try {
      if (outcome.kind === 'failed') this.#fail(outcome.error)
      else this.#send(outcome.answer)
    } catch (error) {
      const isNamed = error instanceof HoldfastError
      this.#fail(isNamed ? error : new HoldfastError('handler-failed', 'no answer', { cause: error }))
    }
  }

  #send(answer: unknown): void {
    const { connection, received, question } = this.#asked
    const { name, answerFormat, answerBytesMax, priority } = received.definition
    const body = encodePayload(name, answerFormat, answer)
    if (body.length > answerBytesMax)
      throw new HoldfastError('invalid-payload', `the answer to ${name} has ${String(body.length)} bytes`)
    const parts = [joinBytes([varintBytes(question.id), Uint8Array.of(0)]), body]
    const bodyBytes = (parts[0]?.length ?? 0) + body.length
    // Charged also where the outbox has no room: it has been made.
    const isServed = connection.intake?.takeServed(body.length) !== false || this.isTrusted
    const isSent = isServed && connection.enqueue(priority, { type: FRAME.response, parts, bodyBytes, counted: false })
    if (isSent) return
    connection.sendControl(FRAME.failure, encodeFailure(question.id, isServed ? 'outbox-full' : 'too-many-requests'))
  }

  /** What went wrong here is for our own host to know; the asker learns only that it did. */
  #fail(error: HoldfastError): void {
    this.#setup.failed(error)
    this.#asked.connection.sendControl(FRAME.failure, encodeFailure(this.#asked.question.id, error.code))
  }
}
