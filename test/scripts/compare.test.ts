import { describe, expect, it } from 'vitest'
import { drawChart } from '../../scripts/sim/compare-chart.mjs'
import type { Sample } from '../../scripts/sim/compare-figures.mjs'
import { figuresOf, spell, tableOf } from '../../scripts/sim/compare-figures.mjs'
import type { Schedule } from '../../scripts/sim/compare-schedules.mjs'
import {
  bitcoinAddnode,
  cometbftPersistent,
  gethStatic,
  libp2pKeepAlive,
  OURS,
  SCHEDULES,
  scheduleOf,
  timeCoinMasternode,
} from '../../scripts/sim/compare-schedules.mjs'
import { BackoffPolicy } from '../../src/policy/backoff.js'
import { resolveLimits } from '../../src/swarm/profile.js'

const always = (lot: number): { float(): number } => ({ float: () => lot })

/** The seconds after each failure in a row, from the first to the `count`th. */
function secondsOf(schedule: Schedule, count: number, lot = 0): (number | null)[] {
  return Array.from({ length: count }, (_, i) => {
    const delayMs = schedule('masternode', i + 1, always(lot))
    return delayMs === null ? null : delayMs / 1_000
  })
}

const repeated = (seconds: number, count: number): number[] => Array.from({ length: count }, () => seconds)

describe('the schedule of others', () => {
  it('is 60 s after every failure for an added node of Bitcoin, for ever', () => {
    expect(secondsOf(bitcoinAddnode, 3)).toEqual([60, 60, 60])
    expect(bitcoinAddnode('masternode', 100_000, always(0))).toBe(60_000)
  })

  it('is 35 s from dial to dial for a static peer of geth, for ever', () => {
    const dialMs = scheduleOf('geth static').options.limits?.masternode.connectMs ?? 0
    expect(secondsOf(gethStatic, 3).map((seconds) => (seconds ?? 0) + dialMs / 1_000)).toEqual([35, 35, 35])
    expect(gethStatic('masternode', 100_000, always(0))).not.toBeNull()
  })

  it('is twenty short waits and ten that triple for a persistent peer of CometBFT, and then none', () => {
    const late = [3, 9, 27, 81, 243, 729, 2_187, 6_561, 19_683, 59_049]
    // The twentieth failure ends the short waits with one more of them.
    expect(secondsOf(cometbftPersistent, 31)).toEqual([...repeated(5, 19), 5 + 3, ...late.slice(1), null, null])
    expect(secondsOf(cometbftPersistent, 30, 1)).toEqual([
      ...repeated(5 + 3, 19),
      5 + 3 + 3 + 3,
      ...late.slice(1).map((seconds) => seconds + 3),
      null,
    ])
  })

  it('is 1, 2, 4, 8 and 16 s for a peer that js-libp2p keeps alive, and then none', () => {
    expect(secondsOf(libp2pKeepAlive, 7)).toEqual([1, 2, 4, 8, 16, null, null])
  })

  it('is that of the literal policy for the newest source document', () => {
    const literal = Array.from({ length: 60 }, (_, i) => {
      const decision = BackoffPolicy.literal.next('masternode', i + 1, {
        ...always(0.5),
        bytes: () => new Uint8Array(0),
      })
      return decision.kind === 'retry' ? decision.delayMs / 1_000 : null
    })
    expect(secondsOf(timeCoinMasternode, 60)).toEqual(literal)
    expect(literal.slice(0, 7)).toEqual([2, 4, 8, 16, 32, 60, 60])
    expect(literal.indexOf(null)).toBe(49)
  })

  it('waits after a link that ended without a failed dial as after the first failure', () => {
    for (const { name, options } of SCHEDULES)
      expect([name, options.backoff?.('masternode', 0, always(0))]).toEqual([
        name,
        options.backoff?.('masternode', 1, always(0)),
      ])
  })

  it('is said in options that a swarm takes, and says that it gives up exactly where it does', () => {
    for (const { name, options } of SCHEDULES) {
      if (options.limits !== undefined) expect(() => resolveLimits('masternode', options.limits ?? {})).not.toThrow()
      const ends = options.backoff?.('masternode', 100_000, always(0)) === null
      expect([name, options.healing?.giveUp ?? false]).toEqual([name, ends])
    }
    expect(scheduleOf(OURS).options).toEqual({})
    expect(() => scheduleOf('nobody')).toThrow('there is no schedule nobody')
  })
})

const CAP_MS = 7_200_000
const names = SCHEDULES.map(({ name }) => name)
const cases = [60_000, 3_600_000].flatMap((splitMs) => names.map((schedule) => ({ schedule, splitMs })))

/** Three runs of each case: ours in 5, 6 and 7 s, and each other schedule in ten times its place. */
function samplesOf(change: (sample: Sample, run: number) => Sample = (sample) => sample): Sample[] {
  return cases.flatMap((job) =>
    [0, 1, 2].map((run) => {
      const place = names.indexOf(job.schedule)
      const ttmMs = job.schedule === OURS ? 5_000 + 1_000 * run : 10_000 * place + 1_000 * run
      return change({ job, ttmMs, givenUp: false }, run)
    }),
  )
}

const lastGivesUp = (sample: Sample, run: number): Sample =>
  sample.job.schedule === names.at(-1) && run > 0 ? { ...sample, ttmMs: null, givenUp: true } : sample

