/**
 * The node whose slots are fought over. Like any host's, but its book already knows whom it has met for ten minutes, and it may
 * grant a class of its own.
 *
 * `begin` takes: seed, host, port, network, masternodes, persistent; `regulars` (ids that the book calls regular) and `granted`
 * (ids that `authorize` calls masternodes, though no list names them). `standing` → peers by class, and what was refused.
 */
import { createIdentity, PeerStore, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'
import { obey } from '../child.mjs'

const TEN_MINUTES_MS = 600_000

let swarm = /** @type {Swarm | null} */ (null)

/** @param {any} order */
async function begin({ seed, host, port, regulars, granted, ...rest }) {
  const peerStore = new PeerStore()
  peerStore.restore({ version: 1, peers: regulars.map(known), pinnedAddresses: [] }, Date.now())
  const listed = (/** @type {readonly string[]} */ addresses, /** @type {string} */ id) =>
    addresses.some((address) => address.includes(`//${id}@`))
  swarm = new Swarm({
    identity: createIdentity(Buffer.from(seed, 'hex')),
    transports: [tcp()],
    listen: [`tcp://${host}:${port}`],
    peerStore,
    authorize: ({ peerId }) => {
      if (granted.includes(peerId) || listed(rest.masternodes, peerId)) return 'masternode'
      if (listed(rest.persistent, peerId)) return 'persistent'
      return regulars.includes(peerId) ? 'regular' : 'unknown'
    },
    ...rest,
  })
  await swarm.start()
}

/** @param {string} id */
function known(id) {
  return { id, source: 'inbound', addresses: [], linkedMs: TEN_MINUTES_MS, lastSeenAt: 0, dialedUs: true, failures: 0 }
}

function standing() {
  const status = swarm?.status()
  const peers = /** @type {Record<string, number>} */ ({})
  for (const peer of status?.peers ?? []) peers[peer.class] = (peers[peer.class] ?? 0) + 1
  return { peers, pending: status?.pending, refused: status?.inboundRefused, closed: status?.closed }
}

obey({ begin, standing })
