/**
 * Definitions of messages, as values: what a name means, how its payload is written, and what a payload must look like. They
 * know nothing of peers or links, and the same definition may serve any number of swarms.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { checkNames, invalidOption } from '../errors.js'
import type { Crypto } from '../ports/crypto.js'
import { bytesOfKey, EMPTY, joinBytes, utf8 } from './bytes.js'
import type { Codec } from './codec.js'
import { defaultCodec } from './codec.js'
import type { NameKind } from './hello.js'
import { NAME_BYTES_MAX } from './hello.js'

/** In which order a saturated link sends: all urgent before any normal, all normal before any bulk. */
export type Priority = 'urgent' | 'normal' | 'bulk'

/** How payloads are written and checked. */
export interface PayloadOptions<T> {
  /** How the payload becomes bytes. Default: JSON with bigint and `Uint8Array`; a `Uint8Array` alone passes untouched. */
  readonly codec?: Codec<T>
  /**
   * A Standard Schema (zod, valibot, arktype, …). What does not fit never reaches a handler and is a strike; handlers get its
   * output. What is sent is not checked here, but is by the peers: its output must itself fit, so a schema may fill in and narrow,
   * and not turn a string into a number. One that throws or rejects is `schema-failed`, in the `error` event, and no strike.
   */
  readonly schema?: StandardSchemaV1<unknown, T>
  /** Default `normal`. */
  readonly priority?: Priority
}

/** Options of {@link message}. */
export interface MessageOptions<T> extends PayloadOptions<T> {
  /**
   * The application's own id of a payload, such as a transaction's hash: no two payloads of one id are both accepted. It must be
   * text. Of a payload that came, where it throws or is none, the payload is `undecodable`: let a schema look first.
   */
  readonly id?: (payload: T) => string
  /** Each broadcast is a message of its own even where the payload is the same, as for heartbeats. Default false. */
  readonly repeat?: boolean
  /** Handlers run one at a time. Default false: up to 64 at once, 48 of them strangers', started in wire order for each peer. */
  readonly serial?: boolean
}

/** Options of {@link direct}. */
export interface DirectOptions<T> extends PayloadOptions<T> {
  /** Handlers run one at a time. Default false: up to 64 at once, 48 of them strangers', started in wire order for each peer. */
  readonly serial?: boolean
}

/** Options of {@link request}. */
export interface RequestOptions<Q, A> {
  /** How the question becomes bytes. Default as for {@link PayloadOptions.codec}. */
  readonly codec?: Codec<Q>
  /** How the answer becomes bytes. */
  readonly answerCodec?: Codec<A>
  /** What a question must look like. */
  readonly schema?: StandardSchemaV1<unknown, Q>
  /** What an answer must look like. */
  readonly answerSchema?: StandardSchemaV1<unknown, A>
  /** The largest answer taken, bytes. Default 4 MiB. */
  readonly maxBytes?: number
  /** Default `normal`. */
  readonly priority?: Priority
}

/** What travels under a name: a codec, and a schema where there is one. */
export interface PayloadFormat<T> {
  readonly codec: Codec<T>
  readonly schema: StandardSchemaV1<unknown, T> | null
}

/** What all three kinds of definition have. */
export interface Definition {
  readonly name: string
  readonly nameKind: NameKind
  readonly priority: Priority
}

/** Broadcast to the whole network and deduplicated. Made by {@link message}. */
export interface MessageDefinition<T> extends Definition {
  readonly kind: 'message'
  readonly format: PayloadFormat<T>
  readonly id: ((payload: T) => string) | null
  readonly serial: boolean
}

/** Sent to one peer. Made by {@link direct}. */
export interface DirectDefinition<T> extends Definition {
  readonly kind: 'direct'
  readonly format: PayloadFormat<T>
  readonly serial: boolean
}

/** Asked of one peer. Made by {@link request}. */
export interface RequestDefinition<Q, A> extends Definition {
  readonly kind: 'request'
  readonly format: PayloadFormat<Q>
  readonly answerFormat: PayloadFormat<A>
  readonly answerBytesMax: number
}

/**
 * Defines a broadcast message.
 * @throws HoldfastError `invalid-option` for a name that is empty or longer than 32 bytes, or an option that is not one
 */
export function message<T = Uint8Array>(name: string, options: MessageOptions<T> = {}): MessageDefinition<T> {
  checkNames('message', options, ['codec', 'schema', 'priority', 'id', 'repeat', 'serial'])
  return {
    kind: 'message',
    nameKind: options.repeat === true ? 'repeat' : 'message',
    name: checkName(name),
    priority: checkPriority(options.priority),
    format: toFormat(options.codec, options.schema),
    id: checkFunction('id', options.id ?? null),
    serial: options.serial ?? false,
  }
}

/**
 * Defines a message to one peer.
 * @throws HoldfastError `invalid-option` for a name that is empty or longer than 32 bytes, or an option that is not one
 */
