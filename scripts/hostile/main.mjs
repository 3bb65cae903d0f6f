/**
 * `npm run hostile [-- CHECK…] [--json]`: attacks on a real node, each by processes that speak raw bytes, while honest peers
 * measure. Prints every figure with its bound and exits 0 only when all hold.
 */
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Lab } from './lab.mjs'
import { findWay, isInside, reenter, settle } from './namespace.mjs'

const CHECKS = [
  'malformed',
  'length',
  'loris',
  'web',
  'banned',
  'slots',
  'impersonation',
  'churn',
  'stop',
  'quota',
  'work',
]
const USAGE = `npm run hostile [-- CHECK…] [option…]: attacks on a real node, with the figures

  checks: ${CHECKS.join(', ')}; all of them where none is named

  --short   a few seconds for each; only what is counted is judged, not times and memory
  --json    one JSON object on standard output, progress on standard error
  --help
`
const TIMED = new Set(['ms', 'MiB'])

const { values, positionals } = read()
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
const unknown = positionals.filter((name) => !CHECKS.includes(name))
if (unknown.length > 0) refuse(`no check is called ${unknown.join(' ')}\n\n${USAGE}`)
const chosen = CHECKS.filter((name) => positionals.length === 0 || positionals.includes(name))

if (isInside()) await perform()
else {
  const way = findWay()
  if ('why' in way) {
    process.stderr.write(`hostile: NOT RUN: ${way.why}\n`)
    process.exit(1)
  }
  reenter(way.words, fileURLToPath(import.meta.url), process.argv.slice(2))
}

async function perform() {
  const beganAt = performance.now()
  const say = (/** @type {string} */ line) =>
    process.stderr.write(`${((performance.now() - beganAt) / 1000).toFixed(1).padStart(6)} s  ${line}\n`)
  const lab = new Lab({ short: values.short, ipv6: settle(), say })
  process.on('exit', () => lab.destroy())
  let interrupted = false
  for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(name, async () => {
      interrupted = true
      // Waited for, so that nobody is left to whoever inherits orphans.
      await lab.close()
      process.exit(128 + constants.signals[name])
    })
  const checks = []
  for (const name of chosen) {
    checks.push(...(await attempt(lab, name)))
    if (interrupted) return
  }
  const pass = checks.every((check) => check.pass)
  process.stdout.write(values.json ? `${JSON.stringify({ checks, pass })}\n` : table(checks, pass))
  process.exit(pass ? 0 : 1)
}

/** @param {Lab} lab @param {string} name */
async function attempt(lab, name) {
  try {
    const { about, run } = await import(`./checks/${name}.mjs`)
    lab.say(`${name}: ${about}`)
    const figures = await run(lab)
    return figures.map((/** @type {any} */ figure) => judge(lab, figure))
  } catch (error) {
    lab.say(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
    return [{ name: `${name}.broken`, figure: 1, unit: 'times', bound: 0, pass: false }]
  } finally {
    await lab.clear()
  }
}

/** @param {Lab} lab @param {any} given */
function judge(lab, { name, figure, unit, bound, pass = figure !== null && figure <= bound, held }) {
  const rounded = figure === null ? null : Math.round(figure * 100) / 100
  const judged = !lab.short || !TIMED.has(unit)
  const result = { name, figure: rounded, unit, bound: judged ? bound : null, pass: !judged || pass }
  lab.say(`${name} ${rounded} ${unit} (bound ${bound})${result.pass ? '' : '  FAILED'}`)
  return held === undefined ? result : { ...result, held }
}

/** @param {any[]} checks @param {boolean} pass */
function table(checks, pass) {
  const wide = Math.max(...checks.map(({ name }) => name.length))
  const lines = checks.map(({ name, figure, unit, bound, pass: ok, held = '' }) => {
    const limit = bound === null ? 'not judged' : `bound ${bound}`
    return `${ok ? 'ok    ' : 'FAILED'}  ${name.padEnd(wide)}  ${`${figure} ${unit}`.padStart(14)}  ${limit.padEnd(12)}  ${held}`.trimEnd()
  })
  return `${lines.join('\n')}\n${pass ? 'all hold' : 'NOT ALL HOLD'}\n`
}

function read() {
  try {
    return parseArgs({
      options: {
        short: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    })
  } catch (error) {
    return refuse(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
  }
}

/** @param {string} text @returns {never} */
function refuse(text) {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}
