/**
 * Strangers who keep within their quotas, and together send what takes long to read: a masternode that was there is answered all the
 * same, and one that comes gets in.
 */
import { member, NETWORK } from '../lab.mjs'

export const about = 'sixty regular peers send what is slow to read, while a masternode joins'

const CROWD = 60
const AT_ONCE = 15
const FLOOD_MS = 10_000
const FLOOD_SHORT_MS = 1_500
/** As large as the attacker puts in one record. */
const SLOW_BYTES = 30_000
const PATIENCE_MS = 20_000

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  const [old, late] = [member(), member()].map((one, i) => ({ ...one, host: `10.9.0.${i + 1}` }))
  if (old === undefined || late === undefined) throw new Error('nobody')
  const masternodes = [old, late].map(({ id, host }) => `tcp://${id}@${host}:9`)
  const victim = await lab.victim({ admitAs: 'regular', masternodes })
  const nodeOf = ({ seed = '', host = '' }) => ({ seed, host, dials: victim.address, as: 'masternode' })
  const settled = await lab.honest({ nodes: [nodeOf(old)], ratePerSec: 20, atOnce: true })
  await settled.ask('joined', { withinMs: PATIENCE_MS })
  const attacker = await lab.start('attackers/quota.mjs', { yields: true })
  const names = Array.from({ length: CROWD }, (_, i) => `slow ${i}`)
  const members = names.map((name, i) => ({ name, ...member(), host: `10.${64 + i}.0.1` }))
  const target = { host: victim.host, port: victim.port }
  let joined = 0
  // As many as may be strangers in their handshake at once.
  for (let i = 0; i < CROWD; i += AT_ONCE)
    joined += await attacker.ask('join', { target, network: NETWORK, members: members.slice(i, i + AT_ONCE) })
  if (joined !== CROWD) throw new Error(`${joined} of ${CROWD} got in`)
  await settled.ask('report')
  const newcomer = await lab.start('honest.mjs', { ours: true })
  const until = performance.now() + (lab.short ? FLOOD_SHORT_MS : FLOOD_MS)
  const flood = async () => {
    let sent = 0
    while (performance.now() < until) {
      for (const name of names) sent += await attacker.ask('flood', { name, bytes: SLOW_BYTES, count: 64, slow: true })
      await lab.sleep(200)
    }
    return sent
  }
  const flooded = flood()
  await lab.sleep(500)
  await newcomer.ask('begin', { network: NETWORK, nodes: [nodeOf(late)], atOnce: true })
  const [joinMs] = await newcomer.ask('joined', { withinMs: PATIENCE_MS }, PATIENCE_MS + 10_000)
  const sent = await flooded
  const { p99Ms, failed, disconnects, asked } = await settled.ask('report')
  const { tx } = await victim.ask('received')
  const { strikes, closed } = await victim.ask('status')
  for (const process of [attacker, newcomer, settled, victim]) await process.end()
  const held = `${sent} messages of ${SLOW_BYTES} B sent, ${tx} handled, ${asked} questions ${JSON.stringify({ failed, disconnects, strikes, closed })}`
  return [
    { name: 'work.joinsFailed', figure: joinMs === null ? 1 : 0, unit: 'times', bound: 0, held },
    {
      name: 'work.joinMs',
      figure: joinMs,
      unit: 'ms',
      bound: 3_000,
      held: 'a masternode that comes in the midst of it',
    },
    { name: 'work.honestP99Ms', figure: p99Ms, unit: 'ms', bound: 250, held: 'of one that was there' },
    { name: 'work.honestLost', figure: Object.keys({ ...failed, ...disconnects }).length, unit: 'times', bound: 0 },
  ]
}
