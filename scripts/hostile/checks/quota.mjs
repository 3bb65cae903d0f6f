/**
 * Who says too much is slowed down and nothing else; who forwards what is new is not; who ignores its credit is closed; and who
 * does not listen costs its own link alone. Bounds are the default profile's.
 */
import { member, NETWORK } from '../lab.mjs'

export const about = 'floods against quota and credit, honest relays at 1,000 a second, and peers that never read'

/** Of the default profile, by class: first copies a second (rounded up), how far that may be exceeded for a moment, and bytes. */
const STRANGER = { perSec: 2, perMin: 100, burst: 100, mibPerSec: 1 }
const REGULAR = { perSec: 200, burst: 2_000, windowBytes: 2 * 1024 * 1024 }
/** How long a rate is measured. */
const SECONDS = 10
const OUTBOX_MIB = { masternode: 8, regular: 2 }
/** The smallest transactions there are: credit counts bytes, so of these it lets the most through. */
const TINY_BYTES = 8
const KILO = 1_000
const ALL = 1_000_000
const RETURNS = 5
const OVERRUNNERS = 8
const RELAYS = 8
const RELAYED_PER_SEC = 1_000
/** Who is unknown and dials us. */
const STRANGERS_MAX = 19
/** A frame type that nobody knows and everybody skips. */
const OPTIONAL = 40
const SHED_BYTES = 30_000
const MIB = 1024 * 1024

/** @typedef {{ name: string, seed: string, id: string, host: string, reads?: boolean }} Someone */

/** @param {import('../lab.mjs').Lab} lab */
export async function run(lab) {
  const counted = [await strangers(lab), await relays(lab), await overruns(lab), await sheds(lab)]
  // The rest is about rates, which take their time.
  const timed = lab.short ? [] : [await regulars(lab), await chatter(lab)]
  return [...counted, ...timed].flat()
}

/** @param {string} name @param {number | null} figure @param {number} bound @param {string} unit @param {string} [held] */
function row(name, figure, bound, unit, held) {
  return { name, figure, unit, bound, ...(held === undefined ? {} : { held }) }
}

/** @param {string} name @param {string} host @param {object} [more] @returns {Someone} */
function someone(name, host, more = {}) {
  return { name, ...member(), host, ...more }
}

/**
 * A victim, and a process of attackers that are in.
 * @param {import('../lab.mjs').Lab} lab
 * @param {readonly Someone[]} members
 * @param {object} options of the victim
 */
async function begin(lab, members, options = {}) {
  const victim = await lab.victim(options)
  const attacker = await lab.start('attackers/quota.mjs')
  const target = { host: victim.host, port: victim.port }
  const join = (/** @type {readonly Someone[]} */ who) =>
    attacker.ask('join', { target, network: NETWORK, members: who })
  const joined = await join(members)
  if (joined !== members.length) throw new Error(`${joined} of ${members.length} got in`)
  const handled = async () => /** @type {number} */ ((await victim.ask('received')).tx)
  const end = () => Promise.all([victim.end(), attacker.end()])
  return { victim, attacker, join, handled, end }
}

/** Strikes, bans and closed links: what a flood within its credit must not earn. @param {Awaited<ReturnType<typeof begin>>} stage */
async function penalties({ victim }) {
  const { strikes, closed } = await victim.ask('status')
  const counts = Object.values({ ...strikes, ...closed })
  return counts.reduce((sum, count) => sum + count, 0) + (await victim.ask('bans')).length
}

/** @param {import('../lab.mjs').Lab} lab */
async function strangers(lab) {
  const seconds = lab.short ? 1 : 4
  const [tiny, again] = [someone('tiny', '10.70.0.1'), someone('again', '10.70.0.2')]
  const stage = await begin(lab, [tiny])
  const { attacker, handled, join } = stage
  await attacker.ask('flood', { name: 'tiny', bytes: TINY_BYTES, count: ALL })
  await lab.sleep(1_000)
  const burst = await handled()
  const since = performance.now()
  for (let i = 0; i < seconds; i++) {
    await attacker.ask('flood', { name: 'tiny', bytes: TINY_BYTES, count: ALL })
    await lab.sleep(1_000)
  }
  // One may have been nearly due when it began.
  const perSec = Math.max(0, (await handled()) - burst - 1) / ((performance.now() - since) / 1_000)
  const before = await handled()
  const startedAt = performance.now()
  for (let i = 0; i < RETURNS; i++) {
    await join([again])
    await attacker.ask('flood', { name: 'again', bytes: TINY_BYTES, count: ALL })
    await lab.sleep(200)
    await attacker.ask('leave', { names: ['again'] })
  }
  const returned = (await handled()) - before
  // Both go on at their rate meanwhile.
  const returnedMax = STRANGER.burst + 2 * (1 + Math.ceil(((performance.now() - startedAt) * STRANGER.perMin) / 60_000))
  const punished = await penalties(stage)
  await stage.end()
  const rule = `unknown: ${STRANGER.burst} at once, then 100 a minute`
  return [
    row('quota.strangerBurst', burst, STRANGER.burst + 2, 'messages', rule),
    row('quota.strangerPerSec', perSec, STRANGER.perSec, 'messages/s', 'after that'),
    row('quota.strangerReturning', returned, returnedMax, 'messages', `one id, ${RETURNS} links in turn`),
    row('quota.strangerPunished', punished, 0, 'times'),
  ]
}

