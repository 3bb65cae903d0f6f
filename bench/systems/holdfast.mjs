/**
 * holdfast as a host uses it: its published entries alone, and every end a masternode to the other. Quotas are set out of the
 * way, or they would be what is measured: a masternode's is 5,000 first copies a second.
 */
import { createIdentity, direct, message, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'

const HOST = '127.0.0.1'
const NO_QUOTA = 2 ** 40
/** A link is not writable beyond an eighth of this: at 256 KiB, as with all the others. */
const OUTBOX_BYTES = 2 ** 21
/** Where nobody listens: who only dials is listed there. */
const NOWHERE = `${HOST}:1`

class HoldfastNode {
  #swarm
  /** Bound: the peers. @type {import('holdfast').Peer[]} */
  #peers = []
  #one = /** @type {import('holdfast').DirectDefinition<any>} */ (direct('one'))
  #all = /** @type {import('holdfast').MessageDefinition<any>} */ (message('all'))
  /** Bound: the links that are being closed. @type {Map<import('holdfast').Peer, () => void>} */
  #closing = new Map()
  onPeer = (/** @type {import('holdfast').Peer} */ _peer) => {}
  onMessage = (/** @type {any} */ _peer, /** @type {any} */ _payload) => {}

  /** @param {{ listens?: boolean, keepAliveMs?: number }} options */
  constructor({ listens = true, keepAliveMs }) {
    const pings = keepAliveMs === undefined ? {} : { idlePingMs: keepAliveMs }
    this.listens = listens
    this.#swarm = new Swarm({
      network: 'BNCH',
      identity: createIdentity(),
      transports: [tcp()],
      listen: listens ? [`tcp://${HOST}:0`] : [],
      perIpLimits: false,
      limits: {
        masternode: {
          firstCopiesPerSecMax: NO_QUOTA,
          firstCopiesBurst: NO_QUOTA,
          bytesPerSecMax: NO_QUOTA,
          outboxBytesMax: OUTBOX_BYTES,
          ...pings,
        },
      },
    })
    this.#swarm.handle(this.#one, (payload, { peer }) => this.onMessage(peer, payload))
    this.#swarm.handle(this.#all, (payload, { peer }) => {
      this.onMessage(peer, payload)
      return 'accept'
    })
    this.#swarm.on('peer:connect', (peer) => {
      this.#peers.push(peer)
      this.onPeer(peer)
    })
    this.#swarm.on('peer:disconnect', (peer) => {
      this.#peers = this.#peers.filter((other) => other !== peer)
      this.#closing.get(peer)?.()
      this.#closing.delete(peer)
    })
  }

  get links() {
    return this.#peers.length
  }

  /** It floods by itself. */
  get floods() {
    return true
  }

  async listen() {
    await this.#swarm.start()
    return this.#swarm.addresses[0] ?? `tcp://${this.#swarm.id}@${NOWHERE}`
  }

  /**
   * Listed, it is dialled, by whichever side is the preferred one; who cannot be dialled does not wait for that. What fails is
   * tried again by itself.
   */
  async connect(/** @type {readonly string[]} */ addresses) {
    for (const address of addresses) this.#swarm.masternodes.add(address)
    if (!this.listens) await Promise.allSettled(addresses.map((address) => this.#swarm.dial(address)))
  }

  dial(/** @type {string} */ address) {
    return this.#swarm.dial(address)
  }

  close(/** @type {import('holdfast').Peer} */ peer) {
    return new Promise((resolve) => {
      this.#closing.set(peer, () => resolve(undefined))
      peer.close()
    })
  }

  send(/** @type {import('holdfast').Peer} */ peer, /** @type {any} */ payload) {
    return peer.send(this.#one, payload)
  }

  /** @returns false where a link is behind, and the next should wait */
  broadcast(/** @type {any} */ payload) {
    this.#swarm.broadcast(this.#all, payload)
    return this.#peers.every((peer) => peer.writable)
  }

  async drained() {
    await Promise.all(this.#peers.filter((peer) => !peer.writable).map((peer) => peer.drain()))
  }
}

/** @param {any} options */
export const createNode = (options) => new HoldfastNode(options)
