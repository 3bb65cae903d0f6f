/**
 * What a host gets when it installs holdfast: packages and their size, as npm would lay them out without what is optional; how
 * long a fresh process takes to load it; and what a browser downloads. Nothing is fetched: the packages are those installed here.
 */
import { execFileSync } from 'node:child_process'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from '../report.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const MIB = 1_048_576

/** @param {{ times: { imports: number }, say: (line: string) => void }} given */
export async function footprint({ times, say }) {
  const own = packed()
  const others = closure(read(join(root, 'package.json')).dependencies)
  const installed = others.reduce((sum, name) => sum + sizeOf(join(root, 'node_modules', name)), 0)
  say(`footprint: ${others.join(', ')}, and holdfast itself`)
  const wsBytes = sizeOf(join(root, 'node_modules/ws'))
  /** Bound: as many as are asked for. */
  const took = { holdfast: [], ws: [], tls: [], tcp: [] }
  const words = { holdfast: 'holdfast', ws: 'ws', tls: 'node:tls', tcp: 'node:net' }
  for (let i = 0; i < times.imports; i++) for (const name of Object.keys(took)) took[name].push(importMs(words[name]))
  const none = { packages: 0, mib: 0 }
  return [
    sample('holdfast', {
      packages: others.length + 1,
      mib: (installed + own) / MIB,
      importMs: median(took.holdfast),
      browserKb: browserBytes() / 1_000,
    }),
    sample('tcp', { ...none, importMs: median(took.tcp) }),
    sample('tls', { ...none, importMs: median(took.tls) }),
    sample('ws', { packages: 1, mib: wsBytes / MIB, importMs: median(took.ws) }),
  ]
}

const sample = (/** @type {string} */ system, /** @type {object} */ figures) => ({ system, figures })
const read = (/** @type {string} */ path) => JSON.parse(readFileSync(path, 'utf8'))

/** What `npm publish` would send, unpacked. */
function packed() {
  const said = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return Object.values(JSON.parse(said.toString()))[0].unpackedSize
}

/** Everything these need, and what that needs. @param {Record<string, string>} dependencies */
function closure(dependencies) {
  /** Bound: the packages installed here. */
  const found = new Set()
  const waiting = Object.keys(dependencies)
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue
    found.add(name)
    waiting.push(...Object.keys(read(join(root, 'node_modules', name, 'package.json')).dependencies ?? {}))
  }
  return [...found].sort()
}

/** @param {string} path @returns {number} */
function sizeOf(path) {
  const entry = lstatSync(path)
  if (!entry.isDirectory()) return entry.isFile() ? entry.size : 0
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0)
}

/** In a process that has loaded nothing else. @param {string} name */
function importMs(name) {
  const program = `const since = performance.now(); await import('${name}'); console.log(performance.now() - since)`
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root }).toString())
}

/** The bundle that .size-limit.js describes, gzipped. Beyond its limit the program fails, and has said what it is all the same. */
function browserBytes() {
  const program = join(root, 'node_modules/size-limit/bin.js')
  let said = ''
  try {
    said = execFileSync(process.execPath, [program, '--json'], { cwd: root }).toString()
  } catch (error) {
    said = String(/** @type {any} */ (error).stdout)
  }
  return JSON.parse(said)[0].size
}
