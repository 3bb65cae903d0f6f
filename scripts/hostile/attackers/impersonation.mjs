/**
 * Somebody who wants to be taken for a masternode, or for a member of the network at all. Each attempt comes from an address of
 * its own, is made of one thing wrong, and ends as the victim ends it.
 *
 * `begin` ({ target, network, seed, host }) → the masternode itself connects with that seed from that address, and stays: it is
 *   whom everybody else claims to be, and its flights are recorded · `genuine` → whether its link still stands
 * `names` → the attempts, each with the word that the victim must have for it · `attempt` ({ name, from }) → { ready, said } once
 *   it has ended
 */
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { obey } from '../child.mjs'
import { keyPair } from '../raw-peer-crypto.mjs'
import { RawPeer } from '../raw-peer.mjs'
import { delegation, framed, networkIdOf } from '../raw-peer-wire.mjs'

/** @typedef {import('../raw-peer.mjs').RawOptions} RawOptions */

const DAY_S = 86_400
const LATE_MS = 10_000
const nowS = () => Math.floor(Date.now() / 1000)

/** Points that lead every key to the same secret: of order 1, 2, 4 and 8, and the same numbers unreduced. */
const LOW_X25519 = [
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
]
/** Identities that belong to nobody, and for which a signature is found by guessing. */
const LOW_ED25519 = [
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  `${'00'.repeat(31)}80`,
  '00'.repeat(32),
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
]

let target = { host: '', port: 0 }
let networkId = networkIdOf('TIME')
let genuine = /** @type {RawPeer | null} */ (null)

/** @param {any} order */
async function begin(order) {
  target = order.target
  networkId = networkIdOf(order.network)
  const identity = keyPair('Ed25519', Buffer.from(order.seed, 'hex'))
  genuine = RawPeer.dial({ ...target, localAddress: order.host }, { identity, networkId })
  await genuine.ready
}

function masternode() {
  if (genuine === null) throw new Error('the masternode is not there yet')
  return genuine
}

/** What an attacker without the masternode's key shows in its place. @param {Partial<Parameters<typeof delegation>[0]>} words @returns {RawOptions} */
function claim(words) {
  const [identity, fixed] = [keyPair('Ed25519'), keyPair('X25519')]
  return { identity, fixed, delegation: delegation({ identity, staticKey: fixed.publicKey, networkId, ...words }) }
}

/** What somebody shows who once had the masternode sign for a static key of his. @param {number} notAfterS @returns {RawOptions} */
function stolen(notAfterS) {
  return claim({ identity: masternode().identity, notAfterS })
}

/** @param {import('../raw-peer.mjs').Flight} flight @param {(bytes: Buffer) => Buffer | null} change @returns {RawOptions} */
function tampering(flight, change) {
  return { tamper: (which, bytes) => (which === flight ? change(bytes) : bytes) }
}

/** @param {Buffer} bytes */
function spoilt(bytes) {
  const copy = Buffer.from(bytes)
  copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 1
  return copy
}

/** @param {string} hex @returns {RawOptions} an identity of low order, with the signature that suits most of them */
function nobody(hex) {
  const key = Buffer.from(hex, 'hex')
  const signature = Buffer.concat([Buffer.from(`01${'00'.repeat(31)}`, 'hex'), Buffer.alloc(32)])
  const until = Buffer.alloc(6)
  until.writeUIntBE(nowS() + DAY_S, 0, 6)
  return { delegation: Buffer.concat([Buffer.of(1), key, until, signature]) }
}

