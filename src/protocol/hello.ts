/**
 * HELLO and TYPES: what each side says of itself, once it is known who it is. Fields are tag varint ‖ length varint ‖ bytes,
 * each at most once; an unknown odd tag is ignored, an unknown even one is a protocol error. Bytes behind a known field's
 * end are ignored, so that fields can grow.
 */
import { copyBytes, joinBytes, readUint, uintBytes, utf8, utf8Start, utf8Text } from './bytes.js'
import { ByteReader, varintBytes } from './varint.js'

export const HELLO_BYTES_MAX = 16_384
/** Names one side can receive. */
export const NAMES_MAX = 256
export const NAME_BYTES_MAX = 32
const ADDRESSES_MAX = 8
const SUPERSEDES_MAX = 8
const AGENT_BYTES_MAX = 128
const ID_BYTES = 8
const WALL_BYTES = 6

/** What a name stands for. `repeat` is a message that carries a nonce, so that equal payloads count as different messages. */
export type NameKind = 'message' | 'direct' | 'request' | 'repeat'
const KINDS: readonly NameKind[] = ['message', 'direct', 'request', 'repeat']

export interface TypeName {
  readonly kind: NameKind
  readonly name: string
}

/** The application's protocol version, and the lowest it can talk to. */
export interface VersionRange {
  readonly version: number
  readonly minVersion: number
}

export interface HelloLimits {
  /** The largest message this side takes from the other, bytes. */
  readonly messageBytesMax: number
  /** Requests this side answers at once. */
  readonly requestsMax: number
  /** The first credit, bytes. */
  readonly windowBytes: number
}

export interface Hello {
  /** Eight random bytes per process: tells a restarted peer from a second link. */
  readonly epoch: Uint8Array
  /** The application's protocol version, and the lowest it speaks. */
  readonly version: number
  readonly minVersion: number
  /** What this side receives, in the order of its numbers. */
  readonly names: readonly TypeName[]
  readonly limits: HelloLimits
  /** Ids of links to the other side that this one takes for dead. */
  readonly supersedes: readonly Uint8Array[]
  readonly agent: string
  /** Where this side can be dialled, as text. */
  readonly addresses: readonly string[]
  readonly wallMs: number
}

const TAG = { agent: 1, epoch: 2, version: 4, addresses: 5, names: 6, limits: 8, wallMs: 9, supersedes: 10 } as const
const REQUIRED: readonly number[] = [TAG.epoch, TAG.version, TAG.names, TAG.limits]

export function encodeHello(hello: Hello): Uint8Array {
  const field = (tag: number, bytes: Uint8Array): Uint8Array =>
    joinBytes([varintBytes(tag), varintBytes(bytes.length), bytes])
  return joinBytes([
    field(TAG.agent, utf8Start(hello.agent, AGENT_BYTES_MAX)),
    field(TAG.epoch, hello.epoch),
    field(TAG.version, joinBytes([varintBytes(hello.version), varintBytes(hello.minVersion)])),
    field(TAG.addresses, encodeTexts(hello.addresses.slice(0, ADDRESSES_MAX))),
    field(TAG.names, encodeNames(hello.names)),
    field(
      TAG.limits,
      joinBytes([
        varintBytes(hello.limits.messageBytesMax),
        varintBytes(hello.limits.requestsMax),
        varintBytes(hello.limits.windowBytes),
      ]),
    ),
    field(TAG.wallMs, uintBytes(hello.wallMs, WALL_BYTES)),
    field(TAG.supersedes, joinBytes(hello.supersedes.slice(0, SUPERSEDES_MAX))),
  ])
}

/** @returns null for anything but a well-formed hello with every required field; `unsupported` where a later version's field must be understood */
export function decodeHello(bytes: Uint8Array): Hello | 'unsupported' | null {
  if (bytes.length > HELLO_BYTES_MAX) return null
  const fields = readFields(bytes)
  if (fields === null || fields === 'unsupported') return fields
  if (REQUIRED.some((tag) => !fields.has(tag))) return null
  const field = (tag: number): ByteReader => new ByteReader(fields.get(tag) ?? new Uint8Array(0))
  const epoch = field(TAG.epoch)
  const version = field(TAG.version)
  const limits = field(TAG.limits)
  const names = decodeNames(fields.get(TAG.names) ?? new Uint8Array(0))
  const addresses = decodeTexts(field(TAG.addresses))
  const agent = utf8Text(field(TAG.agent).rest().subarray(0, AGENT_BYTES_MAX)) ?? ''
  if (names === null || addresses === null) return null
  const hello: Hello = {
    epoch: copyBytes(epoch.take(ID_BYTES)),
    version: version.varint(),
    minVersion: version.varint(),
    names,
    limits: { messageBytesMax: limits.varint(), requestsMax: limits.varint(), windowBytes: limits.varint() },
    supersedes: decodeIds(fields.get(TAG.supersedes) ?? new Uint8Array(0)),
    agent,
    addresses,
    wallMs: readUint((fields.get(TAG.wallMs) ?? new Uint8Array(0)).subarray(0, WALL_BYTES)),
  }
  return epoch.broken || version.broken || limits.broken ? null : hello
}

