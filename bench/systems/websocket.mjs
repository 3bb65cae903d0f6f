/** The installed `ws`, in the clear, one frame and one write for each message, as its own documentation uses it. */
import WebSocket, { WebSocketServer } from 'ws'

const HOST = '127.0.0.1'
const FULL_BYTES = 262_144

class WebSocketNode {
  /** @type {Set<WebSocket>} */
  #open = new Set()
  /** Bound: one for each link that is full. @type {Map<WebSocket, Promise<void>>} */
  #full = new Map()
  onPeer = (/** @type {WebSocket} */ _peer) => {}
  onMessage = (/** @type {WebSocket} */ _peer, /** @type {any} */ _payload) => {}

  /** @param {{ json: boolean, listens?: boolean, keepAliveMs?: number }} options */
  constructor({ json, listens = true, keepAliveMs }) {
    this.encode = json ? JSON.stringify : (/** @type {any} */ payload) => payload
    this.decode = json
      ? (/** @type {Buffer} */ bytes) => JSON.parse(bytes.toString())
      : (/** @type {Buffer} */ bytes) => bytes
    this.listens = listens
    if (keepAliveMs !== undefined)
      setInterval(() => {
        for (const socket of this.#open) socket.ping()
      }, keepAliveMs).unref()
  }

  get links() {
    return this.#open.size
  }

  listen() {
    if (!this.listens) return null
    const server = new WebSocketServer({ host: HOST, port: 0, perMessageDeflate: false, backlog: 1_024 })
    server.on('connection', (socket) => this.#adopt(socket, () => this.onPeer(socket)))
    return new Promise((resolve) => {
      server.on('listening', () => resolve({ port: /** @type {any} */ (server.address()).port }))
    })
  }

  async connect(/** @type {readonly any[]} */ addresses) {
    await Promise.all(addresses.map((address) => this.dial(address)))
  }

  dial(/** @type {any} */ { port }) {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://${HOST}:${port}`, { perMessageDeflate: false })
      socket.on('error', reject)
      socket.on('open', () =>
        this.#adopt(socket, () => {
          this.onPeer(socket)
          resolve(socket)
        }),
      )
    })
  }

  close(/** @type {WebSocket} */ socket) {
    return new Promise((resolve) => {
      socket.once('close', resolve)
      socket.terminate()
    })
  }

  send(/** @type {WebSocket} */ socket, /** @type {any} */ payload) {
    return this.sendBytes(socket, this.encode(payload))
  }

  sendBytes(/** @type {WebSocket} */ socket, /** @type {any} */ bytes) {
    if (socket.bufferedAmount < FULL_BYTES || this.#full.has(socket)) socket.send(bytes)
    else
      this.#full.set(
        socket,
        new Promise((resolve) => {
          socket.send(bytes, () => {
            this.#full.delete(socket)
            resolve()
          })
        }),
      )
    return !this.#full.has(socket)
  }

  broadcast(/** @type {any} */ payload) {
    return this.broadcastBytes(this.encode(payload))
  }

  broadcastBytes(/** @type {any} */ bytes) {
    for (const socket of this.#open) this.sendBytes(socket, bytes)
    return this.#full.size === 0
  }

  get open() {
    return this.#open
  }

  async drained() {
    await Promise.all(this.#full.values())
  }

  /** A link counts once both ends have said something. @param {WebSocket} socket @param {() => void} ready */
  #adopt(socket, ready) {
    socket.on('error', () => {})
    socket.on('close', () => this.#open.delete(socket))
    socket.once('message', () => {
      this.#open.add(socket)
      socket.on('message', (/** @type {Buffer} */ bytes) => this.onMessage(socket, this.decode(bytes)))
      ready()
    })
    socket.send(Buffer.alloc(32))
  }
}

/** @param {any} options */
export const createNode = (options) => new WebSocketNode(options)
