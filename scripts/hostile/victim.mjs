/**
 * The node under attack: a real one, with nothing in it that an ordinary host would not have, but for what it measures.
 *
 * `begin` takes (JSON): seed, host, port, wsPort (null: none), network; `bans: false` (strikes are counted, nobody is ever banned);
 * `blacklist` (BlacklistOptions); `admitAs` (a class for everybody who is not listed: the default would be `unknown`); and of
 * SwarmOptions masternodes, persistent, seeds, limits, perIpLimits, preset. It serves the names of words.mjs.
 *
 * Orders: `status` → SwarmStatus
 *   `memory` → after a collection: heapMiB (used, with everything outside the heap: buffers are in `external`), rssMiB, sockets
 *   `begin-watch` · `watched` → since then: pendingMax, lingeringMax, peersMax, rssMaxMiB, lagP99Ms, lagMaxMs, cpuShare (of one core),
 *     waitedShare (of the time: ready to run, and without a core)
 *   `bans` → every ban event: key, cause, forMs, at (machine ms, see time.mjs)
 *   `log` → lines of all levels, and those above debug that `match` (a regular expression): { lines, matching, first (20 of those) }
 *   `events` → counts of every event, and `quarantines`: peerId, cause, forMs, at
 *   `peers` → id, class, address, direction of each · `received` → counts of echo, tx, note
 *   `ban` ({ key, forMs }) → bans by the host's wish · `profile` ({ path? }) → a CPU profile begins; again, and it is written to path
 *   `stop` ({ backInMs? }) → ms that swarm.stop() took
 */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Blacklist, createIdentity, Swarm } from 'holdfast'
import { tcp } from 'holdfast/tcp'
import { webSocket } from 'holdfast/websocket'
import { obey } from './child.mjs'
import { now, waitedMs } from './time.mjs'
import { ECHO, NOTE, TX } from './words.mjs'

const MIB = 1024 * 1024
const WATCH_MS = 10
/** The kernel is asked for the resident size less often: that costs a tenth of a millisecond. */
const RSS_EVERY = 5
const LINES_MAX = 5_000
const BANS_MAX = 20_000
/** Points that are gone before a second strike: the counting goes on, and comes to nothing. */
const NO_BANS = { strikePoints: 1, banAt: 1000, halfLifeMs: 1, banMs: 1, longBanMs: 1, ipBanMaxMs: 1 }
const EVENTS = /** @type {const} */ ([
  ...[
    'peer:connect',
    'peer:disconnect',
    'peer:suspect',
    'peer:slow',
    'peer:conflict',
    'peer:quarantine',
    'dial:failed',
  ],
  ...['inbound:refused', 'ban', 'partition:suspected', 'partition:healed', 'recovered', 'clock:skew', 'error'],
])

const LAG_STEP_MS = 5

const delay = monitorEventLoopDelay({ resolution: LAG_STEP_MS })
let swarm = /** @type {Swarm | null} */ (null)
let blacklist = new Blacklist()
/** Bound: LINES_MAX; more are only counted. @type {string[]} */
const lines = []
let lineCount = 0
/** Bound: BANS_MAX. @type {object[]} */
const bans = []
/** Bound: the names of events. @type {Record<string, number>} */
const events = {}
/** Bound: 1,000. @type {object[]} */
const quarantines = []
const received = { echo: 0, tx: 0, note: 0 }
let watch = startWatch()
let profiler = /** @type {Session | null} */ (null)

