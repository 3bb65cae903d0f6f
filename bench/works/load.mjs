/**
 * A masternode with 125 links under load: a few peers make 1,000 transactions a second, it verifies each and passes it on to all
 * the others, and sends them a block now and then. One peer reads through a narrow pipe, one is frozen after the warm-up: they may
 * miss something, the others may not. Peers know the one in the middle and nobody else, so that it is what is measured.
 */
import { summed } from '../histogram.mjs'
import { sleep, until } from '../lab.mjs'

const MIB = 1_048_576
/** When no more is made, what is on its way is waited for so long, and no longer than something still comes. */
const SETTLE_MS = 180_000
const STILL_MS = 5_000
const LOOK_EVERY_MS = 200
/** How long the frozen peer is listened to once it goes on. */
const THAWED_MS = 3_000

/** @typedef {import('../lab.mjs').Lab} Lab */
/** @typedef {Awaited<ReturnType<typeof gather>>} Parties */

export async function load(/** @type {Lab} */ lab) {
  const { seconds, load: plan } = lab.times
  const parties = await gather(lab, plan)
  const { hub, origins, healthy, slow, frozen } = parties
  await cast(parties, plan)
  const blocksSince = await hub.ask('start')
  await origins.ask('start')
  await sleep(plan.warmMs)
  const before = await hub.ask('memory')
  // The collection has kept the loop from its work.
  await sleep(plan.warmMs / 8)
  // A frozen process does not notice that everybody has left: another one sees to it that it goes.
  await slow.ask('guard', { pid: frozen.child.pid })
  frozen.freeze()
  const measured = [hub, ...healthy]
  for (const end of measured) await end.ask('reset', { blocksSince, blocksEveryMs: plan.blockEveryMs })
  const mark = () => Promise.all(measured.map((end) => end.ask('mark')))
  const began = await mark()
  await sleep(1_000 * seconds)
  // Who cannot keep up would not answer while there is more and more to do.
  await Promise.all([origins.ask('stop'), hub.ask('stop')])
  const stoppedAt = performance.now()
  const ended = await mark()
  const judge = await hub.ask('tell')
  const after = await hub.ask('memory')
  const told = await settled(parties, plan)
  const settledMs = performance.now() - stoppedAt
  frozen.thaw()
  await slow.ask('guard', { pid: null })
  await sleep(Math.min(THAWED_MS, plan.warmMs))
  return {
    seconds,
    connections: plan.peers,
    healthy: told.nodes.length,
    ...arrivals(told, plan),
    rejected: judge.rejected,
    ...delays(told),
    settledMs,
    ...loop(judge),
    ...memory(judge, before, after),
    ...cpu(began, ended),
    shed: judge.shed,
    links: judge.links,
    suspect: judge.suspect,
    slow: { bytesPerSec: plan.slowBytesPerSec, ...(await behind(slow)) },
    frozen: await behind(frozen),
    blocks: blocksOf(told),
  }
}

/** All processes, linked. @param {Lab} lab @param {Lab['times']['load']} plan */
async function gather(lab, plan) {
  // They know one node and relay nothing: two cores have no room for what 123 of them would keep for others.
  const leaf = { listens: false, propagation: 'flood' }
  const hub = await lab.begin('hub', { propagation: plan.propagation })
  const [address] = hub.addresses
  const others = plan.peers - plan.origins - 2
  const origins = await lab.begin('origins', { ...leaf, count: plan.origins })
  const half = Math.ceil(others / 2)
  const crowds = []
  for (const count of [half, others - half]) crowds.push(await lab.begin('crowd', { ...leaf, count }))
  const frozen = await lab.begin('frozen', leaf)
  await lab.link([origins, ...crowds, frozen], hub)
  const pipe = await lab.begin('pipe', {
    system: { module: 'systems/narrow', json: false },
    to: Number(new URL(address).port),
    bytesPerSec: plan.slowBytesPerSec,
  })
  const slow = await lab.begin('slow', leaf)
  const [port] = pipe.addresses
  const throughPipe = { end: hub.end, addresses: [address.replace(/\d+$/, String(port))] }
  await lab.link([slow], throughPipe, plan.peers - 1)
  const healthy = [origins, ...crowds].map(({ end }) => end)
  return { hub: hub.end, origins: origins.end, healthy, slow: slow.end, frozen: frozen.end }
}

/** Who does what. @param {Parties} parties @param {Lab['times']['load']} plan */
async function cast({ hub, origins, healthy, slow, frozen }, plan) {
  const { txBytes, blockBytes, blockEveryMs, perSec, everyMs } = plan
  for (const end of [...healthy, slow, frozen]) {
    const makes = end === origins ? { perSec, everyMs } : {}
    await end.ask('play', { part: 'crowd', origins: plan.origins, txBytes, blockBytes, ...makes })
  }
  const { keys } = await origins.ask('tell')
  await hub.ask('play', { part: 'judge', keys, blockBytes, blockEveryMs })
}

