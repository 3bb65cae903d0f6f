/** What a run came to. */
export interface Sample {
  readonly job: { readonly schedule: string; readonly splitMs: number }
  /** Null where no full mesh was seen. */
  readonly ttmMs: number | null
  readonly givenUp: boolean
}

/** What the runs of one schedule after one split came to. */
export interface Figure {
  readonly splitMs: number
  readonly ttmP50Ms: number | null
  readonly ttmP95Ms: number | null
  readonly seeds: number
  /** Runs in which both ends of a pair gave up. */
  readonly givenUp: number
}

export interface Figures {
  readonly schedules: readonly {
    readonly name: string
    readonly splits: readonly Figure[]
    readonly note: string
  }[]
  /** For how long each run was watched. */
  readonly capMs: number
  readonly pass: boolean
}

export declare function figuresOf(
  samples: readonly Sample[],
  cases: readonly { readonly schedule: string; readonly splitMs: number }[],
  capMs: number,
): Figures
export declare function tableOf(report: Figures & { readonly nodes: number }): string
export declare function spell(ms: number): string
