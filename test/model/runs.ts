/** How many sequences each model is run for, and from which seed. */

/** Sequences in `npm test`; `HOLDFAST_MODEL_RUNS` multiplies all of them. */
const times = Number(process.env['HOLDFAST_MODEL_RUNS'] ?? '1')

/** For `fc.assert`. fast-check prints the seed and the path of a failure; `HOLDFAST_MODEL_SEED` begins with that seed. */
export function runs(numRuns: number): { readonly numRuns: number; readonly seed?: number } {
  const seed = process.env['HOLDFAST_MODEL_SEED']
  return { numRuns: Math.ceil(numRuns * times), ...(seed === undefined ? {} : { seed: Number(seed) }) }
}

/** Long enough for a machine that is busy with other things. */
export const PATIENCE_MS: number = 120_000 * Math.max(1, times)
