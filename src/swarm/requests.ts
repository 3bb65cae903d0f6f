/**
 * Questions and answers. A question holds its place until it is answered, refused, timed out, withdrawn, or its link is lost;
 * whichever comes first counts, once. Ids belong to a link: when a link is replaced, what was asked on the old one fails.
 */
import type { LocalCode, Reason } from '../errors.js'
import { HoldfastError, invalidOption, reasonError } from '../errors.js'
import { joinBytes } from '../protocol/bytes.js'
import type { ControlEvent } from '../protocol/control.js'
import { encodeFailure } from '../protocol/control.js'
import type { PeerId } from '../ports/types.js'
import { FRAME } from '../protocol/frame.js'
import type { RequestDefinition } from '../protocol/message.js'
import { VARINT_MAX, varintBytes } from '../protocol/varint.js'
import type { Agenda } from './agenda.js'
import type { Connection } from './connection.js'
import { HandlerCall } from './handler-call.js'
import type { Asker, AskOptions, Peer } from './peer.js'
import type { Decoded } from './payload.js'
import type { ReceivedRequest } from './registry.js'
import { decodePayload, encodePayload, whenDecoded } from './payload.js'

export interface RequestsSetup {
  readonly running: Set<HandlerCall>
  readonly agenda: Agenda
  readonly strike: (connection: Connection, violation: LocalCode, cause?: unknown) => void
  readonly failed: (error: HoldfastError) => void
}

type AnswerEvent = Extract<ControlEvent, { kind: 'response' | 'failure' | 'cancel' | 'answer-shed' | 'stray' }>

interface Asked {
  readonly finish: (outcome: { readonly bytes: Uint8Array } | { readonly error: Error }) => void
}

interface LinkRequests {
  nextId: number
  // Bound: ASKED_MAX.
  readonly asked: Map<number, Asked>
  // Bound: the class's `requestsMax`.
  readonly answering: Map<number, HandlerCall>
  /** Questions that nobody waits for any more, whose answers may still come. */
  abandoned: number
}

/** Questions of ours that one peer may owe an answer to. */
const ASKED_MAX = 256
const TIMEOUT_MS = 10_000
const TIMEOUT_MAX_MS = 86_400_000

export class Requests implements Asker {
  readonly #setup: RequestsSetup
  // Bound: one entry for each open connection.
  readonly #links = new Map<Connection, LinkRequests>()
  /** Answers in the making, by who asked: who comes back on a new link finds the old ones counted. Bound: handlers that run. */
  readonly #answering = new Map<PeerId, number>()

  constructor(setup: RequestsSetup) {
    this.#setup = setup
  }

