/**
 * Questions of ours. Each holds its place until it is answered, refused, timed out, withdrawn, or its link is lost; whichever
 * comes first counts, once. Ids belong to a link: when a link is replaced, what was asked on the old one fails.
 */
import type { LocalCode, Reason } from '../errors.js'
import { checkNames, HoldfastError, invalidOption, reasonError } from '../errors.js'
import { isTrusted } from '../policy/peer-class.js'
import { joinBytes } from '../protocol/bytes.js'
import type { ControlEvent } from '../protocol/control.js'
import { FRAME } from '../protocol/frame.js'
import type { RequestDefinition } from '../protocol/message.js'
import { VARINT_MAX, varintBytes } from '../protocol/varint.js'
import type { Agenda } from './agenda.js'
import type { Connection } from './connection.js'
import type { Asker, AskOptions } from './peer.js'
import { checkSignal } from './option-checks.js'
import { notConnected } from './peer.js'
import type { Decoded } from './payload.js'
import { decodeArrived, encodePayload, whenDecoded } from './payload.js'

export interface RequestsSetup {
  readonly agenda: Agenda
  readonly strike: (connection: Connection, violation: LocalCode, cause?: unknown) => void
}

type AnswerKind = 'response' | 'failure' | 'answer-shed' | 'answer-too-big' | 'stray'
type AnswerEvent = Extract<ControlEvent, { kind: AnswerKind }>

interface Asked {
  readonly answered: (bytes: Uint8Array) => void
  readonly failed: (error: Error) => void
}

interface Settlers<A> {
  readonly resolve: (answer: A) => void
  readonly reject: (error: unknown) => void
}

interface LinkRequests {
  // Bound: ASKED_MAX.
  readonly asked: Map<number, Asked>
  /** Questions that nobody waits for any more, whose answers may still come. */
  abandoned: number
}

/** Questions of ours that one peer may owe an answer to. */
const ASKED_MAX = 256
const TIMEOUT_MS = 10_000
const TIMEOUT_MAX_MS = 86_400_000

export class Requests implements Asker {
  readonly #setup: RequestsSetup
  /** Of all links, so that an answer never fits a question of another. */
  #nextId = 1
  // Bound: one entry for each open connection.
  readonly #links = new Map<Connection, LinkRequests>()
  /** Those whose answer has come, and is being decoded, on whichever link. Bound: the host's own questions, each for its timeout. */
  readonly #answered = new Set<Asked>()

  constructor(setup: RequestsSetup) {
    this.#setup = setup
  }

