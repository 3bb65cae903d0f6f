/** Malformed bytes at every stage, from many sockets at once: the node neither falls, nor slows, nor grows, and knows whom to ban. */
import { randomBytes } from 'node:crypto'
import { member } from '../lab.mjs'
import { percent } from '../time.mjs'
import { keyPair } from '../raw-peer-crypto.mjs'
import { peerIdOf } from '../raw-peer-wire.mjs'

export const about =
  'malformed preambles, handshakes, frames and messages from 50 sockets; bans off, then on, then from a masternode'

const SOCKETS = 50
const RATE_PER_SEC = 1_000
const HONEST_RATE = 100
const MODES = ['preamble', 'noise', 'record', 'frame', 'message']
/** Those of which every sample is a strike. */
const STRIKES = ['garbage', 'noise', 'frame', 'message']
const SETTLE_MS = 1_500
const BAN_POLL_MS = 100
const BAN_PATIENCE_MS = 10_000

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  const bare = await flood(lab, 'no limits by IP', { perIpLimits: false })
  const shielded = await flood(lab, 'limits by IP', {})
  const banning = await ban(lab)
  const masternode = await trusted(lab)
  const crashes = lab.crashes
  const rate = Math.round(Math.min(bare.rate, shielded.rate))
  return [
    {
      name: 'malformed.crashes',
      figure: crashes,
      unit: 'processes',
      bound: 0,
      held: `${rate} frames/s at least were written`,
    },
    {
      name: 'malformed.honestP99Ms',
      figure: worst(bare.p99Ms, shielded.p99Ms),
      unit: 'ms',
      bound: 50,
      held: `without limits by IP ${bare.p99Ms?.toFixed(1)}, with them ${shielded.p99Ms?.toFixed(1)}; without a core for ${bare.waited} and ${shielded.waited}`,
    },
    {
      name: 'malformed.honestFailed',
      figure: bare.failed + shielded.failed,
      unit: 'requests',
      bound: 0,
    },
    {
      name: 'malformed.heapMiB',
      figure: Math.max(bare.heapMiB, shielded.heapMiB),
      unit: 'MiB',
      bound: 10,
      held: `in flight ${Math.max(bare.inFlightMiB, shielded.inFlightMiB).toFixed(1)} by its own count; rss grew by ${Math.max(bare.rssMiB, shielded.rssMiB).toFixed(1)}; pending at most ${bare.pendingMax} of 64, on their way out ${bare.lingeringMax} of 128`,
    },
    ...banning,
    ...masternode,
  ]
}

/** @param {import('../lab.mjs').Lab} lab @param {string} what @param {object} options */
async function flood(lab, what, options) {
  const friend = member()
  const masternodes = [`tcp://${friend.id}@10.9.0.1:24100`]
  const victim = await lab.victim({ bans: false, admitAs: 'regular', masternodes, ...options })
  const nodes = [{ seed: friend.seed, host: '10.9.0.1', dials: victim.address, as: 'masternode' }]
  const honest = await lab.honest({ nodes, ratePerSec: HONEST_RATE, atOnce: true })
  await honest.ask('joined', { withinMs: 10_000 })
  await lab.sleep(lab.short ? SETTLE_MS / 3 : SETTLE_MS)
  const before = await victim.ask('memory')
  const attacker = await lab.start('attackers/malformed.mjs', { yields: true })
  await honest.ask('report')
  await victim.ask('begin-watch')
  const forMs = lab.short ? 2_000 : 10_000
  await attacker.ask('begin', { ...victimOf(victim), hosts: hosts(SOCKETS), ratePerSec: RATE_PER_SEC, modes: MODES })
  await lab.sleep(forMs)
  const { sent, connects, sessions, ended } = await attacker.ask('report')
  const honestly = await honest.ask('report')
  const watched = await victim.ask('watched')
  const after = await victim.ask('memory')
  const total = Object.values(sent).reduce((sum, count) => sum + count, 0)
  lab.say(
    `malformed (${what}): ${JSON.stringify({ sent, connects, sessions, ended, honestly, watched, before, after })}`,
  )
  const { strikes, memory } = await victim.ask('status')
  lab.say(`malformed (${what}): strikes ${JSON.stringify(strikes)}, held ${JSON.stringify(memory)}`)
  await attacker.end()
  await honest.end()
  await victim.end()
  return {
    rate: total / (forMs / 1000),
    p99Ms: honestly.p99Ms,
    failed: Object.values(honestly.failed).reduce((sum, count) => sum + count, 0),
    heapMiB: after.heapMiB - before.heapMiB,
    rssMiB: after.rssMiB - before.rssMiB,
    pendingMax: watched.pendingMax,
    lingeringMax: watched.lingeringMax,
    waited: percent(watched.waitedShare),
    inFlightMiB: memory.inFlightBytes / 1024 / 1024,
  }
}

