interface Target {
  readonly name: string
  readonly gateCases: number
}

interface Tally {
  frames: number
}

export interface FuzzReport {
  readonly seed: number
  readonly rounds: number
  readonly frames: number
  readonly targets: readonly { readonly name: string; readonly cases: number; readonly failures: number }[]
  readonly pass: boolean
}

/** Tries every target again and again, each round with the next seed, while `goesOn`. */
export declare function runRounds<T extends Target>(work: {
  readonly targets: readonly T[]
  readonly seed: number
  readonly goesOn: () => boolean
  readonly run: (
    target: T,
    round: { readonly seed: number; readonly cases: number },
    tally: Tally,
  ) => Promise<{ readonly cases: number; readonly failure: string | null }>
  readonly failed: (target: T, seed: number, failure: string) => void
  readonly told: (soFar: FuzzReport) => void
}): Promise<FuzzReport>
