/**
 * The transport contract: every sentence of `ports/transport`, as cases for any implementation and any test runner.
 * Each case opens its own transport and listener, leaves nothing behind, and has no deadline: that is the runner's.
 */
import { BYTE_CASES } from './transport-contract-bytes.js'
import { DIAL_CASES } from './transport-contract-dials.js'
import { END_CASES } from './transport-contract-ends.js'
import { World } from './transport-contract-world.js'
import type { ContractHarness } from './transport-contract-world.js'

export type { ContractHarness } from './transport-contract-world.js'

/** One thing that a transport must get right. */
export interface ContractCase {
  /** A sentence that begins with the name of the harness. */
  readonly name: string
  /** Rejects with an Error that says what was wrong; never settles where an event that must come does not. */
  readonly run: () => Promise<void>
}

/**
 * The cases for one transport. Hand each to the test runner with a deadline of a few seconds; they may run in any order,
 * and side by side where `listenOn` has port 0.
 *
 * ```ts
 * for (const { name, run } of transportContract(harness)) it(name, run)
 * ```
 */
export function transportContract(harness: ContractHarness): readonly ContractCase[] {
  return Object.entries({ ...BYTE_CASES, ...END_CASES, ...DIAL_CASES }).map(([sentence, body]) => ({
    name: `${harness.name}: ${sentence}`,
    run: () => World.play(harness, body),
  }))
}
