/**
 * The gate `compare`: one scenario, a split into halves, for our own redialling and for that of others. Everything but the
 * schedule, the time a dial may take and the habits of healing is the same: the network, the detection, the code.
 */
import { swarmLab } from 'holdfast/testing'
import { figuresOf, tableOf } from './compare-figures.mjs'
import { drawChart } from './compare-chart.mjs'
import { SCHEDULES, scheduleOf } from './compare-schedules.mjs'
import { halves, pairsOf, range, untilLinked } from './lab.mjs'

/** Some schedules wait for hours: beyond this nobody watches. */
const CAP_MS = 2 * 3_600_000
/** How often somebody asks whether waiting has any sense left. */
const ASK_MS = 60_000
const FORM_MS = 300_000
/** A schedule without jitter dials in step, and an exact length would meet it at one point of its period: each seed draws its own. */
const LENGTH_SPREAD = 0.2

const casesOf = (splitMs, seeds) => SCHEDULES.map(({ name }) => ({ schedule: name, splitMs, seeds }))

export const compare = {
  name: 'compare',
  about: "a split into halves: full mesh after its end, with our schedule and with others'; ours must be the fastest",
  nodes: 50,
  cases: [...casesOf(60_000, 5), ...casesOf(600_000, 5), ...casesOf(3_600_000, 5)],
  casesOf,
  /** Schedules bring their own habits: no control may take them away. */
  controls: false,
  run({ seed, nodes, splitMs, schedule }) {
    const lab = swarmLab({ seed, masternodes: nodes, swarm: scheduleOf(schedule).options })
    const pairs = pairsOf(nodes)
    if (untilLinked(lab, pairs, FORM_MS) === null) throw new Error(`${schedule}: there never was a mesh to split`)
    lab.run(20_000 + 10_000 * lab.random.float())
    lab.split(...halves(lab, range(nodes)))
    lab.run(Math.round(splitMs * (1 + LENGTH_SPREAD * (2 * lab.random.float() - 1))))
    lab.heal()
    return { ...untilWhole(lab, pairs), events: lab.events, trace: lab.trace }
  },
  summarize: (samples, cases) => figuresOf(samples, cases, CAP_MS),
  table: tableOf,
  chart: drawChart,
}

/** Time from now to the full mesh; null where it was not seen, and `givenUp` where nobody tries any more. */
function untilWhole(lab, pairs) {
  const healedAt = lab.now
  while (lab.now - healedAt < CAP_MS) {
    if (untilLinked(lab, pairs, ASK_MS) !== null) return { ttmMs: lab.now - healedAt, givenUp: false }
    if (pairs.some(([i, j]) => !lab.linked(i, j) && isOver(lab, i, j) && isOver(lab, j, i)))
      return { ttmMs: null, givenUp: true }
  }
  return { ttmMs: null, givenUp: false }
}

/** Whether a node has neither a link to another, nor an attempt under way, nor one to come. */
function isOver(lab, i, j) {
  const { state, nextAttemptInMs } = lab.swarm(i).explain(lab.id(j))
  return nextAttemptInMs === null && (state === 'given-up' || state === 'idle' || state === 'unknown')
}
