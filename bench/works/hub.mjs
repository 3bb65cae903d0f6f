/** One hub broadcasts 250 bytes to all its peers, in two other processes. Most peers are compared; fewer are tried, one number a round. */

const SIZE = 250
/**
 * How far the hub may be before the slowest peer, and after how many each peer says how far it is. Where every delivery is to cost
 * a write of its own, so little is under way that the kernel always takes it: what has to wait is written together.
 */
const paceOf = (/** @type {number} */ burst) =>
  burst === 1 ? { ahead: 256, tellEvery: 64 } : { ahead: 2_048, tellEvery: 256 }

/** @param {number} burst broadcasts in one turn of the loop: 1 means that every delivery costs a write of its own */
export const hub = (burst) => async (/** @type {import('../lab.mjs').Lab} */ lab, /** @type {number} */ round) => {
  const { peers } = lab.times
  const few = lab.system.tried ? peers.slice(0, -1) : []
  const counts = [...few.slice(round, round + 1), ...peers.slice(-1)]
  const figures = {}
  for (const count of counts) {
    const { complete, ...measured } = await fan(lab, burst, count)
    const suffix = count === peers.at(-1) ? '' : String(count)
    for (const [name, figure] of Object.entries(measured)) figures[`${name}${suffix}`] = figure
    figures.complete = (figures.complete ?? true) && complete
  }
  return figures
}

/** @param {import('../lab.mjs').Lab} lab @param {number} burst @param {number} count */
async function fan(lab, burst, count) {
  const { json } = lab.system
  const pace = paceOf(burst)
  const [centre, ...leaves] = await lab.star(count)
  await centre.end.ask('play', { part: 'hub', json, size: SIZE, burst, peers: count, ...pace })
  await Promise.all(leaves.map(({ end }) => end.ask('play', { part: 'receiver', json, size: SIZE, ...pace })))
  const ends = leaves.map(({ end }) => end)
  await centre.end.ask('start')
  await lab.warm([centre.end, ...ends])
  const [out, ...into] = await lab.watch([centre.end, ...ends])
  // What is on its way is not waited for: the kernel alone can hold hundreds of megabytes. A gap would have been seen.
  const told = await Promise.all(ends.map((end) => end.ask('tell')))
  const sum = (/** @type {readonly any[]} */ all, /** @type {string} */ name) =>
    all.reduce((total, one) => total + one[name], 0)
  await lab.end()
  return {
    hubCpuUs: (out.cpuMs * 1_000) / (out.did * count),
    peerCpuUs: (sum(into, 'cpuMs') * 1_000) / sum(into, 'did'),
    deliveriesPerSec: into.reduce((total, { did, seconds }) => total + did / seconds, 0),
    complete: sum(told, 'received') > 0 && sum(told, 'wrong') === 0,
  }
}