  ask<Q, A>(connection: Connection, definition: RequestDefinition<Q, A>, question: Q, options: AskOptions): Promise<A> {
    const type = connection.remoteType('request', definition.name)
    if (type === null)
      return Promise.reject(new HoldfastError('type-not-accepted', `the peer does not answer ${definition.name}`))
    const { timeoutMs = TIMEOUT_MS } = options
    if (!(timeoutMs > 0 && timeoutMs <= TIMEOUT_MAX_MS))
      return Promise.reject(
        invalidOption('timeoutMs', timeoutMs, `a number above 0, at most ${String(TIMEOUT_MAX_MS)}`),
      )
    const link = this.#link(connection)
    if (link.asked.size >= ASKED_MAX)
      return Promise.reject(
        new HoldfastError('too-many-requests', `${String(ASKED_MAX)} questions wait for this peer already`),
      )
    const id = link.nextId
    link.nextId = link.nextId === VARINT_MAX ? 0 : link.nextId + 1
    return new Promise<A>((resolve, reject) => {
      options.signal?.throwIfAborted()
      const body = encodePayload(definition.name, definition.format, question)
      if (body.length > (connection.hello?.limits.messageBytesMax ?? 0))
        throw new HoldfastError(
          'message-too-big',
          `the question ${definition.name} has ${String(body.length)} bytes, more than the peer takes`,
        )
      const head = joinBytes([varintBytes(id), varintBytes(type)])
      const parts = [head, body]
      if (
        !connection.enqueue(definition.priority, {
          type: FRAME.request,
          parts,
          bodyBytes: head.length + body.length,
          counted: true,
        })
      )
        throw new HoldfastError('outbox-full', `no room to ask ${definition.name}`)
      connection.answers.awaitAnswer(id, definition.answerBytesMax)
      const finish = (outcome: { readonly bytes: Uint8Array } | { readonly error: Error }): void => {
        link.asked.delete(id)
        connection.answers.forgetAnswer(id)
        connection.intake?.countPartial()
        deadline.cancel()
        options.signal?.removeEventListener('abort', withdraw)
        if ('error' in outcome) reject(outcome.error)
        else void this.#read(connection, definition, outcome.bytes).then(resolve, reject)
      }
      const giveUp = (error: Error): void => {
        link.abandoned++
        connection.sendControl(FRAME.cancel, varintBytes(id))
        finish({ error })
      }
      const withdraw = (): void => {
        giveUp(options.signal?.reason as Error)
      }
      const deadline = this.#setup.agenda.in(timeoutMs, () => {
        giveUp(new HoldfastError('request-timeout', `${definition.name} was not answered in time`, { fault: 'remote' }))
      })
      options.signal?.addEventListener('abort', withdraw)
      link.asked.set(id, { finish })
    })
  }

  /**
   * An answer, a refusal or a withdrawal from a peer.
   * @returns false where it concerns nothing that was ever asked: it is dropped
   */
  heard(connection: Connection, event: AnswerEvent): boolean {
    const link = this.#links.get(connection)
    if (event.kind === 'cancel') {
      // Its place and its credit stay taken until the handler is done: nothing else bounds how many run.
      const call = link?.answering.get(event.id)
      const isNews = call?.isWithdrawn === false
      call?.withdraw()
      return isNews
    }
    if (event.kind === 'stray') return strayed(link, event.isWhole)
    const asked = link?.asked.get(event.id)
    if (event.kind === 'answer-shed')
      asked?.finish({ error: new HoldfastError('request-failed', 'there was no memory for the answer') })
    else if (event.kind === 'failure')
      asked?.finish({
        error: new HoldfastError('request-failed', `the peer failed: ${event.text}`, { fault: 'remote' }),
      })
    else asked?.finish({ bytes: event.body })
    return asked !== undefined || strayed(link, true)
  }

  /** A question that nobody here may answer now. */
  refuse(connection: Connection, { id, size }: { readonly id: number; readonly size: number }): void {
    connection.sendControl(FRAME.failure, encodeFailure(id, 'not-allowed'))
    connection.intake?.release(size)
  }

  /** A question from a peer. */
  answer(
    connection: Connection,
    peer: Peer,
    received: ReceivedRequest,
    event: Extract<ControlEvent, { kind: 'request' }>,
  ): void {
    const { answering } = this.#link(connection)
    const running = this.#answering.get(peer.id) ?? 0
    if (answering.has(event.id) || running >= (connection.identity?.limits.requestsMax ?? 0)) {
      connection.sendControl(FRAME.failure, encodeFailure(event.id, 'too-many-requests'))
      connection.intake?.release(event.size)
      return
    }
    const call = new HandlerCall(peer, this.#setup.running)
    answering.set(event.id, call)
    this.#answering.set(peer.id, running + 1)
    const decoded = decodePayload(received.definition, event.body)
    const go = (result: Decoded): void => {
      this.#run(connection, peer.id, received, event, call, result)
    }
    if (decoded instanceof Promise) whenDecoded(received.definition.name, decoded, this.#setup.agenda, go)
    else go(decoded)
  }

  /** The connection is lost: nothing asked on it will be answered, and nobody there waits for ours. */
  lost(connection: Connection, reason: Reason | 'link-replaced'): void {
    const link = this.#links.get(connection)
    if (link === undefined) return
    this.#links.delete(connection)
    const error =
      reason === 'link-replaced'
        ? new HoldfastError('link-replaced', 'the link was replaced before the answer came', { fault: 'network' })
        : reasonError(reason, 'the link was lost before the answer came')
    for (const asked of [...link.asked.values()]) asked.finish({ error })
    for (const call of link.answering.values()) call.withdraw()
  }

  #run(
    connection: Connection,
    peerId: PeerId,
    { definition, handler }: ReceivedRequest,
    { id, size }: { readonly id: number; readonly size: number },
    call: HandlerCall,
    decoded: Decoded,
  ): void {
    const finish = (): void => {
      if (this.#links.get(connection)?.answering.get(id) === call) this.#links.get(connection)?.answering.delete(id)
      connection.intake?.release(size)
      this.#answered(peerId)
    }
    if (decoded.kind === 'unjudged') {
      this.#fail(connection, id, decoded.error)
      finish()
      return
    }
    if (decoded.kind !== 'value') {
      this.#setup.strike(connection, decoded.kind, decoded.cause)
      connection.sendControl(FRAME.failure, encodeFailure(id, decoded.kind))
      finish()
      return
    }
    if (call.isWithdrawn) {
      finish()
      return
    }
    call.run(definition.name, handler, decoded.value, this.#setup.agenda, (outcome) => {
      finish()
      if (call.isWithdrawn) return
      if (outcome.kind === 'failed') this.#fail(connection, id, outcome.error)
      else this.#send(connection, definition, id, outcome.answer)
    })
  }

  #answered(peerId: PeerId): void {
    const running = (this.#answering.get(peerId) ?? 0) - 1
    if (running > 0) this.#answering.set(peerId, running)
    else this.#answering.delete(peerId)
  }

  #send(connection: Connection, definition: RequestDefinition<unknown, unknown>, id: number, answer: unknown): void {
    try {
      const body = encodePayload(definition.name, definition.answerFormat, answer)
      if (body.length > definition.answerBytesMax)
        throw new HoldfastError('invalid-payload', `the answer to ${definition.name} has ${String(body.length)} bytes`)
      const head = joinBytes([varintBytes(id), Uint8Array.of(0)])
      const outgoing = {
        type: FRAME.response,
        parts: [head, body],
        bodyBytes: head.length + body.length,
        counted: false,
      }
      if (connection.enqueue(definition.priority, outgoing)) return
      connection.sendControl(FRAME.failure, encodeFailure(id, 'outbox-full'))
    } catch (error) {
      this.#fail(
        connection,
        id,
        error instanceof HoldfastError ? error : new HoldfastError('handler-failed', 'no answer', { cause: error }),
      )
    }
  }

  /** What went wrong here is for our own host to know; the asker learns only that it did. */
  #fail(connection: Connection, id: number, error: HoldfastError): void {
    this.#setup.failed(error)
    connection.sendControl(FRAME.failure, encodeFailure(id, error.code))
  }

  async #read<Q, A>(connection: Connection, definition: RequestDefinition<Q, A>, bytes: Uint8Array): Promise<A> {
    const { name, answerFormat, answerBytesMax } = definition
    // Its definition may be another version's, which allows more: that is no offence.
    if (bytes.length > answerBytesMax)
      throw new HoldfastError('message-too-big', `the answer to ${name} has ${String(bytes.length)} bytes`, {
        fault: 'remote',
      })
    const decoding = decodePayload({ name, format: answerFormat }, bytes)
    const decoded = await (decoding instanceof Promise
      ? new Promise<Decoded>((resolve) => {
          whenDecoded(definition.name, decoding, this.#setup.agenda, resolve)
        })
      : decoding)
    if (decoded.kind === 'unjudged') throw decoded.error
    if (decoded.kind === 'value') return decoded.value as A
    this.#setup.strike(connection, decoded.kind, decoded.cause)
    throw new HoldfastError(decoded.kind, `the answer to ${definition.name} makes no sense`, {
      fault: 'remote',
      cause: decoded.cause,
    })
  }

  #link(connection: Connection): LinkRequests {
    let link = this.#links.get(connection)
    if (link === undefined) {
      link = { nextId: 1, asked: new Map(), answering: new Map(), abandoned: 0 }
      this.#links.set(connection, link)
    }
    return link
  }
}

/** Part of an answer that nobody waits for. @returns false where nobody ever did */
function strayed(link: LinkRequests | undefined, isWhole: boolean): boolean {
  if (link === undefined || link.abandoned === 0) return false
  if (isWhole) link.abandoned--
  return true
}
