/**
 * The fuzz targets, each tried as often as the gate can afford. `HOLDFAST_FUZZ_SEED=<n>` replays a run; without it the seed is
 * drawn anew, and stands in what a failure prints.
 */
import { randomInt } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import type { FuzzTarget, Tally } from './fuzz-targets.js'
import { runTarget, TARGETS } from './fuzz-targets.js'

const FRAMES_MIN = 1_000_000
/** Fuzzing takes what it takes on a busy machine. */
const PATIENCE_MS = 180_000
const given = process.env['HOLDFAST_FUZZ_SEED']
const seed = given === undefined ? randomInt(2 ** 31) : Number(given)
const tally: Tally = { frames: 0 }

afterAll(() => {
  console.log(`${String(tally.frames)} structured frames reached a session, with seed ${String(seed)}`)
})

describe('what is fuzzed', () => {
  for (const target of TARGETS)
    it(
      `${target.name}: ${target.about}`,
      async () => {
        const { failure } = await runTarget(target, { seed, cases: target.gateCases }, tally)
        if (failure !== null) throw new Error(failure)
      },
      PATIENCE_MS,
    )

  it('is replayed by the seed, and shown as small as it gets, where something is found', async () => {
    const brittle: FuzzTarget = {
      name: 'brittle',
      about: 'breaks',
      gateCases: 100,
      wordsMax: 50,
      run: (words) => {
        if (words.some((word) => word >= 1_000)) throw new Error('it broke')
      },
    }
    const { failure } = await runTarget(brittle, { seed: 77, cases: 100 }, { frames: 0 })
    expect(failure).toMatch(/^brittle: [^]*seed: 77[^]*Counterexample: \[\[1000\]\][^]*Error: it broke/)
  })

  it('has had a million frames', () => {
    expect(tally.frames).toBeGreaterThanOrEqual(FRAMES_MIN)
  })
})
