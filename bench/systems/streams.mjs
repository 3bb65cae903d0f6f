/**
 * Raw TCP and raw TLS 1.3, as well as they go: a frame is a length in four bytes and the payload. Small frames of one turn are
 * gathered in memory that is used again once the socket has taken it, a broadcast is written down once for all links, and a
 * payload arrives as a view of the chunk that brought it. They do nothing else: no dispatch, no quota, no verified id.
 */
import { randomBytes } from 'node:crypto'
import net from 'node:net'
import tls from 'node:tls'
import { certificate } from '../certificate.mjs'
import { COPY_MAX, Link, NOTHING, Reader, Slab } from './stream-link.mjs'

const HOST = '127.0.0.1'

export class StreamNode {
  /** @type {Set<Link>} */
  open = new Set()
  fullLinks = 0
  /** Bound: the most slabs that ever waited. @type {Slab[]} */
  #slabs = []
  /** @type {Slab | null} */
  #common = null
  /** Bound: the links. @type {Link[]} */
  #dirty = []
  /** Bound: one for each call that waits. @type {(() => void)[]} */
  #waiting = []
  #id = randomBytes(32)
  onPeer = (/** @type {Link} */ _peer) => {}
  onMessage = (/** @type {Link} */ _peer, /** @type {any} */ _payload) => {}

  /** @param {{ wire: typeof tcpWire, json: boolean, listens?: boolean, keepAliveMs?: number }} options */
  constructor({ wire, json, listens = true, keepAliveMs }) {
    this.wire = wire()
    this.encode = json
      ? (/** @type {any} */ payload) => Buffer.from(JSON.stringify(payload))
      : (/** @type {Buffer} */ bytes) => bytes
    this.decode = json
      ? (/** @type {Buffer} */ bytes) => JSON.parse(bytes.toString())
      : (/** @type {Buffer} */ bytes) => bytes
    this.listens = listens
    this.free = (/** @type {Slab} */ slab) => {
      slab.end = 0
      slab.retired = false
      this.#slabs.push(slab)
    }
    this.flush = () => this.#flush()
    if (keepAliveMs !== undefined)
      setInterval(() => {
        for (const link of this.open) this.sendBytes(link, NOTHING)
      }, keepAliveMs).unref()
  }

  get links() {
    return this.open.size
  }

