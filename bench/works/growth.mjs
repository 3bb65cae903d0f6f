/**
 * What links cost a hub the more there are, while nobody speaks and while it broadcasts now and then; and what an address book
 * costs the more it holds, in a process of its own.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createIdentity } from 'holdfast'
import { summed } from '../histogram.mjs'
import { sleep, until, untilLinked } from '../lab.mjs'

const BOOK = fileURLToPath(new URL('../book.mjs', import.meta.url))
const BOOK_MAX_MS = 300_000
const LINKED_WITHIN_MS = 180_000
const SETTLE_MS = 20_000
const KIB = 1_024
const TX_BYTES = 250
/** What a peer with no listener is listed as. */
const NOWHERE = '127.0.0.1:1'
const LISTED_MORE = 10

/** @typedef {import('../lab.mjs').Lab} Lab */

/** @param {Lab} lab @param {(line: string) => void} say */
export async function growth(lab, say) {
  const { growth: plan } = lab.times
  const links = []
  for (const count of plan.links) {
    const row = await star(lab, plan, count)
    await lab.end()
    say(`growth ${JSON.stringify(row)}`)
    links.push(row)
  }
  const words = ['--expose-gc', BOOK, ...plan.books.map(String)]
  const { stdout } = await promisify(execFile)(process.execPath, words, { timeout: BOOK_MAX_MS })
  return { links, books: JSON.parse(stdout) }
}

/**
 * A hub with so many links. The first few are there before its memory is looked at, so that what the first one loads does not
 * count; all are on its list from the beginning.
 * @param {Lab} lab @param {Lab['times']['growth']} plan @param {number} count
 */
async function star(lab, plan, count) {
  const leaf = { listens: false }
  const first = await lab.begin('first', { ...leaf, count: plan.base })
  const half = Math.ceil((count - plan.base) / 2)
  const rest = []
  for (const share of [half, count - plan.base - half]) rest.push(await lab.begin('rest', { ...leaf, count: share }))
  const all = [first, ...rest]
  const hub = await lab.begin('hub', { masternodes: all.flatMap(({ addresses }) => addresses) })
  const { end } = hub
  await join(hub, [first], plan.base)
  await end.ask('play', { part: 'speaker', txBytes: TX_BYTES, perSec: plan.perSec })
  for (const one of all) await one.end.ask('play', { part: 'crowd', origins: 1, txBytes: TX_BYTES, blockBytes: 0 })
  const before = await end.ask('memory')
  const added = await grow(hub, rest, count)
  await sleep(plan.watchMs / 4)
  const weight = await end.ask('memory')
  const still = await observe(lab, end, plan.watchMs)
  await end.ask('start')
  const spoken = await observe(lab, end, plan.watchMs)
  await end.ask('stop')
  const lost = await missing(hub, all)
  const addresses = Array.from({ length: LISTED_MORE }, () => `tcp://${createIdentity().id}@${NOWHERE}`)
  await end.ask('play', { part: 'lister', addresses })
  const { eachMs } = await end.ask('tell')
  const more = count - plan.base
  return {
    links: count,
    ...added,
    idleCpuUsPerLinkSec: (still.cpuMs * 1_000) / still.seconds / count,
    cpuUsPerDelivery: (spoken.cpuMs * 1_000) / (spoken.did * count),
    lagMsP99: spoken.lagMsP99,
    lagMsMax: spoken.lagMsMax,
    lost,
    rssKiBPerLink: (weight.rss - before.rss) / more / KIB,
    heapKiBPerLink: (weight.heapUsed - before.heapUsed) / more / KIB,
    externalKiBPerLink: (weight.external - before.external) / more / KIB,
    listOneMoreMs: eachMs,
  }
}

/** @param {any} hub @param {readonly any[]} leaves @param {number} count links of the hub then */
async function join(hub, leaves, count) {
  await Promise.all(leaves.map(({ end }) => end.ask('connect', { addresses: hub.addresses })))
  await untilLinked([hub.end], count, LINKED_WITHIN_MS)
}

/** What a link costs the hub to come about. @param {any} hub @param {readonly any[]} leaves @param {number} count */
async function grow(hub, leaves, count) {
  const since = await hub.end.ask('mark')
  await join(hub, leaves, count)
  const now = await hub.end.ask('mark')
  const added = leaves.reduce((sum, { addresses }) => sum + addresses.length, 0)
  return { linkedPerSec: (added * 1_000) / (now.at - since.at), cpuMsPerLink: (now.cpuMs - since.cpuMs) / added }
}

/** @param {Lab} lab @param {any} end @param {number} ms */
async function observe(lab, end, ms) {
  await end.ask('reset')
  const [watched] = await lab.watch([end], ms)
  const late = summed([(await end.ask('tell')).lag])
  return { ...watched, lagMsP99: late.part(0.99), lagMsMax: late.maxMs }
}

/** What was said and did not arrive. @param {any} hub @param {readonly any[]} leaves */
async function missing(hub, leaves) {
  const { said } = await hub.end.ask('tell')
  const lost = async () => {
    const told = await Promise.all(leaves.map(({ end }) => end.ask('tell')))
    const nodes = told.flatMap((one) => one.nodes)
    return nodes.reduce((sum, { txs }) => sum + said - txs.counts[0], 0)
  }
  await until(async () => (await lost()) === 0, SETTLE_MS)
  return lost()
}
