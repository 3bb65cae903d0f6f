import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { copyBytes, joinBytes, uintBytes, utf8 } from '../../src/protocol/bytes.js'
import type { Hello, NameKind } from '../../src/protocol/hello.js'
import {
  decodeHello,
  decodeNames,
  encodeHello,
  encodeNames,
  HELLO_BYTES_MAX,
  NAME_BYTES_MAX,
  NAMES_MAX,
  NameTable,
} from '../../src/protocol/hello.js'
import { ByteReader, VARINT_MAX, varintBytes } from '../../src/protocol/varint.js'
import { makeHello } from './harness.js'

const KINDS: readonly NameKind[] = ['message', 'direct', 'request', 'repeat']
const FIELDS = { agent: 1, epoch: 2, version: 4, addresses: 5, names: 6, limits: 8, wallMs: 9, supersedes: 10 } as const

const number = fc.integer({ min: 0, max: VARINT_MAX })
const id = fc.uint8Array({ minLength: 8, maxLength: 8 })
const word = (max: number, min = 0): fc.Arbitrary<string> =>
  fc
    .string({ unit: 'binary', minLength: min, maxLength: max })
    .filter((text) => utf8(text).length <= max && !text.startsWith('\ufeff'))
const typeName = fc.record({ kind: fc.constantFrom(...KINDS), name: word(NAME_BYTES_MAX, 1) })
const anyHello: fc.Arbitrary<Hello> = fc.record({
  epoch: id,
  version: number,
  minVersion: number,
  names: fc.array(typeName, { maxLength: 40 }),
  limits: fc.record({ messageBytesMax: number, requestsMax: number, windowBytes: number }),
  supersedes: fc.array(id, { maxLength: 8 }),
  agent: word(128),
  addresses: fc.array(word(60), { maxLength: 8 }),
  wallMs: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
})

type Field = readonly [tag: number, value: Uint8Array]

function fieldsOf(bytes: Uint8Array): readonly Field[] {
  const reader = new ByteReader(bytes)
  const fields: Field[] = []
  while (reader.left > 0) fields.push([reader.varint(), copyBytes(reader.take(reader.varint()))])
  return fields
}

function join(fields: readonly Field[]): Uint8Array {
  return joinBytes(fields.flatMap(([tag, value]) => [varintBytes(tag), varintBytes(value.length), value]))
}

const plain = makeHello(4, { supersedes: [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)] })
const plainFields = fieldsOf(encodeHello(plain))
const replaced = (tag: number, value: Uint8Array): Uint8Array =>
  join(plainFields.map((field) => (field[0] === tag ? [tag, value] : field)))

function decoded(bytes: Uint8Array): Hello | null {
  const hello = decodeHello(bytes)
  if (hello === 'unsupported') throw new Error('a field that is not understood')
  return hello
}

