/**
 * A hundred masternodes in a few processes, each listing all: how long until each is linked with each, what the links cost while
 * nobody says anything, and what a broadcast costs that everybody relays.
 */
import { summed } from '../histogram.mjs'
import { sleep, until, untilLinked } from '../lab.mjs'

const MIB = 1_048_576
const LINKED_WITHIN_MS = 180_000
const SETTLE_MS = 20_000
const TX_BYTES = 250

/** @typedef {import('../lab.mjs').Lab} Lab */

export async function mesh100(/** @type {Lab} */ lab) {
  const { seconds, mesh100: plan } = lab.times
  const { nodes, processes, settleMs } = plan
  const members = []
  for (let i = 0; i < processes; i++) members.push(await lab.begin(`member ${i}`, { count: nodes / processes }))
  const ends = members.map(({ end }) => end)
  const figures = { nodes, processes, links: (nodes * (nodes - 1)) / 2, ...(await link(ends, members, nodes)) }
  await sleep(settleMs)
  const idle = await lab.watch(ends, 2 * settleMs)
  const { rssMiB, heapMiB } = await weigh(ends)
  const told = await talk(lab, ends, plan)
  return {
    ...figures,
    rssMiBPerNode: rssMiB / nodes,
    heapMiBPerNode: heapMiB / nodes,
    idleCpuPercentPerNode: share(idle) / nodes,
    seconds,
    ...told,
  }
}

/** Everybody learns of everybody at the same moment. @param {readonly any[]} ends @param {readonly any[]} members @param {number} nodes */
async function link(ends, members, nodes) {
  const addresses = members.flatMap((member) => member.addresses)
  const before = await Promise.all(ends.map((end) => end.ask('mark')))
  const since = performance.now()
  await Promise.all(ends.map((end) => end.ask('connect', { addresses })))
  const listedMs = performance.now() - since
  await untilLinked(ends, nodes - 1, LINKED_WITHIN_MS)
  const linkedMs = performance.now() - since
  const after = await Promise.all(ends.map((end) => end.ask('mark')))
  const cpuMs = sum(after.map((mark, i) => mark.cpuMs - before[i].cpuMs))
  return { listedMs, linkedMs, linkCpuMs: cpuMs / ((nodes * (nodes - 1)) / 2) }
}

/** @param {readonly any[]} ends */
async function weigh(ends) {
  const memory = await Promise.all(ends.map((end) => end.ask('memory')))
  return {
    rssMiB: sum(memory.map(({ rss }) => rss)) / MIB,
    heapMiB: sum(memory.map(({ heapUsed, external }) => heapUsed + external)) / MIB,
  }
}

/** @param {Lab} lab @param {readonly any[]} ends @param {Lab['times']['mesh100']} plan */
async function talk(lab, ends, { nodes, processes, perSec }) {
  const each = nodes / processes
  const about = { origins: nodes, txBytes: TX_BYTES, blockBytes: 0, perSec: perSec / processes }
  await Promise.all(ends.map((end, i) => end.ask('play', { part: 'crowd', ...about, from: i * each })))
  await Promise.all(ends.map((end) => end.ask('start')))
  const busy = await lab.watch(ends, 1_000 * lab.times.seconds)
  await Promise.all(ends.map((end) => end.ask('stop')))
  const ask = () => Promise.all(ends.map((end) => end.ask('tell')))
  await until(async () => arrivals(await ask()).lost === 0, SETTLE_MS)
  const told = await ask()
  const { sent, ...counted } = arrivals(told)
  const took = summed(told.map(({ between }) => between))
  const copies = sum(told.flatMap(({ nodes: all }) => all.map((one) => one.copies)))
  return {
    sent,
    ...counted,
    copiesPerDelivery: 1 + copies / counted.delivered,
    deliveryMsP50: took.part(0.5),
    deliveryMsP99: took.part(0.99),
    deliveryMsMax: took.maxMs,
    cpuPercent: share(busy),
    cpuMsPerBroadcast: sum(busy.map(({ cpuMs }) => cpuMs)) / (sum(busy.map(({ did }) => did)) / (nodes - 1)),
  }
}

/** @param {readonly any[]} told */
function arrivals(told) {
  const made = told.flatMap((one) => one.made)
  const sent = sum(made)
  const all = told.flatMap(({ nodes }) => nodes)
  const delivered = sum(all.map(({ txs }) => sum(txs.counts)))
  const due = sum(made.map((own) => sent - own))
  const again = sum(all.map(({ txs }) => txs.again))
  return { sent, delivered, lost: due - delivered, again, broken: sum(all.map(({ txs }) => txs.broken)) }
}

/** Per cent of a core, of all of them together. @param {readonly { cpuMs: number, seconds: number }[]} watched */
const share = (watched) => sum(watched.map(({ cpuMs, seconds }) => cpuMs / seconds / 10))

const sum = (/** @type {readonly number[]} */ values) => values.reduce((total, value) => total + value, 0)
