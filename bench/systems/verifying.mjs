/** A node of the work `verify`: signed messages to judge, a small question, and how many it has judged. Every end is a masternode. */
import { createIdentity, message, request, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'

const HOST = '127.0.0.1'
const NO_QUOTA = 2 ** 40
const NOWHERE = `${HOST}:1`

class VerifyingNode {
  #swarm
  #signed = /** @type {import('holdfast').MessageDefinition<any>} */ (message('signed', { repeat: true }))
  #echo = /** @type {import('holdfast').RequestDefinition<any, any>} */ (request('echo'))
  #judged = /** @type {import('holdfast').RequestDefinition<void, number>} */ (request('judged'))
  #count = 0
  /** Only who judges takes them. @type {((signed: any, context: any) => any) | null} */
  onSigned = null

  /** @param {{ listens?: boolean }} options */
  constructor({ listens = true }) {
    this.listens = listens
    this.#swarm = new Swarm({
      network: 'BNCH',
      identity: createIdentity(),
      transports: [tcp()],
      listen: listens ? [`tcp://${HOST}:0`] : [],
      perIpLimits: false,
      limits: {
        masternode: { firstCopiesPerSecMax: NO_QUOTA, firstCopiesBurst: NO_QUOTA, bytesPerSecMax: NO_QUOTA },
      },
    })
    this.#swarm.respond(this.#echo, (question) => question)
    this.#swarm.respond(this.#judged, () => this.#count)
    if (!listens) return
    this.#swarm.handle(this.#signed, async (signed, context) => {
      const verdict = this.onSigned?.(signed, context)
      const given = typeof verdict === 'string' ? verdict : await verdict
      this.#count++
      return given
    })
  }

  get links() {
    return this.#swarm.peers.size
  }

  async listen() {
    await this.#swarm.start()
    return this.#swarm.addresses[0] ?? `tcp://${this.#swarm.id}@${NOWHERE}`
  }

  async connect(/** @type {readonly string[]} */ addresses) {
    for (const address of addresses) this.#swarm.masternodes.add(address)
    if (!this.listens) await Promise.allSettled(addresses.map((address) => this.#swarm.dial(address)))
  }

  broadcast(/** @type {any} */ signed) {
    this.#swarm.broadcast(this.#signed, signed)
  }

  ask() {
    return this.#hub().request(this.#echo, 'there?')
  }

  judged() {
    return this.#hub().request(this.#judged)
  }

  async drained() {
    await this.#hub().drain()
  }

  /** The one peer that it has. */
  #hub() {
    const [hub] = this.#swarm.peers.values()
    if (hub === undefined) throw new Error('there is no hub')
    return hub
  }
}

/** @param {any} options */
export const createNode = (options) => new VerifyingNode(options)
