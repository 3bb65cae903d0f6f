/**
 * Ten thousand peers come and go, a thousand give up half way, a thousand dials fail: afterwards nothing of them is left. The same
 * work goes before, so that everything that remembers within a bound is full, and every function compiled.
 */
import { member, NETWORK, VICTIM_HOST, VICTIM_PORT } from '../lab.mjs'

export const about = '10,000 connects and disconnects, 1,000 aborted handshakes, 1,000 failed dials'

/** Seats: as many as may be connected from strangers at once, less a few that are still on their way out. */
const AT_ONCE = 12
const WORK_MS = 240_000
const SETTLE_MS = 20_000
const FULL = { company: 5_000, warmUp: 12_000, cycles: 10_000, others: 1_000 }
const SHORT = { company: 100, warmUp: 200, cycles: 300, others: 30 }

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  const size = lab.short ? SHORT : FULL
  const node = await lab.start('attackers/churn-node.mjs', {
    ours: true,
    nodeOptions: ['--expose-gc', '--no-warnings'],
  })
  await node.ask('begin', { ...member(), host: VICTIM_HOST, port: VICTIM_PORT, network: NETWORK })
  const attacker = await lab.start('attackers/churn.mjs')
  const target = { host: VICTIM_HOST, port: VICTIM_PORT }
  await attacker.ask('begin', { target, network: NETWORK, company: size.company })
  const turn = async (/** @type {number} */ cycles) => {
    const came = await attacker.ask('cycles', { count: cycles, atOnce: AT_ONCE }, WORK_MS)
    const aborted = await attacker.ask('aborts', { count: size.others, atOnce: AT_ONCE }, WORK_MS)
    const failed = await node.ask('dials', { hosts: silent(size.others) }, WORK_MS)
    lab.say(`churn: ${JSON.stringify({ came, aborted, failed })}`)
    return node.ask('settled', { withinMs: SETTLE_MS })
  }
  const before = await turn(size.warmUp)
  const after = await turn(size.cycles)
  lab.say(`churn: before ${JSON.stringify(before)}`)
  lab.say(`churn: after ${JSON.stringify(after)}`)
  return [
    figure('missed', size.cycles - (after.handshakes - before.handshakes), 'times', `cycles ${size.cycles}`),
    figure('liveObjects', grown(before.alive, after.alive), 'objects', JSON.stringify(after.alive)),
    figure('handles', grown(before.resources, after.resources), 'handles', JSON.stringify(after.resources)),
    figure('fds', after.fds - before.fds, 'fds', `${after.fds} open`),
    { ...figure('heapMiB', after.heapMiB - before.heapMiB, 'MiB', `${after.heapMiB.toFixed(1)} MiB used`), bound: 1 },
  ]
}

/** @param {string} name @param {number} figure @param {string} unit @param {string} held */
function figure(name, figure, unit, held) {
  return { name: `churn.${name}`, figure, unit, bound: 0, held }
}

/** Hosts where nobody listens. @param {number} count */
function silent(count) {
  return Array.from({ length: count }, (_, i) => `10.90.${i >> 8}.${i & 255}`)
}

/** By how many there are more of anything. @param {Record<string, number>} before @param {Record<string, number>} after */
function grown(before, after) {
  return Object.entries(after).reduce((sum, [name, count]) => sum + Math.max(0, count - (before[name] ?? 0)), 0)
}
