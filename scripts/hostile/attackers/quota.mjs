/**
 * Those who say too much, too fast, or do not listen: raw sessions that send transactions nobody has seen.
 *
 * `join` ({ target, network, members: [{ name, seed, host, reads?, windowBytes? }] }) → how many are in; who does not read stops to
 *   once it is in · `leave` ({ names }) · `said` ({ names }) → what each was told last, or null
 * `flood` ({ name, bytes, count, over?, slow? }) → sends so many of that size, as far as credit goes, or whatever the credit with `over`; with `slow` what takes long to read;
 *   → how many were sent
 * `relay` ({ names, perSec, seconds, lateMs, bytes }) → a stream of transactions, each brought first by one of them in turn and by all
 *   others a little later → { offered, stalledMs: the longest that one of them waited for credit }
 * `chatter` ({ names, type, forMs }) → each sends frames of that type, which need no credit, as fast as its socket takes them; bytes
 * `resume` ({ name, quietMs }) → reads again until nothing has come for so long; frames by type
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { obey } from '../child.mjs'
import { keyPair } from '../raw-peer-crypto.mjs'
import { RawPeer } from '../raw-peer.mjs'
import { costOf, frame, networkIdOf } from '../raw-peer-wire.mjs'

const NAMES = [{ kind: 'message', name: 'tx' }]
const RECORD_BYTES = 48_000
const TICK_MS = 5
const GRACE_MS = 3_000

/** @typedef {import('../raw-peer.mjs').Frame} Frame */

/** Bound: who joins. @type {Map<string, RawPeer>} */
const peers = new Map()
let made = 0

/** @param {string} name */
function peerOf(name) {
  const peer = peers.get(name)
  if (peer === undefined) throw new Error(`nobody is called ${name}`)
  return peer
}

/** @param {any} order */
async function join({ target, network, members }) {
  const networkId = networkIdOf(network)
  const outcomes = members.map(
    async (/** @type {any} */ { name, seed, host, reads = true, windowBytes = 64 << 20 }) => {
      const identity = keyPair('Ed25519', Buffer.from(seed, 'hex'))
      const limits = /** @type {const} */ ([4 << 20, 256, windowBytes])
      const peer = RawPeer.dial(
        { ...target, localAddress: host },
        { identity, networkId, hello: { names: NAMES, limits } },
      )
      peers.set(name, peer)
      await peer.ready
      if (!reads) peer.socket.pause()
    },
  )
  const settled = await Promise.allSettled(outcomes)
  return settled.filter(({ status }) => status === 'fulfilled').length
}

/** A transaction that nobody has seen: JSON text of so many bytes. @param {RawPeer} peer @param {number} bytes */
function fresh(peer, bytes) {
  const number = String(made++)
  return peer.broadcast('tx', Buffer.from(`"${number.padEnd(Math.max(number.length, bytes - 2), 'x')}"`))
}

/** The same, of what takes the codec the longest: keys that it has to write anew. @param {RawPeer} peer @param {number} bytes */
function freshSlow(peer, bytes) {
  const salt = (made++).toString(36)
  const items = []
  for (let size = 0; size < bytes - 40; ) {
    const item = `{"$$${salt}${items.length.toString(36)}":0}`
    items.push(item)
    size += item.length + 1
  }
  return peer.broadcast('tx', Buffer.from(`[${items.join(',')}]`))
}

/** As few records as it takes. @param {RawPeer} peer @param {readonly Frame[]} frames */
function send(peer, frames) {
  let batch = /** @type {Frame[]} */ ([])
  let size = 0
  for (const next of frames) {
    const cost = costOf(next.type, next.body) + 4
    if (size + cost > RECORD_BYTES && batch.length > 0) {
      peer.sendAll(batch)
      batch = []
      size = 0
    }
    batch.push(next)
    size += cost
  }
  if (batch.length > 0) peer.sendAll(batch)
}

