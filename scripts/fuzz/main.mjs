/**
 * `npm run fuzz -- [option…]`: the fuzz targets of the tests, round after round with new seeds, for as long as it is told.
 * Exits 0 only where nothing was found.
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runRounds } from './rounds.mjs'
import { loadTargets } from './targets.mjs'

const SEED_MAX = 2 ** 31 - 1
const MINUTES_MAX = 7 * 24 * 60
const PROGRESS_EVERY_MS = 5_000
const USAGE = `npm run fuzz -- [option…]: structured fuzzing of the decoders, the handshake, the session and a swarm

  --minutes N    how long, a fraction allowed; 0 is one round (1)
  --seed S       the first round's seed, the next has the next; else drawn
  --target NAME  this one alone
  --json         one JSON object on standard output, progress on standard error
`

const values = read()
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
const minutes = number('minutes', 1, MINUTES_MAX, false)
const seed = number('seed', randomInt(SEED_MAX), SEED_MAX, true)

process.stderr.write('bundling…\n')
const { targets, runTarget } = await loadTargets()
const chosen = targets.filter(({ name }) => values.target === undefined || name === values.target)
if (chosen.length === 0) refuse(`--target is one of ${targets.map(({ name }) => name).join(', ')}`)

/** Promises that nobody waited for, since last asked. */
let unhandled = []
process.on('unhandledRejection', (error) => unhandled.push(error))

const startedAt = performance.now()
let toldAt = startedAt
const report = await runRounds({
  targets: chosen,
  seed,
  goesOn: () => performance.now() - startedAt < minutes * 60_000,
  run: async (target, round, tally) => {
    const result = await runTarget(target, round, tally)
    // What was rejected is reported between two turns of the loop.
    await new Promise((resolve) => setImmediate(resolve))
    const [error] = unhandled
    unhandled = []
    const nobody = error === undefined ? null : `${target.name}: seed ${round.seed}: nobody waited for ${error?.stack}`
    return { ...result, failure: result.failure ?? nobody }
  },
  failed: (target, round, failure) => {
    process.stderr.write(
      `${failure}\n${target.name} failed: npm run fuzz -- --target ${target.name} --seed ${round} --minutes 0\n`,
    )
  },
  told: (soFar) => {
    if (performance.now() - toldAt < PROGRESS_EVERY_MS) return
    toldAt = performance.now()
    process.stderr.write(`${Math.round((toldAt - startedAt) / 1_000)} s, ${summary(soFar)}\n`)
  },
})
process.stderr.write(`${summary(report)}\n`)
if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`)
else
  process.stdout.write(
    `${report.targets.map(({ name, cases, failures }) => `${name.padEnd(12)}${String(cases).padStart(9)} cases, ${failures} failures`).join('\n')}\n`,
  )
process.exitCode = report.pass ? 0 : 1

function summary({ rounds, frames, targets }) {
  const cases = targets.reduce((sum, target) => sum + target.cases, 0)
  const failures = targets.reduce((sum, target) => sum + target.failures, 0)
  return `seed ${seed}, ${rounds} rounds, ${cases} cases, ${frames} frames, ${failures} failures`
}

function read() {
  try {
    return parseArgs({
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        target: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    return refuse(`${error.message}\n\n${USAGE}`)
  }
}

function number(name, fallback, most, whole) {
  const given = values[name] === undefined ? fallback : Number(values[name] === '' ? NaN : values[name])
  return given >= 0 && given <= most && (!whole || Number.isInteger(given))
    ? given
    : refuse(`--${name} is a ${whole ? 'whole ' : ''}number from 0 to ${most}`)
}

function refuse(text) {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}
