/** js-libp2p: TCP, Noise, Yamux, and one stream to each peer, whose messages have their length before them. Its limits are out of the way. */
import { MessageNode } from './message-node.mjs'

// It asks for what Node has from 22 on.
Promise.withResolvers ??= function () {
  const made = /** @type {any} */ ({})
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}
const [{ createLibp2p }, { tcp }, { noise }, { yamux }, { multiaddr }] = await Promise.all([
  import('libp2p'),
  import('@libp2p/tcp'),
  import('@libp2p/noise'),
  import('@libp2p/yamux'),
  import('@multiformats/multiaddr'),
])

const PROTOCOL = '/bench/1'
const MANY = 100_000
const HEAD = 4
const HELLO = Buffer.alloc(32, 1)
const NOTHING = Buffer.alloc(0)

class Libp2pNode extends MessageNode {
  /** @param {{ listens?: boolean }} options */
  constructor({ listens = true }) {
    super((stream, bytes) => {
      const frame = Buffer.allocUnsafe(HEAD + bytes.length)
      frame.writeUInt32BE(bytes.length)
      frame.set(bytes, HEAD)
      return stream.send(frame)
    })
    this.listens = listens
    this.node = /** @type {any} */ (null)
  }

  async listen() {
    this.node = await createLibp2p({
      addresses: { listen: this.listens ? ['/ip4/127.0.0.1/tcp/0'] : [] },
      transports: [tcp({ backlog: 1_024 })],
      connectionEncrypters: [noise()],
      streamMuxers: [yamux()],
      connectionManager: {
        maxConnections: MANY,
        maxIncomingPendingConnections: MANY,
        inboundConnectionThreshold: MANY,
      },
    })
    const limits = { maxInboundStreams: MANY, maxOutboundStreams: MANY }
    await this.node.handle(PROTOCOL, (/** @type {any} */ stream) => this.#adopt(stream, () => {}), limits)
    await this.node.start()
    return this.listens ? this.node.getMultiaddrs()[0].toString() : null
  }

  async dial(/** @type {string} */ address) {
    const connection = await this.node.dial(multiaddr(address))
    const stream = await connection.newStream(PROTOCOL)
    await new Promise((resolve) => this.#adopt(stream, () => resolve(undefined)))
    return stream
  }

  #adopt(/** @type {any} */ stream, /** @type {() => void} */ ready) {
    let rest = NOTHING
    stream.addEventListener('message', (/** @type {any} */ { data }) => {
      const bytes = Buffer.from(data.subarray())
      rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes])
      let at = 0
      for (; rest.length - at >= HEAD; ) {
        const end = at + HEAD + rest.readUInt32BE(at)
        if (end > rest.length) break
        this.heard(stream, rest.subarray(at + HEAD, end), ready)
        at = end
      }
      rest = rest.subarray(at)
    })
    stream.addEventListener('drain', () => this.relieved(stream))
    stream.addEventListener('close', () => this.lost(stream))
    this.write(stream, HELLO)
  }
}

export const createNode = (/** @type {any} */ options) => new Libp2pNode(options)
