/**
 * `npm run bench`, a moment of each work: that it runs, loses nothing and says what it should. What it says of speed is not judged
 * here, and means nothing at this length. Needs a built package.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('../../bench/main.mjs', import.meta.url))
/** Several times what each takes on a machine that has nothing else to do. */
const PATIENCE_MS = 120_000

interface Report {
  readonly work: string
  readonly rounds: number
  readonly systems: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly ratio: Readonly<Record<string, number | null>>
}

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function run(...words: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...words], (_error, out, err) => {
      resolve({ code: child.exitCode, out, err })
    })
  })
}

async function reportOf<T = Report>(work: string): Promise<T> {
  const { code, out, err } = await run(work, '--short', '--json')
  if (code !== 0) console.warn(err)
  expect(code).toBe(0)
  return JSON.parse(out) as T
}

type Figures = Readonly<Record<string, unknown>>

function withoutNumbers(figures: Figures, names: readonly string[]): readonly string[] {
  return names.filter((name) => !Number.isFinite(figures[name]))
}

const OPAQUE = ['holdfast', 'tcp', 'tls', 'ws']
const WITH_OBJECTS = [...OPAQUE, 'holdfast-json', 'tls-json']

describe('the benchmark', () => {
  it.each([
    ['link-100', 'cpuSecPerMillion', WITH_OBJECTS],
    ['link-1k', 'cpuSecPerMillion', WITH_OBJECTS],
    ['link-64k', 'mbPerSec', OPAQUE],
    ['hub-burst', 'hubCpuUs', WITH_OBJECTS],
    ['hub-single', 'hubCpuUs', WITH_OBJECTS],
    ['rtt', 'p50Us', WITH_OBJECTS],
    ['dial', 'dialsPerSec', OPAQUE],
    ['mesh', 'uniquePerSec', WITH_OBJECTS],
    ['memory', 'rssKiB', OPAQUE],
    ['idle', 'cpuPercent', OPAQUE],
  ])(
    'measures %s with every system, and everything that was sent arrives once and in order',
    async (work, figure, names) => {
      const { systems, ratio, ...about } = await reportOf(work)
      expect(about).toMatchObject({ work, rounds: 1 })
      expect(Object.keys(systems).sort()).toEqual([...names].sort())
      const broken = Object.entries(systems).filter(([, { complete }]) => complete !== true)
      expect(broken).toEqual([])
      const nothing = Object.entries(systems).filter(([, figures]) => typeof figures[figure] !== 'number')
      expect(nothing).toEqual([])
      expect(Object.keys(ratio)).toEqual(expect.arrayContaining(['toTls', 'toTcp']))
      // So few connections may fit in memory that the process had already, and then there is nothing to divide by.
      if (work !== 'memory') expect(Object.values(ratio).every(Number.isFinite)).toBe(true)
    },
    PATIENCE_MS,
  )

  it(
    'times single parts',
    async () => {
      const { systems } = await reportOf('micro')
      const names = ['dedupNewNs', 'dedupSeenNs', 'frameDecodeNs', 'recordSealNs', 'recordOpenNs', 'backoffNs']
      expect(names.filter((name) => typeof systems['holdfast']?.[name] !== 'number')).toEqual([])
      expect(typeof systems['node:crypto']?.['recordSealNs']).toBe('number')
    },
    PATIENCE_MS,
  )

  it(
    'weighs what a host installs',
    async () => {
      const { systems } = await reportOf('footprint')
      const names = ['packages', 'mib', 'importMs', 'browserKb']
      expect(names.filter((name) => typeof systems['holdfast']?.[name] !== 'number')).toEqual([])
    },
    PATIENCE_MS,
  )

  it(
    'loses nothing of a load at anybody who can keep up, and says how long it took',
    async () => {
      const report = await reportOf<Figures & { readonly blocks: readonly Figures[] }>('load')
      expect(report).toMatchObject({ work: 'load', connections: 8, healthy: 6, links: 8 })
      expect(report).toMatchObject({ lost: 0, again: 0, broken: 0, rejected: 0 })
      expect(report['delivered']).toBe(5 * (report['sent'] as number))
      expect(report['delivered']).toBeGreaterThan(0)
      const times = ['deliveryMsP50', 'deliveryMsP99', 'deliveryMsMax', 'loopLagMsP99', 'loopLagMsMax']
      const sizes = ['rssMiBStart', 'rssMiBEnd', 'heapMiBStart', 'heapMiBEnd']
      expect(withoutNumbers(report, [...times, ...sizes])).toEqual([])
      expect(report.blocks.length).toBeGreaterThan(0)
      expect(report.blocks.flatMap((block) => withoutNumbers(block, ['block', 'msP50', 'msP99', 'msMax']))).toEqual([])
    },
    PATIENCE_MS,
  )

  it(
    'links masternodes each with each, and everybody gets what anybody says',
    async () => {
      const report = await reportOf<Figures>('mesh-100')
      expect(report).toMatchObject({ work: 'mesh-100', nodes: 6, links: 15, lost: 0, again: 0, broken: 0 })
      expect(report['delivered']).toBe(5 * (report['sent'] as number))
      expect(report['delivered']).toBeGreaterThan(0)
      const names = ['linkedMs', 'rssMiBPerNode', 'idleCpuPercentPerNode', 'cpuMsPerBroadcast', 'deliveryMsP99']
      expect(withoutNumbers(report, names)).toEqual([])
    },
    PATIENCE_MS,
  )

  it(
    'says what links and known peers cost the more there are',
    async () => {
      type Rows = Readonly<Record<'links' | 'books', readonly Figures[]>>
      const { links, books } = await reportOf<Rows>('growth')
      expect(links).toMatchObject([
        { links: 2, lost: 0 },
        { links: 4, lost: 0 },
      ])
      expect(books).toMatchObject([{ peers: 50 }, { peers: 200 }])
      const ofLinks = ['idleCpuUsPerLinkSec', 'cpuUsPerDelivery', 'cpuMsPerLink', 'heapKiBPerLink', 'listOneMoreMs']
      expect(links.flatMap((row) => withoutNumbers(row, ofLinks))).toEqual([])
      const ofBooks = ['heapBytesPerPeer', 'learnUs', 'tickUs', 'tickLaterUs', 'rankUs', 'answerUs', 'heardUs']
      expect(books.flatMap((row) => withoutNumbers(row, [...ofBooks, 'agendaNs', 'snapshotMs', 'restoreMs']))).toEqual(
        [],
      )
    },
    PATIENCE_MS,
  )

  it('refuses a time that is none', async () => {
    const { code, out, err } = await run('load', '--seconds', 'soon')
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('--seconds')
  })

  it('knows its works, and says so to who asks for another', async () => {
    const { code, out, err } = await run('typhoon', '--json')
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('link-100, link-1k, link-64k, hub-burst')
  })
})
