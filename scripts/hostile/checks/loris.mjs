/**
 * A slow loris, with 100 ms of latency in front of everybody: without latency even a pool that lets go of the oldest looks well.
 * The masternodes and the peers that were there before come through a relay that holds everything back; the attackers, who
 * say next to nothing, hold themselves back.
 */
import { member, NETWORK } from '../lab.mjs'

export const about =
  '1,000 half-open connections from 250 addresses, 5,000 reconnects a second, and 20 masternodes join'

const RTT_MS = 100
const SOCKETS = 1_000
const HOSTS = 250
const RECONNECTS_PER_SEC = 5_000
const JOINERS = 20
/** One of them a stranger, the others masternodes. */
const OLD = 3
const HONEST_RATE = 50
const WARM_MS = 3_000
const PATIENCE_MS = 15_000
const JOIN_EVERY_MS = 100
const JOIN_EVERY_SHORT_MS = 25
/** Handshakes under way at once, where fewer than 128 are listed. */
const PENDING_CAP = 64
const DOOR = { host: '10.0.0.2', port: 24100 }

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  // With limits by IP most of the flood is turned away at the door: the pool behind it is tried without them, too.
  const shielded = await siege(lab, 'limits by IP', {})
  const bare = await siege(lab, 'no limits by IP', { perIpLimits: false })
  const both = [shielded, bare]
  const most = (/** @type {(one: typeof bare) => number} */ of) => Math.max(...both.map(of))
  const failed = most(({ joinMs }) => joinMs.filter((ms) => ms === null).length)
  const worst = both.map(({ joinMs }) => Math.max(...joinMs.map((ms) => ms ?? Infinity)))
  return [
    {
      name: 'loris.joinsFailed',
      figure: failed,
      unit: `of ${JOINERS}`,
      bound: 0,
      held: both
        .map(({ what, rate, halfOpenMax }) => `${what}: ${rate} connections/s, ${halfOpenMax} at once`)
        .join('; '),
    },
    {
      name: 'loris.joinMsMax',
      figure: failed > 0 ? null : Math.max(...worst),
      unit: 'ms',
      bound: 2_000,
      held: `from the first dial to the link; with limits by IP ${worst[0]?.toFixed(0)}, without ${worst[1]?.toFixed(0)}`,
    },
    {
      name: 'loris.pendingMax',
      figure: most(({ watched }) => watched.pendingMax),
      unit: 'handshakes',
      bound: PENDING_CAP,
      held: `the pool's ${PENDING_CAP}, of which strangers get half; leaving at most ${most(({ watched }) => watched.lingeringMax)} of 128`,
    },
    {
      name: 'loris.honestP99Ms',
      figure: both.some(({ honestly }) => honestly.p99Ms === null) ? null : most(({ honestly }) => honestly.p99Ms),
      unit: 'ms',
      bound: 250,
      held: `of the ${OLD} peers that were there before; the round trip is ${RTT_MS}`,
    },
    {
      name: 'loris.honestLost',
      figure: both.reduce((sum, { honestly }) => sum + total(honestly.disconnects) + total(honestly.failed), 0),
      unit: 'links and requests',
      bound: 0,
    },
    { name: 'loris.crashes', figure: lab.crashes, unit: 'processes', bound: 0 },
  ]
}

/** @param {import('../lab.mjs').Lab} lab @param {string} what @param {object} options */
async function siege(lab, what, options) {
  const old = Array.from({ length: OLD }, (_, i) => ({ ...member(), host: `10.9.1.${i + 1}` }))
  const joiners = Array.from({ length: JOINERS }, (_, i) => ({ ...member(), host: `10.9.2.${i + 1}` }))
  const masternodes = [...old.slice(1), ...joiners].map(({ id, host }) => `tcp://${id}@${host}:24100`)
  const victim = await lab.victim({ masternodes, ...options })
  const { host, port } = victim
  const proxy = await lab.start('proxy.mjs')
  await proxy.ask('begin', { ...DOOR, toHost: host, toPort: port, rttMs: RTT_MS })
  const dials = `tcp://${victim.id}@${DOOR.host}:${DOOR.port}`
  const settled = await lab.honest({
    nodes: old.map((node, i) => nodeOf(node, dials, i === 0)),
    ratePerSec: HONEST_RATE,
    atOnce: true,
  })
  await settled.ask('joined', { withinMs: 15_000 })
  const attacker = await lab.start('attackers/loris.mjs')
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
  lab.say(`loris (${what}): ${JSON.stringify({ rate, seen, watched, honestly, joins, inboundRefused })}`)
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

/** @param {Record<string, number>} counts */
const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0)

/** @param {{ seed: string, host: string }} node @param {string} dials @param {boolean} stranger */
function nodeOf({ seed, host }, dials, stranger) {
  return { seed, host, dials, as: stranger ? 'seed' : 'masternode' }
}
