/** Single links: closed and black-holed ones, pairs of which one cannot be dialled, and a node that died without a word. */
import { swarmLab } from 'holdfast/testing'
import { atMost, pairsOf, percentile, range, rounded, untilLinked } from './lab.mjs'

const CAP_MS = 300_000

export const replace = {
  name: 'replace',
  about: 'a closed link is replaced within 3 s, a black-holed one suspected within 20 s, p99',
  nodes: 30,
  cases: [{ seeds: 20 }],
  run({ seed, nodes, healing }) {
    const suspicions = []
    const prepare = (swarm) => {
      swarm.on('peer:suspect', (peer) => {
        suspicions.push(swarm.status().peers.find(({ id }) => id === peer.id)?.silentMs ?? null)
      })
    }
    const lab = swarmLab({ seed, masternodes: nodes, swarm: { healing }, prepare })
    const pairs = pairsOf(nodes)
    untilLinked(lab, pairs, 60_000)
    lab.run(30_000)
    const replacedMs = []
    for (const [i, j] of lab.random.shuffled(pairs).slice(0, 20)) {
      lab.reset(i, j)
      // The news of the reset is an event of its own: until it has happened the link still looks alive.
      lab.run(1)
      replacedMs.push(untilLinked(lab, [[i, j]], CAP_MS, 10))
      lab.run(1_000 * lab.random.float())
    }
    for (const [i, j] of lab.random.shuffled(pairs).slice(0, 20)) {
      lab.silence(i, j)
      lab.run(40_000 + 5_000 * lab.random.float())
    }
    return { replacedMs, suspicions, events: lab.events, trace: lab.trace }
  },
  summarize(samples) {
    const ttrP99Ms = rounded(
      percentile(
        samples.flatMap(({ replacedMs }) => replacedMs),
        0.99,
      ),
    )
    const suspectP99Ms = rounded(
      percentile(
        samples.flatMap(({ suspicions }) => suspicions),
        0.99,
      ),
    )
    return { ttrP99Ms, suspectP99Ms, pass: atMost(ttrP99Ms, 3_000) && atMost(suspectP99Ms, 20_000) }
  },
}

export const undialable = {
  name: 'undialable',
  about: 'a fifth of the masternodes cannot be dialled: no pair that can be linked is lost',
  nodes: 100,
  cases: [{ seeds: 20 }],
  run({ seed, nodes, healing }) {
    // Which ones are drawn from the seed, but not from the lab's own chance: the lab is not made yet.
    const hidden = range(nodes).filter(
      (i) => (Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(seed + 7, 0x85ebca6b)) >>> 0 < 0.2 * 2 ** 32,
    )
    const lab = swarmLab({ seed, masternodes: nodes, swarm: { healing }, net: { undialable: hidden } })
    const pairs = pairsOf(nodes, (i, j) => !(hidden.includes(i) && hidden.includes(j)))
    untilLinked(lab, pairs, 120_000)
    const lost = pairs.filter(([i, j]) => !lab.linked(i, j)).length
    return { lost, hidden: hidden.length, events: lab.events, trace: lab.trace }
  },
  summarize(samples) {
    const pairsLost = samples.reduce((sum, { lost }) => sum + lost, 0)
    const hidden = samples.reduce((sum, sample) => sum + sample.hidden, 0)
    return { pairsLost, undialable: hidden, pass: pairsLost === 0 && hidden > 0 }
  },
}

export const restart = {
  name: 'restart',
  about:
    'a masternode dies without a word and comes back while the others still hold its dead links: full mesh within 5 s, p99',
  nodes: 100,
  cases: [{ seeds: 20 }],
  run({ seed, nodes, healing }) {
    let refused = 0
    const prepare = (swarm) => {
      swarm.on('inbound:refused', ({ reason }) => {
        if (reason.code === 'busy' || reason.code === 'rate-limit') refused++
      })
    }
    const lab = swarmLab({ seed, masternodes: nodes, swarm: { healing }, prepare })
    untilLinked(lab, pairsOf(nodes), 60_000)
    lab.run(30_000)
    const backMs = []
    for (const node of lab.random.shuffled(range(nodes)).slice(0, 5)) {
      const mine = range(nodes)
        .filter((other) => other !== node)
        .map((other) => (other < node ? [other, node] : [node, other]))
      lab.kill(node, { silent: true })
      lab.run(1_000 + 14_000 * lab.random.float())
      lab.start(node)
      backMs.push(untilLinked(lab, mine, CAP_MS, 50))
      lab.run(40_000)
    }
    return { backMs, refused, events: lab.events, trace: lab.trace }
  },
  summarize(samples) {
    const refused = samples.reduce((sum, sample) => sum + sample.refused, 0)
    const ttrP99Ms = rounded(
      percentile(
        samples.flatMap(({ backMs }) => backMs),
        0.99,
      ),
    )
    return { refused, ttrP99Ms, pass: refused === 0 && atMost(ttrP99Ms, 5_000) }
  },
}
