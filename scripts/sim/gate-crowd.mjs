/** Crowds: masternodes among strangers, strangers alone, and ten thousand of them. */
import { DedupCache, PeerStore } from 'holdfast'
import { swarmLab } from 'holdfast/testing'
import { atMost, halves, largestComponent, mean, percentile, range, rounded } from './lab.mjs'

const LINKS_MIN = 8
const SEED_NODES = 8
const START_MS = 20_000
/** Addresses that everybody begins with. */
const BOOK_FILL = 64

/**
 * A network that has existed for longer than its processes: everybody starts within some seconds, with a book of addresses that
 * have not been tried since. Who is linked to whom is the swarms' own doing.
 */
export function crowd({
  seed,
  masternodes,
  nodes,
  healing,
  formMs,
  book = () => new PeerStore(),
  swarm = () => ({}),
  net = {},
  hosts = () => {},
}) {
  const books = []
  const lab = swarmLab({
    seed,
    masternodes,
    nodes,
    seeds: range(Math.min(SEED_NODES, nodes)),
    net,
    startWithinMs: START_MS,
    swarm: (index) => ({ healing, peerStore: (books[index] = book()), ...swarm(index) }),
    prepare: (node, index) => {
      hosts(node, index)
      for (let i = 0; i < BOOK_FILL; i++) {
        const other = lab.random.below(nodes)
        const { host, port } = new URL(lab.address(other).replace('tcp:', 'ws:'))
        const peerId = lab.id(other)
        const address = { scheme: 'tcp', peerId, host: host.replace(/:.*/, ''), port: Number(port), path: '/' }
        if (other !== index) books[index].learn(peerId, address, 'exchange')
      }
    },
  })
  lab.run(START_MS + formMs)
  return lab
}

const crosses = (side) => {
  const left = new Set(side)
  return ([i, j]) => left.has(i) !== left.has(j)
}

export const large = {
  name: 'large',
  about:
    'a thousand nodes: first cross link within 1 s, 0.999 together when half fail, refilled in 15 s; 1 % cross without masternodes',
  nodes: 1_000,
  cases: [
    // The longer ones first.
    { part: 'strangers', seeds: 3 },
    { part: 'crowd', seeds: 5 },
  ],
  run(job) {
    return job.part === 'crowd' ? withMasternodes(job) : strangersAlone(job)
  },
  summarize(samples) {
    const of = (key) => samples.flatMap((sample) => sample[key] ?? [])
    const ttcMs = rounded(percentile(of('ttcMs'), 0.95))
    const lcf = rounded(mean(of('lcf')), 5)
    const refillMs = rounded(percentile(of('refillMs'), 0.99))
    const crossing = rounded(mean(of('crossing')), 4)
    const pass = atMost(ttcMs, 1_000) && lcf >= 0.999 && atMost(refillMs, 15_000) && crossing >= 0.01
    return { ttcMs, lcf, refillMs, crossing, pass }
  },
}

function withMasternodes({ seed, nodes, healing }) {
  const lab = crowd({ seed, masternodes: nodes / 10, nodes, healing, formMs: 60_000 })
  const [a, b] = halves(lab, range(nodes))
  lab.split(a, b)
  lab.run(300_000)
  lab.heal()
  const across = crosses(a)
  let ttcMs = 0
  while (!lab.links().some(across) && ttcMs < 60_000) {
    lab.run(20)
    ttcMs += 20
  }
  lab.run(60_000)
  const dead = new Set(lab.random.shuffled(range(nodes)).slice(0, nodes / 2))
  const alive = range(nodes).filter((node) => !dead.has(node))
  const lcf = largestComponent(alive, lab.links())
  for (const node of dead) lab.kill(node)
  return { ttcMs: [ttcMs], lcf: [lcf], refillMs: refill(lab, alive), events: lab.events, trace: lab.trace }
}

/** For each survivor, the time until it has its minimum of links again. */
function refill(lab, alive) {
  const times = []
  const short = new Set(alive)
  for (let ms = 0; ms <= 60_000 && short.size > 0; ms += 250) {
    const degree = new Map()
    for (const pair of lab.links()) for (const node of pair) degree.set(node, (degree.get(node) ?? 0) + 1)
    for (const node of short) {
      if ((degree.get(node) ?? 0) < LINKS_MIN) continue
      short.delete(node)
      times.push(ms)
    }
    lab.run(250)
  }
  return [...times, ...Array.from(short, () => null)]
}

function strangersAlone({ seed, nodes, healing }) {
  const lab = crowd({ seed, masternodes: 0, nodes, healing, formMs: 60_000 })
  const [a, b] = halves(lab, range(nodes))
  lab.split(a, b)
  lab.run(3_600_000)
  lab.heal()
  lab.run(60_000)
  const links = lab.links()
  return {
    crossing: [links.filter(crosses(a)).length / Math.max(1, links.length)],
    events: lab.events,
    trace: lab.trace,
  }
}

export const huge = {
  name: 'huge',
  about: 'ten thousand nodes, seven in ten fail at once: 0.99 of the rest hold together',
  nodes: 10_000,
  cases: [{ seeds: 3 }],
  run({ seed, nodes, healing }) {
    const book = () => new PeerStore({ peersMax: 256 })
    const swarm = () => ({ dedup: new DedupCache({ idsMax: 4_096 }) })
    const lab = crowd({ seed, masternodes: 0, nodes, healing, formMs: 60_000, book, swarm })
    const dead = new Set(lab.random.shuffled(range(nodes)).slice(0, 0.7 * nodes))
    const alive = range(nodes).filter((node) => !dead.has(node))
    return {
      lcf: largestComponent(alive, lab.links()),
      linksPerNode: (2 * lab.links().length) / nodes,
      events: lab.events,
      trace: lab.trace,
    }
  },
  summarize(samples) {
    const lcf = rounded(mean(samples.map((sample) => sample.lcf)), 5)
    return { lcf, linksPerNode: rounded(mean(samples.map((sample) => sample.linksPerNode)), 1), pass: lcf >= 0.99 }
  },
}
