/**
 * Frames out of numbers: one 32-bit word is one frame, or a few that belong together. Most are what an honest peer might send;
 * one in a hundred is what only an attacker would. A smaller word is a plainer frame, so that counterexamples shrink.
 */
import { copyBytes, joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { encodeFailure, encodeGoodbye } from '../../src/protocol/control.js'
import { Fragmenter } from '../../src/protocol/fragment.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import { encodeHello, encodeNames } from '../../src/protocol/hello.js'
import { encodePeers } from '../../src/protocol/peers.js'
import { VARINT_MAX, varintBytes } from '../../src/protocol/varint.js'
import { SeededRandom } from '../../src/testing/seeded-random.js'
import { damaged } from './fuzz-damage.js'
import { makeHello } from './harness.js'
import { tell } from './tell.js'

/** Names and keys that mean something to the language, to terminals or to decoders. */
const HOSTILE_TEXTS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
  '$n',
  '$b',
  '$$',
  'then',
  '\u0000',
  '\ufeff',
  '\u202e',
  '\u001b[2J',
  '../..',
  'tx',
  'mempool',
  '\ud83d\ude00',
]

type Build = (random: SeededRandom) => readonly Uint8Array[]

const HOSTILE_ONE_IN = 128
const EMPTY = new Uint8Array(0)

/** Whether the word stands for something that no honest peer sends. */
export function isHostile(word: number): boolean {
  return word % HOSTILE_ONE_IN === HOSTILE_ONE_IN - 1
}

/** Whatever the word stands for: whole frames, in order. */
export function framesOf(word: number): readonly Uint8Array[] {
  const random = new SeededRandom(word)
  const rest = Math.floor(word / HOSTILE_ONE_IN)
  const builds = isHostile(word) ? HOSTILE : SOUND
  return (builds[rest % builds.length] ?? ping)(random)
}

/** What an honest peer might send as a body: short mostly, sometimes long. */
export function someBytes(random: SeededRandom, most = 2_000): Uint8Array {
  return random.bytes(random.below(random.below(16) === 0 ? most : 40))
}

export function someText(random: SeededRandom): string {
  return HOSTILE_TEXTS[random.below(HOSTILE_TEXTS.length)] ?? 'tx'
}

/** A number, as likely to be of any length as of any other. */
export function someNumber(random: SeededRandom): number {
  return Math.min(VARINT_MAX, Math.floor(2 ** (28 * random.float())) - 1 + random.below(2))
}

function named(random: SeededRandom): Parameters<typeof encodeNames>[0] {
  const kinds = ['message', 'direct', 'request', 'repeat'] as const
  return Array.from({ length: random.below(4) }, () => ({
    kind: kinds[random.below(4)] ?? 'message',
    name: someText(random),
  }))
}

function peersBody(random: SeededRandom, count: number): Uint8Array {
  return encodePeers(
    tell(
      Array.from({ length: count }, () => ({
        publicKey: random.bytes(32),
        ageS: someNumber(random),
        addresses: Array.from({ length: random.below(3) }, () => someAddress(random)),
      })),
    ),
  )
}

export function someAddress(random: SeededRandom): string {
  const hosts = ['127.0.0.1', '[::1]', 'seed.example', '1.2.3.4', '0x7f.1', '[::ffff:1.2.3.4]', someText(random), '']
  const schemes = ['tcp', 'ws', 'wss', 'memory', 'https', someText(random)]
  const port = random.below(3) === 0 ? '' : `:${String(random.below(70_000))}`
  return `${schemes[random.below(schemes.length)] ?? ''}://${hosts[random.below(hosts.length)] ?? ''}${port}`
}

const longText = (random: SeededRandom): Uint8Array => utf8('so '.repeat(60 + random.below(300)))

/** One peer with so many addresses, whether anybody may have that many or not. */
export function crowdedPeer(random: SeededRandom, addresses: number): Uint8Array {
  const texts = Array.from({ length: addresses }, () => Uint8Array.of(1, 0x61 + random.below(26)))
  return joinBytes([random.bytes(32), varintBytes(someNumber(random)), Uint8Array.of(addresses), ...texts])
}

const ping: Build = (random) => [encodeFrame(FRAME.ping, random.bytes(random.below(33)))]
const application: Build = (random) => {
  const type = random.below(8) === 0 ? Math.max(FRAME.firstApplication, someNumber(random)) : 64 + random.below(4)
  return [encodeFrame(type, someBytes(random))]
}

