/** hyperswarm: streams encrypted with Noise over reliable UDP. Who listens also runs a DHT of four nodes, so that nothing leaves the machine. */
import DHT from 'hyperdht'
import createTestnet from 'hyperdht/testnet.js'
import Hyperswarm from 'hyperswarm'
import { MessageNode } from './message-node.mjs'

const HOST = '127.0.0.1'
const HELLO = Buffer.alloc(32, 1)
const DHT_NODES = 4

class HyperswarmNode extends MessageNode {
  /** @param {{ listens?: boolean }} options */
  constructor({ listens = true }) {
    super((stream, bytes) => stream.write(bytes))
    this.listens = listens
    this.swarm = /** @type {any} */ (null)
  }

  async listen() {
    if (!this.listens) return null
    const { bootstrap } = await createTestnet(DHT_NODES, { host: HOST })
    const swarm = this.#swarmOn(bootstrap)
    swarm.on('connection', (/** @type {any} */ stream) => this.#adopt(stream, () => {}))
    await swarm.listen()
    return { key: swarm.keyPair.publicKey.toString('hex'), bootstrap }
  }

  dial(/** @type {any} */ { key, bootstrap }) {
    const swarm = this.#swarmOn(bootstrap)
    return new Promise((resolve, reject) => {
      const stream = swarm.dht.connect(Buffer.from(key, 'hex'), { keyPair: swarm.keyPair })
      stream.once('error', reject)
      this.#adopt(stream, () => resolve(stream))
    })
  }

  #swarmOn(/** @type {any} */ bootstrap) {
    this.swarm ??= new Hyperswarm({ dht: new DHT({ bootstrap, host: HOST }), maxPeers: 10_000 })
    return this.swarm
  }

  #adopt(/** @type {any} */ stream, /** @type {() => void} */ ready) {
    stream.on('data', (/** @type {Buffer} */ bytes) => this.heard(stream, bytes, ready))
    stream.on('drain', () => this.relieved(stream))
    stream.on('error', () => {})
    stream.on('close', () => this.lost(stream))
    stream.write(HELLO)
  }
}

export const createNode = (/** @type {any} */ options) => new HyperswarmNode(options)
