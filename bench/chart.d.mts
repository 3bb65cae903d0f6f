export interface Compared {
  readonly work: string
  readonly about: string
  readonly figure: string | null
  readonly ratio: { readonly toTls: number | null }
  readonly systems: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

/** The SVG of what the benchmark prints as JSON. */
export function drawChart(reports: readonly Compared[]): string
