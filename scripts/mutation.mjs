/**
 * `npm run mutation [-- <glob>…]`: Stryker over the policies, or over those sources that the globs name. Exits 1 where the
 * score is below the bar in stryker.config.mjs.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const globs = process.argv.slice(2)
if (globs.some((glob) => glob.startsWith('-'))) {
  const isAsked = globs.includes('--help') || globs.includes('-h')
  const usage =
    'npm run mutation [-- GLOB…]: mutation testing of the policies, or of the sources that the globs name (docs/mutation.md)\n'
  ;(isAsked ? process.stdout : process.stderr).write(usage)
  process.exit(isAsked ? 0 : 2)
}
const selection = globs.length === 0 ? [] : ['--mutate', globs.join(',')]
const { status } = spawnSync(
  process.execPath,
  ['node_modules/@stryker-mutator/core/bin/stryker.js', 'run', ...selection],
  { cwd: fileURLToPath(new URL('..', import.meta.url)), stdio: 'inherit' },
)
process.exitCode = status ?? 1