export function direct<T = Uint8Array>(name: string, options: DirectOptions<T> = {}): DirectDefinition<T> {
  checkNames('direct', options, ['codec', 'schema', 'priority', 'serial'])
  return {
    kind: 'direct',
    nameKind: 'direct',
    name: checkName(name),
    priority: checkPriority(options.priority),
    format: toFormat(options.codec, options.schema),
    serial: options.serial ?? false,
  }
}

/**
 * Defines a question to one peer and its answer.
 * @throws HoldfastError `invalid-option` for a name that is empty or longer than 32 bytes, or an option that is not one
 */
export function request<Q = void, A = unknown>(
  name: string,
  options: RequestOptions<Q, A> = {},
): RequestDefinition<Q, A> {
  checkNames('request', options, REQUEST_OPTIONS)
  const answerBytesMax = options.maxBytes ?? 4 * 1024 * 1024
  if (!Number.isInteger(answerBytesMax) || answerBytesMax < 1 || answerBytesMax > ANSWER_BYTES_CEILING)
    throw invalidOption('maxBytes', answerBytesMax, `an integer from 1 to ${String(ANSWER_BYTES_CEILING)}`)
  return {
    kind: 'request',
    nameKind: 'request',
    name: checkName(name),
    priority: checkPriority(options.priority),
    format: toFormat(options.codec, options.schema),
    answerFormat: toFormat(options.answerCodec, options.answerSchema),
    answerBytesMax,
  }
}

export const BROADCAST_ID_BYTES = 16
export const NONCE_BYTES = 8
const REQUEST_OPTIONS = ['codec', 'answerCodec', 'schema', 'answerSchema', 'maxBytes', 'priority'] as const
const ANSWER_BYTES_CEILING = 64 * 1024 * 1024
const ID_CONTEXT = utf8('holdfast/1 m')

/** The id of a broadcast, as the key that {@link keyOf} makes of it: the same at every node, for the same name and body. */
export function broadcastKey(name: string, body: Uint8Array, crypto: Crypto): string {
  if (name !== contextName) {
    const text = utf8(name)
    context = joinBytes([ID_CONTEXT, Uint8Array.of(text.length), text])
    contextName = name
  }
  return crypto.sha256Key([context, body]).slice(0, BROADCAST_ID_BYTES)
}

/** The id itself. */
export function broadcastId(name: string, body: Uint8Array, crypto: Crypto): Uint8Array {
  return bytesOfKey(broadcastKey(name, body, crypto))
}

/** What is hashed before a body: of the name that was last asked for, which mostly is the next one's, too. */
let contextName = ''
let context: Uint8Array = EMPTY

/** The compiler knows the kinds; JavaScript does not. @throws HoldfastError `invalid-option` */
export function expectKind(
  definition: { readonly name: string; readonly kind: string },
  kinds: readonly string[],
): void {
  const given: unknown = definition
  const kind = isObject(given) && 'kind' in given && 'name' in given ? definition.kind : null
  if (kind === null) throw invalidOption('the definition', given, `what ${kinds.join('() or ')}() makes`)
  if (!kinds.includes(kind)) throw invalidOption(definition.name, kind, `a ${kinds.join(' or ')}`)
}

function toFormat<T>(codec: Codec<T> | undefined, schema: StandardSchemaV1<unknown, T> | undefined): PayloadFormat<T> {
  if (codec !== undefined && (typeof codec.encode !== 'function' || typeof codec.decode !== 'function'))
    throw invalidOption('codec', codec, 'an object with methods `encode` and `decode`')
  // JavaScript may pass anything.
  const standard: unknown = schema?.['~standard']
  if (schema !== undefined && !(isObject(standard) && 'validate' in standard && isFunction(standard.validate)))
    throw invalidOption('schema', schema, 'a Standard Schema, such as those of zod, valibot and arktype')
  return { codec: codec ?? (defaultCodec as Codec<T>), schema: schema ?? null }
}

function checkFunction<F>(field: string, given: F): F {
  if (given === null || isFunction(given)) return given
  throw invalidOption(field, given, 'a function')
}

function isFunction(given: unknown): boolean {
  return typeof given === 'function'
}

function isObject(given: unknown): given is object {
  return typeof given === 'object' && given !== null
}

function checkName(name: string): string {
  const given: unknown = name
  const length = typeof given === 'string' ? utf8(given).length : 0
  if (length < 1 || length > NAME_BYTES_MAX)
    throw invalidOption('name', name, `1 to ${String(NAME_BYTES_MAX)} bytes of text`)
  return name
}

function checkPriority(priority: Priority | undefined): Priority {
  const chosen: string = priority ?? 'normal'
  if (chosen === 'urgent' || chosen === 'normal' || chosen === 'bulk') return chosen
  throw invalidOption('priority', priority, "'urgent', 'normal' or 'bulk'")
}
