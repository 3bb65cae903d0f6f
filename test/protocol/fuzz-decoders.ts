/** The decoders by themselves, each on what its encoder wrote, on that damaged, and on noise. */
import { isDeepStrictEqual } from 'node:util'
import { HoldfastError } from '../../src/errors.js'
import { formatAddress, readAddress } from '../../src/policy/address.js'
import { hex, joinBytes, utf8, utf8Text } from '../../src/protocol/bytes.js'
import { decodeControl, encodeGoodbye } from '../../src/protocol/control.js'
import { checkDelegation } from '../../src/protocol/delegation.js'
import type { Hello, TypeName } from '../../src/protocol/hello.js'
import { decodeHello, decodeNames, encodeHello, encodeNames, NameTable } from '../../src/protocol/hello.js'
import type { Announced } from '../../src/protocol/inventory.js'
import { decodeIds, decodeInventory, encodeIds, encodeInventory } from '../../src/protocol/inventory.js'
import { formatPeerId, parsePeerId } from '../../src/protocol/peer-id.js'
import { decodePeers, encodePeers } from '../../src/protocol/peers.js'
import { checkPreamble, initiatorPreamble, PREAMBLE_BYTES, responderPreamble } from '../../src/protocol/preamble.js'
import { ByteReader, VARINT_MAX, varintBytes } from '../../src/protocol/varint.js'
import { SeededRandom } from '../../src/testing/seeded-random.js'
import { damaged } from './fuzz-damage.js'
import { crowdedPeer, someAddress, someNumber, someText } from './fuzz-frames.js'
import { checkHello, checkNames } from './fuzz-promises.js'
import { delegate, makeHello, NETWORK, partiesOf, WALL_MS } from './harness.js'
import { tell } from './tell.js'
import { toyCrypto } from './toy-crypto.js'

interface Decoder {
  readonly name: string
  /** Bytes that are right, and what they must be read as. */
  readonly sound: (random: SeededRandom) => { readonly bytes: Uint8Array; readonly value: unknown }
  /** Reads any bytes; throws where what came out is not what is documented. */
  readonly read: (bytes: Uint8Array) => unknown
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}

function someNames(random: SeededRandom): readonly TypeName[] {
  const kinds = ['message', 'direct', 'request', 'repeat'] as const
  return Array.from({ length: random.below(random.below(8) === 0 ? 300 : 5) }, () => ({
    kind: kinds[random.below(4)] ?? 'message',
    name: someText(random),
  }))
}

function someHello(random: SeededRandom): Hello {
  return makeHello(random.below(200), {
    version: someNumber(random),
    minVersion: someNumber(random),
    names: someNames(random),
    limits: { messageBytesMax: someNumber(random), requestsMax: someNumber(random), windowBytes: someNumber(random) },
    supersedes: Array.from({ length: random.below(9) }, () => random.bytes(8)),
    agent: someText(random),
    addresses: Array.from({ length: random.below(9) }, () => someText(random)),
    wallMs: random.below(2 ** 48),
  })
}

function readNumbers(bytes: Uint8Array): unknown {
  const reader = new ByteReader(bytes)
  const numbers: number[] = []
  const copies: Uint8Array[] = []
  while (reader.left > 0) {
    const value = reader.varint()
    if (reader.broken) break
    must(value >= 0 && value <= VARINT_MAX, `a number of ${String(value)}`)
    numbers.push(value)
    copies.push(varintBytes(value))
  }
  // A number has one spelling: what was read can be written in one way only.
  const again = joinBytes(copies)
  must(hex(again) === hex(bytes.subarray(0, again.length)), 'a number in two spellings')
  must(!reader.broken || (reader.varint() === 0 && reader.rest().length === 0), 'broken, and read on')
  return numbers
}

function readTable(names: readonly TypeName[]): void {
  const table = new NameTable()
  must(table.add(names), 'too many names')
  for (const { kind, name } of names) {
    const found = names[table.find(kind, name) ?? -1]
    must(found?.kind === kind && found.name === name, `${name} is not found`)
  }
  for (const text of ['__proto__', 'constructor', 'toString'])
    if (!names.some(({ kind, name }) => kind === 'message' && name === text))
      must(table.find('message', text) === null, `${text} is found, and nobody said it`)
}

const party = partiesOf(toyCrypto).initiator
const delegation = delegate(party)

