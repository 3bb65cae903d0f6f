/**
 * Splits of a hundred masternodes into halves, and the time from the end of each until every pair is linked again. The network of a
 * seed goes through its splits one after another, by other halves each time: forming it takes longer than most of them.
 */
import { swarmLab } from 'holdfast/testing'
import { atMost, halves, pairsOf, percentile, range, rounded, untilLinked } from './lab.mjs'

const BOUND_MS = 10_000
const CAP_MS = 300_000

export const heal = {
  name: 'heal',
  about: 'a split into halves: full mesh after its end, p95 at most 10 s',
  nodes: 100,
  /** The splits of a network, and how many seeds they take by default. */
  cases: [
    { splitsMs: [60_000, 600_000, 3_600_000], seeds: 20 },
    { splitsMs: [86_400_000], seeds: 3 },
  ],
  casesOf: (splitMs, seeds) => [{ splitsMs: [splitMs], seeds }],
  run({ seed, nodes, splitsMs, healing }) {
    const lab = swarmLab({ seed, masternodes: nodes, swarm: { healing } })
    const pairs = pairsOf(nodes)
    const formedMs = untilLinked(lab, pairs, 60_000)
    const ttmMs = splitsMs.map((splitMs) => {
      // Links must be old enough to have a past: what follows is a split, not a start.
      lab.run(20_000 + 10_000 * lab.random.float())
      lab.split(...halves(lab, range(nodes)))
      lab.run(splitMs)
      lab.heal()
      return untilLinked(lab, pairs, CAP_MS)
    })
    return { formedMs, ttmMs, events: lab.events, trace: lab.trace }
  },
  summarize(samples, cases) {
    const lengths = [...new Set(cases.flatMap(({ splitsMs }) => splitsMs))]
    const splits = lengths.map((splitMs) => {
      const times = samples.flatMap(({ job, ttmMs }) => ttmMs.filter((_, at) => job.splitsMs[at] === splitMs))
      return { splitMs, ttmP50Ms: rounded(percentile(times, 0.5)), ttmP95Ms: rounded(percentile(times, 0.95)) }
    })
    return { splits, pass: splits.every(({ ttmP95Ms }) => atMost(ttmP95Ms, BOUND_MS)) }
  },
}
