/** One hub broadcasts 250 bytes to all its peers, which live in two other processes. */
import { until } from '../lab.mjs'

const SIZE = 250
/** The last is what is compared; the others are measured once. */
export const PEERS = [10, 50, 125]

/** @param {number} burst broadcasts in one turn of the loop: 1 means that every delivery costs a write of its own */
export const hub = (burst) => async (/** @type {import('../lab.mjs').Lab} */ lab, /** @type {number} */ round) => {
  const counts = round === 0 && !lab.system.json && lab.system.own ? PEERS : PEERS.slice(-1)
  const figures = {}
  for (const count of counts) {
    const { complete, ...measured } = await fan(lab, burst, count)
    const suffix = count === PEERS.at(-1) ? '' : String(count)
    for (const [name, figure] of Object.entries(measured)) figures[`${name}${suffix}`] = figure
    figures.complete = (figures.complete ?? true) && complete
  }
  return figures
}

/** @param {import('../lab.mjs').Lab} lab @param {number} burst @param {number} count */
async function fan(lab, burst, count) {
  const { json } = lab.system
  const [centre, ...leaves] = await lab.star(count)
  await centre.end.ask('play', { part: 'hub', json, size: SIZE, burst })
  await Promise.all(leaves.map(({ end }) => end.ask('play', { part: 'receiver', json, size: SIZE })))
  const ends = leaves.map(({ end }) => end)
  await centre.end.ask('start')
  await lab.warm([centre.end, ...ends])
  const [out, ...into] = await lab.watch([centre.end, ...ends])
  await centre.end.ask('stop')
  const { sent } = await centre.end.ask('tell')
  const sum = (/** @type {readonly any[]} */ told, /** @type {string} */ name) =>
    told.reduce((total, one) => total + one[name], 0)
  const asked = () => Promise.all(ends.map((end) => end.ask('tell')))
  const arrived = await until(async () => sum(await asked(), 'received') >= sent * count)
  const told = await asked()
  await lab.end()
  return {
    hubCpuUs: (out.cpuMs * 1_000) / (out.did * count),
    peerCpuUs: (sum(into, 'cpuMs') * 1_000) / sum(into, 'did'),
    deliveriesPerSec: into.reduce((total, { did, seconds }) => total + did / seconds, 0),
    complete: arrived && sum(told, 'received') === sent * count && sum(told, 'wrong') === 0,
  }
}
