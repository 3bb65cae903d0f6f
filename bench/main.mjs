/**
 * `npm run bench [-- WORK…]`: holdfast beside raw TCP, raw TLS 1.3 and `ws`, on the same work, in the same run. Prints what was
 * measured and judges nothing; exits 0 when all of it ran.
 */
import { writeFileSync } from 'node:fs'
import os from 'node:os'
import { parseArgs } from 'node:util'
import { drawChart } from './chart.mjs'
import { Lab } from './lab.mjs'
import { reportOf, sheet, table } from './report.mjs'
import { MASTERNODE, systemsFor } from './systems.mjs'
import { WORKS } from './works.mjs'

/** @typedef {import('./systems.mjs').System} System */
/** @typedef {typeof LONG} Times */

/** A round that would end beyond this is not begun, where no number of rounds was asked for. */
const BUDGET_MS = 55_000
const LONG = {
  rounds: 3,
  warmCpuMs: 700,
  warmMaxMs: 2_000,
  measureMs: 800,
  settleMs: 500,
  idleLinksMs: 6_000,
  idleMs: 15_000,
  idlePeers: 125,
  peers: [10, 50, 125],
  steps: [125, 500],
  imports: 9,
  microMs: 150,
  seconds: 60,
  load: {
    ...{ peers: 125, origins: 5, perSec: 1_000, everyMs: 10, txBytes: 250, propagation: 'hybrid' },
    ...{ blockBytes: 1_048_576, blockEveryMs: 10_000, slowBytesPerSec: 100_000, warmMs: 8_000 },
  },
  mesh100: { nodes: 100, processes: 4, perSec: 2, settleMs: 5_000 },
  growth: { links: [50, 125, 500, 2_000], base: 10, perSec: 10, watchMs: 10_000, books: [1_000, 10_000, 100_000] },
}
/** So short that nothing it says means anything, but that it runs. */
const SHORT = {
  ...LONG,
  ...{
    rounds: 1,
    warmCpuMs: 0,
    warmMaxMs: 50,
    measureMs: 60,
    settleMs: 10,
    idleLinksMs: 10,
    idleMs: 50,
    idlePeers: 4,
    peers: [2, 4],
    steps: [2, 4],
  },
  ...{ imports: 1, microMs: 2, seconds: 1 },
  load: {
    ...{ peers: 8, origins: 2, perSec: 100, everyMs: 5, txBytes: 250, propagation: 'hybrid' },
    ...{ blockBytes: 65_536, blockEveryMs: 200, slowBytesPerSec: 10_000, warmMs: 80 },
  },
  mesh100: { nodes: 6, processes: 2, perSec: 20, settleMs: 10 },
  growth: { links: [2, 4], base: 1, perSec: 50, watchMs: 100, books: [50, 200] },
}
const USAGE = `npm run bench [-- WORK… ] [option…]: holdfast beside raw TCP, raw TLS 1.3 and ws, in one run

  works: ${Object.keys(WORKS).join(', ')}; all of them where none is named

  --rounds N     so many rounds, however long they take; else 3, or as many as fit in a minute
  --seconds N    load and mesh-100 for so long; else a minute
  --peers        libp2p and hyperswarm as well, where they are installed: npm install --prefix bench/peers
  --short        a moment for each: only to see that it runs
  --svg FILE     draws what was compared
  --profile DIR  CPU profiles of every process of holdfast, and of nobody else
  --json         one JSON object on standard output, progress on standard error; an array for several works
`

const { values, positionals } = read()
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
const strange = positionals.filter((name) => !Object.hasOwn(WORKS, name))
if (strange.length > 0) refuse(`no work is called ${strange.join(' ')}\n\n${USAGE}`)
const asked = values.rounds === undefined ? null : Number(values.rounds)
if (asked !== null && !(Number.isInteger(asked) && asked >= 1 && asked <= 100))
  refuse('--rounds is a whole number from 1 to 100')
