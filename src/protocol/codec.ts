/**
 * The default payload codec. First byte 0: the rest is the payload, a `Uint8Array`, untouched. Otherwise the bytes are JSON
 * text, in which a bigint is `{"$n":"…"}`, a `Uint8Array` is `{"$b":"base64"}`, and a key that begins with `$` gets one more.
 * Nothing at all is `undefined`. Objects that JSON cannot hold otherwise are refused by the encoder, never mangled.
 */
import { copyBytes, EMPTY, joinBytes, utf8, utf8Text } from './bytes.js'

/** Turns payloads into bytes and back. `decode` throws for anything that `encode` cannot have made. */
export interface Codec<T> {
  encode(payload: T): Uint8Array
  decode(bytes: Uint8Array): T
}

const RAW = 0
/** Deeper values are refused on both ways, long before a stack could overflow. */
const DEPTH_MAX = 128

export const defaultCodec: Codec<unknown> = {
  encode(payload) {
    if (payload instanceof Uint8Array) return joinBytes([Uint8Array.of(RAW), payload])
    if (payload === undefined) return EMPTY
    const text = JSON.stringify(isPlain(payload, 0) ? payload : tagged(payload, 0))
    if (typeof text !== 'string') throw new TypeError(`a ${typeof payload} cannot be sent`)
    return utf8(text)
  },
  decode(bytes) {
    if (bytes.length === 0) return undefined
    if (bytes[0] === RAW) return copyBytes(bytes, 1)
    const text = utf8Text(bytes)
    if (text === null) throw new TypeError('not UTF-8')
    const value: unknown = JSON.parse(text)
    // Only these spellings can hold a tag or a key that would reach a prototype.
    return /\$|\\u|__proto__/.test(text) ? untagged(value, 0) : value
  },
}

/** Whether JSON can hold the value as it is. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'bigint') return false
  if (typeof value !== 'object' || value === null) return true
  if (depth > DEPTH_MAX) throw new TypeError('nested too deeply')
  if (Array.isArray(value)) return value.every((item) => isPlain(item, depth + 1))
  if (!isRecord(value)) return false
  for (const key in value) if (key.startsWith('$') || !isPlain(value[key], depth + 1)) return false
  return true
}

function tagged(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return { $n: value.toString() }
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return { $b: base64(value) }
  if (Array.isArray(value)) return value.map((item) => tagged(item, depth + 1))
  if (!isRecord(value)) {
    if ('toJSON' in value) return value
    throw new TypeError(`a ${value.constructor.name} cannot be sent; give the message a codec of its own`)
  }
  const copy: Record<string, unknown> = {}
  for (const key of Object.keys(value)) copy[key.startsWith('$') ? `$${key}` : key] = tagged(value[key], depth + 1)
  return copy
}

function untagged(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > DEPTH_MAX) throw new TypeError('nested too deeply')
  if (Array.isArray(value)) return value.map((item) => untagged(item, depth + 1))
  const record = value as Record<string, unknown>
  const keys = Object.keys(record)
  const [only] = keys
  if (keys.length === 1 && only === '$n') return asBigint(record[only])
  if (keys.length === 1 && only === '$b') return fromBase64(record[only])
  const copy: Record<string, unknown> = {}
  for (const key of keys) {
    if (key === '__proto__' || (key.startsWith('$') && !key.startsWith('$$')))
      throw new TypeError('a key that no encoder makes')
    copy[key.startsWith('$') ? key.slice(1) : key] = untagged(record[key], depth + 1)
  }
  return copy
}

function isRecord(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function asBigint(text: unknown): bigint {
  if (typeof text !== 'string' || !/^-?\d{1,4096}$/.test(text)) throw new TypeError('not a bigint')
  return BigInt(text)
}

function base64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(binary)
}

function fromBase64(text: unknown): Uint8Array {
  if (typeof text !== 'string') throw new TypeError('not base64')
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}
