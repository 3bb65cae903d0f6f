/** `npm run fuzz`: what it does with its time, its seeds and its findings; the targets themselves are tried in test/protocol. */
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { FuzzReport } from '../../scripts/fuzz/rounds.mjs'
import { runRounds } from '../../scripts/fuzz/rounds.mjs'

const PROGRAM = fileURLToPath(new URL('../../scripts/fuzz/main.mjs', import.meta.url))

interface Tried {
  readonly name: string
  readonly seed: number
  readonly cases: number
}

/** Rounds of two targets, of which the second fails from `failsAt` on. */
async function rounds(count: number, failsAt = Infinity) {
  const tried: Tried[] = []
  const found: string[] = []
  const told: FuzzReport[] = []
  const report = await runRounds({
    targets: [
      { name: 'sound', gateCases: 5_000 },
      { name: 'brittle', gateCases: 100 },
    ],
    seed: 40,
    goesOn: () => told.length < count,
    run: async ({ name }, { seed, cases }, tally) => {
      tried.push({ name, seed, cases })
      tally.frames += 3
      const fails = name === 'brittle' && seed >= failsAt
      return Promise.resolve({ cases: fails ? 4 : cases, failure: fails ? 'it broke' : null })
    },
    failed: ({ name }, seed, failure) => {
      found.push(`${name} ${String(seed)}: ${failure}`)
    },
    told: (soFar) => {
      told.push(soFar)
    },
  })
  return { tried, found, told, report }
}

async function program(...words: readonly string[]) {
  const child = spawn(process.execPath, [PROGRAM, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const [code, out, progress] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  return { code, out, progress }
}

describe('rounds of fuzzing', () => {
  it('try every target with a seed for each round, and count the cases', async () => {
    const { tried, report } = await rounds(2)
    expect(tried).toEqual([
      { name: 'sound', seed: 40, cases: 100 },
      { name: 'brittle', seed: 40, cases: 10 },
      { name: 'sound', seed: 41, cases: 100 },
      { name: 'brittle', seed: 41, cases: 10 },
    ])
    expect(report).toEqual({
      seed: 40,
      rounds: 2,
      frames: 12,
      targets: [
        { name: 'sound', cases: 200, failures: 0 },
        { name: 'brittle', cases: 20, failures: 0 },
      ],
      pass: true,
    })
  })

  it('tell of a failure once, with the seed of its round, and go on with the others', async () => {
    const { tried, found, report } = await rounds(3, 41)
    expect(found).toEqual(['brittle 41: it broke'])
    expect(tried.map(({ name, seed }) => `${name} ${String(seed)}`)).toEqual([
      'sound 40',
      'brittle 40',
      'sound 41',
      'brittle 41',
      'sound 42',
    ])
    expect(report).toMatchObject({ pass: false, targets: [{ failures: 0 }, { cases: 14, failures: 1 }] })
  })

  it('are at least one, however short the time', async () => {
    const { report } = await rounds(0)
    expect(report).toMatchObject({ rounds: 1, pass: true })
  })
})

describe('npm run fuzz', () => {
  it('prints one JSON object and nothing else, the same for the same seed', async () => {
    const words = ['--minutes', '0', '--target', 'talk', '--seed', '5', '--json']
    const { code, out, progress } = await program(...words)
    expect(progress).toContain('seed 5, 1 rounds')
    const report = JSON.parse(out) as FuzzReport
    expect(report).toMatchObject({ seed: 5, rounds: 1, targets: [{ name: 'talk', failures: 0 }], pass: true })
    expect(report.frames).toBeGreaterThan(100)
    expect(report.targets).toHaveLength(1)
    expect(code).toBe(0)
    expect((await program(...words)).out).toBe(out)
  })

  it('refuses what it does not understand, with what it would', async () => {
    for (const [words, says] of [
      [['--target', 'moon'], 'decoders'],
      [['--minutes', 'soon'], '--minutes is a number'],
      [['--minutes', '-1'], '--minutes'],
      [['--seed', '1.5'], '--seed is a whole number'],
      [['--speed', '9'], 'npm run fuzz'],
    ] as const) {
      const { code, out, progress } = await program(...words)
      expect(progress).toContain(says)
      expect([code, out]).toEqual([2, ''])
    }
  })
})
