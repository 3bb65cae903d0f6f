/** The other end of a dial: raw peers that answer. */
import net from 'node:net'
import { RawPeer } from './raw-peer.mjs'

/**
 * Accepts links; `told` is called with a raw peer for each.
 * @param {net.ListenOptions} where
 * @param {import('./raw-peer.mjs').RawOptions} options
 * @param {(peer: RawPeer) => void} told
 * @returns {Promise<{ port: number, close: () => void }>}
 */
export async function listenRaw(where, options, told) {
  const peers = /** @type {Set<RawPeer>} */ (new Set())
  const server = net.createServer({ noDelay: true }, (socket) => {
    const peer = new RawPeer(socket, 'responder', options)
    peers.add(peer)
    peer.once('closed', () => peers.delete(peer))
    told(peer)
  })
  await new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(where, () => resolve(undefined))
  })
  const { port } = /** @type {net.AddressInfo} */ (server.address())
  const close = () => {
    server.close()
    for (const peer of peers) peer.destroy()
  }
  return { port, close }
}
