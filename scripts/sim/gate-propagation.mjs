/**
 * Broadcasts in two networks, pushed by everybody and announced by relays: who got them, in which time, and for how many bytes;
 * and who got them when links are lost while they are on their way, or when a tenth of the relays passes nothing on.
 */
import { message } from 'holdfast'
import { swarmLab } from 'holdfast/testing'
import { crowd } from './gate-crowd.mjs'
import { mean, pairsOf, percentile, range, rounded, untilLinked } from './lab.mjs'

/** Of a network in which no detour is shorter than the direct way: more than half of the greatest is the least. */
const NET = { latencyMs: [40, 75], jitterMs: 5 }
const TX_BYTES = 250
const TXS = 40
const EVERY_MS = 50
const BLOCK_BYTES = 65_000
/** What is still missing after this was lost. */
const WAIT_MS = 20_000
/** What links carry anyhow is measured for as long as the broadcasts take. */
const QUIET_MS = TXS * EVERY_MS + WAIT_MS
/** Links that are lost, and relays that pass nothing on. */
const FAULTY = 0.1
/** A message is on its way when the links are reset. */
const MID_FLIGHT_MS = 60
const SHARES = { mesh: { bytes: 0.1, time: 1.5 }, degree16: { bytes: 0.35, time: 3 } }

export const propagation = {
  name: 'propagation',
  about: 'everybody gets every broadcast, and hybrid takes a tenth of the bytes of flood in a mesh, 0.35 at degree 16',
  nodes: 1_000,
  controls: false,
  cases: ['degree16', 'mesh'].flatMap((part) =>
    ['flood', 'hybrid'].flatMap((mode) => [
      { part, mode, seeds: 2 },
      { part, mode, fault: 'links', seeds: 2 },
      { part, mode, fault: 'relays', seeds: 2 },
      ...(part === 'mesh' ? [{ part, mode, fault: 'block', seeds: 1 }] : []),
    ]),
  ),
  run(job) {
    const world = { heard: new Map(), dropping: new Set() }
    const lab = job.part === 'mesh' ? mesh(job, world) : strangers(job, world)
    const nodes = range(lab.size)
    const degree = (2 * lab.links().length) / lab.size
    if (job.fault === 'relays') for (const node of drawn(lab, nodes)) world.dropping.add(node)
    const before = lab.network.sentBytes
    lab.run(QUIET_MS)
    const idle = lab.network.sentBytes - before
    const sent = speak(lab, world, job)
    const honest = nodes.filter((node) => !world.dropping.has(node))
    const times = sent.map(({ id, at, by }) => delays(world.heard.get(id), at, by, honest))
    const reached = times.flat().filter((ms) => ms !== null).length
    return {
      degree: rounded(degree, 1),
      delivered: reached / times.flat().length,
      bytes: Math.round((lab.network.sentBytes - before - 2 * idle) / lab.size / sent.length),
      t99Ms: rounded(mean(times.map((one) => percentile(one, 0.99) ?? WAIT_MS)), 1),
      maxMs: rounded(Math.max(...times.flat().map((ms) => ms ?? WAIT_MS)), 1),
      events: lab.events,
      trace: lab.trace,
    }
  },
  summarize(samples) {
    const report = {}
    for (const { job, ...sample } of samples) {
      const place = ((report[job.part] ??= {})[job.mode] ??= {})
      const into = job.fault === undefined ? place : (place[job.fault] ??= {})
      for (const key of ['degree', 'delivered', 'bytes', 't99Ms', 'maxMs']) (into[key] ??= []).push(sample[key])
    }
    for (const part of Object.values(report)) for (const mode of Object.values(part)) settle(mode)
    return { ...report, pass: Object.entries(report).every(([part, modes]) => holds(modes, SHARES[part])) }
  },
}

/** Many samples become one figure each: the least delivered, the mean of the rest. */
function settle(figures) {
  for (const [key, value] of Object.entries(figures))
    if (!Array.isArray(value)) settle(value)
    else figures[key] = key === 'delivered' ? Math.min(...value) : rounded(mean(value), 1)
}

function holds({ flood, hybrid }, shares) {
  const all = [hybrid, hybrid?.links, hybrid?.relays, hybrid?.block].filter((one) => one !== undefined)
  const isComplete = all.every(({ delivered }) => delivered === 1)
  if (flood?.bytes === undefined || hybrid?.bytes === undefined) return isComplete
  return isComplete && hybrid.bytes <= shares.bytes * flood.bytes && hybrid.t99Ms <= shares.time * flood.t99Ms
}

function mesh({ seed, nodes, healing, mode }, world) {
  const masternodes = Math.ceil(nodes / 10)
  const lab = swarmLab({
    seed,
    masternodes,
    net: NET,
    swarm: { healing, propagation: mode },
    prepare: (swarm, index) => listen(swarm, index, world, () => lab.now),
  })
  untilLinked(lab, pairsOf(masternodes), 60_000)
  return lab
}

/** Each seeks eight links, and is sought by as many. */
function strangers({ seed, nodes, healing, mode }, world) {
  const lab = crowd({
    seed,
    masternodes: 0,
    nodes,
    healing,
    net: NET,
    formMs: 60_000,
    swarm: () => ({ propagation: mode, slots: { outboundTarget: 8 } }),
    hosts: (swarm, index) => listen(swarm, index, world, () => world.now()),
  })
  world.now = () => lab.now
  return lab
}

const Tx = message('tx')

/** Remembers when each node first heard of each message. */
function listen(swarm, index, world, now) {
  swarm.handle(Tx, (bytes) => {
    const id = idOf(bytes)
    let heard = world.heard.get(id)
    if (heard === undefined) world.heard.set(id, (heard = new Map()))
    heard.set(index, now())
    return world.dropping.has(index) ? 'ignore' : 'accept'
  })
}

/** Everybody in turn, by lot, says something of its own. */
function speak(lab, world, { fault }) {
  const sent = []
  const count = fault === 'block' ? 1 : TXS
  for (let i = 0; i < count; i++) {
    const honest = range(lab.size).filter((node) => !world.dropping.has(node))
    const by = honest[lab.random.below(honest.length)]
    const bytes = new Uint8Array(fault === 'block' ? BLOCK_BYTES : TX_BYTES)
    new DataView(bytes.buffer).setUint32(0, i)
    sent.push({ id: i, at: lab.now, by })
    lab.swarm(by).broadcast(Tx, bytes)
    // All that are lost, over as many messages as are on their way.
    if (fault === 'links' && i % 10 === 0) {
      lab.run(MID_FLIGHT_MS)
      for (const [a, b] of drawn(lab, lab.links())) lab.reset(a, b)
    }
    lab.run(EVERY_MS)
  }
  lab.run(WAIT_MS)
  return sent
}

const drawn = (lab, all) => lab.random.shuffled(all).slice(0, Math.round(FAULTY * all.length))
const idOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)

/** For everybody but who said it: after which time, or null. */
const delays = (heard, at, by, nodes) =>
  nodes.filter((node) => node !== by).map((node) => (heard?.has(node) ? heard.get(node) - at : null))