describe('a hello', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyHello, (hello) => {
        expect(decodeHello(encodeHello(hello))).toEqual(hello)
      }),
    )
  })

  it('may say its fields in any order', () => {
    expect(decodeHello(join([...plainFields].reverse()))).toEqual(plain)
  })

  it('may hold fields of a later version, if their tag is odd', () => {
    for (const tag of [3, 7, 11, 129, VARINT_MAX])
      expect(decodeHello(join([[tag, utf8('later')], ...plainFields]))).toEqual(plain)
  })

  it('is of a later version that must be understood where an unknown tag is even', () => {
    for (const tag of [0, 12, 14, 128, VARINT_MAX - 1])
      expect(decodeHello(join([...plainFields, [tag, utf8('later')]]))).toBe('unsupported')
  })

  it('is refused for saying any field twice, known or not', () => {
    for (const tag of [3, 12])
      expect(decodeHello(join([...plainFields, [tag, utf8('a')], [tag, utf8('b')]]))).toBeNull()
    for (const field of plainFields) expect(decodeHello(join([...plainFields, field]))).toBeNull()
  })

  it('is refused without epoch, version, names or limits, and good without the rest', () => {
    for (const [name, tag] of Object.entries(FIELDS)) {
      const hello = decoded(join(plainFields.filter((field) => field[0] !== tag)))
      expect(hello === null, name).toBe(['epoch', 'version', 'names', 'limits'].includes(name))
    }
    const least = decoded(join(plainFields.filter(([tag]) => tag % 2 === 0 && tag !== FIELDS.supersedes)))
    expect(least).toMatchObject({ agent: '', addresses: [], supersedes: [], wallMs: 0 })
  })

  it('is refused where a required field is too short', () => {
    for (const tag of [FIELDS.epoch, FIELDS.version, FIELDS.limits]) {
      const value = plainFields.find((field) => field[0] === tag)?.[1] ?? new Uint8Array(0)
      for (let length = 0; length < value.length; length++)
        expect(decodeHello(replaced(tag, copyBytes(value, 0, length)))).toBeNull()
    }
  })

  for (const name of ['epoch', 'version', 'limits', 'wallMs'] as const) {
    it(`ignores what a later version writes behind its ${name}`, () => {
      const value = plainFields.find((field) => field[0] === FIELDS[name])?.[1] ?? new Uint8Array(0)
      expect(decodeHello(replaced(FIELDS[name], joinBytes([value, utf8('grown')])))).toEqual(plain)
    })
  }

  it('is refused where it is cut short anywhere', () => {
    const bytes = encodeHello(plain)
    const whole = new Set<number>([0])
    for (let i = 0, at = 0; i < plainFields.length; i++) {
      at += join(plainFields.slice(i, i + 1)).length
      whole.add(at)
    }
    for (let length = 0; length < bytes.length; length++)
      if (!whole.has(length)) expect(decodeHello(copyBytes(bytes, 0, length))).toBeNull()
  })

  it('is refused beyond its largest size', () => {
    const [tag, overhead] = [3, 3]
    const room = HELLO_BYTES_MAX - join(plainFields).length - overhead
    expect(decodeHello(join([...plainFields, [tag, new Uint8Array(room)]]))).toEqual(plain)
    expect(decodeHello(join([...plainFields, [tag, new Uint8Array(room + 1)]]))).toBeNull()
  })

  it('takes no more than eight addresses and eight superseded links', () => {
    const many = { addresses: new Array<string>(20).fill('a'), supersedes: new Array<Uint8Array>(20).fill(plain.epoch) }
    const said = decoded(encodeHello({ ...plain, ...many }))
    expect([said?.addresses.length, said?.supersedes.length]).toEqual([8, 8])
    const texts = joinBytes(many.addresses.flatMap((text) => [varintBytes(text.length), utf8(text)]))
    const heard = decoded(
      join([
        ...plainFields.filter(([tag]) => tag !== FIELDS.addresses && tag !== FIELDS.supersedes),
        [FIELDS.addresses, texts],
        [FIELDS.supersedes, joinBytes(many.supersedes)],
      ]),
    )
    expect([heard?.addresses.length, heard?.supersedes.length]).toEqual([8, 8])
  })

  it('is refused for an address that is cut short or is no text', () => {
    expect(decodeHello(replaced(FIELDS.addresses, Uint8Array.of(5, 0x61)))).toBeNull()
    expect(decodeHello(replaced(FIELDS.addresses, Uint8Array.of(1, 0xff)))).toBeNull()
  })

  it('cuts a long agent to 128 bytes, and shows one that is no text as empty', () => {
    expect(decoded(encodeHello({ ...plain, agent: 'x'.repeat(500) }))?.agent).toBe('x'.repeat(128))
    expect(decoded(replaced(FIELDS.agent, new Uint8Array(500).fill(0x78)))?.agent).toBe('x'.repeat(128))
    expect(decoded(replaced(FIELDS.agent, Uint8Array.of(0xff)))?.agent).toBe('')
  })

  it('keeps the beginning of a long agent whose cut falls inside a character', () => {
    expect(decoded(encodeHello({ ...plain, agent: `x${'é'.repeat(100)}` }))?.agent).toBe(`x${'é'.repeat(63)}`)
  })

  it('reads its clock as six bytes', () => {
    expect(decoded(replaced(FIELDS.wallMs, uintBytes(123_456_789_012, 6)))?.wallMs).toBe(123_456_789_012)
  })

  it('never throws, whatever the bytes', () => {
    const tags = fc.oneof(fc.constantFrom(...Object.values(FIELDS)), fc.integer({ min: 0, max: 20 }))
    const shaped = fc.array(fc.tuple(tags, fc.uint8Array({ maxLength: 40 })), { maxLength: 10 }).map(join)
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), shaped), (bytes) => {
        decodeHello(bytes)
        decodeNames(bytes)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a list of names', () => {
  it('is a kind, a length and the name, one behind the other', () => {
    expect([...encodeNames(KINDS.map((kind) => ({ kind, name: 'ab' })))]).toEqual(
      [0, 1, 2, 3].flatMap((kind) => [kind, 2, 0x61, 0x62]),
    )
  })

  it('is refused for an unknown kind, a name that is empty, too long, cut short or no text', () => {
    expect(decodeNames(Uint8Array.of(0, NAME_BYTES_MAX, ...new Uint8Array(NAME_BYTES_MAX).fill(0x61)))).toHaveLength(1)
    for (const bytes of [
      [4, 1, 0x61],
      [0, 0],
      [0, 33, ...new Uint8Array(33).fill(0x61)],
      [0, 2, 0x61],
      [0],
      [0, 1, 0xff],
    ])
      expect(decodeNames(Uint8Array.from(bytes))).toBeNull()
  })

  it('is refused beyond 256 names', () => {
    const names = (count: number): Uint8Array =>
      encodeNames(Array.from({ length: count }, (_, i) => ({ kind: 'direct', name: String(i) })))
    expect(decodeNames(names(NAMES_MAX))).toHaveLength(NAMES_MAX)
    expect(decodeNames(names(NAMES_MAX + 1))).toBeNull()
  })

  it('keeps names apart that differ in a byte order mark', () => {
    const names = ['\ufeff', '\ufefftx', 'tx'].map((name) => ({ kind: 'message' as const, name }))
    expect(decodeNames(encodeNames(names))).toEqual(names)
  })
})

describe('a table of names', () => {
  it('numbers names in their order, across additions, each kind apart', () => {
    const table = new NameTable()
    expect(table.add([{ kind: 'message', name: 'tx' }])).toBe(true)
    expect(
      table.add([
        { kind: 'direct', name: 'tx' },
        { kind: 'message', name: 'block' },
      ]),
    ).toBe(true)
    expect([table.find('message', 'tx'), table.find('direct', 'tx'), table.find('message', 'block')]).toEqual([0, 1, 2])
    expect([table.find('request', 'tx'), table.find('message', 'vote')]).toEqual([null, null])
  })

  it('takes 256 names and says so where there are more', () => {
    const table = new NameTable()
    const names = Array.from({ length: NAMES_MAX }, (_, i) => ({ kind: 'direct' as const, name: String(i) }))
    expect(table.add(names)).toBe(true)
    expect(table.add([{ kind: 'direct', name: 'one more' }])).toBe(false)
    expect([table.find('direct', '255'), table.find('direct', 'one more')]).toEqual([255, null])
  })
})
