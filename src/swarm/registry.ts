/**
 * What this node receives: each definition with its handler, numbered in the order of registration, which is the order the
 * other side is told. Numbers are never reused.
 */
import { HoldfastError } from '../errors.js'
import type { TypeName } from '../protocol/hello.js'
import { NAMES_MAX } from '../protocol/hello.js'
import type { DirectDefinition, MessageDefinition, RequestDefinition } from '../protocol/message.js'
import type { HandlerContext, HandlerOutcome } from './handler-call.js'
import type { HandlerQueue } from './handler-queue.js'

/** `accept` relays and remembers, `ignore` only remembers, `reject` remembers and is a strike for whoever sent it. */
export type Verdict = 'accept' | 'ignore' | 'reject'

/** Judges a broadcast. May answer later; a handler that fails is called once more, and is never the peer's fault. */
export type MessageHandler<T> = (payload: T, context: HandlerContext) => Verdict | Promise<Verdict>
/** Takes a message to this node alone. */
export type DirectHandler<T> = (payload: T, context: HandlerContext) => unknown
/** Answers a question. */
export type RequestHandler<Q, A> = (question: Q, context: HandlerContext) => A | Promise<A>

export interface ReceivedMessage {
  readonly kind: 'message'
  readonly definition: MessageDefinition<unknown>
  readonly handler: MessageHandler<unknown>
  readonly queue: HandlerQueue
}

export interface ReceivedDirect {
  readonly kind: 'direct'
  readonly definition: DirectDefinition<unknown>
  readonly handler: DirectHandler<unknown>
  readonly queue: HandlerQueue
}

export interface ReceivedRequest {
  readonly kind: 'request'
  readonly definition: RequestDefinition<unknown, unknown>
  readonly handler: RequestHandler<unknown, unknown>
  readonly queue: HandlerQueue
}

export type Received = ReceivedMessage | ReceivedDirect | ReceivedRequest

export class Registry {
  // Bound: NAMES_MAX.
  readonly #received: Received[] = []
  readonly #introduced = new WeakMap<object, number>()

  /** @throws HoldfastError `already-defined` where the name has a handler, or 256 names have */
  add(received: Received): TypeName {
    const { name, nameKind } = received.definition
    if (this.#received.some(({ definition }) => definition.name === name))
      throw new HoldfastError('already-defined', `${JSON.stringify(name)} has a handler already`)
    if (this.#received.length >= NAMES_MAX)
      throw new HoldfastError('already-defined', `a swarm receives at most ${String(NAMES_MAX)} names`)
    this.#received.push(received)
    return { kind: nameKind, name }
  }

  /** The queues that handlers wait in. */
  *queues(): Iterable<HandlerQueue> {
    for (const { queue } of this.#received) yield queue
  }

  at(index: number): Received | null {
    return this.#received[index] ?? null
  }

  /** The names for our hello on that link. */
  introduce(link: object): readonly TypeName[] {
    this.#introduced.set(link, this.#received.length)
    return this.#names(0)
  }

  /** Those that came after our hello was written, which nobody has told it: its numbers would be wrong from then on. */
  since(link: object): readonly TypeName[] {
    return this.#names(this.#introduced.get(link) ?? 0)
  }

  #names(from: number): readonly TypeName[] {
    return this.#received.slice(from).map(({ definition }) => ({ kind: definition.nameKind, name: definition.name }))
  }
}

/** What a message handler's outcome comes to; an answer that is no verdict is the handler's failure. */
export function toVerdict(name: string, outcome: HandlerOutcome): 'accept' | 'ignore' | 'reject' | HoldfastError {
  if (outcome.kind === 'failed') return outcome.error
  const { answer } = outcome
  if (answer === 'accept' || answer === 'ignore' || answer === 'reject') return answer
  return new HoldfastError('handler-failed', `the handler of ${name} must answer 'accept', 'ignore' or 'reject'`, {
    cause: `answered ${typeof answer === 'string' ? JSON.stringify(answer.slice(0, 80)) : typeof answer}`,
  })
}
