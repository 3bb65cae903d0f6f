/**
 * `node scripts/ensure.mjs [--no-build] <program> [argument…]`: makes the checkout usable, then becomes the program.
 * Installs when node_modules does not hold what package-lock.json names, builds when dist was built from other sources.
 * Needs Node alone. Progress goes to standard error: standard output is the program's.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { readStamp, sourceHash } from './stamp.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = join(root, 'node_modules')

const words = process.argv.slice(2)
const build = words[0] !== '--no-build'
const [program, ...rest] = build ? words : words.slice(1)
if (program === undefined) fail('usage: node scripts/ensure.mjs [--no-build] <program> [argument…]')

if (!installed()) install()
if (build && readStamp() !== sourceHash()) run('building', process.execPath, [join(root, 'scripts/build.mjs')])

const file = resolve(root, program)
process.argv = [process.execPath, file, ...rest]
await import(pathToFileURL(file).href)

/** npm leaves a list of what it installed inside node_modules, written last: it is compared with what is wanted. */
function installed() {
  const listed = join(modules, '.package-lock.json')
  if (!existsSync(listed)) return false
  const found = JSON.parse(readFileSync(listed, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional, peer }]) =>
      path === '' || found[path]?.version === version || (found[path] === undefined && (optional || peer)),
  )
}

function install() {
  // npm would empty the folder behind the link, which belongs to another checkout.
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink())
    fail('node_modules is a symbolic link to packages that package-lock.json does not name: replace it, then `npm ci`')
  // Under `npm --silent` the inner npm would be silent about its failure, too.
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'
  run('installing', npm, ['ci', '--no-audit', '--no-fund', '--loglevel', 'error'])
}

function run(what, command, args) {
  process.stderr.write(`${what}…\n`)
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) fail(`${what} failed${error ? `: ${error.message}` : ''}`)
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`)
  process.exit(1)
}
