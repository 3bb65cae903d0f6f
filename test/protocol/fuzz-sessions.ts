/** Sessions under fire: as an authenticated liar can, before sealing, and as whoever stands on the path can, after it. */
import type { Crypto } from '../../src/ports/crypto.js'
import { copyBytes, hex, joinBytes } from '../../src/protocol/bytes.js'
import { FrameReader } from '../../src/protocol/frame.js'
import { SeededRandom } from '../../src/testing/seeded-random.js'
import { commonLength, damaged, pieces } from './fuzz-damage.js'
import { framesOf, isHostile } from './fuzz-frames.js'
import type { OwnerOptions, Side } from './fuzz-owner.js'
import { FRAME_WAITING_MAX, otherSide, Owner, recorded, SIDES } from './fuzz-owner.js'
import { FRAME_BYTES_MAX } from './fuzz-promises.js'
import type { Tally } from './fuzz-targets.js'
import { nodeCrypto, webCrypto } from './harness.js'
import { toyCrypto, toyRecord } from './toy-crypto.js'

const SHOWN_BYTES = 1_500
const RECORD_PLAIN_MAX = 60_000
export const sideOf = (random: SeededRandom): Side => SIDES[random.below(2)] ?? 'initiator'

/** Adds to whatever goes wrong the bytes that did it. */
export function explained(what: () => string, run: () => void): void {
  try {
    run()
  } catch (cause) {
    throw new Error(`${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}\n${what()}`, { cause })
  }
}

export const shown = (bytes: Uint8Array): string => hex(bytes.subarray(0, SHOWN_BYTES))

/** An established session on the suite without secrets, ready for records made by hand. */
function established(side: Side, options: OwnerOptions): Owner {
  const owner = new Owner(toyCrypto, side, options)
  owner.receive(recorded(toyCrypto).heard[side])
  if (!owner.established) throw new Error('not established')
  return owner
}

/** The same bytes must mean the same, wherever they were cut. */
function expectSame(one: Owner, other: Owner, again: (owner: Owner) => void, fresh: () => Owner): void {
  if (one.trace === other.trace && one.events === other.events && one.session.state === other.session.state) return
  const [first, second] = [one, other].map(() => fresh())
  if (first === undefined || second === undefined) return
  again(first)
  throw new Error(`cut otherwise, it means something else:\n${first.texts.slice(-3).join('\n')}`)
}

/** Frames of a liar, in records of any length, in chunks of any length; then once more, cut otherwise. */
export function framesCase(words: readonly number[], tally: Tally): void {
  const random = new SeededRandom(words[0] ?? 0)
  const side = sideOf(random)
  const releases = random.below(16) > 0
  const frames = words.flatMap(framesOf)
  explained(
    () => `to the ${side}: ${frames.map(shown).join(' ')}`,
    () => {
      const one = established(side, { releases })
      const counted = feedRecords(one, frames, 1 + random.below(9), random)
      tally.frames += counted
      const other = established(side, { releases })
      feedRecords(other, frames, 1 + random.below(200), random)
      readAlone(joinBytes(frames), random)
      expectSame(
        one,
        other,
        (owner) => void feedRecords(owner, frames, 1, random),
        () => established(side, { releases, keeps: true }),
      )
    },
  )
}

/** The reader of frames by itself, where what waits in it is not mixed with anything else. */
function readAlone(plain: Uint8Array, random: SeededRandom): void {
  const reader = new FrameReader()
  for (const part of pieces(plain, 1 + random.below(9_000), random)) {
    reader.push(part)
    for (let frame = reader.next(); frame !== null; frame = reader.next()) {
      if (typeof frame === 'string') return
      if (frame.body.length >= FRAME_BYTES_MAX) throw new Error(`a frame of ${String(frame.body.length)} bytes`)
    }
    if (reader.waiting > FRAME_WAITING_MAX) throw new Error(`${String(reader.waiting)} bytes wait for a frame`)
  }
}

/** @returns how many of the frames were begun before the end */
function feedRecords(owner: Owner, frames: readonly Uint8Array[], perRecord: number, random: SeededRandom): number {
  let counted = 0
  for (let at = 0; at < frames.length; at += perRecord) {
    if (owner.ended !== null && random.below(4) === 0) return counted
    const group = frames.slice(at, at + perRecord)
    if (owner.ended === null) counted += group.length
    const plain = joinBytes(group)
    const whole = random.below(8) > 0 && plain.length < RECORD_PLAIN_MAX
    const parts = whole ? [plain] : pieces(plain, Math.min(RECORD_PLAIN_MAX, Math.ceil(plain.length / 3) + 1), random)
    for (const part of parts) {
      const record = toyRecord(part)
      if (random.below(8) > 0) owner.receive(record)
      else owner.receiveAll(pieces(record, Math.ceil(record.length / 3), random))
    }
  }
  return counted
}

