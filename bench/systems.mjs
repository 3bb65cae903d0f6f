/** Who takes part: holdfast, what it is compared with, and where it is installed beside the benchmark, what else there is. */
import { createRequire } from 'node:module'

/**
 * @typedef {object} System
 * @property {string} name
 * @property {string} module its file
 * @property {object} options of its nodes
 * @property {boolean} json payloads are objects, and not bytes
 * @property {boolean} lists both ends name each other
 * @property {boolean} tried with fewer peers, too, where a work has that
 */

/** @type {(name: string, module: string, more?: Partial<System>) => System} */
const system = (name, module, more = {}) => ({
  name,
  module,
  options: {},
  json: false,
  lists: false,
  tried: false,
  ...more,
})
const HOLDFAST = { lists: true }
const TLS = { options: { secure: true } }

const OPAQUE = [
  system('holdfast', 'systems/holdfast', { ...HOLDFAST, tried: true }),
  system('tcp', 'systems/streams'),
  system('tls', 'systems/streams', { ...TLS, tried: true }),
  system('ws', 'systems/websocket'),
]
const JSON_ROWS = [
  system('holdfast-json', 'systems/holdfast', { ...HOLDFAST, json: true }),
  system('tls-json', 'systems/streams', { ...TLS, json: true }),
]
/** Not compared with anybody, and so with the numbers that a host has. */
export const MASTERNODE = system('holdfast', 'systems/masternode', HOLDFAST)
/** By the packages they need, of peers/package.json. */
const PEERS = [
  { needs: ['hyperswarm', 'hyperdht'], system: system('hyperswarm', 'peers/hyperswarm') },
  {
    needs: ['libp2p', '@libp2p/tcp', '@libp2p/noise', '@libp2p/yamux'],
    system: system('libp2p', 'peers/libp2p'),
  },
]

/**
 * @param {{ json?: boolean, peers?: boolean }} work whether it has a row of objects, and whether the others take part
 * @param {{ peers: boolean, onlyHoldfast: boolean, say: (line: string) => void }} given
 */
export async function systemsFor({ json = false, peers: takesPeers = false }, { peers, onlyHoldfast, say }) {
  const all = [...OPAQUE, ...(json ? JSON_ROWS : [])]
  if (onlyHoldfast) return all.filter(({ lists, json: objects }) => lists && !objects)
  if (!peers || !takesPeers) return all
  const { resolve } = createRequire(new URL('peers/package.json', import.meta.url))
  for (const { needs, system: peer } of PEERS) {
    const missing = needs.filter((name) => !isThere(() => resolve(name)))
    if (missing.length === 0) all.push(peer)
    else
      say(
        `${peer.name} is left out: bench/peers does not have ${missing.join(', ')} (npm install --prefix bench/peers)`,
      )
  }
  return all
}

function isThere(/** @type {() => unknown} */ look) {
  try {
    look()
    return true
  } catch (error) {
    // There, but not for who would require it.
    return /** @type {any} */ (error).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED'
  }
}
