/**
 * `node scripts/api.mjs [--update]`: compares what each published entry declares with its report in etc/, so that no
 * public name changes unnoticed. With `--update` the reports are rewritten; without, a difference is red.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor'

const root = fileURLToPath(new URL('..', import.meta.url))
const update = process.argv.includes('--update')
const reports = join(root, 'etc')
const fresh = join(root, 'dist/.api')
mkdirSync(reports, { recursive: true })
mkdirSync(fresh, { recursive: true })

const changed = entries().filter(({ name, types }) => !report(name, types))
rmSync(fresh, { recursive: true })
for (const { name } of changed)
  process.stderr.write(`etc/${name}.api.md is not what the entry declares: \`npm run api\` rewrites it\n`)
if (changed.length > 0) process.exitCode = 1

function entries() {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return Object.entries(exports).flatMap(([path, { types }]) =>
    types === undefined ? [] : [{ name: path === '.' ? 'index' : path.slice(2), types }],
  )
}

/** @returns whether the report in etc/ says what the entry declares; after an update it does */
function report(name, types) {
  const known = existsSync(join(reports, `${name}.api.md`))
  const configObject = {
    projectFolder: root,
    mainEntryPointFilePath: join(root, types),
    compiler: { tsconfigFilePath: join(root, 'tsconfig.json') },
    newlineKind: 'lf',
    apiReport: {
      enabled: true,
      reportFileName: `${name}.api.md`,
      reportFolder: reports,
      reportTempFolder: fresh,
      includeForgottenExports: true,
    },
    docModel: { enabled: false },
    dtsRollup: { enabled: false },
    tsdocMetadata: { enabled: false },
    messages: {
      compilerMessageReporting: { default: { logLevel: 'warning' } },
      extractorMessageReporting: { default: { logLevel: 'none' } },
      tsdocMessageReporting: { default: { logLevel: 'none' } },
    },
  }
  const config = ExtractorConfig.prepare({
    configObject,
    configObjectFullPath: join(root, 'api-extractor.json'),
    packageJsonFullPath: join(root, 'package.json'),
  })
  const quiet = (message) => {
    message.handled =
      message.logLevel === 'info' || message.logLevel === 'verbose' || message.messageId.startsWith('console-')
  }
  const result = Extractor.invoke(config, { localBuild: update, messageCallback: quiet })
  return update ? result.succeeded : result.succeeded && known && !result.apiReportChanged
}
