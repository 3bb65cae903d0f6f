/**
 * What an idle connection costs the hub, after a collection. Ten are there before, so that what the first one loads does not
 * count; then as many are added as makes 125 and 500. A connection is idle once nothing has happened for `idleLinksMs`: V8 widens
 * its memory for young objects while many links come at once (to 32 MiB, whatever their number), and gives it back at a collection
 * that finds little was allocated for five seconds. `Soon` is the figure before it has.
 */
import { sleep, untilLinked } from '../lab.mjs'

const BASE = 10
const KIB = 1_024

export async function memory(/** @type {import('../lab.mjs').Lab} */ lab) {
  const hub = await lab.begin('hub')
  const { steps, settleMs, idleLinksMs } = lab.times
  const look = async () => {
    await sleep(settleMs)
    const soon = await hub.end.ask('memory')
    await sleep(idleLinksMs)
    return { soon, idle: await hub.end.ask('memory') }
  }
  const add = async (/** @type {string} */ name, /** @type {number} */ count, /** @type {number} */ all) => {
    const leaf = await lab.begin(name, { count, listens: false })
    if (lab.system.lists) await hub.end.ask('connect', { addresses: leaf.addresses })
    await leaf.end.ask('connect', { addresses: hub.addresses })
    await untilLinked([leaf.end], 1)
    await untilLinked([hub.end], all)
  }
  await add('base', BASE, BASE)
  const before = (await look()).idle
  const figures = {}
  let there = 0
  for (const step of steps) {
    await add(`leaves ${step}`, step - there, BASE + step)
    const { soon, idle } = await look()
    const suffix = step === steps.at(-1) ? '' : String(step)
    figures[`rssKiB${suffix}`] = (idle.rss - before.rss) / step / KIB
    figures[`rssKiB${suffix}Soon`] = (soon.rss - before.rss) / step / KIB
    figures[`heapKiB${suffix}`] = (idle.heapUsed - before.heapUsed) / step / KIB
    figures[`externalKiB${suffix}`] = (idle.external - before.external) / step / KIB
    there = step
  }
  return { ...figures, complete: true }
}
