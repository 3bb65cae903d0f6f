/** `npm start`: a live network of masternode processes, with faults, a stranger, and an account of it all. */
import { mkdtempSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { readOptions, USAGE, UsageError } from './options.mjs'
import { Run } from './run.mjs'
import { describe, paint } from './table.mjs'

const PAINT_MS = 250
const NEWS_MAX = 8

const options = optionsOrExit()
if (options.help) process.stdout.write(USAGE)
else await main(options)

/** @param {import('./options.mjs').Options} options */
async function main(options) {
  const directory = options.evidence ?? mkdtempSync(join(tmpdir(), 'holdfast-start-'))
  const live = !options.json && process.stdout.isTTY
  const news = /** @type {string[]} */ ([])
  const run = new Run(options, directory, (line) => {
    const dated = `${(run.elapsedMs / 1000).toFixed(1).padStart(6)} s  ${line}`
    if (!live) process.stderr.write(`${dated}\n`)
    news.push(dated)
    news.splice(0, news.length - NEWS_MAX)
  })
  process.on('exit', () => {
    run.destroy()
    if (options.evidence === null) rmSync(directory, { recursive: true, force: true })
  })
  for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(name, () => process.exit(128 + constants.signals[name]))
  const repaint = () => process.stdout.write(paint(run, news))
  const painting = live ? setInterval(repaint, PAINT_MS) : undefined
  const summary = await run.perform()
  clearInterval(painting)
  if (live) repaint()
  process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : `\n${describe(summary)}`)
  process.exitCode = summary.ok ? 0 : 1
}

function optionsOrExit() {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}
