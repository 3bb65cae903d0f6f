/** What dist was built from: one hash of every file that decides it, kept inside dist. Contents, for a copy has new times. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const stamp = join(root, 'dist/.stamp')

export function sourceHash() {
  const sources = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const settings = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsup.config.ts', 'scripts/build.mjs']
  const hash = createHash('sha256')
  for (const file of [...settings.map((name) => join(root, name)), ...sources]) {
    const bytes = readFileSync(file)
    hash.update(`${file.slice(root.length)} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

/** @returns the hash dist was built from, or null where it was not built to the end */
export function readStamp() {
  try {
    return readFileSync(stamp, 'utf8')
  } catch {
    return null
  }
}

export function writeStamp(hash) {
  writeFileSync(stamp, hash)
}
