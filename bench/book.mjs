/**
 * `node --expose-gc bench/book.mjs N…`: what an address book of so many peers costs, a row for each, as JSON. Half of the peers
 * have been linked once, the others are hearsay. Where no entry of the package leads to a part, its source is bundled.
 */
import { randomBytes } from 'node:crypto'
import { createIdentity, PeerStore, Swarm } from 'holdfast'
import { SimClock, SimTime } from 'holdfast/testing'
import { loadSources } from './sources.mjs'

const KIB = 1_024
const MINUTE_MS = 60_000
/** One of these tells of a part of the hearsay: nobody may fill more than an eighth of the book. */
const TELLERS = 64
const TICK_MS = 5_000
const REFUSED_AFTER_MS = 50
const TICKS = 16
const LATER_MS = 20 * MINUTE_MS
const RUNS = 200

const parts = await loadSources({
  crypto: 'runtime/crypto-node.ts',
  system: 'runtime/system.ts',
  heap: 'policy/due-heap.ts',
  candidates: 'policy/candidates.ts',
  exchange: 'swarm/exchange.ts',
  peerId: 'protocol/peer-id.ts',
})
const { crypto } = parts.crypto
const { systemRandom: random } = parts.system

/** How many were made up so far. */
let learned = 0

const sizes = process.argv.slice(2).map(Number)
// Once for nothing: what is compiled by then is the same for all sizes.
await measure(sizes[0])
const rows = []
for (const size of sizes) rows.push(await measure(size))
process.stdout.write(`${JSON.stringify(rows)}\n`)

async function measure(/** @type {number} */ size) {
  const before = heapKiB()
  const { store, slowestMs, learnUs } = filled(size)
  const heapBytes = ((heapKiB() - before) * KIB) / size
  const text = JSON.stringify(store.snapshot(MINUTE_MS))
  return {
    peers: size,
    heapBytesPerPeer: heapBytes,
    learnUs,
    learnMsMax: slowestMs,
    learnFullUs: usOf(RUNS, () => learn(store, 'exchange')),
    ...(await ticks(store)),
    rankUs: rankUs(),
    answerUs: answerUs(store),
    heardUs: heardUs(store),
    agendaNs: agendaNs(size),
    snapshotMs: msOf(() => JSON.stringify(store.snapshot(MINUTE_MS))),
    restoreMs: msOf(() => new PeerStore({ peersMax: size }).restore(JSON.parse(text), Date.now())),
  }
}

/** A book that is full. */
function filled(/** @type {number} */ size) {
  const store = new PeerStore({ peersMax: size })
  const since = performance.now()
  let slowestMs = 0
  for (let i = 0; i < size; i++) {
    const at = performance.now()
    const id = learn(store, i % 2 === 0 ? 'exchange' : 'hello')
    if (i % 2 === 1) {
      store.linked(id, null, i, Date.now())
      store.unlinked(id, i + 1, Date.now(), { penalty: false })
    }
    slowestMs = Math.max(slowestMs, performance.now() - at)
  }
  if (store.size !== size) throw new Error(`a book of ${store.size} and not ${size}`)
  return { store, slowestMs, learnUs: ((performance.now() - since) * 1_000) / size }
}

