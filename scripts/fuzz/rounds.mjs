/** Rounds of fuzzing: each tries every target a little, with a seed of its own, until time is up or nothing is left to try. */

/** A round is a small part of what the gate does, so that time is kept. */
const ROUND_SHARE = 50
const ROUND_CASES_MIN = 10

/** At least one round. A target that has failed is not tried again: what it found comes first. */
export async function runRounds({ targets, seed, goesOn, run, failed, told }) {
  const tally = { frames: 0 }
  const sums = targets.map((target) => ({ target, cases: 0, failures: 0 }))
  let rounds = 0
  const report = () => ({
    seed,
    rounds,
    frames: tally.frames,
    targets: sums.map(({ target, cases, failures }) => ({ name: target.name, cases, failures })),
    pass: sums.every(({ failures }) => failures === 0),
  })
  do {
    const roundSeed = seed + rounds++
    for (const sum of sums) {
      if (sum.failures > 0) continue
      const cases = Math.max(ROUND_CASES_MIN, Math.ceil(sum.target.gateCases / ROUND_SHARE))
      const result = await run(sum.target, { seed: roundSeed, cases }, tally)
      sum.cases += result.cases
      if (result.failure === null) continue
      sum.failures++
      failed(sum.target, roundSeed, result.failure)
    }
    told(report())
  } while (goesOn() && sums.some(({ failures }) => failures === 0))
  return report()
}
