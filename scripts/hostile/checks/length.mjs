/** Lengths of 4 GiB are refused when their header has come, and nothing is set aside for them; slow bytes are taken until their deadline. */

export const about = 'lengths of 4 GiB on 1,000 sockets, handshakes a byte at a time, frames that never end'

const KINDS = ['handshake', 'frame', 'fragment', 'websocket']
/** Those that need no session, and so no slot. */
const STRANGERS = ['handshake', 'websocket']
const SOCKETS = 1_000
/** Fewer than the handshakes that strangers may have under way, or the door would answer for the header. */
const AT_ONCE = 24
const WITHIN_MS = 2_000
const BODY = 65_536
const PHASE_MS = 20_000
const WARM = 100
/** Of a /24, which may make 120 attempts a minute: the door must not answer for the header. */
const OF_A_NETWORK = 100
/** The third byte of the addresses begins here. */
const PHASES = { warm: 0, apart: 16, crowd: 32, flood: 48, drip: 64 }
const DRIP_EVERY_MS = 5
const DRIPS = 10
const HANDSHAKE_MS = 5_000
/** Of a session, here: by default 90 s. The first probe's timeout is 2 s at least. */
const SILENCE_MAX_MS = 4_000
const SLACK_MS = 2_000

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  const limits = { regular: { idlePingMs: 1_000, silenceMaxMs: SILENCE_MAX_MS, missesMax: 1 } }
  const victim = await lab.victim({ bans: false, admitAs: 'regular', limits })
  const { host, port, wsPort } = victim
  const where = { host, port, wsPort, withinMs: WITHIN_MS }
  const attacker = await lab.start('attackers/lengths.mjs')
  // What any connections leave behind that say as much (compiled code, a young heap, tables by address) is no part of what lengths cost.
  for (let i = 0; i < 2; i++) await crowd(lab, attacker, { ...where, kind: 'polite', body: BODY }, 'warm')
  for (const kind of KINDS) await apart(attacker, { ...where, kind }, 'warm', WARM)
  for (const kind of STRANGERS) await crowd(lab, attacker, { ...where, kind }, 'warm')

  const before = await victim.ask('memory')
  await victim.ask('begin-watch')
  const each = (lab.short ? 0.1 : 1) * (SOCKETS / KINDS.length)
  const outcomes = []
  for (const kind of KINDS) {
    const outcome = await apart(attacker, { ...where, kind }, 'apart', each)
    lab.say(`length (${kind}): ${JSON.stringify(outcome)}`)
    outcomes.push(outcome)
  }
  const crowds = []
  for (const kind of STRANGERS) crowds.push(await crowd(lab, attacker, { ...where, kind }, 'crowd'))
  const watched = await victim.ask('watched')
  const after = await victim.ask('memory')
  lab.say(`length: ${JSON.stringify({ crowds, before, watched, after })}`)
  await victim.ask('begin-watch')
  for (const kind of STRANGERS) await crowd(lab, attacker, { ...where, kind, body: BODY }, 'flood')
  const flooded = await victim.ask('watched')

  const drips = await attacker.ask('drip', {
    ...where,
    everyMs: DRIP_EVERY_MS,
    hosts: hosts('handshake', 'drip', DRIPS),
  })
  const [shaking, framing] = await unfinished(lab, attacker, where)
  const slowest = Math.max(...outcomes.map(({ maxMs }) => maxMs))
  return [
    {
      name: 'length.notRefused',
      figure: outcomes.reduce((sum, { late, turnedAway }) => sum + late + turnedAway, 0),
      unit: `of ${each * KINDS.length}`,
      bound: 0,
      held: `answered at the header, the slowest after ${slowest.toFixed(0)} ms; handshake messages hold 512 bytes, frames 32 KiB`,
    },
    {
      name: 'length.rssMiB',
      figure: watched.rssMaxMiB - before.rssMiB,
      unit: 'MiB',
      bound: 20,
      held: `at most, at any time; with 64 KiB more from each of 1,000 at once ${(flooded.rssMaxMiB - after.rssMiB).toFixed(1)}`,
    },
    {
      name: 'length.drip',
      figure: drips.failed,
      unit: `of ${DRIPS}`,
      bound: 0,
      held: `whole handshakes in ${drips.maxMs.toFixed(0)} ms; the deadline is ${HANDSHAKE_MS}`,
    },
    {
      name: 'length.unfinished',
      figure: [shaking, framing].filter(({ ms }) => ms === null).length,
      unit: 'of 2',
      bound: 0,
    },
    {
      name: 'length.handshakeMs',
      figure: shaking.ms,
      unit: 'ms',
      bound: HANDSHAKE_MS + SLACK_MS,
      held: `said ${shaking.said}; a byte every 200 ms`,
    },
    {
      name: 'length.frameMs',
      figure: framing.ms,
      unit: 'ms',
      bound: SILENCE_MAX_MS + SLACK_MS,
      held: `said ${framing.said}; the silence allowed is ${SILENCE_MAX_MS} here; a byte every 100 ms is silence`,
    },
    { name: 'length.crashes', figure: lab.crashes, unit: 'processes', bound: 0 },
  ]
}

/** Both at once. @param {import('../lab.mjs').Lab} lab @param {any} attacker @param {object} where */
function unfinished(lab, attacker, where) {
  const withinMs = HANDSHAKE_MS + 4 * SLACK_MS
  return Promise.all([
    attacker.ask('unfinished', { ...where, from: '10.68.240.1', what: 'handshake', everyMs: 200, withinMs }),
    attacker.ask('unfinished', { ...where, from: '10.68.241.1', what: 'record', everyMs: 100, withinMs }),
  ])
}

/** So few at once that each is looked at. @param {any} attacker @param {any} order @param {Phase} phase @param {number} count */
function apart(attacker, order, phase, count) {
  return attacker.ask('headers', { ...order, atOnce: AT_ONCE, hosts: hosts(order.kind, phase, count) }, PHASE_MS)
}

/** All at once: some find the door shut, and none may cost anything. @param {import('../lab.mjs').Lab} lab @param {any} attacker @param {any} order @param {Phase} phase */
function crowd(lab, attacker, order, phase) {
  const count = lab.short ? SOCKETS / 10 : SOCKETS
  return attacker.ask('headers', { ...order, atOnce: count, hosts: hosts(order.kind, phase, count) }, PHASE_MS)
}

/** @typedef {keyof typeof PHASES} Phase */

/**
 * Addresses by phase, so that nobody has made too many attempts within the minute.
 * @param {string} kind
 * @param {Phase} phase
 * @param {number} count
 */
function hosts(kind, phase, count) {
  const block = 68 + [...KINDS, 'polite'].indexOf(kind)
  const network = (/** @type {number} */ i) => PHASES[phase] + Math.floor(i / OF_A_NETWORK)
  return Array.from({ length: count }, (_, i) => `10.${block}.${network(i)}.${(i % OF_A_NETWORK) + 1}`)
}
