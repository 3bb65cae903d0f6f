/**
 * The default payload codec. First byte 0: the rest is the payload, a `Uint8Array`, untouched. Otherwise the bytes are JSON
 * text, in which a bigint is `{"$n":"…"}`, a `Uint8Array` is `{"$b":"base64"}`, and a key that begins with `$` gets one more.
 * Nothing at all is `undefined`. What JSON would mangle is refused, not sent; a key whose value is undefined is left out.
 */
import { copyPooled, EMPTY, joinPooled, utf8, utf8Text } from './bytes.js'

/** Turns payloads into bytes and back. `decode` throws for anything that `encode` cannot have made. */
export interface Codec<T> {
  encode(payload: T): Uint8Array
  decode(bytes: Uint8Array): T
}

const RAW = 0
/** What stands before a payload that is bytes already. */
export const RAW_HEAD: Uint8Array = Uint8Array.of(RAW)
/** Deeper values are refused on both ways, long before a stack could overflow. */
const DEPTH_MAX = 128
const DIGITS_MAX = 4_096
const MANTISSA_DIGITS_MAX = 200
const EXPONENT_DIGITS_MAX = 2

export const defaultCodec: Codec<unknown> = {
  encode(payload) {
    if (payload instanceof Uint8Array) return joinPooled([RAW_HEAD, payload])
    if (payload === undefined) return EMPTY
    return utf8(isPlain(payload, 0) ? JSON.stringify(payload) : textOf(payload))
  },
  decode(bytes) {
    if (bytes.length === 0) return undefined
    if (bytes[0] === RAW) return copyPooled(bytes, 1)
    const extreme = checkDepth(bytes)
    const text = utf8Text(bytes)
    if (text === null) throw new TypeError('not UTF-8')
    const value: unknown = JSON.parse(text)
    // Only these spellings can hold a tag, or a key that would reach a prototype.
    return extreme || /\$|\\u|__proto__/.test(text) ? untagged(value, 0) : value
  },
}

/** Whether JSON can hold the value as it is. Throws for what it cannot hold at all. */
function isPlain(value: unknown, depth: number): boolean {
  if (typeof value === 'string') return true
  if (typeof value === 'bigint') return false
  if (typeof value !== 'object' || value === null) return checkScalar(value)
  if (value instanceof Uint8Array) return false
  if (depth > DEPTH_MAX) throw new TypeError('nested too deeply')
  let plain = true
  if (Array.isArray(value)) {
    // By index: a hole is an item, too.
    for (let i = 0; i < value.length; i++) plain = isPlain(value[i], depth + 1) && plain
    return plain
  }
  for (const key of keysOf(value)) {
    const item = (value as Readonly<Record<string, unknown>>)[key]
    plain = isPlain(item, depth + 1) && !key.startsWith('$') && plain
  }
  return plain
}

/** JSON with tags, of what {@link isPlain} has been through. Written here: a copy with tags in it may cost a thousand times its text. */
function textOf(value: unknown): string {
  if (typeof value === 'bigint') return `{"$n":"${checkDigits(value.toString())}"}`
  if (value === undefined) return 'null'
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (value instanceof Uint8Array) return `{"$b":"${base64(value)}"}`
  if (Array.isArray(value)) return `[${Array.from(value, textOf).join(',')}]`
  const members: string[] = []
  for (const [key, item] of Object.entries(value))
    if (item !== undefined) members.push(`${JSON.stringify(key.startsWith('$') ? `$${key}` : key)}:${textOf(item)}`)
  return `{${members.join(',')}}`
}

