/**
 * Slots: whatever crowd wants in, masternodes get in, and nobody whom the operator trusts is ever put out for anybody else.
 */
import { NETWORK, VICTIM_HOST, VICTIM_PORT, member } from '../lab.mjs'

export const about = 'all common slots are taken and 500 strangers retry all the time, while the masternodes join'

const REGULARS = 75
const UNKNOWN_MAX = 19
const PERSISTENT = 10
const STRANGERS = 500
const WITHIN_MS = 10_000
/** Strangers' handshakes under way at once: half of the pool. */
const WAVE = 16
/** Masternodes that dial in the same instant. */
const RUSH = 50
const TARGET = { host: VICTIM_HOST, port: VICTIM_PORT }

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  const first = await crowd(lab, 50)
  const larger = lab.short ? null : await crowd(lab, 200)
  const overflow = await overflowing(lab)
  const runs = [first, ...(larger === null ? [] : [larger])]
  const sum = (/** @type {(one: typeof first) => number} */ of) => runs.reduce((total, one) => total + of(one), 0)
  const held = `listed 50${larger === null ? '' : ', then 200'}; strangers refused ${sum((one) => one.turnedAway)}`
  return [
    figure('masternodesRefused', sum((one) => one.refused) + overflow.refused, 0, held),
    figure('protectedEvicted', sum((one) => one.evicted) + overflow.evicted, 0),
    { ...figure('joinMsMax', Math.max(...runs.map((one) => one.joinMsMax)), 2_000), unit: 'ms' },
    figure(
      'strangersIn',
      sum((one) => one.strangersIn),
      0,
      `common slots: ${REGULARS} of ${REGULARS} taken`,
    ),
    figure(
      'regularsLost',
      sum((one) => one.regularsLost),
      0,
    ),
    figure('unknownMax', overflow.unknowns, UNKNOWN_MAX, `unknown inbound: ${overflow.unknowns} of ${UNKNOWN_MAX}`),
    figure('overflowOff', overflow.off, 0, overflow.held),
  ]
}

/** @param {string} name @param {number} figure @param {number} bound @param {string} [held] */
function figure(name, figure, bound, held) {
  return { name: `slots.${name}`, figure, unit: 'peers', bound, ...(held === undefined ? {} : { held }) }
}

/** @param {number} count @param {string} net the first two or three numbers of their addresses */
function people(count, net) {
  return Array.from({ length: count }, (_, i) => ({ ...member(), host: `${net}.${i >> 8}.${(i & 255) + 1}` }))
}

/** @param {readonly { id: string, host: string }[]} members */
function addresses(members) {
  return members.map(({ id, host }) => `tcp://${id}@${host}:24100`)
}

/**
 * @param {import('../lab.mjs').Lab} lab
 * @param {number} listed
 */
async function crowd(lab, listed) {
  const masternodes = people(listed, '10.8')
  const persistent = people(PERSISTENT, '10.9')
  const regulars = people(REGULARS, '10.70')
  const { node, attacker, join } = await begin(lab, { masternodes, persistent, regulars })
  const seated = await join('regular', regulars)
  await attacker.ask('flood', { target: TARGET, network: NETWORK, count: STRANGERS })
  await lab.sleep(lab.short ? 500 : 3_000)
  const trusted = [...(await join('persistent', persistent)), ...(await join('masternode', masternodes, RUSH))]
  await lab.sleep(lab.short ? 500 : 5_000)
  const { masternode, persistent: kept, regular } = await attacker.ask('standing')
  const { peers } = await node.ask('standing')
  const strangers = await attacker.ask('calm')
  lab.say(`slots: ${listed} listed, peers ${JSON.stringify(peers)}, strangers ${JSON.stringify(strangers)}`)
  await Promise.all([node.end(), attacker.end()])
  return {
    refused: trusted.filter(({ ms }) => ms === undefined).length,
    evicted: listed + PERSISTENT - trusted.filter(({ ms }) => ms === undefined).length - masternode.held - kept.held,
    joinMsMax: Math.max(...trusted.map(({ ms }) => ms ?? WITHIN_MS)),
    strangersIn: strangers.in ?? 0,
    turnedAway: strangers['too-many-peers'] ?? 0,
    regularsLost: seated.length - regular.held,
  }
}

/**
 * More protected peers than the reserve holds take common slots: strangers' first, then regulars', and no more than they need.
 * @param {import('../lab.mjs').Lab} lab
 */
async function overflowing(lab) {
  const granted = people(80, '10.8')
  const regulars = people(60, '10.70')
  const { node, attacker, join } = await begin(lab, { granted, regulars })
  const count = async () => /** @type {Record<string, number>} */ ((await node.ask('standing')).peers)
  await join('stranger', people(40, '10.71'))
  const unknowns = (await count()).unknown ?? 0
  await join('regular', regulars)
  const before = await count()
  const refused = refusals(await join('granted', granted))
  await lab.sleep(500)
  const { granted: kept } = await attacker.ask('standing')
  const after = await count()
  await Promise.all([node.end(), attacker.end()])
  return {
    refused,
    evicted: granted.length - refused - kept.held,
    unknowns,
    off: distance(before, { regular: 60, unknown: 15 }) + distance(after, { masternode: 80, regular: 45, unknown: 0 }),
    held: `75 common slots: ${JSON.stringify(before)}; 80 protected peers and a reserve of 50: ${JSON.stringify(after)}`,
  }
}

/** @param {Record<string, number>} counts @param {Record<string, number>} expected */
function distance(counts, expected) {
  return Object.entries(expected).reduce((sum, [name, count]) => sum + Math.abs((counts[name] ?? 0) - count), 0)
}

/** @param {readonly { ms?: number }[]} outcomes */
function refusals(outcomes) {
  return outcomes.filter(({ ms }) => ms === undefined).length
}

/**
 * @param {import('../lab.mjs').Lab} lab
 * @param {{ masternodes?: ReturnType<typeof people>, persistent?: ReturnType<typeof people>, granted?: ReturnType<typeof people>, regulars: ReturnType<typeof people> }} who
 */
async function begin(lab, { masternodes = [], persistent = [], granted = [], regulars }) {
  const node = await lab.start('attackers/slots-node.mjs', { ours: true })
  const ids = (/** @type {ReturnType<typeof people>} */ members) => members.map(({ id }) => id)
  await node.ask('begin', {
    seed: member().seed,
    ...TARGET,
    network: NETWORK,
    masternodes: addresses(masternodes),
    persistent: addresses(persistent),
    regulars: ids(regulars),
    granted: ids(granted),
  })
  const attacker = await lab.start('attackers/slots.mjs')
  const join = async (/** @type {string} */ group, /** @type {ReturnType<typeof people>} */ members, wave = WAVE) => {
    const outcomes = /** @type {{ ms?: number, refused?: string }[]} */ ([])
    for (let at = 0; at < members.length; at += wave) {
      const order = {
        group,
        target: TARGET,
        network: NETWORK,
        members: members.slice(at, at + wave),
        withinMs: WITHIN_MS,
      }
      outcomes.push(...(await attacker.ask('join', order)))
    }
    return outcomes
  }
  return { node, attacker, join }
}
