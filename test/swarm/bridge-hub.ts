/** A network of strangers around node 0, and what its bridges are tried with. */
import { expect } from 'vitest'
import { BackoffPolicy } from '../../src/policy/backoff.js'
import { swarmLab } from '../../src/testing/index.js'
import type { Ear } from './lab-ear.js'
import { listen } from './lab-ear.js'

export const COLD_EVERY_MS = 30_000
/** Once those lost are cold, at the latest. */
const COLD_MS = 5_000
const SOON_COLD = { firstMs: 1_000, capMs: 1_000, hotAttemptsMax: 2, afterHot: 'cold' } as const
/** Strangers are cold two failures after their loss. */
export const backoff: BackoffPolicy = new BackoffPolicy({ regular: SOON_COLD, unknown: SOON_COLD })

/**
 * Node 0, whom nobody can dial, linked to all others, with whom it began.
 * @param strangers how many more there are that do not run yet, and begin with the last of the others
 */
export function hub(seed: number, others: number, strangers = 0): Ear {
  const nodes = others + 1 + strangers
  const places = swarmLab({ seed, masternodes: 0, nodes })
  const known = Array.from({ length: others }, (_, i) => places.address(i + 1))
  const ear = listen({
    seed,
    masternodes: 0,
    nodes,
    seeds: [],
    net: { undialable: [0] },
    swarm: (index) => ({ backoff, seeds: index === 0 ? known : index > others ? known.slice(-1) : [] }),
  })
  for (let i = others + 1; i < nodes; i++) ear.lab.kill(i)
  ear.lab.run(20_000)
  for (let i = 1; i <= others; i++) expect(ear.lab.linked(0, i), String(i)).toBe(true)
  return ear
}

/** Kills those from `first` to `last`, and waits until node 0 has given them up for now. */
export function loseAll({ lab }: Ear, first: number, last: number): void {
  for (let i = first; i <= last; i++) lab.kill(i)
  lab.run(COLD_MS)
  for (let i = first; i <= last; i++) expect(lab.swarm(0).explain(lab.id(i)).state, String(i)).toBe('cold')
}

/** Lets time pass, a few milliseconds at a time, until node 0 is linked to another. @returns the instant */
export function untilLinked({ lab }: Ear, other: number, withinMs: number): number {
  const until = lab.now + withinMs
  while (!lab.linked(0, other) && lab.now < until) lab.run(10)
  expect(lab.linked(0, other), `linked to ${String(other)}`).toBe(true)
  return lab.now
}
