/**
 * Every refusal, close and error of holdfast has a name from this file, and a fault that says whose doing it was.
 * Nothing else in the house invents a code, and nothing matches on message text.
 */

/** Whose doing: `local` is this process, `remote` the peer, `network` everything between. Only a remote fault can earn a strike. */
export type Fault = 'local' | 'remote' | 'network'

/** Reasons with a number on the wire: what a goodbye, or an abort during the handshake, can tell the other side. */
export const WIRE_CODES: Readonly<Record<WireCode, number>> = {
  shutdown: 0,
  'protocol-error': 1,
  'wrong-network': 2,
  'wrong-version': 3,
  'not-allowed': 4,
  banned: 5,
  'too-many-peers': 6,
  duplicate: 7,
  self: 8,
  timeout: 9,
  'slow-consumer': 10,
  'rate-limit': 11,
  useless: 12,
  expired: 13,
  'wrong-identity': 14,
  'bad-handshake': 15,
  'wrong-chain': 16,
  conflict: 17,
  superseded: 18,
  busy: 19,
  closed: 20,
}

/** The name of a reason that can cross the wire. */
export type WireCode =
  | 'shutdown'
  | 'protocol-error'
  | 'wrong-network'
  | 'wrong-version'
  | 'not-allowed'
  | 'banned'
  | 'too-many-peers'
  | 'duplicate'
  | 'self'
  | 'timeout'
  | 'slow-consumer'
  | 'rate-limit'
  | 'useless'
  | 'expired'
  | 'wrong-identity'
  | 'bad-handshake'
  | 'wrong-chain'
  | 'conflict'
  | 'superseded'
  | 'busy'
  | 'closed'

/** Reasons only this side can know. */
export type LocalCode =
  | 'garbage'
  | 'bad-record'
  | 'connection-lost'
  | 'connection-refused'
  | 'unreachable'
  | 'name-not-found'
  | 'dial-timeout'
  | 'dial-failed'
  | 'no-transport'
  | 'aborted'
  | 'message-too-big'
  | 'unknown-type'
  | 'undecodable'
  | 'schema-violation'
  | 'rejected'
  | 'id-mismatch'
  | 'credit-overrun'

/** Any reason: why a connection closed, a dial failed, an inbound link was refused, a strike was recorded. */
export type ReasonCode = WireCode | LocalCode

/** Why something ended or was refused. A plain value: safe to log, to keep and to compare by `code`. */
export interface Reason {
  readonly code: ReasonCode
  readonly fault: Fault
  /** The other side asked us not to come back before this many milliseconds have passed. */
  readonly retryAfterMs?: number
  /** The more specific name, the error below, or the sentence that the other side sent. */
  readonly cause?: unknown
}

/** Codes of errors thrown to the caller. Every {@link ReasonCode} can be one too, when a promise fails for that reason. */
export type ErrorCode =
  | ReasonCode
  | 'invalid-option'
  | 'invalid-address'
  | 'invalid-peer-id'
  | 'invalid-payload'
  | 'not-running'
  | 'already-running'
  | 'listen-failed'
  | 'not-connected'
  | 'type-not-accepted'
  | 'already-defined'
  | 'outbox-full'
  | 'request-failed'
  | 'request-timeout'
  | 'too-many-requests'
  | 'link-replaced'
  | 'handler-failed'
  | 'decode-timeout'
  | 'schema-failed'
  | 'listener-failed'
  | 'storage-failed'
  | 'directory-failed'
  | 'pool-full'
  | 'worker-failed'
  | 'worker-lost'
  | 'worker-timeout'

/** The one error class: `code` is stable and documented, `fault` says whose doing, `cause` keeps what lies below. */
export class HoldfastError extends Error {
  override readonly name: string = 'HoldfastError'
  readonly code: ErrorCode
  readonly fault: Fault

  constructor(code: ErrorCode, message: string, options: { readonly fault?: Fault; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.fault = options.fault ?? 'local'
  }
}

/** A bad option: names the field, what was given, and what is allowed. */
export function invalidOption(field: string, given: unknown, allowed: string): HoldfastError {
  return new HoldfastError('invalid-option', `${field} must be ${allowed}, but was ${describe(given)}`)
}

/**
 * A misspelt option would otherwise be a default that nobody chose.
 * @param path what stands before the option's name
 * @throws HoldfastError `invalid-option`
 */
export function checkNames<Options extends object>(
  what: string,
  given: Options,
  names: readonly (keyof Options & string)[],
  path: string = `${what}.`,
): void {
  const options: unknown = given
  if (typeof options !== 'object' || options === null) throw invalidOption(what, given, 'an object')
  const known: readonly string[] = names
  const stray = Object.keys(options).find((name) => !known.includes(name))
  if (stray !== undefined) throw new HoldfastError('invalid-option', `there is no option ${path}${stray}`)
}

/** The error that carries a {@link Reason} into a promise. */
export function reasonError(reason: Reason, what: string): HoldfastError {
  return new HoldfastError(reason.code, `${what}: ${reason.code}`, { fault: reason.fault, cause: reason.cause })
}

const NAMES: ReadonlyMap<number, WireCode> = new Map(
  Object.entries(WIRE_CODES).map(([name, number]) => [number, name as WireCode]),
)

/** The name of a number from the wire; a number this version does not know means no more than that the peer closed. */
export function wireCodeName(number: number): WireCode {
  return NAMES.get(number) ?? 'closed'
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value)
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return String(value)
  if (value === null || value === undefined) return String(value)
  if (value instanceof Uint8Array) return `${String(value.length)} bytes`
  if (Array.isArray(value)) return `an array of ${String(value.length)}`
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
