/**
 * A slow loris, with 100 ms of latency in front of everybody: without latency even a pool that lets go of the oldest looks well.
 * The masternodes and the peers that were there before come through a relay that holds everything back; the attackers, who
 * say next to nothing, hold themselves back.
 */
import { JOINERS, OLD, PENDING_CAP, RTT_MS, siege } from '../siege.mjs'
import { percent } from '../time.mjs'

export const about =
  '1,000 half-open connections from 250 addresses, 5,000 reconnects a second, and 20 masternodes join'

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
      held: `of the ${OLD} peers that were there before; the round trip is ${RTT_MS}; without a core for ${percent(most(({ watched }) => watched.waitedShare))}`,
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

/** @param {Record<string, number>} counts */
const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0)