/** In place: what JSON made small, such as an object with one large index, would be large if it were made anew. */
function untagged(value: unknown, depth: number): unknown {
  if (typeof value === 'number') checkScalar(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return untaggedItems(value, depth)
  const keys = Object.keys(value)
  const object = value as Record<string, unknown>
  if (keys.length === 1 && keys[0] === '$n') return asBigint(object['$n'])
  if (keys.length === 1 && keys[0] === '$b') return fromBase64(object['$b'])
  if (depth > DEPTH_MAX) throw new TypeError('nested too deeply')
  let escapedAt = -1
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? ''
    if (key === '__proto__' || (key.startsWith('$') && !key.startsWith('$$')))
      throw new TypeError('a key that no encoder makes')
    if (escapedAt < 0 && key.startsWith('$')) escapedAt = i
    const item = object[key]
    const inner = untagged(item, depth + 1)
    if (inner !== item) object[key] = inner
  }
  if (escapedAt >= 0) unescape(object, keys.slice(escapedAt))
  return object
}

function untaggedItems(items: unknown[], depth: number): unknown[] {
  if (depth > DEPTH_MAX) throw new TypeError('nested too deeply')
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    const inner = untagged(item, depth + 1)
    if (inner !== item) items[i] = inner
  }
  return items
}

/** `keys` are the first that is escaped and all behind it, so that their order stays. None is an index: those come before all others. */
function unescape(object: Record<string, unknown>, keys: readonly string[]): void {
  const items = keys.map((key) => object[key])
  for (const key of keys) Reflect.deleteProperty(object, key)
  for (const [i, key] of keys.entries()) object[key.startsWith('$') ? key.slice(1) : key] = items[i]
}

/** The keys of a plain object; throws for any other. */
function keysOf(value: object): readonly string[] {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(`a ${value.constructor.name} cannot be sent; give the message a codec of its own`)
  if (Object.hasOwn(value, '__proto__')) throw new TypeError('a key __proto__ cannot be sent')
  return Object.keys(value)
}

function checkScalar(value: unknown): true {
  const sent =
    typeof value !== 'function' && typeof value !== 'symbol' && (typeof value !== 'number' || Number.isFinite(value))
  if (!sent) throw new TypeError(`${typeof value === 'number' ? String(value) : `a ${typeof value}`} cannot be sent`)
  return true
}

/**
 * Counts brackets and digits outside strings, before anything is built from them.
 * @returns whether something may be deeper, or a number larger, than an encoder makes
 */
function checkDepth(bytes: Uint8Array): boolean {
  let depth = 0
  let quoted = false
  let extreme = false
  let digits = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (quoted) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) quoted = false
    } else if (byte >= 0x30 && byte <= 0x39) {
      // With less, even a number of both is finite.
      if (++digits > MANTISSA_DIGITS_MAX || (digits > EXPONENT_DIGITS_MAX && isExponent(bytes, i - digits)))
        extreme = true
    } else {
      digits = 0
      if (byte === 0x22) quoted = true
      else if (byte === 0x5b || byte === 0x7b) {
        if (++depth > DEPTH_MAX + 2) throw new TypeError('nested too deeply')
        extreme ||= depth > DEPTH_MAX + 1
      } else if (byte === 0x5d || byte === 0x7d) depth--
    }
  }
  return extreme
}

/** Whether the digits behind this place are those of a power of ten. */
function isExponent(bytes: Uint8Array, before: number): boolean {
  const sign = bytes[before] === 0x2b ? before - 1 : before
  return bytes[sign] === 0x65 || bytes[sign] === 0x45
}

function asBigint(text: unknown): bigint {
  if (typeof text !== 'string' || !/^-?\d+$/.test(checkDigits(text))) throw new TypeError('not a bigint')
  const value = BigInt(text)
  if (value.toString() !== text) throw new TypeError('not the one spelling of a bigint')
  return value
}

function checkDigits(text: string): string {
  if (text.length > DIGITS_MAX) throw new TypeError(`a bigint of more than ${String(DIGITS_MAX)} digits`)
  return text
}

function base64(bytes: Uint8Array): string {
  let binary = ''
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192))
  return btoa(binary)
}

function fromBase64(text: unknown): Uint8Array {
  if (typeof text !== 'string') throw new TypeError('not base64')
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  if (btoa(binary) !== text) throw new TypeError('not the one spelling of base64')
  return bytes
}
