/** `npm run bench -- verify`, a moment of it: that every hub checks what it is sent, and answers meanwhile. Needs a built package. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../../bench/main.mjs', import.meta.url))
/** Several times what it takes on a machine that has nothing else to do. */
const PATIENCE_MS = 120_000

it(
  'measures verify with a hub that checks nothing, one that checks in its handler, and pools of one and two threads',
  async () => {
    const out = await new Promise<string>((resolve) => {
      execFile(process.execPath, [MAIN, 'verify', '--short', '--json'], (_error, said) => {
        resolve(said)
      })
    })
    const { systems } = JSON.parse(out) as { systems: Readonly<Record<string, Readonly<Record<string, unknown>>>> }
    expect(Object.keys(systems)).toEqual(['none', 'inline', 'pool-1', 'pool-2'])
    const wanted = ['p50Us', 'p99Us', 'p50UsBurst', 'p99UsBurst', 'lagP99Ms', 'perSecMax']
    for (const [name, figures] of Object.entries(systems)) {
      expect([name, figures['complete']]).toEqual([name, true])
      expect(wanted.filter((figure) => typeof figures[figure] !== 'number')).toEqual([])
    }
  },
  PATIENCE_MS,
)
