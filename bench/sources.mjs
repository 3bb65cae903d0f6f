/** Modules that no entry of the package names, bundled from the sources for whoever measures single parts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'tsup'

const SRC = fileURLToPath(new URL('../src/', import.meta.url))

/** @param {Readonly<Record<string, string>>} modules paths under src, by the name each is wanted by @returns {Promise<any>} */
export async function loadSources(modules) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'))
  try {
    await build({
      entry: Object.fromEntries(Object.entries(modules).map(([name, path]) => [name, join(SRC, path)])),
      ...{
        outDir: folder,
        format: 'esm',
        platform: 'node',
        target: 'es2022',
        splitting: true,
        config: false,
        silent: true,
      },
      ...{
        dts: false,
        clean: false,
        sourcemap: false,
        skipNodeModulesBundle: false,
        noExternal: [/./],
        removeNodeProtocol: false,
      },
      outExtension: () => ({ js: '.mjs' }),
    })
    const loaded = Object.keys(modules).map(async (name) => [
      name,
      await import(pathToFileURL(join(folder, `${name}.mjs`)).href),
    ])
    return Object.fromEntries(await Promise.all(loaded))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
