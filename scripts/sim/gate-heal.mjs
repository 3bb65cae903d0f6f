/** A split of a hundred masternodes into halves, and the time from its end until every pair is linked again. */
import { swarmLab } from 'holdfast/testing'
import { atMost, halves, pairsOf, percentile, range, rounded, untilLinked } from './lab.mjs'

const BOUND_MS = 10_000
const CAP_MS = 300_000

export const heal = {
  name: 'heal',
  about: 'a split into halves: full mesh after its end, p95 at most 10 s',
  nodes: 100,
  /** Each split, and how many seeds it takes by default. */
  cases: [
    { splitMs: 60_000, seeds: 20 },
    { splitMs: 600_000, seeds: 20 },
    { splitMs: 3_600_000, seeds: 20 },
    { splitMs: 86_400_000, seeds: 3 },
  ],
  run({ seed, nodes, splitMs, healing }) {
    const lab = swarmLab({ seed, masternodes: nodes, swarm: { healing } })
    const pairs = pairsOf(nodes)
    const formedMs = untilLinked(lab, pairs, 60_000)
    // Links must be old enough to have a past: what follows is a split, not a start.
    lab.run(20_000 + 10_000 * lab.random.float())
    lab.split(...halves(lab, range(nodes)))
    lab.run(splitMs)
    lab.heal()
    return { formedMs, ttmMs: untilLinked(lab, pairs, CAP_MS), events: lab.events, trace: lab.trace }
  },
  summarize(samples, cases) {
    const splits = cases.map(({ splitMs }) => {
      const times = samples.filter((sample) => sample.job.splitMs === splitMs).map(({ ttmMs }) => ttmMs)
      return { splitMs, ttmP50Ms: rounded(percentile(times, 0.5)), ttmP95Ms: rounded(percentile(times, 0.95)) }
    })
    return { splits, pass: splits.every(({ ttmP95Ms }) => atMost(ttmP95Ms, BOUND_MS)) }
  },
}
