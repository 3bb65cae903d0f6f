/**
 * What travels, as bytes and back: preambles, delegations, hellos, frames. Builders take anything, sensible or not; readers
 * believe what they read.
 */
import { randomBytes } from 'node:crypto'
import { sha256, signWith } from './raw-peer-crypto.mjs'

export const FRAME = {
  hello: 1,
  goodbye: 2,
  ping: 3,
  pong: 4,
  getPeers: 5,
  peers: 6,
  types: 7,
  request: 9,
  response: 10,
  failure: 11,
  cancel: 12,
  window: 17,
  gap: 18,
  fragment: 19,
  firstApplication: 64,
}

/** Why a side ends it, by number. */
export const CODES = [
  'shutdown',
  'protocol-error',
  'wrong-network',
  'wrong-version',
  'not-allowed',
  'banned',
  'too-many-peers',
  'duplicate',
  'self',
  'timeout',
  'slow-consumer',
  'rate-limit',
  'useless',
  'expired',
  'wrong-identity',
  'bad-handshake',
  'wrong-chain',
  'conflict',
  'superseded',
  'busy',
  'closed',
]

/** What a responder's preamble may say in place of going on, by number. */
export const STATUS = [
  'go-on',
  'wrong-network',
  'wrong-chain',
  'wrong-version',
  'busy',
  'wrong-network-key',
  'banned',
  'rate-limit',
]

export const PREAMBLE_BYTES = 16
const KINDS = ['message', 'direct', 'request', 'repeat']
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
const DELEGATION_CONTEXT = Buffer.from('holdfast static key v1\0')
const WEEK_S = 7 * 86_400

/** @param {string | Uint8Array} magic four bytes @param {Uint8Array} chain four bytes */
export function networkIdOf(magic, chain = Buffer.alloc(4)) {
  return Buffer.concat([Buffer.from(magic), chain])
}

/**
 * @param {Uint8Array} networkId
 * @param {readonly [number, number]} versions an initiator's highest and lowest; a responder's choice and its status
 */
export function preamble(networkId, [first, second] = [1, 1]) {
  return Buffer.concat([Buffer.from('9d48460a', 'hex'), networkId, Buffer.of(first, second, 0, 0)])
}

/** LEB128, shortest form. @param {number} value */
export function varint(value) {
  const bytes = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest])
    bytes.push((rest % 128) + 128)
  }
}

/** @param {number} value @param {number} length */
function uint(value, length) {
  const bytes = Buffer.alloc(length)
  bytes.writeUIntBE(value, 0, length)
  return bytes
}

/** Reads fields one after another; past the end everything is zero or empty. */
export class Fields {
  at = 0

  /** @param {Buffer} bytes */
  constructor(bytes) {
    this.bytes = bytes
  }

  get left() {
    return this.bytes.length - this.at
  }

  byte() {
    return this.bytes[this.at++] ?? 0
  }

