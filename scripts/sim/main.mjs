/**
 * `npm run sim -- GATE [option…]`: one gate of the healing table, in virtual time. The same seed is the same run, event for
 * event; what fails names the seed that replays it.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { GATES } from './gates.mjs'
import { runJobs } from './jobs.mjs'

const CONTROLS = {
  'no-reset': { recoveryReset: false },
  'one-way': { bothSidesDial: false },
  'give-up': { giveUp: true },
  'reject-duplicates': { supersede: false },
}
const USAGE = `npm run sim -- GATE [option…]: one gate of the healing table, in virtual time

${Object.values(GATES)
  .map(({ name, about }) => `  ${name.padEnd(12)}${about}`)
  .join('\n')}

  --seeds N       runs, each with a seed of its own
  --seed S        the first seed (1)
  --nodes N       how many nodes
  --split MS      of heal and compare: this split alone
  --control NAME  one habit of healing switched off, and the gate must fail: ${Object.keys(CONTROLS).join(', ')}
  --svg FILE      of compare: draws the figures, too
  --json          one JSON object on standard output, progress on standard error
`

if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
  process.stdout.write(USAGE)
  process.exit(0)
}
const options = {
  seeds: { type: 'string' },
  seed: { type: 'string' },
  nodes: { type: 'string' },
  split: { type: 'string' },
  svg: { type: 'string' },
}
const { values, positionals } = read()
const gate = GATES[positionals[0]]
if (gate === undefined || positionals.length !== 1)
  refuse(positionals[0] === undefined ? USAGE : `no gate is called ${positionals.join(' ')}\n\n${USAGE}`)
const nodes = whole('nodes', gate.nodes, 4, 100_000)
const firstSeed = whole('seed', 1, 0, 2 ** 31)
const healing =
  values.control === undefined
    ? {}
    : (CONTROLS[values.control] ?? refuse(`--control is one of ${Object.keys(CONTROLS).join(', ')}`))
if (values.control !== undefined && gate.controls === false) refuse(`${gate.name} has no controls`)
if (values.svg !== undefined && gate.chart === undefined) refuse(`${gate.name} draws nothing`)
const splitMs = values.split === undefined ? null : whole('split', 0, 1, 7 * 86_400_000)
if (splitMs !== null && gate.casesOf === undefined) refuse(`${gate.name} has no splits of its own`)
const splitSeeds = gate.cases.find((one) => one.splitMs === splitMs || one.splitsMs?.includes(splitMs))?.seeds ?? 3
const cases = splitMs === null ? gate.cases : gate.casesOf(splitMs, splitSeeds)
const jobs = cases.flatMap(({ seeds, ...one }) =>
  Array.from({ length: whole('seeds', seeds, 1, 10_000) }, (_, i) => ({
    ...one,
    gate: gate.name,
    seed: firstSeed + i,
    nodes,
    healing,
  })),
)

const samples = await runJobs(jobs, progress)
const { pass, ...figures } = gate.summarize(samples, cases)
const report = {
  gate: gate.name,
  nodes,
  seeds: Math.max(...cases.map(({ seeds }) => whole('seeds', seeds, 1, 10_000))),
  ...(values.control === undefined ? {} : { control: values.control }),
  events: samples.reduce((sum, { events }) => sum + events, 0),
  trace: fold(samples.map(({ trace }) => trace)),
  ...figures,
  pass,
}
if (values.svg !== undefined) writeFileSync(values.svg, gate.chart(report))
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`)
else if (gate.table !== undefined) process.stdout.write(gate.table(report))
else
  process.stdout.write(
    `${Object.entries(report)
      .map(([key, value]) => `${key.padEnd(14)}${JSON.stringify(value)}`)
      .join('\n')}\n`,
  )
process.exitCode = pass ? 0 : 1

function progress({ job, events, cpuS, ...sample }, done, all) {
  const which = Object.entries(job).filter(([key]) => !['gate', 'nodes', 'healing'].includes(key))
  const brief = (_key, value) =>
    Array.isArray(value) && value.length > 4 ? `${value.length} samples, most ${Math.max(...value)}` : value
  const words = [`${job.gate} ${done}/${all}`, JSON.stringify(Object.fromEntries(which)), JSON.stringify(sample, brief)]
  process.stderr.write(`${words.join(' ')} ${events} events, ${cpuS.toFixed(1)} s of CPU\n`)
}

/** One hash of many: the order of the seeds, not of their ends, decides. */
function fold(traces) {
  if (traces.length === 1) return traces[0]
  let hash = 0xcbf29ce484222325n
  for (const character of traces.join(' '))
    hash = BigInt.asUintN(64, (hash ^ BigInt(character.charCodeAt(0))) * 0x100000001b3n)
  return hash.toString(16).padStart(16, '0')
}

function read() {
  try {
    return parseArgs({
      options: { ...options, control: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean' } },
      allowPositionals: true,
    })
  } catch (error) {
    return refuse(`${error.message}\n\n${USAGE}`)
  }
}

function whole(name, fallback, least, most) {
  const given = values[name] === undefined ? fallback : Number(values[name])
  return Number.isInteger(given) && given >= least && given <= most
    ? given
    : refuse(`--${name} is a whole number from ${least} to ${most}`)
}

function refuse(text) {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}