/** @param {import('../lab.mjs').Lab} lab */
async function regulars(lab) {
  const stage = await begin(lab, [someone('tiny', '10.70.0.1')], { admitAs: 'regular' })
  const { attacker, handled, join } = stage
  const startedAt = performance.now()
  await attacker.ask('flood', { name: 'tiny', bytes: TINY_BYTES, count: ALL })
  await lab.sleep(1_000)
  const burst = await handled()
  const burstMax = REGULAR.burst + (REGULAR.perSec * (performance.now() - startedAt)) / 1_000
  await join([someone('kilo', '10.70.0.2')])
  const before = await handled()
  const since = performance.now()
  const passed = () => (performance.now() - since) / 1_000
  while (passed() < SECONDS) {
    await attacker.ask('flood', { name: 'kilo', bytes: KILO, count: ALL })
    await lab.sleep(20)
  }
  const over = (await handled()) - before - REGULAR.burst - REGULAR.perSec * passed()
  const punished = await penalties(stage)
  await stage.end()
  const rule = `regular: ${REGULAR.burst} at once, then ${REGULAR.perSec} a second`
  // What was withheld comes back as a whole, so that is how far the quota may be passed at any time.
  const window = Math.ceil(REGULAR.windowBytes / KILO)
  return [
    row('quota.regularBurst', burst, Math.ceil(burstMax), 'messages', rule),
    row('quota.regularOver', Math.max(0, over), window, 'messages', `beyond that, in ${SECONDS} s: one window at most`),
    row('quota.regularPunished', punished, 0, 'times'),
  ]
}

/** @param {import('../lab.mjs').Lab} lab */
async function relays(lab) {
  const seconds = lab.short ? 1 : 6
  const names = Array.from({ length: RELAYS }, (_, i) => `relay ${i}`)
  const crowd = names.map((name, i) => someone(name, `10.70.0.${i + 1}`))
  const alone = someone('alone', '10.8.0.1')
  const stage = await begin(lab, [...crowd, alone], {
    admitAs: 'regular',
    masternodes: [`tcp://${alone.id}@${alone.host}:9`],
  })
  const { attacker, handled } = stage
  // Large enough that the first credit is soon used up, and what comes after it is all that was given back.
  const given = { perSec: RELAYED_PER_SEC, seconds, lateMs: 100, bytes: KILO }
  const together = await attacker.ask('relay', { ...given, names }, 60_000)
  const single = await attacker.ask('relay', { ...given, names: ['alone'] }, 60_000)
  await lab.sleep(300)
  const lost = together.offered + single.offered - (await handled())
  const { verdicts, duplicatesDropped } = await stage.victim.ask('status')
  const punished = await penalties(stage)
  await stage.end()
  const held = `${RELAYS} regulars share ${RELAYED_PER_SEC}/s, then a masternode alone; ${verdicts.accept} taken, ${duplicatesDropped} duplicates`
  return [
    row('quota.relayLost', lost, 0, 'messages', held),
    row('quota.relayStallMs', Math.max(together.stalledMs, single.stalledMs), 250, 'ms', 'the longest wait for credit'),
    row('quota.relayPunished', punished, 0, 'times'),
  ]
}

/** @param {import('../lab.mjs').Lab} lab */
async function overruns(lab) {
  const names = Array.from({ length: OVERRUNNERS }, (_, i) => `over ${i}`)
  const stage = await begin(
    lab,
    names.map((name, i) => someone(name, `10.70.0.${i + 1}`)),
  )
  for (const name of names) await stage.attacker.ask('flood', { name, bytes: KILO, count: 400, over: true })
  await lab.sleep(500)
  const said = await stage.attacker.ask('said', { names })
  const { closed } = await stage.victim.ask('status')
  await stage.end()
  const told = said.filter((/** @type {any} */ last) => last?.code === 'protocol-error').length
  const closedSo = Math.min(told, closed['credit-overrun'] ?? 0)
  const held = `128 KiB of credit, 400 KB sent: ${JSON.stringify(closed)}`
  return [{ ...row('credit.overrunClosed', closedSo, OVERRUNNERS, 'links', held), pass: closedSo === OVERRUNNERS }]
}

/**
 * Frames that need no credit, and say nothing: what strangers may do with those.
 * @param {import('../lab.mjs').Lab} lab
 */
