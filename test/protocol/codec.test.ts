import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hex, utf8, utf8Text } from '../../src/protocol/bytes.js'
import { defaultCodec } from '../../src/protocol/codec.js'

const key = fc
  .oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('$', '$n', '$b', '$$', '$$n', 'constructor'))
  .filter((text) => text !== '__proto__')
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.string({ unit: 'binary' }),
    fc.bigInt(),
    fc.uint8Array({ maxLength: 30 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))

const roundTrip = (value: unknown): unknown => defaultCodec.decode(defaultCodec.encode(value))
const decodeText = (text: string): unknown => defaultCodec.decode(utf8(text))

/** Arrays within one another, with `core` in the middle. */
function nest(depth: number, core: unknown): unknown {
  let value = core
  for (let i = 0; i < depth; i++) value = [value]
  return value
}

/** An object with a key that assignment would take for the prototype. */
function withProtoKey(inner: unknown, rest: object): object {
  const object = { ...rest }
  Object.defineProperty(object, '__proto__', { value: inner, enumerable: true, writable: true, configurable: true })
  return object
}

describe('the default codec', () => {
  it('gives back every value that JSON, bigints and bytes can make', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(roundTrip(value)).toEqual(value)
      }),
      { numRuns: 1_000 },
    )
  })

  it('gives back a value inside any other just the same', () => {
    const payload = { $n: '5', a: [1n, { $$b: new Uint8Array(3) }], n: -(2n ** 200n), text: '\ud800 "$"' }
    expect(roundTrip(payload)).toStrictEqual(payload)
  })

  it('passes bytes alone untouched, in memory of their own', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const encoded = defaultCodec.encode(bytes)
        expect(hex(encoded)).toBe(`00${hex(bytes)}`)
        const decoded = defaultCodec.decode(Buffer.from(encoded))
        encoded.fill(0xee)
        expect(decoded).toStrictEqual(bytes)
      }),
    )
  })

  it('makes nothing of undefined, and undefined of nothing', () => {
    expect(defaultCodec.encode(undefined)).toHaveLength(0)
    expect(defaultCodec.decode(new Uint8Array(0))).toBeUndefined()
  })

  it('writes the text that its description says', () => {
    const text = utf8Text(defaultCodec.encode({ a: 12n, b: Uint8Array.of(1, 2), $c: 'x' }))
    expect(text).toBe('{"a":{"$n":"12"},"b":{"$b":"AQI="},"$$c":"x"}')
  })

  it('keeps the order of keys, those that are escaped among them', () => {
    const value = { z: 1n, $$b: 2, $b: 3, 7: 4, a: [{ $: 5 }], $n: 6 }
    expect(JSON.stringify(roundTrip({ ...value, z: 0 }))).toBe(JSON.stringify({ ...value, z: 0 }))
    expect(Object.keys(roundTrip(value) as object)).toEqual(Object.keys(value))
  })

  it('writes what JSON leaves out or makes null just as JSON does, with a tag beside it or without', () => {
    const holes: unknown[] = [1, undefined]
    holes.length = 4
    const value = { gone: undefined, holes, toJSON: 'text' }
    expect(roundTrip({ ...value, n: 1n })).toEqual({ ...(roundTrip(value) as object), n: 1n })
    expect(roundTrip(value)).toEqual({ holes: [1, null, null, null], toJSON: 'text' })
  })

  it('takes memory in proportion to the text, also for objects with one large index', () => {
    const count = 6_000
    const text = `["$",${Array.from({ length: count }, () => '{"999":0}').join(',')}]`
    const heldBy = (make: () => unknown): number => {
      const before = process.memoryUsage().heapUsed
      const value = make()
      const held = process.memoryUsage().heapUsed - before
      expect(value).toBeDefined()
      return held
    }
    expect(heldBy(() => decodeText(text))).toBeLessThan(20 * 2 ** 20)
    const value = [1n, ...(JSON.parse(text) as unknown[])]
    expect(heldBy(() => defaultCodec.encode(value))).toBeLessThan(20 * 2 ** 20)
  })

  it('encodes megabytes of bytes within an object', () => {
    const bytes = new Uint8Array(300_000).fill(7)
    expect(roundTrip({ bytes })).toStrictEqual({ bytes })
  })
})