describe('the figures of a comparison', () => {
  it('are the middle and the worst of the runs, for each schedule and split', () => {
    const { schedules, pass } = figuresOf(samplesOf(), cases, CAP_MS)
    expect(schedules.map(({ name }) => name)).toEqual(names)
    expect(schedules[0]?.splits).toEqual([
      { splitMs: 60_000, ttmP50Ms: 6_000, ttmP95Ms: 7_000, seeds: 3, givenUp: 0 },
      { splitMs: 3_600_000, ttmP50Ms: 6_000, ttmP95Ms: 7_000, seeds: 3, givenUp: 0 },
    ])
    expect(schedules[1]?.splits[0]).toMatchObject({ ttmP50Ms: 11_000, ttmP95Ms: 12_000 })
    expect(pass).toBe(true)
  })

  it('are null where a mesh was never seen, which is worse than any time', () => {
    const { schedules, pass } = figuresOf(samplesOf(lastGivesUp), cases, CAP_MS)
    expect(schedules.at(-1)?.splits[0]).toMatchObject({ ttmP50Ms: null, ttmP95Ms: null, givenUp: 2 })
    expect(pass).toBe(true)
  })

  it('fail where another schedule is as fast at one split alone, or ours is never done', () => {
    const rival = (sample: Sample): Sample =>
      sample.job.schedule === names[2] && sample.job.splitMs === 60_000 ? { ...sample, ttmMs: 7_000 } : sample
    expect(figuresOf(samplesOf(rival), cases, CAP_MS).pass).toBe(false)
    const lost = (sample: Sample): Sample =>
      sample.job.schedule === OURS && sample.job.splitMs === 60_000 ? { ...sample, ttmMs: null } : sample
    expect(figuresOf(samplesOf(lost), cases, CAP_MS).pass).toBe(false)
  })

  it('are a table in which a given-up pair is never, and one that was not seen in time is longer than the watch', () => {
    const unseen = (sample: Sample, run: number): Sample =>
      sample.job.schedule === names[1] ? { ...sample, ttmMs: null } : lastGivesUp(sample, run)
    const table = tableOf({ nodes: 20, ...figuresOf(samplesOf(unseen), cases, CAP_MS) })
    const row = (name: string): string => table.split('\n').find((line) => line.startsWith(`${name} `)) ?? ''
    expect(table).toContain('20 masternodes')
    expect(row(OURS)).toMatch(/6 s \/ 7 s +6 s \/ 7 s$/)
    expect(row(names.at(-1) ?? '')).toMatch(/never \/ never \(2 of 3\)$/)
    expect(row(names[1] ?? '')).toMatch(/> 2 h \/ > 2 h/)
  })

  it('spell times as people do', () => {
    const spelt = [900, 5_440, 9_949, 9_950, 59_500, 60_000, 61_400, 99_500, 594_000, 3_569_999, 6_480_000].map(spell)
    expect(spelt.slice(0, 6)).toEqual(['0.9 s', '5.4 s', '9.9 s', '10 s', '60 s', '1 min'])
    expect(spelt.slice(6)).toEqual(['61 s', '1.7 min', '10 min', '59 min', '1.8 h'])
  })
})

describe('the chart of a comparison', () => {
  const report = { nodes: 20, ...figuresOf(samplesOf(lastGivesUp), cases, CAP_MS) }
  const svg = drawChart(report)
  const points = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => ({
    x: Number(x),
    y: Number(y),
  }))

  it('is the same for the same figures, and well-formed', () => {
    expect(drawChart(report)).toBe(svg)
    const open: string[] = []
    for (const [, end, name, alone] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
      if (alone === '/') continue
      if (end === '/') expect(open.pop()).toBe(name)
      else open.push(name ?? '')
    }
    expect(open).toEqual([])
    expect(svg).not.toMatch(/NaN|undefined|null|Infinity/)
  })

  it('paints its own background under everything it draws', () => {
    const [, width, height] = /viewBox="0 0 ([\d.]+) ([\d.]+)"/.exec(svg) ?? []
    const shapes = svg.match(/<(?:rect|line|circle|path|text) [^>]*>/g) ?? []
    expect(shapes[0]).toMatch(/^<rect .*fill="#ffffff"/)
    expect(shapes[0]).toContain(`width="${String(Number(width) - 1)}" height="${String(Number(height) - 1)}"`)
  })

  it('has a title, every schedule and every value in words', () => {
    expect(svg).toContain('<title id="title">')
    for (const name of names) expect(svg).toContain(`>${name}</text>`)
    for (const value of ['7 s', '12 s', '22 s', '32 s', '42 s']) expect(svg).toContain(`>${value}</text>`)
  })

  it('has a point for each time and a cross for each never', () => {
    expect(points).toHaveLength(2 * (names.length - 1))
    expect(svg.match(/<path /g)).toHaveLength(2)
    expect(svg.match(/>never<\/text>/g)).toHaveLength(2)
    expect(svg.match(/>2 of 3<\/text>/g)).toHaveLength(2)
  })

  it('puts longer times further to the right, each tenfold by the same step', () => {
    const panel = points.slice(0, names.length - 1).map(({ x }) => x)
    expect([...panel].sort((a, b) => a - b)).toEqual(panel)
    const ticks = [...svg.matchAll(/<text x="([\d.]+)"[^>]*text-anchor="middle"[^>]*>([^<]+)</g)]
    const tick = (label: string): number => Number(ticks.find(([, , text]) => text === label)?.[1])
    expect(tick('10 min') - tick('1 min')).toBeCloseTo(tick('10 s') - tick('1 s'), 0)
  })
})