/**
 * Each is out when its address is banned, and its session closed: or quarantined, where bans have taken a quarter of the links. Counted
 * from the writing of its third violation.
 * @param {import('../lab.mjs').Lab} lab
 */
async function ban(lab) {
  const victim = await lab.victim({ admitAs: 'regular' })
  const attacker = await lab.start('attackers/malformed.mjs', { yields: true })
  const at = hosts(SOCKETS)
  await attacker.ask('begin', {
    ...victimOf(victim),
    hosts: at,
    ratePerSec: RATE_PER_SEC,
    modes: STRIKES,
  })
  const bans = await bansOf(lab, victim, at)
  await lab.sleep(SETTLE_MS / 3)
  const { offenders, ended } = await attacker.ask('report')
  const { quarantines } = await victim.ask('events')
  const silenced = new Map(quarantines.map((/** @type {any} */ notice) => [notice.peerId, notice.at]))
  const links = (await victim.ask('peers')).filter((/** @type {any} */ peer) => !silenced.has(peer.id)).length
  await attacker.end()
  await victim.end()
  const tookMs = at.map((host) => {
    const { id, thirdAt, outAt } = offenders[host]
    const bannedAt = bans.get(host)
    if (bannedAt === undefined || thirdAt === null) return null
    return Math.max(bannedAt, silenced.get(id) ?? outAt ?? 0) - thirdAt
  })
  const inStill = tookMs.filter((ms) => ms === null).length + links
  const told = `${bans.size} bans, ${silenced.size} quarantines`
  lab.say(`malformed (bans): ${told}, ${links} links left, ${JSON.stringify(ended)}`)
  return [
    { name: 'malformed.notBanned', figure: inStill, unit: 'of 50', bound: 0, held: told },
    {
      name: 'malformed.allBannedMs',
      figure: worst(...tookMs),
      unit: 'ms',
      bound: 1_000,
      held: 'from its third violation written until its address is banned, and its session closed or quarantined',
    },
  ]
}

/** When each address was banned, as soon as all are, or patience ends. @param {import('../lab.mjs').Lab} lab @param {any} victim @param {string[]} at */
async function bansOf(lab, victim, at) {
  for (let waitedMs = 0; ; waitedMs += BAN_POLL_MS) {
    const bans = new Map((await victim.ask('bans')).map((/** @type {any} */ ban) => [ban.key, ban.at]))
    if (waitedMs >= BAN_PATIENCE_MS || at.every((host) => bans.has(host))) return bans
    await lab.sleep(BAN_POLL_MS)
  }
}

/** @param {import('../lab.mjs').Lab} lab */
async function trusted(lab) {
  const secret = randomBytes(32)
  const id = peerIdOf(keyPair('Ed25519', secret).publicKey)
  const host = '10.66.200.1'
  const victim = await lab.victim({ masternodes: [`tcp://${id}@${host}:24100`] })
  const seen = { bans: 0, sent: 0 }
  for (const mode of ['message', 'frame']) {
    const attacker = await lab.start('attackers/malformed.mjs', { yields: true })
    const identities = [secret.toString('hex')]
    await attacker.ask('begin', {
      ...victimOf(victim),
      hosts: [host],
      ratePerSec: RATE_PER_SEC,
      modes: [mode],
      identities,
    })
    await lab.sleep(lab.short ? 1_000 : 4_000)
    const { sent, ended } = await attacker.ask('report')
    lab.say(`malformed (masternode, ${mode}): ${JSON.stringify({ sent, ended })}`)
    seen.sent += sent[mode] ?? 0
    await attacker.end()
  }
  seen.bans = (await victim.ask('bans')).length
  const { quarantines } = await victim.ask('events')
  await victim.end()
  return [
    {
      name: 'malformed.masternodeBanned',
      figure: seen.bans,
      unit: 'bans',
      bound: 0,
      held: `${seen.sent} violations written`,
    },
    {
      name: 'malformed.masternodeHeard',
      figure: quarantines.length > 0 ? 0 : 1,
      unit: 'of 1',
      bound: 0,
      held: `${quarantines.length} quarantine of ${quarantines[0]?.forMs / 1000} s`,
    },
  ]
}

/** @param {{ host: string, port: number }} victim */
const victimOf = ({ host, port }) => ({ host, port })

/** @param {number} count */
const hosts = (count) => Array.from({ length: count }, (_, i) => `10.66.${i}.1`)

/** @param {readonly (number | null)[]} values @returns null where one never came */
function worst(...values) {
  return values.includes(null) ? null : Math.max(.../** @type {number[]} */ (values))
}