  varint() {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 128) return value
    }
  }

  /** @param {number} length */
  take(length = this.left) {
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

/** @param {number} type @param {readonly Uint8Array[]} body */
export function frame(type, ...body) {
  const whole = Buffer.concat([varint(type), ...body])
  return Buffer.concat([varint(whole.length), whole])
}

/** The frames in a stream, however it is cut. */
export class FrameCutter {
  #rest = Buffer.alloc(0)

  /** @param {Buffer} plain @returns {{ type: number, body: Buffer }[]} */
  push(plain) {
    this.#rest = Buffer.concat([this.#rest, plain])
    const frames = []
    for (;;) {
      const fields = new Fields(this.#rest)
      const length = fields.varint()
      if (this.#rest.length === 0 || fields.left < length) return frames
      const inner = new Fields(fields.take(length))
      this.#rest = this.#rest.subarray(fields.at)
      frames.push({ type: inner.varint(), body: inner.take() })
    }
  }
}

/** The text form of an id. @param {Uint8Array} publicKey */
export function peerIdOf(publicKey) {
  const bits = Array.from([...publicKey, ...sha256(publicKey).subarray(0, 2)], (byte) =>
    byte.toString(2).padStart(8, '0'),
  )
  const groups = bits.join('').match(/.{1,5}/g) ?? []
  return groups.map((group) => BASE32[Number.parseInt(group.padEnd(5, '0'), 2)]).join('')
}

/**
 * What an identity signs for a static key.
 * @param {{ identity: import('./raw-peer-crypto.mjs').KeyPair, staticKey: Uint8Array, networkId: Uint8Array, notAfterS?: number, claimed?: Uint8Array }} words
 *   `claimed`: an id to put in place of the signer's own
 */
export function delegation({ identity, staticKey, networkId, notAfterS, claimed = identity.publicKey }) {
  const until = uint(notAfterS ?? Math.floor(Date.now() / 1000) + WEEK_S, 6)
  const signature = signWith(identity, Buffer.concat([DELEGATION_CONTEXT, networkId, staticKey, until]))
  return Buffer.concat([Buffer.of(1), claimed, until, signature])
}

/** @param {Buffer} bytes */
export function readDelegation(bytes) {
  return { publicKey: Buffer.from(bytes.subarray(1, 33)), notAfterS: bytes.readUIntBE(33, 6) }
}

/** @param {readonly { kind: string, name: string }[]} names */
function encodeNames(names) {
  return Buffer.concat(
    names.map(({ kind, name }) =>
      Buffer.concat([Buffer.of(KINDS.indexOf(kind), Buffer.byteLength(name)), Buffer.from(name)]),
    ),
  )
}

/** @param {Buffer} bytes @returns {{ kind: string, name: string }[]} */
export function decodeNames(bytes) {
  const fields = new Fields(bytes)
  const names = []
  while (fields.left > 0) {
    const kind = KINDS[fields.byte()] ?? 'unknown'
    names.push({ kind, name: fields.take(fields.byte()).toString() })
  }
  return names
}

/** Tag, length, bytes. @param {readonly (readonly [number, Uint8Array])[]} fields */
export function encodeFields(fields) {
  return Buffer.concat(fields.map(([tag, bytes]) => Buffer.concat([varint(tag), varint(bytes.length), bytes])))
}

/**
 * The fields of a hello, by tag.
 * @param {{ epoch?: Uint8Array, version?: readonly [number, number], names?: readonly { kind: string, name: string }[], limits?: readonly [number, number, number], addresses?: readonly string[], agent?: string, supersedes?: readonly Uint8Array[], omit?: readonly number[] }} said
 *   `limits`: the largest message taken, requests answered at once, the first credit; `omit`: tags to leave out
 * @returns {(readonly [number, Uint8Array])[]}
 */
export function helloFields({
  epoch = randomBytes(8),
  version = [1, 1],
  names = [],
  limits = [4 * 1024 * 1024, 256, 8 * 1024 * 1024],
  addresses = [],
  agent = 'raw',
  supersedes = [],
  omit = [],
}) {
  const fields = /** @type {(readonly [number, Uint8Array])[]} */ ([
    [1, Buffer.from(agent)],
    [2, epoch],
    [4, Buffer.concat(version.map(varint))],
    [5, Buffer.concat(addresses.map((text) => Buffer.concat([varint(text.length), Buffer.from(text)])))],
    [6, encodeNames(names)],
    [8, Buffer.concat(limits.map(varint))],
    [9, uint(Date.now(), 6)],
    [10, Buffer.concat(supersedes)],
  ])
  return fields.filter(([tag]) => !omit.includes(tag))
}

/** @param {Buffer} bytes */
export function readHello(bytes) {
  const fields = new Fields(bytes)
  const found = new Map()
  while (fields.left > 0) found.set(fields.varint(), fields.take(fields.varint()))
  const at = (/** @type {number} */ tag) => new Fields(found.get(tag) ?? Buffer.alloc(0))
  const version = at(4)
  const limits = at(8)
  return {
    agent: at(1).take().toString(),
    epoch: at(2).take(),
    version: [version.varint(), version.varint()],
    names: decodeNames(at(6).take()),
    messageBytesMax: limits.varint(),
    requestsMax: limits.varint(),
    windowBytes: limits.varint(),
  }
}

/** @param {number} code @param {number} retryAfterS @param {string} text */
export function goodbye(code, retryAfterS = 0, text = '') {
  return frame(FRAME.goodbye, varint(code), varint(retryAfterS), Buffer.from(text))
}

/** @param {Buffer} body */
export function readGoodbye(body) {
  const fields = new Fields(body)
  const code = CODES[fields.varint()] ?? 'unknown'
  return { code, retryAfterS: fields.varint(), text: fields.take().toString() }
}

/** The 16 bytes a broadcast begins with. @param {string} name @param {Uint8Array} body */
export function broadcastId(name, body) {
  return sha256(Buffer.from('holdfast/1 m'), Buffer.of(Buffer.byteLength(name)), Buffer.from(name), body).subarray(
    0,
    16,
  )
}

/** A payload of plain bytes, as the default codec writes it. @param {Uint8Array} bytes */
export function plainPayload(bytes) {
  return Buffer.concat([Buffer.of(0), bytes])
}

/** Length ‖ bytes: a handshake message, or a record. @param {Uint8Array} bytes */
export function framed(bytes) {
  return Buffer.concat([uint(bytes.length, 2), bytes])
}

/** Whether frames of this type need credit. @param {number} type */
export function isCounted(type) {
  return type >= FRAME.firstApplication || type === FRAME.request
}

/** What a frame takes off the credit: its type and body. @param {number} type @param {Uint8Array} body */
export function costOf(type, body) {
  return varint(type).length + body.length
}