/** Both ends say what they should not, through their own sessions, and hear each other. */
export function talkCase(words: readonly number[], tally: Tally): void {
  const random = new SeededRandom(words[0] ?? 0)
  const said: string[] = []
  explained(
    () => said.join('\n'),
    () => {
      const ends = { initiator: new Owner(toyCrypto, 'initiator'), responder: new Owner(toyCrypto, 'responder') }
      const sealed: Sealings = { initiator: [], responder: [] }
      carry(ends, sealed, random)
      if (!ends.initiator.established || !ends.responder.established) throw new Error('not established')
      for (const word of words) {
        const side = SIDES[word & 1] ?? 'initiator'
        const frames = framesOf(word >>> 1)
        const plain = joinBytes(frames)
        if (plain.length > RECORD_PLAIN_MAX) continue
        if (ends[side].ended === null && ends[otherSide(side)].ended === null) tally.frames += frames.length
        said.push(`${side}: ${shown(plain)}`)
        sealed[side].push(...ends[side].session.seal([plain]).map((chunk) => copyBytes(chunk)))
        if (random.below(3) === 0) carry(ends, sealed, random)
      }
      carry(ends, sealed, random)
      for (const side of SIDES) expectHeard(ends, side, words)
    },
  )
}

type Sealings = Readonly<Record<Side, Uint8Array[]>>

/** Who refuses says so, unless its own frames were broken before; and who was told was told by somebody. */
function expectHeard(ends: Readonly<Record<Side, Owner>>, side: Side, words: readonly number[]): void {
  const lied = (one: Side): boolean => words.some((word) => SIDES[word & 1] === one && isHostile(word >>> 1))
  const { ended } = ends[side]
  const other = ends[otherSide(side)].ended
  if (ended?.kind === 'refused' && other === null && !lied(side))
    throw new Error('refused, and the other end knows nothing')
  if (ended?.kind === 'told' && other?.kind !== 'refused' && !lied(otherSide(side)))
    throw new Error('told, and nobody said so')
}

function carry(ends: Readonly<Record<Side, Owner>>, sealed: Sealings, random: SeededRandom): void {
  for (;;) {
    const moved = SIDES.map((side) => {
      // What was sealed first has the earlier nonce.
      const bytes = joinBytes([...sealed[side].splice(0), ...ends[side].takeOutput()])
      ends[otherSide(side)].receiveAll(pieces(bytes, Math.max(40, bytes.length >> 2), random))
      return bytes.length
    })
    if (moved.every((length) => length === 0)) return
  }
}

/** Where each part of what a side hears begins: preamble, length, keys and tags, delegation, the record with the hello. */
const PARTS: Readonly<Record<Side, readonly number[]>> = {
  initiator: [0, 4, 8, 12, 13, 14, 16, 18, 50, 98, 217, 219],
  responder: [0, 4, 8, 12, 13, 14, 16, 18, 50, 52, 100, 219, 221],
}

/** Flights with a part swapped, doubled, cut or filled, or simply damaged. */
function damagedFlights(heard: Uint8Array, side: Side, random: SeededRandom): Uint8Array {
  const parts = PARTS[side]
  const at = random.below(parts.length)
  const [from = 0, to = heard.length] = [parts[at], parts[at + 1]]
  const [head, part, tail] = [heard.subarray(0, from), heard.subarray(from, to), heard.subarray(to)]
  switch (random.below(7)) {
    case 6:
      // Lengths that announce much, and much that follows.
      return joinBytes([head, Uint8Array.of(random.below(24), random.below(256)), random.bytes(random.below(6_000))])
    case 0:
      return joinBytes([head, random.bytes(part.length), tail])
    case 1:
      return joinBytes([head, damaged(part, random), tail])
    case 2:
      return joinBytes([head, new Uint8Array(part.length).fill(random.below(2) * 0xff), tail])
    case 3:
      return joinBytes([head, Uint8Array.of(0, 0, random.below(256)), tail])
    case 4: {
      // Somebody else's word for it: the same part of what the other side hears.
      const other = PARTS[otherSide(side)][at] ?? 0
      return joinBytes([head, heard.subarray(other, other + part.length), tail])
    }
    default:
      return damaged(heard, random)
  }
}

export function handshakeCase(words: readonly number[]): void {
  const random = new SeededRandom(words[0] ?? 0)
  const side = sideOf(random)
  let stream = recorded(toyCrypto).heard[side]
  for (const word of words) stream = damagedFlights(stream, side, new SeededRandom(word))
  explained(
    () => `to the ${side}: ${shown(stream)}`,
    () => {
      const one = new Owner(toyCrypto, side)
      one.receive(stream)
      const other = new Owner(toyCrypto, side)
      other.receiveAll(pieces(stream, 30, random))
      expectSame(
        one,
        other,
        (owner) => {
          owner.receive(stream)
        },
        () => new Owner(toyCrypto, side, { keeps: true }),
      )
    },
  )
}

/** One of the two true suites. */
export const trueCrypto = (random: SeededRandom): Crypto => (random.below(8) === 0 ? webCrypto : nodeCrypto)

/** With true keys: whatever was touched, nobody is proven by it, and hello is only heard where nothing was. */
export function provenCase(words: readonly number[]): void {
  const random = new SeededRandom(words[0] ?? 0)
  const side = sideOf(random)
  const crypto = trueCrypto(random)
  const heard = recorded(crypto).heard[side]
  let stream = heard
  for (const word of words) stream = damagedFlights(stream, side, new SeededRandom(word))
  explained(
    () => `to the ${side}: ${shown(stream)}`,
    () => {
      const owner = new Owner(crypto, side)
      owner.receiveAll(pieces(stream, 200, random))
      const intact = commonLength(stream, heard)
      if (owner.established && intact < heard.length) throw new Error(`established with ${String(intact)} bytes intact`)
      const flights = PARTS[side].at(-2) ?? 0
      if (owner.events > 0 && owner.ended?.kind !== 'told' && intact < flights && owner.session.state !== 'over')
        throw new Error('somebody was proven by flights that were touched')
    },
  )
}
