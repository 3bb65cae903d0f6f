/** What the runs of `compare` come to, and how a terminal shows it. Pure. */
import { OURS, SCHEDULES } from './compare-schedules.mjs'
import { percentile, rounded } from './lab.mjs'

/** A figure that was never reached is null: given up by both ends of a pair, or not within `capMs`. */
export function figuresOf(samples, cases, capMs) {
  const splits = [...new Map(cases.map(({ splitMs }) => [splitMs, splitMs])).keys()]
  const schedules = SCHEDULES.filter(({ name }) => cases.some(({ schedule }) => schedule === name)).map(
    ({ name, note }) => ({
      name,
      splits: splits.map((splitMs) => {
        const runs = samples.filter(({ job }) => job.schedule === name && job.splitMs === splitMs)
        const times = runs.map(({ ttmMs }) => ttmMs)
        return {
          splitMs,
          ttmP50Ms: rounded(percentile(times, 0.5)),
          ttmP95Ms: rounded(percentile(times, 0.95)),
          seeds: runs.length,
          givenUp: runs.filter(({ givenUp }) => givenUp).length,
        }
      }),
      note,
    }),
  )
  return { schedules, capMs, pass: splits.every((_, at) => isFastest(schedules, at)) }
}

function isFastest(schedules, at) {
  const p95 = (name) => schedules.find((schedule) => schedule.name === name)?.splits[at]?.ttmP95Ms ?? Infinity
  return schedules.every(({ name }) => name === OURS || p95(OURS) < p95(name))
}

/** The figures as a table, and what is to be known of each schedule. */
export function tableOf({ nodes, schedules, capMs, pass }) {
  const splits = schedules[0]?.splits ?? []
  const header = ['', ...splits.map(({ splitMs, seeds }) => `${spell(splitMs)} (${counted(seeds, 'seed')})`)]
  const rows = schedules.map(({ name, splits: figures }) => [name, ...figures.map((figure) => wordOf(figure, capMs))])
  const widths = header.map((_, at) => Math.max(...[header, ...rows].map((row) => row[at].length)))
  const line = (row) =>
    row
      .map((word, at) => word.padEnd(widths[at]))
      .join('   ')
      .trimEnd()
  return [
    `${nodes} masternodes split in half: from the end of the split to the full mesh, p50 / p95`,
    '',
    ...[header, ...rows].map(line),
    '',
    `never: two ends of a pair have both given up. Each run was watched for up to ${spell(capMs)}.`,
    ...schedules.map(({ name, note }) => `${name}: ${note}.`),
    '',
    `holdfast is ${pass ? 'the fastest at every split' : 'NOT the fastest at every split'}`,
    '',
  ].join('\n')
}

function wordOf({ ttmP50Ms, ttmP95Ms, ...figure }, capMs) {
  const missing = missingWord(figure, capMs)
  const often = shareWord(figure)
  const times = [ttmP50Ms, ttmP95Ms].map((ms) => (ms === null ? missing : spell(ms))).join(' / ')
  return often === '' ? times : `${times} (${often})`
}

/** What stands where no time does. */
export function missingWord({ givenUp }, capMs) {
  return givenUp > 0 ? 'never' : `> ${spell(capMs)}`
}

/** In how many of the runs somebody gave up, where it is neither none nor all. */
export function shareWord({ givenUp, seeds }) {
  return givenUp === 0 || givenUp === seeds ? '' : `${givenUp} of ${seeds}`
}

/** A duration as people say it: 5.4 s, 62 s, 12 min, 1.8 h. */
export function spell(ms) {
  if (ms < 9_950) return `${trimmed(ms / 1_000)} s`
  if (ms < 99_500 && ms !== 60_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 594_000) return `${trimmed(ms / 60_000)} min`
  return ms < 3_570_000 ? `${Math.round(ms / 60_000)} min` : `${trimmed(ms / 3_600_000)} h`
}

const trimmed = (value) => value.toFixed(1).replace(/\.0$/, '')
const counted = (count, noun) => `${count} ${noun}${count === 1 ? '' : 's'}`
