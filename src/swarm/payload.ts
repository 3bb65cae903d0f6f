/** Payloads become bytes, and bytes payloads, here and nowhere else: codec first, then schema, and a name for what is wrong. */
import { HoldfastError } from '../errors.js'
import type { Random } from '../ports/clock.js'
import type { Crypto } from '../ports/crypto.js'
import { EMPTY, joinBytes, joinPooled } from '../protocol/bytes.js'
import type { Codec } from '../protocol/codec.js'
import { defaultCodec, RAW_HEAD } from '../protocol/codec.js'
import { isOversize } from '../protocol/frame.js'
import type { MessageDefinition, PayloadFormat } from '../protocol/message.js'
import { BROADCAST_ID_BYTES, broadcastId, NONCE_BYTES } from '../protocol/message.js'
import type { Agenda } from './agenda.js'
import type { Intake } from './intake.js'

export type Decoded =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'undecodable' | 'schema-violation'; readonly cause: unknown }
  /** The schema failed, or has not answered in time: nothing is known of the payload, and nobody but this node is at fault. */
  | { readonly kind: 'unjudged'; readonly error: HoldfastError }

/** What is to be decoded, and whose it is. */
export interface Payload {
  readonly name: string
  readonly format: PayloadFormat<unknown>
}

/** Who is charged. */
export interface DecodeSetup {
  readonly agenda: Agenda
  readonly intake: Pick<Intake, 'worked'> | null
  readonly isDone?: boolean
}

/** Where the id goes once the rest is hashed. */
const BLANK_ID = new Uint8Array(BROADCAST_ID_BYTES)
const CHARGED_BYTES_MIN = 1_024
/** Smaller bodies are part of a record, or as cheap to copy. */
const OWN_BYTES_MIN = 2_048
/** A schema that has not answered by then is taken to never do so. */
const DECODE_MS = 10_000

/** The bytes of a payload. @throws HoldfastError `invalid-payload`, with what the codec threw as its cause */
export function encodePayload<T>(name: string, format: PayloadFormat<T>, payload: T): Uint8Array {
  try {
    return format.codec.encode(payload)
  } catch (cause) {
    throw new HoldfastError('invalid-payload', `the payload of ${name} cannot be encoded`, { cause })
  }
}

/** The application's own id of a payload. @throws HoldfastError `invalid-payload` where that fails, or is no text */
export function appIdOf<T>(name: string, id: (payload: T) => string, payload: T): string {
  const failure = (cause: unknown): HoldfastError =>
    new HoldfastError('invalid-payload', `the payload of ${name} has no id`, { cause })
  let given: unknown
  try {
    given = id(payload)
  } catch (cause) {
    throw failure(cause)
  }
  if (typeof given === 'string') return given
  throw failure(`not text, but ${typeof given}`)
}

/** A broadcast as it travels: id, a nonce where each is a message of its own, payload. @throws HoldfastError `invalid-payload` */
export function encodeBroadcast<T>(
  { name, format, id: appId, nameKind }: MessageDefinition<T>,
  payload: T,
  { crypto, random }: { readonly crypto: Crypto; readonly random: Random },
): { readonly id: Uint8Array; readonly bytes: Uint8Array; readonly appId: string | null } {
  const encoded = encodePayload(name, format, payload)
  const own = appId === null ? null : appIdOf(name, appId, payload)
  const nonce = nameKind === 'repeat' ? random.bytes(NONCE_BYTES) : EMPTY
  const bytes = joinPooled([BLANK_ID, nonce, encoded])
  const id = broadcastId(name, bytes.subarray(BROADCAST_ID_BYTES), crypto)
  bytes.set(id)
  return { id, bytes, appId: own }
}

/** The same as the parts of a frame's body: where it fits into one, it is written down before the host can change its memory. */
export function encodeParts<T>(
  name: string,
  format: PayloadFormat<T>,
  payload: T,
  type: number,
): readonly Uint8Array[] {
  if (!(payload instanceof Uint8Array) || format.codec !== (defaultCodec as Codec<T>))
    return [encodePayload(name, format, payload)]
  const parts = [RAW_HEAD, payload]
  return isOversize(type, RAW_HEAD.length + payload.length) ? [joinBytes(parts)] : parts
}

/**
 * The payload of bytes from a peer; a promise only where the schema answers with one.
 * @param isDone whether nobody needs the bytes afterwards: then what was put together for them alone is not copied once more
 */
export function decodePayload(
  { name, format }: Payload,
  bytes: Uint8Array,
  isDone = false,
): Decoded | Promise<Decoded> {
  let value: unknown
  try {
    value = isDone && isOwnRaw(format, bytes) ? bytes.subarray(RAW_HEAD.length) : format.codec.decode(bytes)
  } catch (cause) {
    return { kind: 'undecodable', cause }
  }
  return format.schema === null ? { kind: 'value', value } : validate(name, format.schema, value)
}

function validate(
  name: string,
  schema: NonNullable<Payload['format']['schema']>,
  value: unknown,
): Decoded | Promise<Decoded> {
  const failed = (cause: unknown): Decoded => ({
    kind: 'unjudged',
    error: new HoldfastError('schema-failed', `the schema of ${name} failed`, { cause }),
  })
  try {
    const checked = schema['~standard'].validate(value)
    return isThenable(checked) ? Promise.resolve(checked).then(toDecoded).catch(failed) : toDecoded(checked)
  } catch (cause) {
    return failed(cause)
  }
}

/** The same for what a peer has brought, which is charged for the time that it takes. */
export function decodeArrived(
  payload: Payload,
  bytes: Uint8Array,
  { agenda, intake, isDone = false }: DecodeSetup,
): Decoded | Promise<Decoded> {
  // The look at the clock would cost more than what is small.
  if (bytes.length < CHARGED_BYTES_MIN) return decodePayload(payload, bytes, isDone)
  const beganAt = agenda.now()
  const decoded = decodePayload(payload, bytes, isDone)
  intake?.worked(agenda.now() - beganAt)
  return decoded
}

/** Opaque bytes in memory that holds little else, and nothing behind them; and that is no `Buffer`: hosts may slice it, or transfer it. */
function isOwnRaw({ codec }: PayloadFormat<unknown>, bytes: Uint8Array): boolean {
  // What is small is copied sooner than asked whose it is.
  if (bytes.length < OWN_BYTES_MIN || codec !== defaultCodec || bytes[0] !== RAW_HEAD[0]) return false
  const { buffer, byteOffset, length } = bytes
  const isLast = byteOffset + length === buffer.byteLength
  return bytes.constructor === Uint8Array && isLast && length * 2 > buffer.byteLength
}

/** Calls back once: with what the schema said, or when its time is up. What it says later is dropped. */
export function whenDecoded(
  name: string,
  decoding: Promise<Decoded>,
  agenda: Agenda,
  run: (decoded: Decoded) => void,
): void {
  let over = false
  const finish = (decoded: Decoded): void => {
    if (over) return
    over = true
    deadline.cancel()
    run(decoded)
  }
  const deadline = agenda.in(DECODE_MS, () => {
    const message = `the schema of ${name} has not answered within ${String(DECODE_MS)} ms`
    finish({ kind: 'unjudged', error: new HoldfastError('decode-timeout', message) })
  })
  void decoding.then(finish)
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function toDecoded(
  result: { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly unknown[] },
): Decoded {
  return result.issues === undefined
    ? { kind: 'value', value: result.value }
    : { kind: 'schema-violation', cause: result.issues[0] }
}