  ask<Q, A>(connection: Connection, definition: RequestDefinition<Q, A>, question: Q, options: AskOptions): Promise<A> {
    const type = connection.remoteType('request', definition.name)
    if (type === null)
      return Promise.reject(new HoldfastError('type-not-accepted', `the peer does not answer ${definition.name}`))
    const { timeoutMs = TIMEOUT_MS } = options
    if (typeof timeoutMs !== 'number' || !(timeoutMs > 0 && timeoutMs <= TIMEOUT_MAX_MS))
      return Promise.reject(
        invalidOption('timeoutMs', timeoutMs, `a number above 0, at most ${String(TIMEOUT_MAX_MS)}`),
      )
    if ((this.#links.get(connection)?.asked.size ?? 0) >= ASKED_MAX)
      return Promise.reject(
        new HoldfastError('too-many-requests', `${String(ASKED_MAX)} questions wait for this peer already`),
      )
    const id = this.#nextId
    this.#nextId = id === VARINT_MAX ? 0 : id + 1
    return new Promise<A>((resolve, reject) => {
      checkNames('request', options, ['timeoutMs', 'signal'])
      checkSignal(options.signal)?.throwIfAborted()
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
          requestId: id,
        })
      )
        throw new HoldfastError('outbox-full', `no room to ask ${definition.name}`)
      // The host may have heard that the peer is slow, and have ended it: nothing would take the question from here again.
      if (!connection.isOpen) throw notConnected()
      connection.answers.awaitAnswer(id, definition.answerBytesMax)
      this.#await(id, connection, definition, { ...options, timeoutMs }, { resolve, reject })
    })
  }

  /** The question is on its way: it ends once, by an answer or without. */
  #await<Q, A>(
    id: number,
    connection: Connection,
    definition: RequestDefinition<Q, A>,
    { timeoutMs, signal }: AskOptions & { readonly timeoutMs: number },
    { resolve, reject }: Settlers<A>,
  ): void {
    // Not before it was taken: a link that is being lost takes none, and would be held for ever.
    const link = this.#link(connection)
    const arrived = (): void => {
      link.asked.delete(id)
      connection.answers.forgetAnswer(id)
      connection.intake?.unfinished.count()
    }
    const end = (): void => {
      this.#answered.delete(asked)
      deadline.cancel()
      signal?.removeEventListener('abort', withdraw)
    }
    const asked: Asked = {
      answered: (bytes) => {
        arrived()
        this.#answered.add(asked)
        void this.#read(connection, definition, bytes).then(resolve, reject).finally(end)
      },
      failed: (error) => {
        if (!this.#answered.has(asked)) arrived()
        end()
        reject(error)
      },
    }
    const giveUp = (error: Error): void => {
      if (!this.#answered.has(asked)) {
        const withdrawn = connection.sender?.withdraw(id, FRAME.cancel, varintBytes(id))
        if (withdrawn !== 'unsent') link.abandoned++
        if (withdrawn === 'gone') connection.sendControl(FRAME.cancel, varintBytes(id))
      }
      asked.failed(error)
    }
    const withdraw = (): void => {
      giveUp(signal?.reason as Error)
    }
    const deadline = this.#setup.agenda.in(timeoutMs, () => {
      const { name } = definition
      giveUp(
        this.#answered.has(asked)
          ? new HoldfastError('decode-timeout', `the schema of the answer to ${name} took too long`)
          : new HoldfastError('request-timeout', `${name} was not answered in time`, { fault: 'remote' }),
      )
    })
    signal?.addEventListener('abort', withdraw)
    link.asked.set(id, asked)
    if (signal?.aborted === true) withdraw()
  }

  /**
   * An answer from a peer, or a refusal.
   * @returns false where it concerns nothing that was ever asked: it is dropped
   */
  heard(connection: Connection, event: AnswerEvent): boolean {
    const link = this.#links.get(connection)
    if (event.kind === 'stray') return strayed(link, event.isWhole)
    const asked = link?.asked.get(event.id)
    if (event.kind === 'answer-shed')
      asked?.failed(new HoldfastError('request-failed', 'there was no memory for the answer'))
    else if (event.kind === 'answer-too-big') {
      // The rest of it comes all the same: of one that is not trusted as what nobody wants.
      if (link !== undefined && asked !== undefined && !event.isWhole && isTrusted(connection)) link.abandoned++
      const text = `the answer has ${String(event.bytes)} bytes, more than was asked for`
      asked?.failed(new HoldfastError('message-too-big', text, { fault: 'remote' }))
    } else if (event.kind === 'failure')
      asked?.failed(
        new HoldfastError('request-failed', `the peer failed: ${event.text}`, { fault: 'remote', cause: event.text }),
      )
    else asked?.answered(event.body)
    return asked !== undefined || strayed(link, true)
  }

  /** The connection is lost: nothing asked on it will be answered. */
  lost(connection: Connection, reason: Reason | 'link-replaced'): void {
    const link = this.#links.get(connection)
    if (link === undefined) return
    this.#links.delete(connection)
    const error =
      reason === 'link-replaced'
        ? new HoldfastError('link-replaced', 'the link was replaced before the answer came', { fault: 'network' })
        : reasonError(reason, 'the link was lost before the answer came')
    for (const asked of [...link.asked.values()]) asked.failed(error)
  }

  /** Nobody is told any more what a schema says of an answer. */
  stop(): void {
    for (const asked of [...this.#answered]) asked.failed(new HoldfastError('not-running', 'the swarm was stopped'))
  }

  async #read<Q, A>(connection: Connection, definition: RequestDefinition<Q, A>, bytes: Uint8Array): Promise<A> {
    const { name, answerFormat, answerBytesMax } = definition
    const { agenda } = this.#setup
    // Its definition may be another version's, which allows more: that is no offence.
    if (bytes.length > answerBytesMax)
      throw new HoldfastError('message-too-big', `the answer to ${name} has ${String(bytes.length)} bytes`, {
        fault: 'remote',
      })
    const decoding = decodeArrived({ name, format: answerFormat }, bytes, { agenda, intake: connection.intake })
    const decoded = await (decoding instanceof Promise
      ? new Promise<Decoded>((resolve) => {
          whenDecoded(definition.name, decoding, agenda, resolve)
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
      link = { asked: new Map(), abandoned: 0 }
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
