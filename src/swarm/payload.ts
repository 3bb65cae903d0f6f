/** Payloads become bytes, and bytes payloads, here and nowhere else: codec first, then schema, and a name for what is wrong. */
import { HoldfastError } from '../errors.js'
import type { PayloadFormat } from '../protocol/message.js'

export type Decoded =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'undecodable' | 'schema-violation'; readonly cause: unknown }

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

function toDecoded(
  result: { readonly value: unknown; readonly issues?: undefined } | { readonly issues: readonly unknown[] },
): Decoded {
  return result.issues === undefined
    ? { kind: 'value', value: result.value }
    : { kind: 'schema-violation', cause: result.issues[0] }
}

function violated(cause: unknown): Decoded {
  return { kind: 'schema-violation', cause }
}