async function chatter(lab) {
  const forMs = 3_000
  const names = Array.from({ length: STRANGERS_MAX }, (_, i) => `chatter ${i}`)
  const honest = { ...member(), host: '10.9.0.1' }
  const crowd = names.map((name, i) => someone(name, `10.70.0.${i + 1}`))
  const stage = await begin(lab, crowd, { masternodes: [`tcp://${honest.id}@${honest.host}:9`] })
  const { victim, attacker } = stage
  const nodes = [{ seed: honest.seed, host: honest.host, dials: victim.address, as: 'masternode' }]
  const asking = await lab.honest({ nodes, ratePerSec: 100 })
  await asking.ask('joined', { withinMs: 10_000 })
  await asking.ask('report')
  const one = await attacker.ask('chatter', { names: names.slice(0, 1), type: OPTIONAL, forMs })
  await asking.ask('report')
  await attacker.ask('chatter', { names, type: OPTIONAL, forMs })
  const { p99Ms, failed, disconnects } = await asking.ask('report')
  const { closed } = await victim.ask('status')
  await Promise.all([stage.end(), asking.end()])
  lab.say(`chatter: ${JSON.stringify({ closed, failed, disconnects })}`)
  const perSec = one / MIB / (forMs / 1_000)
  // Two seconds' worth may come at once.
  const bound = (STRANGER.mibPerSec * (forMs + 2_000)) / forMs
  return [
    row(
      'quota.chatterMiBPerSec',
      perSec,
      Math.ceil(bound),
      'MiB/s',
      'unknown: 1 MiB/s; frames that need no credit, one link',
    ),
    row('quota.chatterP99Ms', p99Ms, 250, 'ms', `an honest peer's, while ${names.length} strangers chatter`),
    row('quota.chatterHonestLost', Object.keys({ ...failed, ...disconnects }).length, 0, 'times'),
  ]
}

/** @param {import('../lab.mjs').Lab} lab */
async function sheds(lab) {
  const source = someone('source', '10.8.0.1')
  const deaf = {
    masternode: someone('deaf masternode', '10.8.0.2', { reads: false }),
    regular: someone('deaf', '10.70.0.1', { reads: false }),
  }
  const keen = someone('keen', '10.8.0.3')
  const honest = { ...member(), host: '10.9.0.1' }
  const listed = [source, deaf.masternode, keen, honest].map(({ id, host }) => `tcp://${id}@${host}:9`)
  const stage = await begin(lab, [source, deaf.masternode, deaf.regular, keen], {
    admitAs: 'regular',
    masternodes: listed,
    // Of what is announced the deaf would have the ids waiting, and nothing that is worth dropping.
    propagation: 'flood',
  })
  const { victim, attacker, handled } = stage
  const dials = victim.address
  const asking = await lab.honest({
    nodes: [{ seed: honest.seed, host: honest.host, dials, as: 'masternode' }],
    ratePerSec: 100,
  })
  await asking.ask('joined', { withinMs: 10_000 })
  await asking.ask('report')
  const waiting = { masternode: 0, regular: 0 }
  for (let sent = 0; sent < 22 * MIB; sent += 8 * SHED_BYTES) {
    await attacker.ask('flood', { name: 'source', bytes: SHED_BYTES, count: 8, over: true })
    const { peers } = await victim.ask('status')
    for (const name of /** @type {const} */ (['masternode', 'regular'])) {
      const peer = peers.find((/** @type {any} */ { id }) => id === deaf[name].id)
      waiting[name] = Math.max(waiting[name], peer?.bufferedBytes ?? 0)
    }
    await lab.sleep(lab.short ? 2 : 30)
  }
  const { p99Ms, failed, disconnects } = await asking.ask('report')
  const status = await victim.ask('status')
  const classes = status.peers.map((/** @type {any} */ peer) => peer.id)
  const woken = await attacker.ask('resume', { name: 'deaf masternode', quietMs: 500 })
  const sent = await handled()
  await stage.end()
  lab.say(
    `shed: ${JSON.stringify({ sent, closed: status.closed, shed: status.broadcastsShed, woken, failed, disconnects })}`,
  )
  return [
    row('shed.outboxMiB', waiting.masternode / MIB, OUTBOX_MIB.masternode, 'MiB', 'a masternode that never reads'),
    row('shed.regularOutboxMiB', waiting.regular / MIB, OUTBOX_MIB.regular, 'MiB', 'a regular that never reads'),
    row('shed.masternodeClosed', classes.includes(deaf.masternode.id) && woken.said === null ? 0 : 1, 0, 'times'),
    row(
      'shed.gapUntold',
      woken.frames[18] === undefined ? 1 : 0,
      0,
      'times',
      `${woken.frames[18]} GAP, ${status.broadcastsShed} shed`,
    ),
    row('shed.regularKept', classes.includes(deaf.regular.id) ? 1 : 0, 0, 'times', JSON.stringify(status.closed)),
    row('shed.honestLost', Object.keys({ ...failed, ...disconnects }).length, 0, 'times'),
    row('shed.honestP99Ms', p99Ms, 50, 'ms', 'while 7 MB/s were shed or sent'),
  ]
}