  listen() {
    return this.listens ? this.wire.listen((socket) => this.#adopt(socket, (link) => this.onPeer(link))) : null
  }

  async connect(/** @type {readonly any[]} */ addresses) {
    await Promise.all(addresses.map((address) => this.dial(address)))
  }

  /** @returns {Promise<Link>} */
  dial(/** @type {any} */ address) {
    return new Promise((resolve, reject) => {
      const socket = this.wire.dial(address, () => {
        socket.off('error', reject)
        this.#adopt(socket, (link) => {
          this.onPeer(link)
          resolve(link)
        })
      })
      socket.once('error', reject)
    })
  }

  close(/** @type {Link} */ link) {
    return new Promise((resolve) => {
      link.socket.once('close', resolve)
      link.socket.destroy()
    })
  }

  send(/** @type {Link} */ link, /** @type {any} */ payload) {
    return this.sendBytes(link, this.encode(payload))
  }

  /** @returns false where the next should wait */
  sendBytes(/** @type {Link} */ link, /** @type {Uint8Array} */ bytes) {
    if (link.commonFrom !== -1) this.#flushCommon(link)
    if (bytes.length > COPY_MAX) link.appendLarge(bytes)
    else {
      link.append(bytes)
      this.#mark(link)
    }
    return !link.full
  }

  broadcast(/** @type {any} */ payload) {
    return this.broadcastBytes(this.encode(payload))
  }

  /** To all links, written down once. @returns false where the next should wait */
  broadcastBytes(/** @type {Uint8Array} */ bytes) {
    let common = this.#common
    if (common !== null && !common.fits(bytes.length)) {
      this.#flush()
      if (!common.fits(bytes.length)) {
        this.retire(common)
        common = null
      }
    }
    common ??= this.takeSlab()
    this.#common = common
    const from = common.end
    common.put(bytes)
    for (const link of this.open) {
      if (link.commonFrom !== -1) continue
      link.flush()
      link.commonFrom = from
      this.#mark(link)
    }
    return this.fullLinks === 0
  }

  async drained() {
    if (this.fullLinks > 0) await new Promise((resolve) => this.#waiting.push(() => resolve(undefined)))
  }

  takeSlab() {
    return this.#slabs.pop() ?? new Slab(this.free)
  }

  retire(/** @type {Slab} */ slab) {
    if (slab.holders === 0) this.free(slab)
    else slab.retired = true
  }

  #mark(/** @type {Link} */ link) {
    if (link.dirty) return
    link.dirty = true
    if (this.#dirty.push(link) === 1) process.nextTick(this.flush)
  }

  #flush() {
    const links = this.#dirty
    this.#dirty = []
    for (const link of links) {
      link.dirty = false
      if (link.socket.destroyed) continue
      if (link.commonFrom !== -1) this.#flushCommon(link)
      link.flush()
    }
    const common = this.#common
    if (common !== null && common.holders === 0) common.end = 0
  }

  #flushCommon(/** @type {Link} */ link) {
    const { commonFrom } = link
    link.commonFrom = -1
    link.writePart(/** @type {Slab} */ (this.#common), commonFrom)
  }

  /** A link counts once both ends have said who they are. @param {net.Socket} socket @param {(link: Link) => void} ready */
  #adopt(socket, ready) {
    const link = new Link(this, socket)
    const reader = new Reader((bytes) => {
      if (link.known) {
        if (bytes.length > 0) this.onMessage(link, this.decode(bytes))
        return
      }
      link.known = true
      this.open.add(link)
      ready(link)
    })
    socket.on('data', (chunk) => reader.read(chunk))
    socket.on('drain', () => this.#relieved(link))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.open.delete(link)
      this.#relieved(link)
    })
    this.sendBytes(link, this.#id)
  }

  #relieved(/** @type {Link} */ link) {
    if (!link.full) return
    link.full = false
    if (--this.fullLinks === 0) for (const wake of this.#waiting.splice(0)) wake()
  }
}

function tcpWire() {
  return {
    listen: (/** @type {(socket: net.Socket) => void} */ accept) =>
      listening(net.createServer({ noDelay: true }, accept)),
    dial: (/** @type {any} */ { port }, /** @type {() => void} */ opened) =>
      net.connect({ host: HOST, port, noDelay: true }, opened),
  }
}

/** Both ends show a certificate; a real host would compare its key with the one it expects. */
function tlsWire() {
  const own = { ...certificate(), minVersion: /** @type {const} */ ('TLSv1.3') }
  const secureContext = tls.createSecureContext(own)
  return {
    listen: (/** @type {(socket: net.Socket) => void} */ accept) =>
      listening(
        tls.createServer({ ...own, requestCert: true, rejectUnauthorized: false, noDelay: true }, (socket) => {
          socket.getPeerX509Certificate()
          accept(socket)
        }),
      ),
    dial: (/** @type {any} */ { port }, /** @type {() => void} */ opened) => {
      const socket = tls.connect({ secureContext, host: HOST, port, rejectUnauthorized: false }, () => {
        socket.getPeerX509Certificate()
        opened()
      })
      socket.setNoDelay(true)
      return socket
    },
  }
}

/** @param {net.Server} server @returns {Promise<{ port: number }>} */
function listening(server) {
  server.on('tlsClientError', () => {})
  return new Promise((resolve) => {
    server.listen({ host: HOST, port: 0, backlog: 1_024 }, () =>
      resolve({ port: /** @type {any} */ (server.address()).port }),
    )
  })
}

/** @param {any} options */
export const createNode = ({ secure, ...options }) => new StreamNode({ ...options, wire: secure ? tlsWire : tcpWire })
