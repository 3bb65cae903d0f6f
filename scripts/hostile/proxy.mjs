/**
 * The way to the victim, made long: a TCP relay that holds everything back by half a round trip in each direction, the opening of
 * the connection included, and keeps its clients' addresses (it binds them as its own).
 *
 * `begin` ({ host, port, toHost, toPort, rttMs }) · `report` → connections so far, open now
 */
import net from 'node:net'
import { obey } from './child.mjs'

const HIGH_BYTES = 4 * 1024 * 1024
let connections = 0
let open = 0

/** @param {{ host: string, port: number, toHost: string, toPort: number, rttMs: number }} order */
function begin({ host, port, toHost, toPort, rttMs }) {
  const halfMs = rttMs / 2
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    connections++
    open++
    // A client knows of its connection half a round trip after the server does, and only then speaks: it knew too early here.
    const speaksAt = performance.now() + rttMs
    client.on('error', () => {})
    setTimeout(() => {
      const localAddress = client.remoteAddress?.replace(/^::ffff:/, '')
      const server = net.connect({ host: toHost, port: toPort, localAddress, allowHalfOpen: true, noDelay: true })
      carry(server, client, () => halfMs)
      carry(client, server, () => Math.max(halfMs, speaksAt + halfMs - performance.now()))
    }, halfMs)
    client.pause()
    client.once('close', () => open--)
  })
  server.on('error', (error) => {
    throw error
  })
  return new Promise((resolve) => server.listen({ host, port, backlog: 511 }, () => resolve(undefined)))
}

/**
 * One direction. Delays never shrink below those before them, so that order is kept.
 * @param {net.Socket} from
 * @param {net.Socket} to
 * @param {() => number} delayMs
 */
function carry(from, to, delayMs) {
  let lastAt = 0
  const delayed = (/** @type {() => void} */ run) => {
    const at = Math.max(performance.now() + delayMs(), lastAt)
    lastAt = at
    setTimeout(run, at - performance.now())
  }
  from.on('error', () => {})
  from.on('data', (bytes) => {
    delayed(() => {
      if (to.destroyed) return
      to.write(bytes)
      if (to.writableLength > HIGH_BYTES) from.pause()
    })
  })
  to.on('drain', () => from.resume())
  from.on('end', () => delayed(() => to.end()))
  from.on('close', (broken) => delayed(() => (broken || from.errored ? to.destroy() : to.destroySoon())))
  from.resume()
}

obey({ begin, report: () => ({ connections, open }) })
