/**
 * What an idle connection costs the hub, after a collection. Ten are there before, so that what the first one loads does not
 * count; then as many are added as makes 125, 250 and 500. `More` is what each costs of the last step alone: by then whatever grows
 * once, as the memory for young objects does, has grown.
 */
import { sleep, untilLinked } from '../lab.mjs'

const BASE = 10
const KIB = 1_024

export async function memory(/** @type {import('../lab.mjs').Lab} */ lab) {
  const hub = await lab.begin('hub')
  const { steps, settleMs } = lab.times
  const look = async () => {
    await sleep(settleMs)
    return hub.end.ask('memory')
  }
  const add = async (/** @type {string} */ name, /** @type {number} */ count, /** @type {number} */ all) => {
    const leaf = await lab.begin(name, { count, listens: false })
    if (lab.system.lists) await hub.end.ask('connect', { addresses: leaf.addresses })
    await leaf.end.ask('connect', { addresses: hub.addresses })
    await untilLinked([leaf.end], 1)
    await untilLinked([hub.end], all)
  }
  await add('base', BASE, BASE)
  const before = await look()
  const figures = {}
  let there = 0
  let last = before
  for (const step of steps) {
    await add(`leaves ${step}`, step - there, BASE + step)
    const { rss, heapUsed, external } = await look()
    const suffix = step === steps.at(-1) ? '' : String(step)
    figures[`rssKiB${suffix}`] = (rss - before.rss) / step / KIB
    figures[`heapKiB${suffix}`] = (heapUsed - before.heapUsed) / step / KIB
    figures[`externalKiB${suffix}`] = (external - before.external) / step / KIB
    figures.rssKiBMore = (rss - last.rss) / (step - there) / KIB
    there = step
    last = { rss, heapUsed, external }
  }
  return { ...figures, complete: true }
}
