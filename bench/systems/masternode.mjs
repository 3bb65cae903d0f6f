/**
 * A masternode as a host runs it: every number its default, but that links are not counted by IP, since all are on one machine.
 * Two messages: small ones that many broadcast, and large ones that let the small ones pass.
 */
import { createIdentity, message, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'

const HOST = '127.0.0.1'
/** Where nobody listens: who only dials is listed there. */
const NOWHERE = `${HOST}:1`

/** Equal in all processes, and so one for all nodes of each. */
const TX = /** @type {import('holdfast').MessageDefinition<Uint8Array>} */ (message('tx'))
const BLOCK = /** @type {import('holdfast').MessageDefinition<Uint8Array>} */ (message('block', { priority: 'bulk' }))

/** @typedef {(payload: Uint8Array) => 'accept' | 'reject'} Judge */

export class Masternode {
  swarm
  links = 0
  /** Times that the swarm said that a link had shed something. */
  gaps = 0
  /** @type {Judge} */
  onTx = () => 'accept'
  /** @type {Judge} */
  onBlock = () => 'accept'

  /** @param {{ listens?: boolean, masternodes?: readonly string[], propagation?: 'hybrid' | 'flood' }} options */
  constructor({ listens = true, masternodes = [], propagation = 'hybrid' }) {
    this.listens = listens
    this.swarm = new Swarm({
      network: 'BNCH',
      identity: createIdentity(),
      transports: [tcp()],
      listen: listens ? [`tcp://${HOST}:0`] : [],
      masternodes,
      perIpLimits: false,
      propagation,
    })
    this.swarm.handle(TX, (payload) => this.onTx(payload))
    this.swarm.handle(BLOCK, (payload) => this.onBlock(payload))
    this.swarm.on('peer:connect', () => this.links++)
    this.swarm.on('peer:disconnect', () => this.links--)
    this.swarm.on('recovered', ({ cause }) => {
      if (cause === 'shed') this.gaps++
    })
  }

  async listen() {
    await this.swarm.start()
    return this.swarm.addresses[0] ?? `tcp://${this.swarm.id}@${NOWHERE}`
  }

  /** Listed, it is dialled by whichever side is the preferred one; who cannot be dialled does not wait for that. */
  async connect(/** @type {readonly string[]} */ addresses) {
    for (const address of addresses) this.swarm.masternodes.add(address)
    if (!this.listens) await Promise.allSettled(addresses.map((address) => this.swarm.dial(address)))
  }

  broadcastTx(/** @type {Uint8Array} */ payload) {
    return this.swarm.broadcast(TX, payload)
  }

  broadcastBlock(/** @type {Uint8Array} */ payload) {
    return this.swarm.broadcast(BLOCK, payload)
  }
}

/** @param {any} options */
export const createNode = (options) => new Masternode(options)
