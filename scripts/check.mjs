/**
 * Every gate but the tests, in order, two at a time; the first red stops the rest. Prints a line per step with its
 * seconds, and what a red step had to say. Each step is a program of node_modules, run as its own documentation says.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const tsc = 'node_modules/typescript/bin/tsc'

/** A step waits for those it names in `after`. */
const steps = [
  step('types', tsc, ['-p', 'tsconfig.json']),
  step('types in a browser', tsc, ['-p', 'tsconfig.browser.json']),
  step('build', 'scripts/build.mjs', []),
  step('eslint', 'node_modules/eslint/bin/eslint.js', ['--max-warnings', '0', '.']),
  step('format', 'node_modules/@biomejs/biome/bin/biome', ['format', '.']),
  step('arrows', 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs', ['src', 'examples']),
  step('dead exports', 'node_modules/knip/bin/knip.js', ['--no-progress']),
  step('publint', 'node_modules/publint/src/cli.js', ['--strict'], ['build']),
  step('attw', 'node_modules/@arethetypeswrong/cli/dist/index.js', ['--pack', '.', '--profile', 'esm-only'], ['build']),
  step('sizes', 'node_modules/size-limit/bin.js', [], ['build']),
  step('API report', 'scripts/api.mjs', [], ['build']),
  step('docs', 'node_modules/typedoc/bin/typedoc', ['--treatWarningsAsErrors', '--logLevel', 'Warn'], []),
]

const done = new Set()
const running = new Map()
let red = null
startNext()

function step(name, program, args, after = []) {
  return { name, program, args, after }
}

function startNext() {
  while (red === null && running.size < 2) {
    const next = steps.find(
      ({ name, after }) => !done.has(name) && !running.has(name) && after.every((other) => done.has(other)),
    )
    if (next === undefined) break
    start(next)
  }
  if (done.size === steps.length) console.log('check: green')
}

function start({ name, program, args }) {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [join(root, program), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  running.set(name, child)
  const said = []
  child.stdout.on('data', (bytes) => said.push(bytes))
  child.stderr.on('data', (bytes) => said.push(bytes))
  child.on('error', (error) => said.push(Buffer.from(`${error.message}\n`)))
  child.on('close', (code) => {
    running.delete(name)
    if (red !== null) return
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    console.log(`${code === 0 ? 'ok ' : 'RED'} ${name} (${seconds} s)`)
    if (code === 0) done.add(name)
    else stop(name, Buffer.concat(said).toString())
    startNext()
  })
}

function stop(name, output) {
  red = name
  process.exitCode = 1
  for (const child of running.values()) child.kill()
  console.log(`${output.trimEnd()}\ncheck: red at ${name}`)
}