/** Somebody new. @param {PeerStore} store @param {'exchange' | 'hello'} source */
function learn(store, source) {
  const id = parts.peerId.formatPeerId(randomBytes(32), crypto)
  const number = learned++
  const host = `${11 + (number % 89)}.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
  store.learn(id, { scheme: 'tcp', peerId: id, host, port: 24_100, path: '/' }, source, `teller ${number % TELLERS}`)
  return id
}

/**
 * Five seconds of a swarm that has this book and no link: a tick of its maintenance, and the dials that it asks for, all of which
 * are refused. At first, and when that has gone on for a while. In virtual time, so that nothing is waited for.
 */
async function ticks(/** @type {PeerStore} */ peerStore) {
  const time = new SimTime()
  const clock = new SimClock(time)
  let dials = 0
  const transport = {
    schemes: ['tcp'],
    dial: (/** @type {any} */ _address, /** @type {any} */ events) => {
      dials++
      const refuse = () => events.failed({ code: 'connection-refused', fault: 'network' })
      return clock.wakeAt(clock.monotonic() + REFUSED_AFTER_MS, refuse)
    },
  }
  const swarm = new Swarm({
    network: 'BNCH',
    identity: createIdentity(),
    transports: [transport],
    peerStore,
    clock,
    random,
  })
  const started = swarm.start()
  time.run(1)
  await started
  time.run(TICK_MS)
  const before = dials
  const tickUs = usOf(TICKS, () => time.run(TICK_MS))
  const dialsPerTick = (dials - before) / (1.5 * TICKS)
  time.run(LATER_MS - time.now)
  const tickLaterUs = usOf(TICKS, () => time.run(TICK_MS))
  const stopped = swarm.stop()
  time.run(TICK_MS)
  await stopped
  return { tickUs, dialsPerTick, tickLaterUs }
}

/** Maintenance looks at 64 candidates at most, however large the book. */
function rankUs() {
  const candidates = Array.from({ length: 64 }, (_, i) => ({
    peerId: `peer ${i}`,
    peerClass: i % 2 === 0 ? 'unknown' : 'regular',
    score: i,
    group: `11.${i}`,
    ageMs: i % 2 === 0 ? null : i * MINUTE_MS,
  }))
  const linkedIn = new Map()
  return usOf(10 * RUNS, () => parts.candidates.pickCandidates(candidates, 10, linkedIn, random))
}

/** What a peer is answered that asks for others. A peer may ask every ten seconds, so each time it is another one. */
function answerUs(/** @type {PeerStore} */ store) {
  const exchange = exchangeWith(store)
  return usOf(RUNS, () => exchange.answer(linkTo()))
}

/** A list of a hundred that are known. */
function heardUs(/** @type {PeerStore} */ store) {
  const exchange = exchangeWith(store)
  const hints = store
    .ids()
    .slice(-100)
    .map((id) => ({
      publicKey: parts.peerId.peerIdKey(id),
      ageS: 1,
      addresses: (store.get(id)?.addresses ?? []).map(({ host, port }) => `tcp://${host}:${port}`),
    }))
  return usOf(RUNS, () => {
    const link = linkTo()
    exchange.ask(link)
    exchange.heard(link, hints)
  })
}

function exchangeWith(/** @type {PeerStore} */ peerStore) {
  const clock = { monotonic: () => performance.now(), wall: () => Date.now() }
  return new parts.exchange.Exchange({ clock, random, crypto, peerStore, ownId: 'nobody', learned: () => {} })
}

function linkTo() {
  return { isOpen: true, peerId: 'somebody', remoteIp: '10.0.0.1', sendControl: () => {} }
}

/** A deadline taken and another set, among as many as there are peers: more than a swarm ever has. */
function agendaNs(/** @type {number} */ size) {
  const heap = new parts.heap.DueHeap()
  let now = 0
  const run = () => {}
  for (let i = 0; i < size; i++) heap.add(Math.random() * size, run)
  const us = usOf(100 * RUNS, () => {
    now = heap.nextAt
    heap.take()
    heap.add(now + Math.random() * size, run)
  })
  return us * 1_000
}

/** The mean of so many, after half as many for nothing. @param {number} times @param {() => unknown} run */
function usOf(times, run) {
  for (let i = 0; i < times / 2; i++) run()
  const { user, system } = process.cpuUsage()
  for (let i = 0; i < times; i++) run()
  const now = process.cpuUsage()
  return (now.user + now.system - user - system) / times
}

/** The least of three: what else the machine does only ever adds. @param {() => unknown} run */
function msOf(run) {
  return Math.min(
    ...[0, 1, 2].map(() => {
      const since = performance.now()
      run()
      return performance.now() - since
    }),
  )
}

function heapKiB() {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  return process.memoryUsage().heapUsed / KIB
}