/** What all those say who are neither slow nor frozen; the origins first. @param {Parties} parties */
async function tell({ hub, healthy }) {
  const { blocks } = await hub.ask('tell')
  const all = await Promise.all(healthy.map((end) => end.ask('tell')))
  return { all, blocks, made: all[0].made, nodes: all.flatMap(({ nodes }) => nodes) }
}

/** @typedef {Awaited<ReturnType<typeof tell>>} Told */

/** What they say once everything has arrived, or nothing comes any more. @param {Parties} parties @param {Lab['times']['load']} plan */
async function settled(parties, plan) {
  let told = await tell(parties)
  let lost = arrivals(told, plan).lost
  let movedAt = performance.now()
  await until(async () => {
    await sleep(LOOK_EVERY_MS)
    told = await tell(parties)
    const { lost: now } = arrivals(told, plan)
    if (now !== lost) movedAt = performance.now()
    lost = now
    return lost === 0 || performance.now() - movedAt > STILL_MS
  }, SETTLE_MS)
  return told
}

/** What came of what was made. Nobody gets its own. @param {Told} told @param {Lab['times']['load']} plan */
function arrivals({ blocks, made, nodes }, { origins }) {
  const sent = sum(made)
  const counts = { delivered: 0, lost: 0, lostUntold: 0, again: 0, broken: 0 }
  for (const [i, node] of nodes.entries()) {
    const got = sum(node.txs.counts)
    const missing = sent - (i < origins ? made[i] : 0) - got
    counts.delivered += got
    const lost = missing + blocks - sum(node.blocks.counts)
    counts.lost += lost
    // Whoever is told can ask again.
    if (node.gaps === 0) counts.lostUntold += lost
    counts.again += node.txs.again + node.blocks.again
    counts.broken += node.txs.broken + node.blocks.broken
  }
  return { sent, blocksSent: blocks, ...counts }
}

/** @param {Told} told */
function delays({ all }) {
  const took = summed(all.flatMap(({ beside, between }) => [beside, between]))
  const beside = summed(all.map((one) => one.beside))
  const between = summed(all.map((one) => one.between))
  return {
    deliveryMsP50: took.part(0.5),
    deliveryMsP90: took.part(0.9),
    deliveryMsP99: took.part(0.99),
    deliveryMsMax: took.maxMs,
    besideBlocksMsP99: beside.part(0.99),
    betweenBlocksMsP99: between.part(0.99),
  }
}

/** A row for each block that was made while it was watched. @param {Told} told */
function blocksOf({ all }) {
  const numbers = [...new Set(all.flatMap(({ blockMs }) => [...blockMs.keys()]))].sort((a, b) => a - b)
  return numbers.map((block) => {
    const took = all.flatMap(({ blockMs }) => blockMs.get(block) ?? []).sort((a, b) => a - b)
    const part = (/** @type {number} */ share) => took[Math.ceil(share * took.length) - 1]
    return { block, deliveries: took.length, msP50: part(0.5), msP99: part(0.99), msMax: part(1) }
  })
}

function loop(/** @type {any} */ { lag }) {
  const late = summed([lag])
  return { loopLagMsP50: late.part(0.5), loopLagMsP99: late.part(0.99), loopLagMsMax: late.maxMs }
}

/** RSS as it was every second; the heap after a collection. @param {any} judge @param {any} before @param {any} after */
function memory({ rssMiB, memory: held }, before, after) {
  return {
    rssMiBStart: rssMiB[0],
    rssMiBMiddle: rssMiB[rssMiB.length >> 1],
    rssMiBEnd: rssMiB.at(-1),
    heapMiBStart: (before.heapUsed + before.external) / MIB,
    heapMiBEnd: (after.heapUsed + after.external) / MIB,
    outboxMiB: held.outboxBytes / MIB,
  }
}

/** @param {readonly any[]} began @param {readonly any[]} ended the marks of the one in the middle, and of the others */
function cpu(began, ended) {
  const [hub, ...peers] = ended.map(({ at, cpuMs, did }, i) => {
    const seconds = (at - began[i].at) / 1_000
    return { perSec: (did - began[i].did) / seconds, cpu: (cpuMs - began[i].cpuMs) / seconds }
  })
  const deliveriesPerSec = sum(peers.map(({ perSec }) => perSec))
  const peersCpu = sum(peers.map((peer) => peer.cpu))
  return {
    txPerSec: hub.perSec,
    deliveriesPerSec,
    hubCpuPercent: hub.cpu / 10,
    hubCpuUsPerDelivery: (hub.cpu * 1_000) / deliveriesPerSec,
    peersCpuPercent: peersCpu / 10,
    peerCpuUsPerDelivery: (peersCpu * 1_000) / deliveriesPerSec,
  }
}

/** What somebody got who could not keep up, and how often it was told that it had missed something. @param {any} end */
async function behind(end) {
  const { nodes } = await end.ask('tell')
  const [{ txs, blocks, gaps }] = nodes
  return { received: sum(txs.counts), blocks: sum(blocks.counts), toldOfGaps: gaps }
}

const sum = (/** @type {readonly number[]} */ values) => values.reduce((total, value) => total + value, 0)
