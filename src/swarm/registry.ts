/**
 * What this node receives: each definition with its handler, numbered in the order of registration, which is the order the
 * other side is told. Numbers are never reused. Payloads are turned from bytes into values here, and nowhere else.
 */
import { HoldfastError } from '../errors.js'
import type { TypeName } from '../protocol/hello.js'
import { NAMES_MAX } from '../protocol/hello.js'
import type { DirectDefinition, MessageDefinition, PayloadFormat, RequestDefinition } from '../protocol/message.js'
import type { HandlerContext } from './handler-call.js'
import { HandlerQueue } from './handler-queue.js'

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
}

export type Received = ReceivedMessage | ReceivedDirect | ReceivedRequest

export type Decoded =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'undecodable' | 'schema-violation'; readonly cause: unknown }

export class Registry {
  // Bound: NAMES_MAX.
  readonly #received: Received[] = []

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

  at(index: number): Received | null {
    return this.#received[index] ?? null
  }

  names(): readonly TypeName[] {
    return this.#received.map(({ definition }) => ({ kind: definition.nameKind, name: definition.name }))
  }
}

/** The bytes of a payload. @throws HoldfastError `invalid-payload`, with what the codec threw as its cause */
export function encodePayload<T>(name: string, format: PayloadFormat<T>, payload: T): Uint8Array {
  try {
    return format.codec.encode(payload)
  } catch (cause) {
    throw new HoldfastError('invalid-payload', `the payload of ${name} cannot be encoded`, { cause })
  }
}

/** The payload of bytes from a peer; a promise only where the schema answers with one. */
export function decodePayload(format: PayloadFormat<unknown>, bytes: Uint8Array): Decoded | Promise<Decoded> {
  let value: unknown
  try {
    value = format.codec.decode(bytes)
    if (format.schema === null) return { kind: 'value', value }
    const checked = format.schema['~standard'].validate(value)
    return checked instanceof Promise ? checked.then(toDecoded, violated) : toDecoded(checked)
  } catch (cause) {
    return { kind: 'undecodable', cause }
  }
}

function toDecoded(result: { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly unknown[] }): Decoded {
  return result.issues === undefined
    ? { kind: 'value', value: result.value }
    : { kind: 'schema-violation', cause: result.issues[0] }
}

function violated(cause: unknown): Decoded {
  return { kind: 'schema-violation', cause }
}
