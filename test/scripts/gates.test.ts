/** Every gate of the healing table with few nodes, and each habit of healing switched off, with which its gate must fail. */
import { describe, expect, it } from 'vitest'
import type { GateJob } from '../../scripts/sim/gates.mjs'
import { GATES } from '../../scripts/sim/gates.mjs'

const MINUTE_MS = 60_000
/** Simulating takes what it takes on a busy machine; what is asserted is virtual. */
const PATIENCE_MS = 180_000

type GateName = keyof typeof GATES
type Run = Omit<GateJob, 'seed' | 'healing'> & { readonly seeds: number }

/** What a gate says of its runs, with their seeds from 1 on. */
function figures(name: GateName, runs: readonly Run[], healing: GateJob['healing'] = {}): { readonly pass: boolean } {
  const gate = GATES[name]
  const jobs = runs.flatMap(({ seeds, ...run }) =>
    Array.from({ length: seeds }, (_, i): GateJob => ({ ...run, seed: 1 + i, healing })),
  )
  return gate.summarize(
    jobs.map((job) => ({ ...gate.run(job), job })),
    runs,
  )
}

describe('a gate, with few nodes', () => {
  const gates: readonly (readonly [GateName, string, readonly Run[]])[] = [
    [
      'heal',
      'finds the halves of a split meshed again within ten seconds',
      [
        { nodes: 20, splitsMs: [MINUTE_MS], seeds: 5 },
        { nodes: 20, splitsMs: [MINUTE_MS, 10 * MINUTE_MS], seeds: 5 },
      ],
    ],
    [
      'replace',
      'finds closed links replaced within three seconds, and black-holed ones suspected within twenty',
      [{ nodes: 10, seeds: 3 }],
    ],
    ['undialable', 'finds no pair lost of which one can be dialled', [{ nodes: 20, seeds: 5 }]],
    [
      'large',
      'finds a crowd linked across a healed split, together when half of it dies, and refilled',
      [
        { nodes: 100, part: 'crowd', seeds: 1 },
        { nodes: 100, part: 'strangers', seeds: 1 },
      ],
    ],
    ['huge', 'finds strangers together when seven in ten of them fail', [{ nodes: 400, seeds: 1 }]],
    [
      'restart',
      'finds a masternode meshed within five seconds of its return, and never refused',
      [{ nodes: 15, seeds: 3 }],
    ],
    ['loss', 'finds no message missing at anybody alive', [{ nodes: 8, seeds: 2 }]],
    [
      'propagation',
      'finds every broadcast at everybody, whatever is lost, and for few of the bytes in a mesh',
      [
        { nodes: 400, part: 'mesh', mode: 'flood', seeds: 1 },
        { nodes: 400, part: 'mesh', mode: 'hybrid', seeds: 1 },
        { nodes: 200, part: 'mesh', mode: 'hybrid', fault: 'links', seeds: 1 },
        { nodes: 200, part: 'mesh', mode: 'hybrid', fault: 'relays', seeds: 1 },
        { nodes: 200, part: 'mesh', mode: 'hybrid', fault: 'block', seeds: 1 },
        { nodes: 120, part: 'degree16', mode: 'flood', seeds: 1 },
        { nodes: 120, part: 'degree16', mode: 'hybrid', seeds: 1 },
        { nodes: 120, part: 'degree16', mode: 'hybrid', fault: 'links', seeds: 1 },
        { nodes: 120, part: 'degree16', mode: 'hybrid', fault: 'relays', seeds: 1 },
      ],
    ],
  ]
  it.each(gates)(
    '%s %s',
    (name, _, runs) => {
      expect(figures(name, runs)).toMatchObject({ pass: true })
    },
    PATIENCE_MS,
  )

  it('leaves the same trace for the same seed, and another for another', () => {
    const run = (seed: number): string => GATES.undialable.run({ seed, nodes: 10, healing: {} }).trace
    expect(run(1)).toBe(run(1))
    expect(run(2)).not.toBe(run(1))
  })
})

describe('a gate, with one habit of healing switched off,', () => {
  const controls: readonly (readonly [GateName, string, Run, GateJob['healing']])[] = [
    [
      'heal',
      'no success wakes the others',
      { nodes: 20, splitsMs: [10 * MINUTE_MS], seeds: 2 },
      { recoveryReset: false },
    ],
    ['heal', 'attempts end', { nodes: 12, splitsMs: [60 * MINUTE_MS], seeds: 1 }, { giveUp: true }],
    ['undialable', 'only one side dials', { nodes: 20, seeds: 1 }, { bothSidesDial: false }],
    ['restart', 'dead links refuse their successors', { nodes: 10, seeds: 1 }, { supersede: false }],
  ]
  it.each(controls)(
    '%s fails where %s',
    (name, _, run, healing) => {
      expect(figures(name, [run], healing)).toMatchObject({ pass: false })
      expect(figures(name, [run])).toMatchObject({ pass: true })
    },
    PATIENCE_MS,
  )
})
