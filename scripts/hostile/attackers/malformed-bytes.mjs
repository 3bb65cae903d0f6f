/** What no honest peer sends, by the stage it is meant for. Every sample is wrong for one reason. */
import { randomBytes } from 'node:crypto'
import { FRAME, frame, networkIdOf, preamble, varint } from '../raw-peer-wire.mjs'

const NETWORK = networkIdOf('TIME')
const GREETING = preamble(NETWORK)
const ZEROS = Buffer.alloc(32)
/** The longest length a varint can spell, and one that it cannot. */
const HUGE = Buffer.of(0xff, 0xff, 0xff, 0x7f)
const ENDLESS = Buffer.of(0xff, 0xff, 0xff, 0xff, 0x0f)

/** In place of a preamble: each is a strike. @type {readonly (() => Buffer)[]} */
export const GARBAGE = [
  () => randomBytes(16),
  () => Buffer.from('POST / HTTP/1.1\r\n'),
  () => Buffer.concat([GREETING.subarray(0, 3), Buffer.alloc(13)]),
]

/**
 * The same, and preambles of another network, chain or version, which are nobody's fault; nor is what an honest dial begins with that
 * was told the port as a WebSocket's.
 */
export const PREAMBLES = [
  ...GARBAGE,
  () => Buffer.from('GET / HTTP/1.1\r\n'),
  () => Buffer.of(0x16, 0x03, 0x01, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  () => preamble(networkIdOf('OTHR')),
  () => preamble(networkIdOf('TIME', Buffer.of(1, 2, 3, 4))),
  () => preamble(NETWORK, [255, 200]),
]

/** In place of the Noise messages, after a good preamble: each is a strike. */
export const FIRSTS = [
  () => Buffer.of(0xff, 0xff),
  () => Buffer.concat([Buffer.of(0, 32), ZEROS]),
  () => Buffer.concat([Buffer.of(0, 31), randomBytes(31)]),
  () => Buffer.concat([Buffer.of(0, 48), randomBytes(48)]),
  () => Buffer.concat([Buffer.of(2, 0), randomBytes(512)]),
  // A good first message, and a last one that proves nothing.
  () => Buffer.concat([Buffer.of(0, 32), randomBytes(32), Buffer.of(0, 167), randomBytes(167)]),
].map((sample) => () => Buffer.concat([GREETING, sample()]))

/** In place of a record: whoever stands between two honest nodes can do this, so nobody is blamed. @type {readonly (() => Buffer)[]} */
export const RECORDS = [() => Buffer.of(0, 3, 1, 2, 3), () => Buffer.concat([Buffer.of(0, 40), randomBytes(40)])]

/** Inside a record: each ends the session and is a strike. @type {readonly (() => Buffer)[]} */
export const FRAMES = [
  () => HUGE,
  () => ENDLESS,
  () => Buffer.of(0x80, 0x00),
  () => Buffer.of(0),
  () => frame(0),
  () => frame(8, randomBytes(20)),
  () => frame(20, randomBytes(20)),
  () => frame(FRAME.hello, randomBytes(40)),
  () => frame(FRAME.ping, randomBytes(33)),
  () => frame(FRAME.window, ENDLESS),
  () => frame(FRAME.types, randomBytes(40)),
  () => frame(FRAME.peers, randomBytes(60)),
  () => frame(FRAME.request, varint(1)),
  () => frame(FRAME.response, Buffer.alloc(0)),
  () => frame(FRAME.fragment, Buffer.of(9)),
  () => frame(FRAME.fragment, Buffer.concat([Buffer.of(0), HUGE, randomBytes(2000)])),
  () => frame(FRAME.fragment, Buffer.concat([Buffer.of(1), varint(4000), varint(FRAME.goodbye), randomBytes(2000)])),
  () => frame(FRAME.firstApplication + 250, randomBytes(20)),
  () => frame(FRAME.goodbye),
]

/**
 * Messages that reach their handler's door and no further: the session goes on, and each is a strike.
 * @type {readonly ((peer: import('../raw-peer.mjs').RawPeer) => import('../raw-peer.mjs').Frame)[]}
 */
export const MESSAGES = [
  (peer) => ({ type: peer.typeOf('message', 'tx'), body: randomBytes(40) }),
  (peer) => ({ type: peer.typeOf('message', 'tx'), body: randomBytes(7) }),
  (peer) => peer.broadcast('tx', Buffer.concat([Buffer.from('{"n":'), randomBytes(16)])),
  (peer) => peer.broadcast('tx', Buffer.from(`{"bad":true,"n":"${randomBytes(8).toString('hex')}"}`)),
  (peer) => peer.broadcast('tx', Buffer.from(`${'['.repeat(200)}${randomBytes(4).toString('hex')}`)),
  (peer) => ({ type: peer.typeOf('direct', 'note'), body: Buffer.from('{"half":') }),
  (peer) => ({ type: peer.typeOf('direct', 'note'), body: Buffer.of(0x22, 0xff, 0xfe) }),
  (peer) => peer.request(Math.floor(Math.random() * 1e6), 'echo', Buffer.from('{"$n":"x"}')),
]
