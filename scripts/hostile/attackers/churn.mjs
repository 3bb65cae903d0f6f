/**
 * Those who come and go: a fixed company of identities, each with an address, so that what a node remembers of them has an end.
 *
 * `begin` ({ target, network, company }) → makes so many · `cycles` ({ count, atOnce }) → so many sessions, one after another in turn:
 *   hello, one request, goodbye; how each ended · `aborts` ({ count, atOnce }) → so many handshakes, given up after the preamble, the
 *   first message, or the answer to it
 */
import { obey } from '../child.mjs'
import { keyPair } from '../raw-peer-crypto.mjs'
import { RawPeer } from '../raw-peer.mjs'
import { delegation, networkIdOf } from '../raw-peer-wire.mjs'

const FLIGHTS = /** @type {const} */ (['first', 'third', 'hello'])

/** The company is spread over so many /24: each stays within its 120 attempts a minute. */
const NETWORKS = 250

let target = { host: '', port: 0 }
/** @type {{ host: string, options: import('../raw-peer.mjs').RawOptions }[]} */
let company = []
let turn = 0

/** @param {any} order */
function begin({ target: given, network, company: size }) {
  target = given
  const networkId = networkIdOf(network)
  const fixed = keyPair('X25519')
  company = Array.from({ length: size }, (_, i) => {
    const identity = keyPair('Ed25519')
    const epoch = Buffer.alloc(8)
    epoch.writeUInt32BE(i)
    const own = {
      networkId,
      identity,
      fixed,
      delegation: delegation({ identity, staticKey: fixed.publicKey, networkId }),
    }
    return { host: `10.72.${i % NETWORKS}.${Math.floor(i / NETWORKS) + 1}`, options: { ...own, hello: { epoch } } }
  })
}

/** @param {{ count: number, atOnce: number }} order */
function cycles(order) {
  return inTurn(order, async ({ host, options }) => {
    const peer = RawPeer.dial({ ...target, localAddress: host }, options)
    await peer.ready.catch(() => undefined)
    if (peer.remoteHello === null) return peer.said?.code ?? 'lost'
    const answered = new Promise((resolve) => peer.on('frame', ({ type }) => type === 10 && resolve(undefined)))
    peer.sendAll([peer.request(1, 'echo', Buffer.from('[]'))])
    await Promise.race([answered, peer.closed])
    const outcome = peer.said?.code ?? 'done'
    peer.leave()
    await peer.closed
    return outcome
  })
}

/** @param {{ count: number, atOnce: number }} order */
function aborts(order) {
  return inTurn(order, async ({ host, options }, i) => {
    const stop = FLIGHTS[i % FLIGHTS.length]
    const tamper = (/** @type {string} */ flight, /** @type {Buffer} */ bytes) => {
      if (flight === stop) setImmediate(() => peer.destroy())
      return flight === stop ? null : bytes
    }
    const peer = RawPeer.dial({ ...target, localAddress: host }, { ...options, tamper })
    // Before it is connected there is nothing to give up.
    if (stop === 'first') peer.socket.once('connect', () => peer.destroy())
    await peer.closed
    return 'aborted'
  })
}

/**
 * @param {{ count: number, atOnce: number }} order
 * @param {(one: typeof company[number], i: number) => Promise<string>} run
 */
async function inTurn({ count, atOnce }, run) {
  const outcomes = /** @type {Record<string, number>} */ ({})
  let left = count
  const work = async () => {
    while (left-- > 0) {
      const i = turn++
      const one = company[i % company.length]
      const outcome = one === undefined ? 'nobody' : await run(one, i)
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return outcomes
}

obey({ begin, cycles, aborts })
