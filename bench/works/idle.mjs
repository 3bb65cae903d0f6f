/** What 125 links cost the hub while nobody says anything but that it is still there, every 5 s, in the system's own way. */
import { sleep, untilLinked } from '../lab.mjs'

const KEEP_ALIVE_MS = 5_000

export async function idle(/** @type {import('../lab.mjs').Lab} */ lab) {
  const { idlePeers: peers, idleMs, settleMs } = lab.times
  const [hub] = await lab.star(peers, { keepAliveMs: KEEP_ALIVE_MS })
  await sleep(2 * settleMs)
  const [{ cpuMs, seconds }] = await lab.watch([hub.end], idleMs)
  await untilLinked([hub.end], peers, 1_000)
  return { cpuPercent: cpuMs / seconds / 10, complete: true }
}
