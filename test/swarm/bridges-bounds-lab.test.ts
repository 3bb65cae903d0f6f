/** Bridges have bounds: how many, for how long, and that they are gone when they go. */
import { describe, expect, it } from 'vitest'
import { BackoffPolicy } from '../../src/policy/backoff.js'
import { swarmLab } from '../../src/testing/index.js'
import type { Ear } from './lab-ear.js'
import { listen } from './lab-ear.js'

const TARGET = 12
const COLD_EVERY_MS = 30_000
const SOON_COLD = { firstMs: 1_000, capMs: 1_000, hotAttemptsMax: 2, afterHot: 'cold' } as const
/** Strangers are cold two failures after their loss. */
const backoff = new BackoffPolicy({ regular: SOON_COLD, unknown: SOON_COLD })
/** Once those lost are cold, at the latest. */
const COLD_MS = 5_000

/** Node 0, whom nobody can dial, linked to all others, with whom it began. One more does not run yet: it begins with the last. */
function hub(seed: number, others: number): Ear {
  const places = swarmLab({ seed, masternodes: 0, nodes: others + 2 })
  const known = Array.from({ length: others }, (_, i) => places.address(i + 1))
  const ear = listen({
    seed,
    masternodes: 0,
    nodes: others + 2,
    seeds: [],
    net: { undialable: [0] },
    swarm: (index) => ({ backoff, seeds: index === 0 ? known : index > others ? known.slice(-1) : [] }),
  })
  ear.lab.kill(others + 1)
  ear.lab.run(20_000)
  for (let i = 1; i <= others; i++) expect(ear.lab.linked(0, i), String(i)).toBe(true)
  return ear
}

/** Kills those from `first` to `last`, and waits until node 0 has given them up for now. */
function loseAll({ lab }: Ear, first: number, last: number): void {
  for (let i = first; i <= last; i++) lab.kill(i)
  lab.run(COLD_MS)
  for (let i = first; i <= last; i++) expect(lab.swarm(0).explain(lab.id(i)).state, String(i)).toBe('cold')
}

/** Lets time pass, a few milliseconds at a time, until node 0 is linked to another. @returns the instant */
function untilLinked({ lab }: Ear, other: number, withinMs: number): number {
  const until = lab.now + withinMs
  while (!lab.linked(0, other) && lab.now < until) lab.run(10)
  expect(lab.linked(0, other), `linked to ${String(other)}`).toBe(true)
  return lab.now
}

describe('a bridge', () => {
  it('is asked at once for peers, although no more are wanted', () => {
    const bridge = TARGET + 1
    const ear = hub(4, bridge)
    const { lab } = ear
    const stranger = bridge + 1
    const knows = (): boolean => lab.swarm(0).explain(lab.id(stranger)).addresses.length > 0
    loseAll(ear, bridge, bridge)
    lab.start(bridge)
    lab.start(stranger)
    untilLinked(ear, bridge, COLD_EVERY_MS + 1_000)
    expect(lab.linked(bridge, stranger)).toBe(true)
    expect(knows()).toBe(false)
    lab.run(500)
    expect(knows()).toBe(true)
  })

  it('is gone for good when its time is up, and not dialled again a second later', () => {
    const { lab, heard } = hub(2, TARGET + 1)
    const bridge = TARGET + 1
    lab.kill(bridge)
    lab.run(5_000)
    lab.start(bridge)
    lab.run(31_000 + 600_000 + 6_000)
    expect(heard(0, 'peer:disconnect').at(-1)?.args[1].code).toBe('useless')
    lab.run(60_000)
    expect(lab.swarm(0).explain(lab.id(bridge)).state).not.toBe('connected')
    expect(lab.swarm(0).peers.size).toBe(TARGET)
  })

  it('is one of four beyond the target at most', () => {
    const { lab } = hub(3, TARGET + 6)
    for (let i = TARGET + 1; i <= TARGET + 6; i++) lab.kill(i)
    lab.run(5_000)
    for (let i = TARGET + 1; i <= TARGET + 6; i++) lab.start(i)
    let most = 0
    for (let i = 0; i < 1_800; i++) {
      lab.run(1_000)
      most = Math.max(most, lab.swarm(0).peers.size)
    }
    expect(most).toBeLessThanOrEqual(TARGET + 4)
  })
})
