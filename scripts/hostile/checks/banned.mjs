/** A banned address that does not give up: it costs the others nothing, and the log one line. */
import { member } from '../lab.mjs'
import { percent } from '../time.mjs'

export const about = 'a banned address dials 5,000 times a second'

const HOST = '10.70.0.1'
const RATE_PER_SEC = 5_000
const HONEST_RATE = 200
const SETTLE_MS = 1_500
const GARBAGE = Buffer.from('POST / HTTP/1.1\r\n').toString('hex')

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  const friend = member()
  const victim = await lab.victim({ masternodes: [`tcp://${friend.id}@10.9.0.1:24100`] })
  const nodes = [{ seed: friend.seed, host: '10.9.0.1', dials: victim.address, as: 'masternode' }]
  const honest = await lab.honest({ nodes, ratePerSec: HONEST_RATE, atOnce: true })
  await honest.ask('joined', { withinMs: 10_000 })
  const { host, port } = victim
  const offender = await lab.start('attackers/connects.mjs', { yields: true })
  await offender.ask('begin', { host, port, hosts: [HOST], ratePerSec: 20, opener: GARBAGE })
  await lab.sleep(SETTLE_MS)
  await offender.end()
  const before = await victim.ask('memory')
  const gotInBefore = gotIn(await victim.ask('status'))

  const attacker = await lab.start('attackers/connects.mjs', { yields: true })
  await honest.ask('report')
  await victim.ask('begin-watch')
  await attacker.ask('begin', { host, port, hosts: [HOST], ratePerSec: RATE_PER_SEC })
  await lab.sleep(lab.short ? 2_000 : 10_000)
  const flood = await attacker.ask('report')
  const honestly = await honest.ask('report')
  const watched = await victim.ask('watched')
  const after = await victim.ask('memory')
  const { first, matching, lines } = await victim.ask('log', { match: `^banned ${HOST.replaceAll('.', '\\.')} ` })
  const status = await victim.ask('status')
  const refused = status.inboundRefused.banned ?? 0
  const bans = (await victim.ask('bans')).length
  lab.say(`banned: ${JSON.stringify({ flood, honestly, watched, before, after, first, lines, refused, bans })}`)
  const failed = Object.values(honestly.failed).reduce((sum, count) => sum + Number(count), 0)
  return [
    {
      name: 'banned.honestP99Ms',
      figure: honestly.p99Ms,
      unit: 'ms',
      bound: 250,
      held: `${Math.round(flood.rate)} connections/s, ${refused} turned away; still leaving at most ${watched.lingeringMax} of 64; without a core for ${percent(watched.waitedShare)}`,
    },
    { name: 'banned.honestFailed', figure: failed, unit: 'requests', bound: 0 },
    {
      name: 'banned.notTurnedAway',
      figure: gotIn(status) - gotInBefore + watched.pendingMax,
      unit: 'connections',
      bound: 0,
    },
    {
      name: 'banned.logLines',
      figure: matching / Math.max(1, bans),
      unit: 'per ban',
      bound: 1,
      pass: bans === 1 && matching === 1,
      held: `${bans} ban, ${lines} lines of every level in all`,
    },
    { name: 'banned.heapMiB', figure: after.heapMiB - before.heapMiB, unit: 'MiB', bound: 10 },
    { name: 'banned.crashes', figure: lab.crashes, unit: 'processes', bound: 0 },
  ]
}

/** Links that came past the door's first question, whatever became of them. @param {any} status */
function gotIn({ handshakes, inboundRefused }) {
  const others = Object.entries(inboundRefused).filter(([code]) => code !== 'banned')
  return (handshakes.inbound ?? 0) + others.reduce((sum, [, count]) => sum + Number(count), 0)
}
