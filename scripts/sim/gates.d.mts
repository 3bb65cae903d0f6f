import type { Healing } from '../../src/swarm/healing.js'

/** One run of a gate. */
export interface GateJob {
  readonly seed: number
  readonly nodes: number
  readonly healing: Partial<Healing>
  /** Of `heal`: one after another. */
  readonly splitsMs?: readonly number[]
  /** Of `large` and `propagation`: one of its two networks. */
  readonly part?: string
  /** Of `propagation`. */
  readonly mode?: string
  readonly fault?: string
}

/** What one run came to. Each gate has figures of its own. */
export interface GateSample {
  readonly events: number
  readonly trace: string
}

export interface Gate {
  readonly name: string
  readonly run: (job: GateJob) => GateSample
  readonly summarize: (
    samples: readonly (GateSample & { readonly job: GateJob })[],
    cases: readonly Partial<GateJob>[],
  ) => { readonly pass: boolean }
}

export const GATES: Readonly<
  Record<'heal' | 'replace' | 'undialable' | 'large' | 'huge' | 'restart' | 'loss' | 'propagation', Gate>
>
