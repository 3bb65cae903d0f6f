/** The default payload codec, on JSON of any shape: hostile keys, tags true and false, numbers at the edge, brackets without end. */
import { isDeepStrictEqual } from 'node:util'
import { utf8, utf8Text } from '../../src/protocol/bytes.js'
import { defaultCodec } from '../../src/protocol/codec.js'
import { SeededRandom } from '../../src/testing/seeded-random.js'
import { damaged } from './fuzz-damage.js'
import { must } from './fuzz-decoders.js'
import { someBytes, someText } from './fuzz-frames.js'

const SCALARS: readonly string[] = [
  '0',
  '-0',
  '1e999',
  '-1e400',
  '1e-999',
  '9007199254740993',
  'true',
  'null',
  '""',
  '"\\ud800"',
  '"\\u005f_proto__"',
  '{"$n":"1"}',
  '{"$n":"-0"}',
  '{"$n":"01"}',
  '{"$n":1}',
  '{"$b":"AA=="}',
  '{"$b":"AB=="}',
  '{"$b":" "}',
  '{"$n":"1","a":1}',
  '[]',
  '{}',
  '{"":1}',
  '{"a":1,"a":2}',
  'NaN',
  '1e',
  '"',
  '[',
  '{',
  ']',
  '}',
  ',',
  '\u0000',
]

/** JSON of any shape, hostile keys and all; not always whole. */
export function someJson(words: readonly number[]): string {
  let text = SCALARS[(words[0] ?? 0) % SCALARS.length] ?? '0'
  for (const word of words.slice(1)) {
    const random = new SeededRandom(word)
    const key = JSON.stringify(someText(random))
    const other = SCALARS[random.below(SCALARS.length)] ?? '0'
    switch (random.below(6)) {
      case 0:
        text = `[${text}]`
        break
      case 1:
        text = `[${other},${text}]`
        break
      case 2:
        text = `{${key}:${text}}`
        break
      case 3:
        text = `{"$${key.slice(1)}:${text},"a":${other}}`
        break
      case 4:
        text = '['.repeat(random.below(200)) + text
        break
      default: {
        const depth = random.below(140)
        text = '['.repeat(depth) + text + ']'.repeat(depth)
      }
    }
  }
  return text
}

/** Own names that every object has, before anything hostile was read. */
const INNOCENT = Object.getOwnPropertyNames(Object.prototype).length

export function codecCase(words: readonly number[]): void {
  const random = new SeededRandom(words[0] ?? 0)
  const whole = random.below(4) === 0 ? someBytes(random, 400) : utf8(someJson(words))
  const bytes = random.below(3) === 0 ? damaged(whole, random) : whole
  let value: unknown
  try {
    value = defaultCodec.decode(bytes)
  } catch (error) {
    // A stack that overflows is a RangeError: it would mean that depth is not bounded.
    must(error instanceof Error && !(error instanceof RangeError), `threw ${String(error)}`)
    return
  } finally {
    must(Object.getOwnPropertyNames(Object.prototype).length === INNOCENT, 'every object has changed')
  }
  try {
    checkPrototypes(value)
    const again = defaultCodec.decode(defaultCodec.encode(value))
    must(isDeepStrictEqual(again, value) || holdsMinusZero(value), 'sent again, it is another')
  } catch (cause) {
    throw new Error(`${JSON.stringify(utf8Text(bytes))}: ${String(cause)}`, { cause })
  }
}

function checkPrototypes(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  const prototype: unknown = Object.getPrototypeOf(value)
  must(prototype === Object.prototype || prototype === Array.prototype, 'a prototype of its own')
  must(!Object.hasOwn(value, '__proto__'), 'a key that reaches the prototype')
  Object.values(value).forEach(checkPrototypes)
}

/** JSON has no −0 to send. */
function holdsMinusZero(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(holdsMinusZero)
  return Object.is(value, -0)
}