/** @param {any} order */
async function begin(order) {
  const { seed, host, port, wsPort, bans: bansAny = true, blacklist: strictness = {}, admitAs = null, ...rest } = order
  blacklist = new Blacklist(bansAny ? strictness : NO_BANS)
  const listed = new Set([...(rest.masternodes ?? [])].map((address) => /\/\/(\w+)@/.exec(address)?.[1]))
  const own = new Swarm({
    identity: createIdentity(Buffer.from(seed, 'hex')),
    transports: [tcp(), webSocket()],
    listen: [`tcp://${host}:${port}`, ...(wsPort === null ? [] : [`ws://${host}:${wsPort}`])],
    blacklist,
    logger: { debug: () => lineCount++, info: note, warn: note },
    agent: 'victim',
    ...(admitAs === null ? {} : { authorize: ({ peerId }) => (listed.has(peerId) ? 'masternode' : admitAs) }),
    ...rest,
  })
  swarm = own
  own.respond(ECHO, (asked) => {
    received.echo++
    return asked
  })
  own.handle(TX, (tx) => {
    received.tx++
    return tx?.bad === true ? 'reject' : 'accept'
  })
  own.handle(NOTE, () => {
    received.note++
  })
  for (const name of EVENTS) own.on(name, () => void (events[name] = (events[name] ?? 0) + 1))
  own.on('ban', (ban) => {
    if (bans.length < BANS_MAX) bans.push({ ...ban, at: now() })
  })
  own.on('peer:quarantine', (notice) => {
    if (quarantines.length < 1_000) quarantines.push({ ...notice, at: now() })
  })
  await own.start()
  return own.addresses
}

/** @param {string} line */
function note(line) {
  lineCount++
  if (lines.length < LINES_MAX) lines.push(line.replace(/^\[\S*\] /, ''))
}

function startWatch() {
  const seen = { pendingMax: 0, lingeringMax: 0, peersMax: 0, rssMaxMiB: 0 }
  const since = performance.now()
  const cpu = process.cpuUsage()
  const waited = waitedMs()
  delay.reset()
  delay.enable()
  let ticks = 0
  const timer = setInterval(() => {
    const status = swarm?.status()
    seen.pendingMax = Math.max(seen.pendingMax, status?.pending ?? 0)
    seen.lingeringMax = Math.max(seen.lingeringMax, status?.lingering ?? 0)
    seen.peersMax = Math.max(seen.peersMax, status?.peers.length ?? 0)
    if (ticks++ % RSS_EVERY === 0) seen.rssMaxMiB = Math.max(seen.rssMaxMiB, process.memoryUsage.rss() / MIB)
  }, WATCH_MS)
  return { seen, since, cpu, waited, timer }
}

function watched() {
  const { seen, since, cpu, waited } = watch
  const { user, system } = process.cpuUsage(cpu)
  const forMs = performance.now() - since
  const cpuShare = (user + system) / 1000 / forMs
  const waitedShare = (waitedMs() - waited) / forMs
  // What is measured is from tick to tick: the step itself is no lag.
  const lag = (/** @type {number} */ ns) => Math.max(0, ns / 1e6 - LAG_STEP_MS)
  return { ...seen, lagP99Ms: lag(delay.percentile(99)), lagMaxMs: lag(delay.max), cpuShare, waitedShare }
}

function memory() {
  const collect = /** @type {() => void} */ (globalThis.gc)
  for (let i = 0; i < 4; i++) collect()
  const { heapUsed, external, rss } = process.memoryUsage()
  const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  return { heapMiB: (heapUsed + external) / MIB, rssMiB: rss / MIB, sockets }
}

/** @param {{ path?: string }} order */
async function profile({ path }) {
  if (profiler === null) {
    profiler = new Session()
    profiler.connect()
    await profiler.post('Profiler.enable')
    await profiler.post('Profiler.start')
    return
  }
  const { profile: taken } = await profiler.post('Profiler.stop')
  if (path !== undefined) writeFileSync(path, JSON.stringify(taken))
  profiler.disconnect()
  profiler = null
}

obey({
  begin,
  profile,
  memory,
  watched,
  status: () => swarm?.status(),
  'begin-watch': () => {
    clearInterval(watch.timer)
    watch = startWatch()
  },
  bans: () => bans,
  events: () => ({ ...events, quarantines }),
  received: () => received,
  log: ({ match = '' }) => {
    const matching = lines.filter((line) => new RegExp(match).test(line))
    return { lines: lineCount, matching: matching.length, first: matching.slice(0, 20) }
  },
  peers: () =>
    [...(swarm?.peers.values() ?? [])].map((peer) => {
      return { id: peer.id, class: peer.class, address: peer.address, direction: peer.direction }
    }),
  ban: ({ key, forMs }) => blacklist.ban(key, performance.now() + forMs, 'by the host', performance.now()),
  stop: async (order) => {
    const since = performance.now()
    await swarm?.stop(order)
    return performance.now() - since
  },
})
