/**
 * What 1,000 signatures a second cost everybody else: how long an idle link waits for a small answer of a hub that checks them in its
 * handler, or has a pool of workers check them, or does not check them at all; evenly, and a hundred at once. And how many a hub
 * checks at most.
 */
import { Lab, sleep, until } from '../lab.mjs'

const PER_SEC = 1_000
const BURST = 100
const ASK_EVERY_MS = 4
const WINDOWS = 4
/** How each hub does it, and with how many threads. */
const HUBS = [
  { system: 'none', how: 'none', threads: 0 },
  { system: 'inline', how: 'inline', threads: 0 },
  { system: 'pool-1', how: 'pool', threads: 1 },
  { system: 'pool-2', how: 'pool', threads: 2 },
]
const SYSTEM = { name: 'holdfast', module: 'systems/verifying', options: {}, json: false, lists: true, tried: false }

/** @param {{ times: any, say: (line: string) => void }} given */
export async function verify({ times, say }) {
  /** Bound: hubs. */
  const samples = []
  for (const { system, how, threads } of HUBS) {
    const figures = {}
    for (const [suffix, perSec, burst] of /** @type {const} */ ([
      ['', PER_SEC, 1],
      ['Burst', PER_SEC, BURST],
      ['Max', null, 1],
    ])) {
      const found = await measure({ times, how, threads, perSec, burst })
      say(`verify ${system.padEnd(7)} ${suffix.padEnd(6)} ${JSON.stringify(found)}`)
      const { complete, perSec: rate, ...others } = found
      figures.complete = (figures.complete ?? true) && complete
      if (perSec === null) Object.assign(figures, { perSecMax: rate, threadsMax: others.threads, p99UsMax: others.p99Us })
      else
        Object.assign(figures, {
          [`p50Us${suffix}`]: others.p50Us,
          [`p99Us${suffix}`]: others.p99Us,
          [`lagP99Ms${suffix}`]: others.lagP99Ms,
          [`loopCpuUs${suffix}`]: others.loopCpuUs,
        })
    }
    samples.push({ system, figures })
  }
  return samples
}

/** @param {{ times: any, how: string, threads: number, perSec: number | null, burst: number }} given */
async function measure({ times, how, threads, perSec, burst }) {
  const lab = new Lab({ system: SYSTEM, times, profileDir: undefined })
  try {
    const hub = await lab.begin('hub')
    const signer = await lab.begin('signer', { listens: false })
    const asker = await lab.begin('asker', { listens: false })
    await hub.end.ask('play', { part: 'verifier', how, threads })
    await signer.end.ask('play', { part: 'signer', perSec, burst })
    await asker.end.ask('play', { part: 'asker', everyMs: ASK_EVERY_MS })
    await lab.link([signer, asker], hub)
    await signer.end.ask('start')
    await asker.end.ask('start')
    // Until everything is compiled that will be, and the threads are there.
    await until(async () => (await hub.end.ask('mark')).did > 0)
    await sleep(times.warmMaxMs)
    await Promise.all([hub, asker].map(({ end }) => end.ask('reset')))
    const [judged] = await lab.watch([hub.end], times.measureMs * WINDOWS)
    const { p50Us, p99Us, asked, failed } = await asker.end.ask('tell')
    const { wrong, lagP99Ms, loopCpuUs, threads: running } = await hub.end.ask('tell')
    await Promise.all([signer, asker, hub].map(({ end }) => end.ask('stop')))
    const complete = wrong === 0 && failed === 0 && asked > 0 && judged.did > 0
    return { perSec: judged.did / judged.seconds, p50Us, p99Us, lagP99Ms, loopCpuUs, threads: running, complete }
  } finally {
    await lab.end()
  }
}
