/**
 * What is fuzzed, each under a name: a property over numbers, from which everything else follows. The gate runs each a fixed
 * number of times; `npm run fuzz` runs them for as long as it is told. Both print the seed and the smallest counterexample.
 */
import fc from 'fast-check'
import { cipherCase, wireCase } from './fuzz-cipher.js'
import { codecCase } from './fuzz-codec.js'
import { decoderCase } from './fuzz-decoders.js'
import { framesCase, handshakeCase, provenCase, talkCase } from './fuzz-sessions.js'
import { swarmCase } from './fuzz-swarm.js'

/** Counts what was really tried. */
export interface Tally {
  /** Structured frames that reached a session that was still listening. */
  frames: number
}

export interface FuzzTarget {
  readonly name: string
  readonly about: string
  /** How often the gate tries it. */
  readonly gateCases: number
  /** Numbers in one case. */
  readonly wordsMax: number
  /** Throws for whatever must not happen. */
  readonly run: (words: readonly number[], tally: Tally) => void | Promise<void>
}

export const TARGETS: readonly FuzzTarget[] = [
  {
    name: 'decoders',
    about: 'answers every run of bytes with a value or a no, and reads back what it wrote',
    gateCases: 10_000,
    wordsMax: 4,
    run: decoderCase,
  },
  {
    name: 'codec',
    about: 'gives a value that can be sent again, or throws an error of its own',
    gateCases: 10_000,
    wordsMax: 12,
    run: codecCase,
  },
  {
    name: 'frames',
    about: 'takes frames of an authenticated liar, however they are cut into records and chunks',
    gateCases: 16_000,
    wordsMax: 200,
    run: framesCase,
  },
  {
    name: 'talk',
    about: 'lets whoever refuses be heard, and nobody be told what nobody said, between two liars',
    gateCases: 2_000,
    wordsMax: 60,
    run: talkCase,
  },
  {
    name: 'handshake',
    about: 'takes damaged flights on a suite that lets damage through',
    gateCases: 6_000,
    wordsMax: 3,
    run: handshakeCase,
  },
  {
    name: 'proven',
    about: 'proves nobody from flights that were touched, with the true suite',
    gateCases: 1_000,
    wordsMax: 3,
    run: provenCase,
  },
  {
    name: 'cipher',
    about: 'hears nothing from a record that was touched, with the true suite',
    gateCases: 1_000,
    wordsMax: 3,
    run: cipherCase,
  },
  {
    name: 'wire',
    about: 'lets two honest ends hear each other in order up to a wound, and blame nobody for it',
    gateCases: 500,
    wordsMax: 25,
    run: wireCase,
  },
  {
    name: 'swarm',
    about: 'keeps a swarm within its bounds and its honest peer answered, whatever a liar sends',
    gateCases: 200,
    wordsMax: 40,
    run: swarmCase,
  },
]

export interface Round {
  readonly seed: number
  readonly cases: number
}

export interface RoundResult {
  readonly cases: number
  /** The seed, the path and the smallest counterexample; null where nothing was found. */
  readonly failure: string | null
}

/** Tries a target so many times; the same seed tries the same. */
export async function runTarget(target: FuzzTarget, { seed, cases }: Round, tally: Tally): Promise<RoundResult> {
  const word = fc.integer({ min: 0, max: 2 ** 32 - 1 })
  const words = fc.noBias(fc.array(word, { minLength: 1, maxLength: target.wordsMax, size: 'max' }))
  const details = await fc.check(
    fc.asyncProperty(words, async (drawn) => {
      const ran = target.run(drawn, tally)
      if (ran instanceof Promise) await ran
    }),
    { seed, numRuns: cases },
  )
  if (!details.failed) return { cases: details.numRuns, failure: null }
  const { errorInstance } = details
  const error = errorInstance instanceof Error ? (errorInstance.stack ?? errorInstance.message) : String(errorInstance)
  return { cases: details.numRuns, failure: `${target.name}: ${fc.defaultReportMessage(details) ?? ''}\n${error}` }
}
