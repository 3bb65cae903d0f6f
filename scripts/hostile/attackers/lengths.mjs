/**
 * Lengths that nobody could mean, and bytes that take their time.
 *
 * `headers` ({ host, port, wsPort, kind, hosts, atOnce, withinMs, body? bytes sent after the header }) → one socket from each host:
 *   refused, late, turnedAway (at the door), maxMs from the header to the answer, said (by code). Kinds: `handshake` (u16, all ones,
 *   and more), `frame` and `fragment` (in a session, 4 GiB and the longest a varint can spell), `websocket` (64 bits, 4 GiB), `polite`
 *   (another network's preamble, to warm up)
 * `drip` ({ host, port, hosts, everyMs }) → valid handshakes, one byte at a time: joined, failed, maxMs
 * `unfinished` ({ host, port, from, what: 'handshake' | 'record', everyMs, withinMs }) → ms until the node ended it, null: it did not; said
 */
import { randomBytes } from 'node:crypto'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { obey } from '../child.mjs'
import { RawPeer } from '../raw-peer.mjs'
import { CODES, FRAME, frame, networkIdOf, preamble, STATUS } from '../raw-peer-wire.mjs'

const GREETING = preamble(networkIdOf('TIME'))
const FOUR_GIB = Buffer.of(0x80, 0x80, 0x80, 0x80, 0x10)
const LONGEST = Buffer.of(0xff, 0xff, 0xff, 0x7f)
const UPGRADE = [
  'GET / HTTP/1.1',
  'Host: victim',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: holdfast.1',
  `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  '\r\n',
].join('\r\n')
/** A final binary frame, masked, of 2^32 bytes. */
const WEB_HEADER = Buffer.concat([Buffer.of(0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 0), randomBytes(4)])

/** @typedef {{ outcome: 'refused' | 'late' | 'turned-away', code: string, ms: number }} End */

/** @param {any} order */
async function headers({ hosts, atOnce, ...rest }) {
  const left = [...hosts]
  /** Bound: the hosts. @type {End[]} */
  const ends = []
  const worker = async () => {
    for (let from = left.pop(); from !== undefined; from = left.pop()) ends.push(await header(from, rest))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  const said = /** @type {Record<string, number>} */ ({})
  for (const { code } of ends) said[code] = (said[code] ?? 0) + 1
  const by = (/** @type {string} */ outcome) => ends.filter((end) => end.outcome === outcome)
  const refused = by('refused')
  return {
    refused: refused.length,
    late: by('late').length,
    turnedAway: by('turned-away').length,
    maxMs: Math.max(0, ...refused.map(({ ms }) => ms)),
    said,
  }
}

/** @param {string} from @param {any} order @returns {Promise<End>} */
function header(from, order) {
  if (order.kind === 'frame' || order.kind === 'fragment') return inSession(from, order)
  return order.kind === 'websocket' ? overWeb(from, order) : inTheClear(from, order)
}

/** @param {string} from @param {any} order @returns {Promise<End>} */
function inTheClear(from, { host, port, kind, withinMs, body = 0 }) {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, localAddress: from, noDelay: true })
    let heard = Buffer.alloc(0)
    let at = performance.now()
    const end = settle(socket, resolve, withinMs)
    socket.on('connect', () => {
      at = performance.now()
      const opener = kind === 'polite' ? preamble(networkIdOf('OTHR')) : GREETING
      socket.write(Buffer.concat([opener, Buffer.alloc(4, 0xff), Buffer.alloc(body)]))
    })
    socket.on('data', (bytes) => (heard = Buffer.concat([heard, bytes])))
    const ended = () => {
      const status = heard[13] ?? 0
      if (status !== 0) end(kind === 'polite' ? 'refused' : 'turned-away', STATUS[status] ?? 'unknown', at)
      else if (heard.length >= 19) end('refused', CODES[heard[18] ?? 0] ?? 'unknown', at)
      else end('turned-away', 'without a word', at)
    }
    socket.on('end', ended)
    socket.on('close', ended)
  })
}

/** @param {string} from @param {any} order @returns {Promise<End>} */
async function inSession(from, { host, port, kind, withinMs }) {
  const peer = RawPeer.dial({ host, port, localAddress: from })
  try {
    await peer.ready
  } catch {
    return { outcome: 'turned-away', code: peer.said?.code ?? 'without a word', ms: 0 }
  }
  const at = performance.now()
  if (kind === 'frame') peer.record(Math.random() < 0.5 ? FOUR_GIB : LONGEST)
  else peer.record(frame(FRAME.fragment, Buffer.concat([Buffer.of(0), LONGEST, Buffer.alloc(2_000)])))
  await Promise.race([peer.closed, sleep(withinMs)])
  const outcome = peer.said === null ? 'late' : 'refused'
  peer.destroy()
  return { outcome, code: peer.said?.code ?? 'nothing', ms: performance.now() - at }
}

/** @param {string} from @param {any} order @returns {Promise<End>} */
function overWeb(from, { host, wsPort, withinMs, body = 0 }) {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: wsPort, localAddress: from, noDelay: true })
    let at = 0
    let heard = Buffer.alloc(0)
    const end = settle(socket, resolve, withinMs)
    socket.on('connect', () => socket.write(UPGRADE))
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes])
      if (at !== 0 || !heard.includes('\r\n\r\n')) return
      at = performance.now()
      socket.write(Buffer.concat([WEB_HEADER, Buffer.alloc(body)]))
    })
    const ended = () => {
      const text = heard.toString('latin1')
      const close = text.indexOf('\x88', text.indexOf('\r\n\r\n'))
      if (at === 0) end('turned-away', heard.length === 0 ? 'without a word' : text.slice(9, 12), at)
      else end('refused', close < 0 ? 'cut' : `close ${heard.readUInt16BE(Math.min(close + 2, heard.length - 2))}`, at)
    }
    socket.on('end', ended)
    socket.on('close', ended)
  })
}

/** @param {net.Socket} socket @param {(end: End) => void} resolve @param {number} withinMs */
function settle(socket, resolve, withinMs) {
  const end = (/** @type {End['outcome']} */ outcome, /** @type {string} */ code, /** @type {number} */ at) => {
    clearTimeout(late)
    socket.destroy()
    resolve({ outcome, code, ms: performance.now() - at })
  }
  const late = setTimeout(() => end('late', 'nothing', 0), withinMs)
  socket.on('error', () => undefined)
  return end
}

/** @param {any} order */
async function drip({ host, port, hosts, everyMs }) {
  const began = performance.now()
  const tookMs = await Promise.all(
    hosts.map(async (/** @type {string} */ localAddress) => {
      const peer = dripping({ host, port, localAddress }, everyMs)
      try {
        await peer.ready
        return performance.now() - began
      } catch {
        return null
      } finally {
        peer.destroy()
      }
    }),
  )
  const joined = tookMs.filter((ms) => ms !== null)
  return { joined: joined.length, failed: tookMs.length - joined.length, maxMs: Math.max(0, ...joined) }
}

/** @param {any} order */
async function unfinished({ host, port, from, what, everyMs, withinMs }) {
  const where = { host, port, localAddress: from }
  const peer = what === 'handshake' ? dripping(where, everyMs) : RawPeer.dial(where)
  await (what === 'handshake' ? new Promise((resolve) => peer.socket.once('connect', resolve)) : peer.ready)
  const at = performance.now()
  if (what === 'record') {
    peer.raw(Buffer.of(0xff, 0xff))
    const timer = setInterval(() => peer.raw(Buffer.of(1)), everyMs)
    peer.once('closed', () => clearInterval(timer))
  }
  await Promise.race([peer.closed, sleep(withinMs)])
  const ms = peer.socket.destroyed ? performance.now() - at : null
  peer.destroy()
  return { ms, said: peer.said?.code ?? null }
}

/** A peer all of whose flights leave one byte at a time. @param {net.TcpNetConnectOpts} where @param {number} everyMs */
function dripping(where, everyMs) {
  let queue = Buffer.alloc(0)
  const tamper = (/** @type {string} */ _flight, /** @type {Buffer} */ bytes) => {
    queue = Buffer.concat([queue, bytes])
    return null
  }
  const peer = RawPeer.dial(where, { tamper })
  const timer = setInterval(() => {
    if (queue.length > 0 && peer.socket.writable) peer.raw(queue.subarray(0, 1))
    queue = queue.subarray(1)
  }, everyMs)
  peer.once('closed', () => clearInterval(timer))
  return peer
}

obey({ headers, drip, unfinished })
