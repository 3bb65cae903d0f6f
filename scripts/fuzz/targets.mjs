/** The targets are TypeScript, as the sources they try: both become one file that Node can run, beside what is built. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'tsup'

const root = fileURLToPath(new URL('../..', import.meta.url))
// A dot keeps it out of the package, the number apart from another run.
const folder = join(root, `dist/.fuzz-${process.pid}`)

export async function loadTargets() {
  try {
    await build({
      config: false,
      entry: { targets: join(root, 'test/protocol/fuzz-targets.ts') },
      outDir: folder,
      format: 'esm',
      target: 'node20',
      platform: 'node',
      splitting: false,
      // A stack then names the source.
      sourcemap: 'inline',
      clean: false,
      dts: false,
      silent: true,
      external: ['fast-check'],
    })
    process.setSourceMapsEnabled(true)
    const { TARGETS, runTarget } = await import(pathToFileURL(join(folder, 'targets.js')).href)
    return { targets: TARGETS, runTarget }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
