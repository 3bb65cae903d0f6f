/** Builds dist, then reads it as a consumer would: what an entry may not reach is looked for in the files that ship. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sourceHash, writeStamp } from './stamp.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const IMPORT = /\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g
const NODE_TYPES = /\bNodeJS\.|\bBuffer\b|\btypes="node"/

const hash = sourceHash()
const tsup = join(root, 'node_modules/tsup/dist/cli-default.js')
if (spawnSync(process.execPath, [tsup, '--silent'], { cwd: root, stdio: 'inherit' }).status !== 0) process.exit(1)

const faults = [
  ...reach('dist/index.js').flatMap(({ file, imports }) =>
    imports
      .filter((name) => name.startsWith('node:'))
      .map((name) => `${file} imports ${name}: the core runs in browsers`),
  ),
  ...reach('dist/index.d.ts').flatMap(({ file, imports, text }) => [
    ...imports.filter((name) => name.startsWith('node:')).map((name) => `${file} declares with ${name}`),
    ...(NODE_TYPES.test(text) ? [`${file} declares with a type of Node's`] : []),
  ]),
  ...entries().flatMap((entry) =>
    reach(entry).flatMap(({ file, imports }) =>
      imports.filter((name) => name === 'ws').map(() => `${file} declares with ws, which a consumer may not have`),
    ),
  ),
]
for (const fault of new Set(faults)) process.stderr.write(`${fault}\n`)
if (faults.length > 0) process.exit(1)
writeStamp(hash)

/** The declarations that package.json publishes. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Object.values(exports).flatMap((target) => (target.types === undefined ? [] : [target.types]))
}

/** Every file that `entry` reaches through relative imports, itself first, without its comments. */
function reach(entry) {
  const found = new Map()
  const visit = (path) => {
    if (found.has(path)) return
    const text = readFileSync(path, 'utf8').replace(/\/\*[^]*?\*\/|^\s*\/\/(?!\/).*$/gm, '')
    const imports = [...text.matchAll(IMPORT)].map(([, name]) => name)
    found.set(path, { file: relative(root, path), imports, text })
    for (const name of imports.filter((each) => each.startsWith('.'))) {
      const target = join(dirname(path), name)
      visit(entry.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target)
    }
  }
  visit(join(root, entry))
  return [...found.values()]
}