/** The word that the victim must have for it, and the options of the session. @type {Record<string, readonly [string, () => RawOptions]>} */
const SESSIONS = {
  'its id, signed by another key': ['bad-handshake', () => claim({ claimed: masternode().identity.publicKey })],
  'its delegation, with another static key': ['bad-handshake', () => ({ delegation: masternode().delegation })],
  'its delegation and its static key, without the secret': [
    'bad-handshake',
    () => ({
      delegation: masternode().delegation,
      fixed: { ...keyPair('X25519'), publicKey: masternode().fixed.publicKey },
    }),
  ],
  'its delegation for another network': [
    'bad-handshake',
    () => claim({ identity: masternode().identity, networkId: networkIdOf('EMIT') }),
  ],
  'its delegation of 33 days ago': ['expired', () => stolen(nowS() - 33 * DAY_S)],
  'its delegation until 63 days from now': ['expired', () => stolen(nowS() + 63 * DAY_S)],
  'a delegation cut short': ['bad-handshake', () => ({ delegation: masternode().delegation.subarray(0, 102) })],
  'a delegation of another format': [
    'bad-handshake',
    () => ({ delegation: Buffer.concat([Buffer.of(2), masternode().delegation.subarray(1)]) }),
  ],
  'another network': ['wrong-network', () => ({ networkId: networkIdOf('EMIT') })],
  'another chain': ['wrong-chain', () => ({ networkId: networkIdOf(networkId.subarray(0, 4), Buffer.from('fork')) })],
  'another version': ['wrong-version', () => ({ versions: [9, 2] })],
  'another version of the application': ['wrong-version', () => ({ hello: { version: [9, 9] } })],
  'its hello in a session of his own': ['bad-record', () => tampering('hello', () => masternode().sent.hello ?? null)],
  'a hello that does not say which process': ['protocol-error', () => ({ hello: { omit: [2] } })],
  'an ephemeral key of 31 bytes': ['bad-handshake', () => tampering('first', () => framed(Buffer.alloc(31, 9)))],
  'a first message that says something': [
    'bad-handshake',
    () => tampering('first', (bytes) => framed(Buffer.concat([bytes.subarray(2), Buffer.of(1)]))),
  ],
  'a spoilt third message': ['bad-handshake', () => tampering('third', spoilt)],
  'a third message that is the second': [
    'bad-handshake',
    () => tampering('third', () => masternode().received.second ?? null),
  ],
  'a static key of low order': [
    'bad-handshake',
    () => ({ fixed: { ...keyPair('X25519'), publicKey: Buffer.alloc(32) } }),
  ],
  ...Object.fromEntries(
    LOW_X25519.map((hex) => [
      `an ephemeral key of low order, ${hex.slice(0, 4)}`,
      ['bad-handshake', () => ({ ephemeral: { ...keyPair('X25519'), publicKey: Buffer.from(hex, 'hex') } })],
    ]),
  ),
  ...Object.fromEntries(
    LOW_ED25519.map((hex) => [
      `an identity of low order, ${hex.slice(0, 4)}…${hex.slice(-2)}`,
      ['bad-handshake', () => nobody(hex)],
    ]),
  ),
}

/** Flights of the masternode's own session, said again, and then the end. @type {Record<string, readonly [string, () => (Buffer | undefined)[]]>} */
const REPLAYS = {
  'a preamble, and nothing more': ['connection-lost', () => recorded('preamble')],
  'its first message again': ['connection-lost', () => recorded('preamble', 'first')],
  'its three messages again': ['bad-handshake', () => recorded('preamble', 'first', 'third')],
  'its messages and its hello again': ['bad-handshake', () => recorded('preamble', 'first', 'third', 'hello')],
}

/** @param {readonly import('../raw-peer.mjs').Flight[]} flights */
function recorded(...flights) {
  return flights.map((flight) => masternode().sent[flight])
}

/** @param {{ name: string, from: string }} order */
async function attempt({ name, from }) {
  const where = { ...target, localAddress: from }
  const replay = REPLAYS[name]
  if (replay !== undefined) {
    await say(where, replay[1]())
    return { ready: false, said: null }
  }
  const peer = RawPeer.dial(where, { networkId, ...SESSIONS[name]?.[1]() })
  await Promise.race([peer.closed, peer.ready.catch(() => peer.closed), sleep(LATE_MS)])
  const ready = peer.remoteHello !== null
  peer.destroy()
  return { ready, said: peer.said?.code ?? null }
}

/**
 * Writes flights that were recorded, half-closes, and waits for the end.
 * @param {net.TcpNetConnectOpts} where
 * @param {(Buffer | undefined)[]} flights
 */
async function say(where, flights) {
  const socket = net.connect({ ...where, noDelay: true })
  socket.on('error', () => undefined)
  socket.resume()
  for (const flight of flights) socket.write(flight ?? Buffer.alloc(0))
  socket.end()
  await Promise.race([new Promise((resolve) => socket.once('close', resolve)), sleep(LATE_MS)])
  socket.destroy()
}

obey({
  begin,
  attempt,
  names: () => Object.entries({ ...SESSIONS, ...REPLAYS }).map(([name, [word]]) => ({ name, word })),
  genuine: () => masternode().said === null && !masternode().socket.destroyed,
})