/** @param {{ name: string, bytes: number, count: number, over?: boolean, slow?: boolean }} order */
function flood({ name, bytes, count, over = false, slow = false }) {
  const peer = peerOf(name)
  const frames = /** @type {Frame[]} */ ([])
  for (let left = peer.credit; frames.length < count; ) {
    if (slow && left < bytes && !over) break
    const next = slow ? freshSlow(peer, bytes) : fresh(peer, bytes)
    left -= costOf(next.type, next.body)
    if (left < 0 && !over) break
    frames.push(next)
  }
  send(peer, frames)
  return frames.length
}

/** @param {{ names: string[], perSec: number, seconds: number, lateMs: number, bytes: number }} order */
async function relay({ names, perSec, seconds, lateMs, bytes }) {
  const relays = names.map((name) => {
    const queues = /** @type {{ frame: Frame, at: number }[][]} */ ([[], []])
    return { peer: peerOf(name), queues }
  })
  const total = perSec * seconds
  const beganAt = performance.now()
  let offered = 0
  let stalledMs = 0
  const give = (/** @type {typeof relays[number]} */ { peer, queues }, /** @type {number} */ at) => {
    const batch = []
    let left = peer.credit
    for (const queue of queues)
      for (let next = queue[0]; next !== undefined && next.at <= at; next = queue[0]) {
        left -= costOf(next.frame.type, next.frame.body)
        if (left < 0) break
        stalledMs = Math.max(stalledMs, at - next.at)
        batch.push(next.frame)
        queue.shift()
      }
    send(peer, batch)
  }
  for (let at = 0; at < seconds * 1000 + GRACE_MS; at = performance.now() - beganAt) {
    for (; offered < total && (offered / perSec) * 1000 <= at; offered++) {
      const lead = relays[offered % relays.length]
      if (lead === undefined) break
      const next = fresh(lead.peer, bytes)
      for (const one of relays)
        one.queues[one === lead ? 0 : 1]?.push({ frame: next, at: at + (one === lead ? 0 : lateMs) })
    }
    for (const one of relays) give(one, at)
    if (offered === total && relays.every(({ queues }) => queues.flat().length === 0)) break
    await sleep(TICK_MS)
  }
  return { offered, stalledMs }
}

/** @param {{ names: string[], type: number, forMs: number }} order */
async function chatter({ names, type, forMs }) {
  const end = performance.now() + forMs
  const one = frame(type)
  const record = Buffer.concat(Array.from({ length: Math.floor(RECORD_BYTES / one.length) }, () => one))
  const sent = names.map(async (name) => {
    const peer = peerOf(name)
    let bytes = 0
    for (; performance.now() < end && peer.socket.writable; bytes += record.length)
      if (!peer.record(record)) await Promise.race([once(peer.socket, 'drain').catch(() => undefined), peer.closed])
      else await sleep(0)
    return bytes
  })
  return (await Promise.all(sent)).reduce((sum, bytes) => sum + bytes, 0)
}

/** @param {{ name: string, quietMs: number }} order */
async function resume({ name, quietMs }) {
  const peer = peerOf(name)
  const frames = /** @type {Record<string, number>} */ ({})
  let heardAt = performance.now()
  peer.on('record', () => {
    heardAt = performance.now()
  })
  peer.on('frame', ({ type }) => {
    frames[type] = (frames[type] ?? 0) + 1
  })
  peer.socket.resume()
  while (performance.now() - heardAt < quietMs && !peer.socket.destroyed) await sleep(20)
  return { frames, said: peer.said?.code ?? null, closed: peer.socket.destroyed }
}

/** @param {{ names: string[] }} order */
function said({ names }) {
  return names.map((name) => peerOf(name).said)
}

/** @param {{ names: string[] }} order */
async function leave({ names }) {
  await Promise.all(
    names.map(async (name) => {
      peerOf(name).leave()
      await peerOf(name).closed
      peers.delete(name)
    }),
  )
}

obey({ join, flood, relay, chatter, resume, said, leave })
