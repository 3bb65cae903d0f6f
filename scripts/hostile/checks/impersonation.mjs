/**
 * Whoever is not the masternode is not taken for it, whatever he has heard it say, and each attempt is refused under a name.
 */
import { member, NETWORK } from '../lab.mjs'

export const about = 'a masternode is claimed without its key, replayed, reflected and relayed'

const PORT = 24100
const MASTERNODE = '10.8.0.1'
const ECHO = '10.8.0.2'
const BACK = '10.8.0.3'
const ASIDE = '10.8.0.4'
const PASS = '10.8.0.5'
const PATIENCE_MS = 3_000
const HEALTHY_MS = 10_000

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  const [masternode, echo, back, aside, relayed] = [member(), member(), member(), member(), member()]
  const at = (/** @type {{ id: string }} */ { id }, /** @type {string} */ host) => `tcp://${id}@${host}:${PORT}`
  const mirrors = await Promise.all([mirror(lab, ECHO, null), mirror(lab, BACK, 'victim'), mirror(lab, ASIDE, 'other')])
  const victim = await lab.victim({
    masternodes: [at(masternode, MASTERNODE), at(echo, ECHO), at(back, BACK), at(aside, ASIDE), at(relayed, PASS)],
  })
  const attacker = await lab.start('attackers/impersonation.mjs')
  const target = { host: victim.host, port: victim.port }
  await attacker.ask('begin', { target, network: NETWORK, seed: masternode.seed, host: MASTERNODE })
  const claims = await attempts(lab, victim, attacker)
  const reflections = await reflected(lab, victim, mirrors)
  const displaced = (await attacker.ask('genuine')) ? 0 : 1
  const { quarantines, ...events } = await victim.ask('events')
  const admitted = claims.ready + (events['peer:connect'] ?? 0) - 1
  const harmed = displaced + (events['peer:disconnect'] ?? 0) + (events['peer:conflict'] ?? 0) + quarantines.length
  const relays = await relay(lab, victim, relayed)
  const { inboundRefused, dialsFailed } = await victim.ask('status')
  const held = `refused ${JSON.stringify(inboundRefused)}, dials ${JSON.stringify(dialsFailed)}`
  const figure = (/** @type {string} */ name, /** @type {number} */ number) => {
    return { name: `impersonation.${name}`, figure: number, unit: 'times', bound: 0 }
  }
  return [
    { ...figure('admitted', admitted), held: `${claims.tried} attempts and 3 mirrors` },
    { ...figure('unnamed', claims.unnamed + reflections), held },
    figure('masternodeHarmed', harmed),
    { ...figure('relayBroken', relays.broken), held: 'two nodes joined through a third party' },
    figure('relayUnnoticed', relays.unnoticed),
  ]
}

/**
 * @param {import('../lab.mjs').Lab} lab
 * @param {string} host
 * @param {'victim' | 'other' | null} to
 */
async function mirror(lab, host, to) {
  const mirror = await lab.start('attackers/impersonation-mirror.mjs')
  const onward = { victim: { host: '10.0.0.1', port: PORT }, other: { host: '10.0.0.2', port: PORT } }
  await mirror.ask('listen', { host, port: PORT, to: to === null ? null : { ...onward[to], localAddress: host } })
  return mirror
}

/**
 * @param {import('../lab.mjs').Lab} lab
 * @param {Awaited<ReturnType<import('../lab.mjs').Lab['victim']>>} victim
 * @param {Awaited<ReturnType<import('../lab.mjs').Lab['start']>>} attacker
 */
async function attempts(lab, victim, attacker) {
  const names = /** @type {{ name: string, word: string }[]} */ (await attacker.ask('names'))
  const count = { tried: names.length, ready: 0, unnamed: 0 }
  for (const [i, { name, word }] of names.entries()) {
    const before = await victim.ask('status')
    const { ready, said } = await attacker.ask('attempt', { name, from: `10.64.1.${i + 1}` })
    const named = await until(lab, async () => {
      const { inboundRefused } = await victim.ask('status')
      return (inboundRefused[word] ?? 0) === (before.inboundRefused[word] ?? 0) + 1
    })
    if (ready) count.ready++
    if (!named) count.unnamed++
    if (ready || !named) lab.say(`impersonation: ${name}: ready ${ready}, told ${said}, and not refused as ${word}`)
  }
  return count
}

/**
 * The victim's own dials reach an echo, itself, and somebody else.
 * @param {import('../lab.mjs').Lab} lab
 * @param {Awaited<ReturnType<import('../lab.mjs').Lab['victim']>>} victim
 * @param {Awaited<ReturnType<import('../lab.mjs').Lab['start']>>[]} mirrors
 * @returns {Promise<number>} how many of them it has no word for
 */
async function reflected(lab, victim, mirrors) {
  const other = member()
  const bystander = { seed: other.seed, host: '10.0.0.2', listen: PORT, dials: 'tcp://10.0.0.9:9', as: 'seed' }
  await lab.honest({ nodes: [bystander] })
  const words = ['wrong-network', 'self', 'wrong-identity']
  let missing = words
  await until(
    lab,
    async () => {
      const { dialsFailed } = await victim.ask('status')
      missing = words.filter((word) => dialsFailed[word] === undefined)
      return missing.length === 0
    },
    HEALTHY_MS,
  )
  if (missing.length > 0) lab.say(`impersonation: no dial failed as ${missing.join(', ')}`)
  await Promise.all(mirrors.map((mirror) => mirror.end()))
  return missing.length
}

/**
 * Whoever stands between two nodes may carry their bytes, and that is all.
 * @param {import('../lab.mjs').Lab} lab
 * @param {Awaited<ReturnType<import('../lab.mjs').Lab['victim']>>} victim
 * @param {{ seed: string, id: string }} relayed
 */
async function relay(lab, victim, relayed) {
  const between = await mirror(lab, PASS, 'victim')
  const dials = `tcp://${victim.id}@${PASS}:${PORT}`
  const honest = await lab.honest({ nodes: [{ seed: relayed.seed, host: '10.0.0.3', dials, as: 'masternode' }] })
  const [joinedMs] = await honest.ask('joined', { withinMs: HEALTHY_MS })
  const { received } = { received: await victim.ask('received') }
  await honest.ask('pace', { ratePerSec: 50 })
  const answered = await until(lab, async () => (await victim.ask('received')).echo > received.echo)
  const before = await victim.ask('status')
  await between.ask('spoil')
  const noticed = await until(lab, async () => {
    const { closed } = await victim.ask('status')
    return (closed['bad-record'] ?? 0) > (before.closed['bad-record'] ?? 0)
  })
  return { broken: joinedMs !== null && answered ? 0 : 1, unnoticed: noticed ? 0 : 1 }
}

/**
 * @param {import('../lab.mjs').Lab} lab
 * @param {() => Promise<boolean>} holds
 * @param {number} withinMs
 */
async function until(lab, holds, withinMs = PATIENCE_MS) {
  const end = performance.now() + withinMs
  while (performance.now() < end) {
    if (await holds()) return true
    await lab.sleep(5)
  }
  return holds()
}