/** A whole message in fragments of any lawful size. */
function fragmented(random: SeededRandom, type: number, body: Uint8Array): readonly Uint8Array[] {
  const lane = random.below(3)
  if (random.below(4) === 0) {
    const fragmenter = new Fragmenter(lane, type, [body])
    const frames: Uint8Array[] = []
    while (!fragmenter.done) frames.push(joinBytes(fragmenter.next()))
    return frames
  }
  const whole = joinBytes([varintBytes(type), body])
  const frames: Uint8Array[] = []
  for (let at = 0; at < whole.length; ) {
    const end = Math.min(whole.length, at + 1_024 + random.below(3_000))
    const head = at === 0 ? [varintBytes(lane), varintBytes(whole.length)] : [varintBytes(lane)]
    frames.push(encodeFrame(FRAME.fragment, joinBytes([...head, whole.subarray(at, end)])))
    at = end
  }
  return frames
}

const request = (random: SeededRandom): Uint8Array =>
  joinBytes([varintBytes(someNumber(random)), varintBytes(64 + random.below(4)), someBytes(random)])
const response = (random: SeededRandom, most?: number): Uint8Array =>
  joinBytes([varintBytes(someNumber(random)), Uint8Array.of(0), someBytes(random, most)])

/** Ids of 16 bytes, seldom so many. */
function someIds(random: SeededRandom, many = 1_000): readonly Uint8Array[] {
  const count = random.below(32) === 0 ? many : 1 + random.below(4)
  return Array.from({ length: count }, () => random.bytes(16))
}
const inventory = (random: SeededRandom, leastSize: number, many?: number): Uint8Array =>
  joinBytes(someIds(random, many).flatMap((id) => [id, varintBytes(Math.max(leastSize, someNumber(random)))]))

const SOUND: readonly Build[] = [
  ping,
  application,
  application,
  application,
  application,
  (random) => [encodeFrame(FRAME.request, request(random))],
  (random) => [encodeFrame(FRAME.request, request(random))],
  (random) => [encodeFrame(FRAME.response, response(random))],
  (random) => [
    encodeFrame(FRAME.failure, encodeFailure(someNumber(random), someText(random).repeat(random.below(40)))),
  ],
  (random) => [encodeFrame(FRAME.cancel, varintBytes(someNumber(random)))],
  (random) => [encodeFrame(FRAME.pong, random.bytes(random.below(33)))],
  (random) => [encodeFrame(FRAME.inventory, inventory(random, 16))],
  (random) => [encodeFrame(FRAME.get, joinBytes(someIds(random)))],
  (random) => [encodeFrame(FRAME.notFound, joinBytes(someIds(random)))],
  (random) => [encodeFrame(FRAME.window, varintBytes(1 + random.below(VARINT_MAX)))],
  (random) => [encodeFrame(FRAME.gap, someBytes(random, 100))],
  (random) => [encodeFrame(FRAME.types, encodeNames(named(random)))],
  (random) => [encodeFrame(FRAME.getPeers, someBytes(random, 100))],
  (random) => [encodeFrame(FRAME.peers, peersBody(random, random.below(3)))],
  (random) => [encodeFrame(FRAME.firstOptional + random.below(32), someBytes(random))],
  (random) =>
    random.below(8) > 0 ? ping(random) : fragmented(random, 64 + random.below(4), random.bytes(random.below(9_000))),
  (random) => (random.below(8) > 0 ? ping(random) : fragmented(random, FRAME.request, request(random))),
  (random) => (random.below(8) > 0 ? ping(random) : fragmented(random, FRAME.response, response(random, 4_000))),
]

const anyType = (random: SeededRandom): number => (random.below(4) === 0 ? someNumber(random) : random.below(70))
/** Types that version 1 does not know and must not pass over. */
const CRITICAL: readonly number[] = [0, 8, 15, 20, 24, 31]

