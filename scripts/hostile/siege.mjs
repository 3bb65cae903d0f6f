/**
 * A slow loris around the victim, and masternodes that join through it. There are 100 ms of latency in front of everybody: without it
 * even a pool that lets go of the oldest looks well. The masternodes and the peers that were there before come through a relay
 * that holds everything back; the attackers, who say next to nothing, hold themselves back.
 */
import { member, NETWORK } from './lab.mjs'

export const RTT_MS = 100
export const JOINERS = 20
/** Peers that were there before: one a stranger, the others masternodes. */
export const OLD = 3
/** Handshakes under way at once, where fewer than 128 are listed. */
export const PENDING_CAP = 64
const SOCKETS = 1_000
const HOSTS = 250
const RECONNECTS_PER_SEC = 5_000
const HONEST_RATE = 50
const WARM_MS = 3_000
const PATIENCE_MS = 15_000
const JOIN_EVERY_MS = 100
const JOIN_EVERY_SHORT_MS = 25
const DOOR = { host: '10.0.0.2', port: 24100 }

/**
 * @param {import('./lab.mjs').Lab} lab
 * @param {string} what
 * @param {object} options of the victim
 * @param {'tcp' | 'ws'} scheme what everybody comes by
 */
export async function siege(lab, what, options, scheme = 'tcp') {
  const old = Array.from({ length: OLD }, (_, i) => ({ ...member(), host: `10.9.1.${i + 1}` }))
  const joiners = Array.from({ length: JOINERS }, (_, i) => ({ ...member(), host: `10.9.2.${i + 1}` }))
  const masternodes = [...old.slice(1), ...joiners].map(({ id, host }) => `${scheme}://${id}@${host}:24100`)
  const victim = await lab.victim({ masternodes, ...options })
  const { host } = victim
  const port = scheme === 'tcp' ? victim.port : victim.wsPort
  const proxy = await lab.start('proxy.mjs')
  await proxy.ask('begin', { ...DOOR, toHost: host, toPort: port, rttMs: RTT_MS })
  const dials = `${scheme}://${victim.id}@${DOOR.host}:${DOOR.port}`
  const settled = await lab.honest({
    nodes: old.map((node, i) => nodeOf(node, dials, i === 0)),
    ratePerSec: HONEST_RATE,
    atOnce: true,
  })
  await settled.ask('joined', { withinMs: 15_000 })
  const attacker = await lab.start('attackers/loris.mjs', { yields: true })
  const newcomers = await lab.start('honest.mjs', { ours: true })
  await settled.ask('report')
  await victim.ask('begin-watch')
  const hosts = Array.from({ length: HOSTS }, (_, i) => `10.64.${i}.${(i % 200) + 1}`)
  const flood = { host, port, hosts, sockets: SOCKETS, rttMs: RTT_MS, reconnectsPerSec: RECONNECTS_PER_SEC }
  await attacker.ask('begin', flood)
  await lab.sleep(lab.short ? 1_000 : WARM_MS)
  const nodes = joiners.map((node) => nodeOf(node, dials, false))
  await newcomers.ask('begin', { network: NETWORK, nodes, everyMs: lab.short ? JOIN_EVERY_SHORT_MS : JOIN_EVERY_MS })
  const joinMs = await newcomers.ask('joined', { withinMs: PATIENCE_MS }, PATIENCE_MS + 10_000)
  const { rate, ...seen } = await attacker.ask('report')
  const watched = await victim.ask('watched')
  const honestly = await settled.ask('report')
  const { inboundRefused } = await victim.ask('status')
  const joins = joinMs.map((/** @type {number | null} */ ms) => (ms === null ? null : Math.round(ms)))
  lab.say(`${scheme} loris (${what}): ${JSON.stringify({ rate, seen, watched, honestly, joins, inboundRefused })}`)
  for (const process of [attacker, newcomers, settled, proxy, victim]) await process.end()
  return {
    what,
    joinMs: /** @type {(number | null)[]} */ (joinMs),
    rate: Math.round(rate),
    halfOpenMax: seen.halfOpenMax,
    watched,
    honestly,
  }
}

/** @param {{ seed: string, host: string }} node @param {string} dials @param {boolean} stranger */
function nodeOf({ seed, host }, dials, stranger) {
  // A stranger has a quota of 100 a minute, and what comes beyond it waits.
  return { seed, host, dials, ...(stranger ? { as: 'seed', ratePerSec: 1 } : { as: 'masternode' }) }
}