const DECODERS: readonly Decoder[] = [
  {
    name: 'varint',
    sound: (random) => {
      const value = Array.from({ length: random.below(6) }, () => someNumber(random))
      return { bytes: joinBytes(value.map(varintBytes)), value }
    },
    read: readNumbers,
  },
  {
    name: 'hello',
    sound: (random) => {
      const value = someHello(random)
      return { bytes: encodeHello(value), value: value.names.length > 256 ? null : value }
    },
    read: (bytes) => {
      const hello = decodeHello(bytes)
      if (hello !== null && hello !== 'unsupported') {
        must(checkHello(hello), 'a hello beyond its bounds')
        readTable(hello.names)
      }
      return hello
    },
  },
  {
    name: 'names',
    sound: (random) => {
      const value = someNames(random)
      return { bytes: encodeNames(value), value: value.length > 256 ? null : value }
    },
    read: (bytes) => {
      const names = decodeNames(bytes)
      if (names !== null) {
        must(checkNames(names), 'names beyond their bounds')
        readTable(names)
        must(hex(encodeNames(names)) === hex(bytes), 'names in two spellings')
      }
      return names
    },
  },
  {
    name: 'peers',
    sound: (random) => {
      if (random.below(8) === 0) return { bytes: crowdedPeer(random, 9), value: null }
      const value = Array.from({ length: random.below(5) }, () => ({
        publicKey: random.bytes(32),
        ageS: someNumber(random),
        addresses: Array.from({ length: random.below(9) }, () => someAddress(random)),
      }))
      return { bytes: encodePeers(tell(value)), value }
    },
    read: (bytes) => {
      const hints = decodePeers(bytes)
      for (const { publicKey, addresses } of hints ?? []) {
        must(addresses.length <= 8, 'too many addresses')
        must(hex(parsePeerId(formatPeerId(publicKey, toyCrypto), toyCrypto)) === hex(publicKey), 'another id')
        for (const text of addresses) readAgain(text)
      }
      must((hints?.length ?? 0) <= 100, 'too many peers')
      return hints
    },
  },
  {
    name: 'inventory',
    sound: (random) => {
      const value = Array.from(
        { length: 1 + random.below(4) },
        (): Announced => ({ id: random.bytes(16), size: Math.max(16, someNumber(random)) }),
      )
      return { bytes: encodeInventory(value), value }
    },
    read: (bytes) => {
      const announced = decodeInventory(bytes)
      if (announced !== null) must(hex(encodeInventory(announced)) === hex(bytes), 'an inventory in two spellings')
      return announced
    },
  },
  {
    name: 'ids',
    sound: (random) => {
      const value = Array.from({ length: 1 + random.below(4) }, () => random.bytes(16))
      return { bytes: encodeIds(value), value }
    },
    read: (bytes) => {
      const ids = decodeIds(bytes)
      if (ids !== null) must(hex(encodeIds(ids)) === hex(bytes), 'ids in two spellings')
      return ids
    },
  },
  {
    name: 'goodbye',
    sound: (random) => {
      const retryAfterMs = 1_000 * (1 + random.below(3_600))
      const text = someText(random)
      // Nothing that moves a cursor comes through.
      const cause = text === '' ? {} : { cause: text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?') }
      return {
        bytes: encodeGoodbye('busy', retryAfterMs, text),
        value: { kind: 'goodbye', reason: { code: 'busy', fault: 'remote', retryAfterMs, ...cause } },
      }
    },
    read: (body) => decodeControl({ type: 2, body }, body.length),
  },
  {
    name: 'control',
    sound: (random) => {
      const payload = random.bytes(random.below(33))
      return { bytes: payload, value: { kind: 'ping', payload } }
    },
    read: (body) => {
      for (let type = 0; type < 64; type++) decodeControl({ type, body }, body.length)
      return decodeControl({ type: 3, body }, body.length)
    },
  },
  {
    name: 'preamble',
    sound: (random) =>
      random.below(2) === 0
        ? { bytes: initiatorPreamble(NETWORK), value: 'good' }
        : { bytes: responderPreamble(NETWORK, null), value: 'refused' },
    read: (bytes) => {
      const early = Array.from(bytes.subarray(0, PREAMBLE_BYTES), (_, i) => {
        const { kind } = checkPreamble(bytes.subarray(0, i), NETWORK, 'initiator')
        return kind
      })
      const { kind } = checkPreamble(bytes.subarray(0, PREAMBLE_BYTES), NETWORK, 'initiator')
      // Whatever was said early stands.
      must(!early.includes('garbage') || kind === 'garbage', 'garbage that became something else')
      must(!early.includes('good') && !early.includes('refused'), 'judged before it was whole')
      checkPreamble(bytes.subarray(0, PREAMBLE_BYTES), NETWORK, 'responder')
      return kind
    },
  },
  {
    name: 'delegation',
    sound: () => ({ bytes: delegation, value: 'genuine' }),
    read: (bytes) => {
      const { kind } = checkDelegation(bytes, party.staticKeys.publicKey, NETWORK, WALL_MS, toyCrypto)
      must((kind === 'genuine') === (hex(bytes) === hex(delegation)), `${kind}: nobody signed this`)
      return kind
    },
  },
  {
    name: 'peer id',
    sound: (random) => {
      const value = random.bytes(32)
      return { bytes: utf8(formatPeerId(value, toyCrypto)), value }
    },
    read: (bytes) => {
      const text = utf8Text(bytes)
      if (text === null) return null
      try {
        const key = parsePeerId(text, toyCrypto)
        must(formatPeerId(key, toyCrypto) === text, 'an id in two spellings')
        return key
      } catch (error) {
        must(error instanceof HoldfastError && error.code === 'invalid-peer-id', `threw ${String(error)}`)
        return null
      }
    },
  },
  {
    name: 'address',
    sound: (random) => {
      const value = someAddress(random)
      return { bytes: utf8(value), value: readAgain(value) }
    },
    read: (bytes) => {
      const text = utf8Text(bytes)
      return text === null ? null : readAgain(text)
    },
  },
]

/** What an address says, and the same again from its canonical text. */
function readAgain(text: string): string | null {
  const address = readAddress(text)
  if (address === null) return null
  const canonical = formatAddress(address)
  must(isDeepStrictEqual(readAddress(canonical), address), `${text} is not what ${canonical} says`)
  return canonical
}

export function decoderCase(words: readonly number[]): void {
  const [word = 0] = words
  const decoder = DECODERS[word % DECODERS.length]
  if (decoder === undefined) return
  const random = new SeededRandom(word)
  const { bytes, value } = decoder.sound(random)
  const read = decoder.read(bytes)
  if (decoder.name !== 'preamble' || value === 'good')
    must(isDeepStrictEqual(read, value), `${decoder.name} ${hex(bytes)} was read as ${JSON.stringify(read)}`)
  let wounded = bytes
  for (const next of words) {
    wounded = damaged(wounded, new SeededRandom(next))
    try {
      decoder.read(wounded)
      decoder.read(new SeededRandom(next).bytes(next % 300))
    } catch (cause) {
      throw new Error(`${decoder.name} ${hex(wounded)}: ${String(cause)}`, { cause })
    }
  }
}
