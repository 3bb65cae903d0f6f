/**
 * The node that everybody comes to and leaves. It counts what it is made of: by a transport that looks at whom links are handed
 * to, it knows the classes of connections and links, and can ask the engine how many of each are alive.
 *
 * `begin` ({ seed, host, port, network }) · `dials` ({ hosts }) → dials each of those, where nobody listens; the codes they failed with
 * `settled` ({ withinMs }) → waits until nothing lingers, then { alive: { class: count }, resources: { kind: count }, fds, heapMiB,
 *   handshakes }
 */
import { readdirSync } from 'node:fs'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import v8 from 'node:v8'
import { createIdentity, message, request, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'
import { obey } from '../child.mjs'

const MIB = 1024 * 1024
const AT_ONCE = 50

let swarm = /** @type {Swarm | null} */ (null)
/** Bound: the classes that links and peers have. @type {Set<Function>} */
const classes = new Set([
  net.Socket,
  setTimeout(() => undefined, 0).constructor,
  AbortSignal,
  Buffer.from('').constructor,
])

/** @param {object} made */
function learn(made) {
  classes.add(made.constructor)
}

/** A transport that tells what it sees, and changes nothing. @param {import('holdfast').Transport} inner */
function watched(inner) {
  const see = (/** @type {any} */ link) => {
    learn(link)
    const { open } = link
    link.open = (/** @type {any} */ events) => {
      learn(events)
      delete link.open
      open.call(link, events)
    }
    return link
  }
  /** @type {import('holdfast').Transport} */
  const transport = {
    schemes: inner.schemes,
    dial: (address, events) => inner.dial(address, { ...events, opened: (link) => events.opened(see(link)) }),
    listen: (address, events) => {
      const { listening, failed } = events
      const accepted = (/** @type {any} */ link) => events.accepted(see(link))
      return inner.listen(address, { listening: (at) => listening(at), failed: (why) => failed(why), accepted })
    },
  }
  return transport
}

/** @param {any} order */
async function begin({ seed, host, port, network }) {
  const own = new Swarm({
    network,
    identity: createIdentity(Buffer.from(seed, 'hex')),
    transports: [watched(tcp())],
    listen: [`tcp://${host}:${port}`],
  })
  swarm = own
  own.handle(message('tx'), () => 'accept')
  own.respond(request('echo'), (asked) => asked)
  own.on('peer:connect', learn)
  await own.start()
}

/** @param {{ hosts: string[] }} order */
async function dials({ hosts }) {
  const codes = /** @type {Record<string, number>} */ ({})
  const rest = [...hosts]
  const work = async () => {
    for (let host = rest.pop(); host !== undefined; host = rest.pop()) {
      const code = await swarm?.dial(`tcp://${host}:9`).then(
        () => 'in',
        ({ code: why }) => why,
      )
      codes[code] = (codes[code] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return codes
}

/** @param {{ withinMs: number }} order */
async function settled({ withinMs }) {
  const end = performance.now() + withinMs
  const busy = () => {
    const status = swarm?.status()
    return status === undefined || status.peers.length + status.pending + status.lingering > 0
  }
  while (performance.now() < end && busy()) await sleep(20)
  // What closed just now has callbacks to run.
  await sleep(100)
  const collect = /** @type {() => void} */ (globalThis.gc)
  for (let i = 0; i < 4; i++) collect()
  const { heapUsed, external } = process.memoryUsage()
  const resources = /** @type {Record<string, number>} */ ({})
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1
  return {
    alive: Object.fromEntries([...classes].map((made) => [made.name, countOf(made)])),
    resources,
    fds: readdirSync('/proc/self/fd').length,
    heapMiB: (heapUsed + external) / MIB,
    handshakes: swarm?.status().handshakes['inbound'] ?? 0,
  }
}

/** @param {any} made */
function countOf(made) {
  return /** @type {number} */ (v8.queryObjects(made, { format: 'count' }))
}

obey({ begin, dials, settled })