/** In words, why two versions of an application cannot talk; null where they can. */
export function misfitOf(offered: VersionRange, wanted: VersionRange): string | null {
  if (offered.version >= wanted.minVersion && offered.minVersion <= wanted.version) return null
  return `offered version ${rangeText(offered)}, wanted ${rangeText(wanted)}`
}

function rangeText({ version, minVersion }: VersionRange): string {
  return minVersion === version ? String(version) : `${String(minVersion)} to ${String(version)}`
}

/** The body of TYPES, and of the names field: kind u8 ‖ length u8 ‖ name, repeated. */
export function encodeNames(names: readonly TypeName[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const { kind, name } of names) {
    const text = utf8(name)
    parts.push(Uint8Array.of(KINDS.indexOf(kind), text.length), text)
  }
  return joinBytes(parts)
}

export function decodeNames(bytes: Uint8Array): readonly TypeName[] | null {
  const reader = new ByteReader(bytes)
  const names: TypeName[] = []
  while (reader.left > 0) {
    const kind = KINDS[reader.byte()]
    const length = reader.byte()
    const name = utf8Text(reader.take(length))
    if (reader.broken || kind === undefined || name === null || length === 0 || length > NAME_BYTES_MAX) return null
    if (names.push({ kind, name }) > NAMES_MAX) return null
  }
  return names
}

/** The names one side receives, in the order of their numbers. Bound: {@link NAMES_MAX}. */
export class NameTable {
  // Bound: NAMES_MAX over all kinds.
  readonly #indices: Readonly<Record<NameKind, Map<string, number>>> = {
    message: new Map(),
    repeat: new Map(),
    direct: new Map(),
    request: new Map(),
  }
  #size = 0

  /** @returns false where there are too many, and some were left out */
  add(names: readonly TypeName[]): boolean {
    for (const { kind, name } of names) {
      if (this.#size >= NAMES_MAX) return false
      this.#indices[kind].set(name, this.#size++)
    }
    return true
  }

  /** The number of a name, null where it is not received. */
  find(kind: NameKind, name: string): number | null {
    return this.#indices[kind].get(name) ?? null
  }
}

function readFields(bytes: Uint8Array): Map<number, Uint8Array> | 'unsupported' | null {
  // Bound: what a hello of HELLO_BYTES_MAX can hold.
  const fields = new Map<number, Uint8Array>()
  const known: readonly number[] = Object.values(TAG)
  const reader = new ByteReader(bytes)
  let unsupported = false
  while (reader.left > 0) {
    const tag = reader.varint()
    const value = reader.take(reader.varint())
    if (reader.broken || fields.has(tag)) return null
    fields.set(tag, value)
    unsupported ||= tag % 2 === 0 && !known.includes(tag)
  }
  return unsupported ? 'unsupported' : fields
}

function encodeTexts(texts: readonly string[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const text of texts) {
    const bytes = utf8(text)
    parts.push(varintBytes(bytes.length), bytes)
  }
  return joinBytes(parts)
}

function decodeTexts(reader: ByteReader): readonly string[] | null {
  const texts: string[] = []
  while (reader.left > 0 && texts.length < ADDRESSES_MAX) {
    const text = utf8Text(reader.take(reader.varint()))
    if (reader.broken || text === null) return null
    texts.push(text)
  }
  return texts
}

function decodeIds(bytes: Uint8Array): readonly Uint8Array[] {
  const ids: Uint8Array[] = []
  for (let at = 0; at + ID_BYTES <= bytes.length && ids.length < SUPERSEDES_MAX; at += ID_BYTES)
    ids.push(copyBytes(bytes, at, at + ID_BYTES))
  return ids
}