describe('what the default codec refuses to encode', () => {
  class Account {
    readonly balance = 1n
  }
  for (const { name, value } of [
    { name: 'a Map', value: new Map([[1, 2]]) },
    { name: 'a Set', value: new Set([1]) },
    { name: 'a Date', value: new Date(0) },
    { name: 'an instance of a class', value: new Account() },
    { name: 'an Error', value: new Error('x') },
    { name: 'a RegExp', value: /x/ },
    { name: 'other arrays of numbers', value: new Float64Array(2) },
    { name: 'an ArrayBuffer', value: new ArrayBuffer(2) },
  ])
    it(`is ${name}, alone or inside`, () => {
      for (const payload of [value, { value }, [value], { list: [{ value }] }, [1n, value]])
        expect(() => defaultCodec.encode(payload)).toThrow(TypeError)
    })

  it('is a function or a symbol', () => {
    expect(() => defaultCodec.encode(() => 1)).toThrow('a function cannot be sent')
    expect(() => defaultCodec.encode(Symbol('x'))).toThrow('a symbol cannot be sent')
  })

  it('is what lies too deep, and never what the other side would take', () => {
    expect(roundTrip(nest(128, 1n))).toStrictEqual(nest(128, 1n))
    for (const depth of [130, 5_000]) expect(() => defaultCodec.encode(nest(depth, 1))).toThrow('nested too deeply')
  })

  it('is what lies too deep beside something that needs a tag', () => {
    for (const depth of [130, 5_000])
      for (const first of [1n, new Uint8Array(1)])
        expect(() => defaultCodec.encode([first, nest(depth, 1)])).toThrow('nested too deeply')
  })

  it('is a circle', () => {
    const circle: unknown[] = []
    circle.push(circle)
    expect(() => defaultCodec.encode(circle)).toThrow(TypeError)
  })

  it('is a bigint that the other side would refuse', () => {
    const largest = 10n ** 4096n - 1n
    expect(roundTrip(largest)).toBe(largest)
    expect(() => defaultCodec.encode(largest + 1n)).toThrow(TypeError)
  })

  it('is a key that would reach a prototype, rather than lose it', () => {
    for (const payload of [withProtoKey({ a: 1 }, {}), withProtoKey({ a: 1 }, { big: 1n }), [withProtoKey(1n, {})]])
      expect(() => defaultCodec.encode(payload)).toThrow(TypeError)
  })
})

describe('what the default codec refuses to decode', () => {
  it('is anything that is not UTF-8, or not JSON', () => {
    for (const bytes of [[0xff], [0x22, 0xc0, 0x22], [0x7b], [0x31, 0x2c], [0xef, 0xbb, 0xbf, 0x31]])
      expect(() => defaultCodec.decode(Uint8Array.from(bytes))).toThrow()
  })

  it('is a key that would reach a prototype, however it is spelled', () => {
    for (const text of [
      '{"__proto__":{"admin":true}}',
      '{"a":[{"__proto__":1}]}',
      '{"\\u005f_proto__":{"admin":true}}',
      '{"a":{"$n":"1"},"__proto__":null}',
    ])
      expect(() => decodeText(text)).toThrow('a key that no encoder makes')
    expect('admin' in {}).toBe(false)
  })

  it('is a tag that no encoder makes', () => {
    for (const text of [
      '{"$x":1}',
      '{"$n":"1","a":1}',
      '{"$b":"AA==","$n":"1"}',
      '{"$n":1}',
      '{"$n":"1.5"}',
      '{"$n":"0x10"}',
      '{"$n":""}',
      '{"$b":5}',
      '{"$b":"!!"}',
      '{"\\u0024n":"x"}',
    ])
      expect(() => decodeText(text), text).toThrow()
  })

  it('is a second spelling of a bigint or of bytes', () => {
    for (const text of ['{"$n":"007"}', '{"$n":"-0"}', '{"$b":"AA"}', '{"$b":" AA=="}', '{"$b":"AB=="}'])
      expect(() => decodeText(text), text).toThrow()
  })

  it('is what lies too deep, with a tag in it or without', () => {
    for (const core of ['1', '{"$n":"1"}']) {
      expect(() => decodeText('['.repeat(100) + core + ']'.repeat(100))).not.toThrow()
      for (const depth of [140, 100_000])
        expect(() => decodeText('['.repeat(depth) + core + ']'.repeat(depth)), `${core} at ${String(depth)}`).toThrow()
    }
  })

  it('is a number beyond all bounds, which no encoder makes', () => {
    const long = '9'.repeat(290)
    for (const text of ['1e999', '-1E+309', '9'.repeat(400), `${long}e99`, `${long}.5e+0099`, '0.1e0000310'])
      for (const whole of [text, `[1,${text}]`, `{"a":${text}}`, `{"a":{"$$b":${text}}}`])
        expect(() => decodeText(whole), whole.slice(0, 40)).toThrow(TypeError)
    for (const text of ['1e308', '1e-999', `0.${long}`, '"1e999"', '["9e999",1]', `"${'9'.repeat(400)}"`])
      expect(decodeText(text), text.slice(0, 40)).toEqual(JSON.parse(text))
  })

  it('is a level more than an encoder makes, where no tag takes it', () => {
    const nested = (core: string, depth: number): string => '['.repeat(depth) + core + ']'.repeat(depth)
    expect(() => decodeText(nested('1', 130))).toThrow(TypeError)
    for (const text of [nested('1', 129), nested('{"$n":"1"}', 129), nested('{"$b":"AA=="}', 129)])
      expect(defaultCodec.encode(decodeText(text))).toEqual(utf8(text))
  })

  it('never is a reason to throw anything but an error', () => {
    const shaped = fc.array(fc.constantFrom('{', '}', '[', ']', '"$n"', '"$b"', ':', ',', '"1"', '1', '"__proto__"'))
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 40 }),
          shaped.map((list) => utf8(list.join(''))),
        ),
        (bytes) => {
          try {
            defaultCodec.decode(bytes)
          } catch (error) {
            expect(error).toBeInstanceOf(Error)
            expect(error).not.toBeInstanceOf(RangeError)
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
