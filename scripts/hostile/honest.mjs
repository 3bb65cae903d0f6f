/**
 * Honest nodes: real ones, several in one process, each at an address of its own. They keep a link to the victim, send it requests
 * at a steady pace whatever came of the ones before, and tell how long the answers took.
 *
 * `begin` takes: network, `nodes`: [{ seed, host, dials: address of the victim or of what stands before it, as: 'masternode' |
 *   'seed', listen?: port, ratePerSec?: other than the others' }], `ratePerSec` for each node once it is linked (0: none), `everyMs` between the starts of two nodes (0), `atOnce`: they do
 *   not wait 2 to 3 s where the victim's id is the preferred dialer of the two (false), and `preset`, `perIpLimits` of SwarmOptions.
 *   It answers when all have started, not when they are linked.
 * `joined` ({ withinMs }) → for each node, ms from its first dial to its link, null for none within that time (ask with patience).
 *   Not from its start: see `atOnce`
 * `report` → since the last one: asked, failed (by code), p50Ms, p99Ms, maxMs (null without answers), links now, disconnects (by code)
 * `pace` ({ ratePerSec }) → from now on · `leave` → all stop
 */
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createIdentity, HoldfastError, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'
import { webSocket } from 'holdfast/websocket'
import { obey } from './child.mjs'
import { ECHO } from './words.mjs'

const TICK_MS = 5
const UNDER_WAY_MAX = 5_000

/** @typedef {{ swarm: Swarm, joinedMs: number | null, due: number, own: number | null }} Member */

/** Bound: the nodes of `begin`. @type {Member[]} */
const members = []
let ratePerSec = 0
let batch = emptyBatch()
let pacedAt = performance.now()

/** From which address sockets are opened at present. holdfast leaves that to the kernel, and the kernel would take one for all. */
let source = /** @type {string | null} */ (null)
const connect = net.connect
net.connect = /** @type {typeof net.connect} */ (
  (/** @type {any} */ options, /** @type {any[]} */ ...rest) =>
    connect(source === null ? options : { ...options, localAddress: source }, ...rest)
)

/** @param {import('holdfast').Transport} inner @param {string} host @param {() => void} dialled */
function dialsFrom(inner, host, dialled) {
  /** @type {import('holdfast').Transport['dial']} */
  const dial = (address, events) => {
    source = host
    dialled()
    try {
      return inner.dial(address, events)
    } finally {
      source = null
    }
  }
  return { ...inner, dial }
}

/** @param {any} order */
async function begin({ nodes, ratePerSec: rate = 0, everyMs = 0, atOnce = false, ...rest }) {
  ratePerSec = rate
  for (const { seed, host, dials, as, listen, ratePerSec: own = null } of nodes) {
    let dialledAt = 0
    const swarm = new Swarm({
      ...rest,
      identity: createIdentity(Buffer.from(seed, 'hex')),
      transports: [
        dialsFrom(dials.startsWith('ws:') ? webSocket() : tcp(), host, () => (dialledAt ||= performance.now())),
      ],
      listen: listen === undefined ? [] : [`tcp://${host}:${listen}`],
      ...(as === 'masternode' ? { masternodes: [dials] } : { seeds: [dials] }),
      agent: 'honest',
    })
    const member = { swarm, joinedMs: /** @type {number | null} */ (null), due: 0, own }
    swarm.on('peer:connect', () => {
      member.joinedMs ??= performance.now() - dialledAt
    })
    swarm.on('peer:disconnect', (_peer, { code }) => count(batch.disconnects, code))
    members.push(member)
    await swarm.start()
    if (atOnce) swarm.dial(dials).catch(() => {})
    if (everyMs > 0) await sleep(everyMs)
  }
}

/** @param {{ withinMs: number }} order */
async function joined({ withinMs }) {
  const until = performance.now() + withinMs
  while (performance.now() < until && members.some(({ joinedMs }) => joinedMs === null)) await sleep(TICK_MS)
  return members.map(({ joinedMs }) => joinedMs)
}

function pace() {
  const now = performance.now()
  const elapsedS = Math.min(now - pacedAt, 1_000) / 1000
  pacedAt = now
  for (const member of members) {
    const [peer] = member.swarm.peers.values()
    if (peer === undefined) continue
    member.due += (member.own ?? ratePerSec) * elapsedS
    for (; member.due >= 1; member.due--) if (batch.under < UNDER_WAY_MAX) void ask(peer, batch)
  }
}

/** @param {import('holdfast').Peer} peer @param {ReturnType<typeof emptyBatch>} into */
async function ask(peer, into) {
  const at = performance.now()
  into.asked++
  into.under++
  try {
    await peer.request(ECHO, { at })
    into.tookMs.push(performance.now() - at)
  } catch (error) {
    count(into.failed, error instanceof HoldfastError ? error.code : String(error))
  }
  into.under--
}

async function report() {
  const done = batch
  batch = emptyBatch()
  while (done.under > 0) await sleep(TICK_MS)
  const { asked, failed, disconnects } = done
  const tookMs = done.tookMs.sort((a, b) => a - b)
  const at = (/** @type {number} */ share) =>
    tookMs[Math.min(tookMs.length - 1, Math.ceil(share * tookMs.length) - 1)] ?? null
  const links = members.reduce((sum, { swarm }) => sum + swarm.peers.size, 0)
  return { asked, failed, disconnects, links, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: tookMs.at(-1) ?? null }
}

function emptyBatch() {
  return {
    asked: 0,
    under: 0,
    failed: /** @type {Record<string, number>} */ ({}),
    disconnects: /** @type {Record<string, number>} */ ({}),
    tookMs: /** @type {number[]} */ ([]),
  }
}

/** @param {Record<string, number>} counts @param {string} name */
function count(counts, name) {
  counts[name] = (counts[name] ?? 0) + 1
}

setInterval(pace, TICK_MS)
obey({
  begin,
  joined,
  report,
  pace: ({ ratePerSec: rate }) => {
    ratePerSec = rate
  },
  leave: () => Promise.all(members.map(({ swarm }) => swarm.stop())),
})
