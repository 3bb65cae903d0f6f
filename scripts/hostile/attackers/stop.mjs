/**
 * A full house: raw sessions, each from an address of its own. Some read and answer; the others hang, whatever they are told,
 * because they never read or because this whole process is stopped.
 *
 * `join` ({ target, network, members: [{ seed, host, reads }] }) → how many are in · `told` → how many were told goodbye, by code
 */
import { obey } from '../child.mjs'
import { keyPair } from '../raw-peer-crypto.mjs'
import { RawPeer } from '../raw-peer.mjs'
import { networkIdOf } from '../raw-peer-wire.mjs'

const NAMES = [{ kind: 'message', name: 'tx' }]

/** Bound: who joins. @type {RawPeer[]} */
const peers = []

/** @param {any} order */
async function join({ target, network, members }) {
  const networkId = networkIdOf(network)
  let joined = 0
  for (const { seed, host, reads } of members) {
    const identity = keyPair('Ed25519', Buffer.from(seed, 'hex'))
    const peer = RawPeer.dial({ ...target, localAddress: host }, { identity, networkId, hello: { names: NAMES } })
    peers.push(peer)
    await peer.ready.then(
      () => joined++,
      () => undefined,
    )
    if (!reads) peer.socket.pause()
  }
  return joined
}

obey({
  join,
  told: () => {
    const codes = /** @type {Record<string, number>} */ ({})
    for (const { said } of peers) codes[said?.code ?? 'nothing'] = (codes[said?.code ?? 'nothing'] ?? 0) + 1
    return codes
  },
})
