/**
 * Sockets from addresses of their own, each writing malformed frames at a pace, and coming back at once when it is cut off.
 *
 * `begin` ({ host, port, hosts: its addresses, ratePerSec, modes: ['garbage' | 'preamble' | 'noise' | 'record' | 'frame' |
 *   'message', …] by turns, identities?: [hex secret], once the identity of each socket }) → after the first connections were tried
 * `report` → sent (frames by mode), sockets, connects, sessions (by mode), ended (what the node said, by code),
 *   offenders: by address { id, thirdAt, outAt } (machine ms): when its third violation was written, when its session ended after that
 * `stop` → no more, all sockets destroyed
 */
import net from 'node:net'
import { obey } from '../child.mjs'
import { RawPeer } from '../raw-peer.mjs'
import { keyPair } from '../raw-peer-crypto.mjs'
import { peerIdOf } from '../raw-peer-wire.mjs'
import { now } from '../time.mjs'
import { FIRSTS, FRAMES, GARBAGE, MESSAGES, PREAMBLES, RECORDS } from './malformed-bytes.mjs'

const TICK_MS = 10
/** A socket that is turned away comes back this soon. */
const AGAIN_MS = 1
const BAN_STRIKES = 3
/** What is sent ahead of the pace when ticks are late. */
const BURST_S = 0.1

/** Written by strangers, before there are keys. @type {Readonly<Record<string, readonly (() => Buffer)[]>>} */
const OPENERS = { garbage: GARBAGE, preamble: PREAMBLES, noise: FIRSTS }

/** @type {readonly Attacker[]} */
let attackers = []
let running = false
const counts = { sent: tally(), connects: 0, sessions: tally(), ended: tally() }

class Attacker {
  violations = 0
  thirdAt = /** @type {number | null} */ (null)
  outAt = /** @type {number | null} */ (null)
  #due = 0
  #judged = false
  #turn = Math.floor(Math.random() * 1000)
  #socket = /** @type {net.Socket | null} */ (null)
  #peer = /** @type {RawPeer | null} */ (null)
  #identity
  #fixed = keyPair('X25519')

  /** @param {any} order @param {string} host @param {string} mode @param {string | undefined} secret */
  constructor(order, host, mode, secret) {
    this.order = order
    this.host = host
    this.mode = mode
    this.#identity = keyPair('Ed25519', secret === undefined ? undefined : Buffer.from(secret, 'hex'))
  }

  get id() {
    return peerIdOf(this.#identity.publicKey)
  }

  connect() {
    counts.connects++
    this.#judged = false
    const { host, port } = this.order
    const socket = net.connect({ host, port, localAddress: this.host, noDelay: true })
    this.#socket = socket
    socket.on('error', () => undefined)
    socket.on('close', () => this.#closed(socket))
    if (this.mode in OPENERS) {
      socket.on('data', (bytes) => count(counts.ended, bytes.length >= 16 ? `status-${bytes[13]}` : 'short'))
      return
    }
    const peer = new RawPeer(socket, 'initiator', { identity: this.#identity, fixed: this.#fixed })
    peer.once('ready', () => {
      count(counts.sessions, this.mode)
      this.#peer = peer
    })
    peer.once('said', ({ where, code }) => count(counts.ended, `${where}-${code}`))
  }

  /** @param {number} elapsedS */
  tick(elapsedS) {
    const { ratePerSec } = this.order
    this.#due = Math.min(this.#due + ratePerSec * elapsedS, Math.max(1, ratePerSec * BURST_S))
    const socket = this.#socket
    const whole = Math.floor(this.#due)
    if (socket === null || !socket.writable || socket.connecting || whole === 0) return
    if (socket.writableNeedDrain) return
    const openers = OPENERS[this.mode]
    if (openers !== undefined) socket.write(Buffer.concat(Array.from({ length: whole }, () => this.#next(openers)())))
    else if (this.#peer !== null) this.#inSession(this.#peer, whole)
    else return
    this.#due -= whole
    counts.sent[this.mode] = (counts.sent[this.mode] ?? 0) + whole
    // What follows a violation on a connection that it ends is not looked at.
    this.violations += this.mode === 'message' ? whole : this.#judged ? 0 : 1
    this.#judged = true
    if (this.violations >= BAN_STRIKES) this.thirdAt ??= now()
  }

  destroy() {
    this.#socket?.destroy()
  }

  /** @param {RawPeer} peer @param {number} whole */
  #inSession(peer, whole) {
    if (this.mode === 'message') {
      const frames = Array.from({ length: whole }, () => this.#next(MESSAGES)(peer))
      // Whoever has no credit left is cut off for that, and not for what it says.
      const affordable = frames.filter(({ body }) => peer.credit - body.length > 1_000)
      if (affordable.length > 0) peer.sendAll(affordable)
      return
    }
    for (let i = 0; i < whole; i++)
      if (this.mode === 'record') peer.raw(this.#next(RECORDS)())
      else peer.record(this.#next(FRAMES)())
  }

  /** @template T @param {readonly T[]} samples @returns {T} */
  #next(samples) {
    return /** @type {T} */ (samples[this.#turn++ % samples.length])
  }

  /** @param {net.Socket} socket */
  #closed(socket) {
    if (socket !== this.#socket) return
    if (this.thirdAt !== null && this.#peer !== null) this.outAt ??= now()
    this.#socket = null
    this.#peer = null
    if (running) setTimeout(() => running && this.connect(), AGAIN_MS)
  }
}

/** @param {any} order */
function begin(order) {
  const { hosts, modes, identities = [] } = order
  running = true
  attackers = hosts.map(
    (/** @type {string} */ host, /** @type {number} */ i) =>
      new Attacker(order, host, modes[i % modes.length], identities[i]),
  )
  for (const attacker of attackers) attacker.connect()
  let before = performance.now()
  const timer = setInterval(() => {
    const at = performance.now()
    const elapsedS = (at - before) / 1000
    before = at
    if (!running) clearInterval(timer)
    else for (const attacker of attackers) attacker.tick(elapsedS)
  }, TICK_MS)
}

function report() {
  const offenders = Object.fromEntries(attackers.map(({ host, id, thirdAt, outAt }) => [host, { id, thirdAt, outAt }]))
  return { ...counts, sockets: attackers.length, offenders }
}

function stop() {
  running = false
  for (const attacker of attackers) attacker.destroy()
}

/** @returns {Record<string, number>} */
function tally() {
  return {}
}

/** @param {Record<string, number>} into @param {string} name */
function count(into, name) {
  into[name] = (into[name] ?? 0) + 1
}

obey({ begin, report, stop })