const HOSTILE: readonly Build[] = [
  // Any body under any type.
  (random) => [encodeFrame(anyType(random), random.bytes(random.below(60)))],
  // A sound frame, damaged.
  (random) => framesOf(random.below(2 ** 25) * HOSTILE_ONE_IN).map((frame) => damaged(frame, random)),
  (random) => [encodeFrame(CRITICAL[random.below(CRITICAL.length)] ?? 0, EMPTY)],
  // Sizes that no message has, ids that are cut short.
  (random) => [encodeFrame(FRAME.inventory, inventory(random, 0, 1_001))],
  (random) => [encodeFrame(random.below(2) === 0 ? FRAME.get : FRAME.notFound, random.bytes(random.below(50)))],
  (random) => [encodeFrame(FRAME.hello, encodeHello(makeHello(random.below(100))))],
  (random) => [
    encodeFrame(FRAME.goodbye, encodeGoodbye('busy', someNumber(random), someText(random).repeat(random.below(50)))),
  ],
  (random) => [encodeFrame(FRAME.goodbye, random.bytes(random.below(12)))],
  // No length, a length spelled long, and lengths beyond any frame.
  () => [Uint8Array.of(0)],
  (random) => [Uint8Array.of(0x80 | random.below(128), random.below(2) === 0 ? 0 : 0x80, 0, 3)],
  (random) => [varintBytes(32_768 + random.below(VARINT_MAX - 32_768)), random.bytes(8)],
  (random) => [Uint8Array.of(0xff, 0xff, 0xff, random.below(3) * 0x7f, random.below(256))],
  // A type spelled long, or cut off by the frame's end.
  (random) => [Uint8Array.of(3, 0x80 | random.below(128), 0x80, 0)],
  (random) => [Uint8Array.of(1, 0x80 | random.below(128))],
  // Fragments of nothing, of crumbs, of too much, in a lane that is none, and of what may not be fragmented.
  (random) => [encodeFrame(FRAME.fragment, random.bytes(random.below(12)))],
  (random) => [
    encodeFrame(FRAME.fragment, joinBytes([Uint8Array.of(random.below(5)), varintBytes(someNumber(random))])),
  ],
  (random) => [
    encodeFrame(
      FRAME.fragment,
      joinBytes([
        Uint8Array.of(random.below(3)),
        varintBytes(someNumber(random)),
        varintBytes(anyType(random)),
        random.bytes(random.below(1_300)),
      ]),
    ),
  ],
  (random) => fragmented(random, anyType(random), random.bytes(random.below(4_000))).slice(0, 1 + random.below(2)),
  (random) => fragmented(random, FRAME.response, random.bytes(6_000)),
  (random) => fragmented(random, 64, random.bytes(random.below(2) === 0 ? 19_990 : 20_200)),
  (random) => [encodeFrame(64, random.bytes(20_000 + random.below(200)))],
  (random) => [encodeFrame(FRAME.firstOptional, random.bytes(32_700 + random.below(100)))],
  (random) => [encodeFrame(64 + random.below(3), random.bytes(33_000 + random.below(30_000)))],
  // Lists and texts longer than any encoder of ours would make.
  (random) => [encodeFrame(FRAME.goodbye, joinBytes([Uint8Array.of(19, 1), longText(random)]))],
  (random) => [encodeFrame(FRAME.failure, joinBytes([varintBytes(someNumber(random)), longText(random)]))],
  (random) => [encodeFrame(FRAME.peers, crowdedPeer(random, 7 + random.below(4)))],
  // One thing wrong in a frame that is right otherwise.
  () => [encodeFrame(FRAME.window, Uint8Array.of(0))],
  (random) => [encodeFrame(FRAME.ping, random.bytes(33))],
  (random) => [
    encodeFrame(FRAME.response, joinBytes([varintBytes(someNumber(random)), Uint8Array.of(1 + random.below(255))])),
  ],
  (random) => [encodeFrame(FRAME.types, joinBytes([encodeNames(named(random)), Uint8Array.of(random.below(9), 33)]))],
  () => [encodeFrame(FRAME.types, Uint8Array.of(0, 2, 0xc3, 0x28))],
  (random) => [encodeFrame(FRAME.peers, joinBytes([peersBody(random, 2), random.bytes(random.below(40))]))],
  (random) => {
    const list = joinBytes(Array.from({ length: 101 }, () => joinBytes([random.bytes(32), Uint8Array.of(0, 0)])))
    return [encodeFrame(FRAME.peers, list)]
  },
  (random) => [encodeFrame(FRAME.request, copyBytes(request(random), 0, random.below(3)))],
  (random) => [
    encodeFrame(FRAME.failure, joinBytes([varintBytes(1), utf8('x'), Uint8Array.of(0xff, 0xfe)])),
    random.bytes(3),
  ],
]
