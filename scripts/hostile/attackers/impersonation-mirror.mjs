/**
 * Somebody at a masternode's address who has nothing of its own to say: whatever it is told goes back where it came from, or on
 * to another node.
 *
 * `listen` ({ host, port, to }) → accepts links there; `to`: null sends everything back on the same link, else { host, port,
 *   localAddress } is where a link is opened for each, and both are joined
 * `spoil` → from now on one bit of each chunk that is passed on is turned · `links` → how many were accepted
 */
import net from 'node:net'
import { obey } from '../child.mjs'

let spoils = false
let links = 0

/** @param {{ host: string, port: number, to: net.TcpNetConnectOpts | null }} order */
function listen({ host, port, to }) {
  const server = net.createServer({ noDelay: true }, (socket) => {
    links++
    const other = to === null ? socket : net.connect({ ...to, noDelay: true })
    join(socket, other)
    if (other !== socket) join(other, socket)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => resolve(undefined))
  })
}

/** @param {net.Socket} from @param {net.Socket} to */
function join(from, to) {
  from.on('error', () => to.destroy())
  from.on('close', () => to.destroy())
  from.on('data', (bytes) => to.write(spoils ? spoilt(bytes) : bytes))
  from.on('end', () => to.end())
}

/** @param {Buffer} bytes */
function spoilt(bytes) {
  const copy = Buffer.from(bytes)
  copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 1
  return copy
}

obey({
  listen,
  spoil: () => {
    spoils = true
  },
  links: () => links,
})