const seconds = values.seconds === undefined ? null : Number(values.seconds)
if (seconds !== null && !(seconds >= 1 && seconds <= 3_600)) refuse('--seconds is a number from 1 to 3,600')
const plain = values.short ? SHORT : LONG
const times = { ...plain, seconds: seconds ?? plain.seconds }
const names = positionals.length === 0 ? Object.keys(WORKS) : positionals

const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`)
const reports = []
let ran = true
for (const name of names) {
  const isSheet = WORKS[name].sheet === true
  const report = await (isSheet ? watch(name) : perform(name))
  reports.push(report)
  if (!values.json) process.stdout.write(`${(isSheet ? sheet : table)(report)}\n`)
}
if (values.json) process.stdout.write(`${JSON.stringify(reports.length === 1 ? reports[0] : reports)}\n`)
if (values.svg !== undefined) writeFileSync(values.svg, drawChart(reports.filter(({ systems }) => systems !== undefined)))
process.exit(ran ? 0 : 1)

/** @param {string} name */
async function perform(name) {
  const { run, alone = false, atOnce = false, ...about } = WORKS[name]
  const systems = await systemsFor(about, { peers: values.peers, onlyHoldfast: values.profile !== undefined, say })
  const rounds = asked ?? times.rounds
  const loadBefore = os.loadavg()[0]
  const beganAt = performance.now()
  /** Bound: rounds times systems. */
  const samples = []
  let round = 0
  for (; round < rounds; round++) {
    const spent = performance.now() - beganAt
    if (asked === null && round > 0 && spent + spent / round > BUDGET_MS) break
    if (alone) samples.push(...(await run({ times, say })).map((sample) => ({ round, ...sample })))
    else {
      // The order turns with every round, so that nobody always has the machine's worst moments.
      const turned = systems.map((_, i) => systems[(i + round) % systems.length])
      const one = async (/** @type {System} */ system) => samples.push(await measure(name, run, system, round))
      if (atOnce) await Promise.all(turned.map(one))
      else for (const system of turned) await one(system)
    }
    if (alone) {
      round++
      break
    }
  }
  return reportOf({ work: name, rounds: round, about, samples, load: [loadBefore, os.loadavg()[0]] })
}

/** What is not compared with anybody: holdfast, with the numbers a host has. @param {string} name */
async function watch(name) {
  const { run, about } = WORKS[name]
  const lab = new Lab({ system: MASTERNODE, times, profileDir: values.profile })
  const loadBefore = os.loadavg()[0]
  try {
    const figures = await run(lab, say)
    return { work: name, about, load: [loadBefore, os.loadavg()[0]], ...figures }
  } catch (error) {
    ran = false
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error)
    say(`${name} FAILED: ${why}`)
    return { work: name, about, load: [loadBefore, os.loadavg()[0]], error: why }
  } finally {
    await lab.end()
  }
}

/** @param {string} work @param {any} run @param {System} system @param {number} round */
async function measure(work, run, system, round) {
  const lab = new Lab({ system, times, profileDir: values.profile })
  try {
    const figures = await run(lab, round)
    say(`${work} ${round + 1} ${system.name.padEnd(14)} ${brief(figures)}`)
    return { round, system: system.name, figures }
  } catch (error) {
    ran = false
    const why = error instanceof Error ? error.message : String(error)
    say(`${work} ${round + 1} ${system.name.padEnd(14)} FAILED: ${why}`)
    return { round, system: system.name, figures: { complete: false, error: why } }
  } finally {
    await lab.end()
  }
}

function brief(/** @type {Record<string, unknown>} */ figures) {
  const words = Object.entries(figures).map(([name, value]) =>
    typeof value === 'number'
      ? `${name} ${Number(value.toPrecision(3))}`
      : name === 'complete' && value
        ? ''
        : `${name}: ${value}`,
  )
  return words.filter(Boolean).join('  ')
}

function read() {
  try {
    const flag = /** @type {const} */ ({ type: 'boolean', default: false })
    const word = /** @type {const} */ ({ type: 'string' })
    return parseArgs({
      options: { rounds: word, seconds: word, profile: word, svg: word, peers: flag, short: flag, json: flag, help: flag },
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
