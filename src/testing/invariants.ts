/**
 * What a model says when an invariant does not hold: which one, by its name in the table of docs/models.md, and what was seen.
 * Whoever runs a model with another test runner needs nothing of that runner here.
 */

/** An invariant that does not hold. */
export class InvariantError extends Error {
  override readonly name: string = 'InvariantError'
  /** Its name, such as `D2`. */
  readonly invariant: string

  constructor(invariant: string, seen: string) {
    super(`${invariant}: ${seen}`)
    this.invariant = invariant
  }
}

/** @throws InvariantError where it does not hold; `seen` is only asked then */
export function must(holds: boolean, invariant: string, seen: () => string): void {
  if (!holds) throw new InvariantError(invariant, seen())
}

/** @throws InvariantError where two plain values differ */
export function mustEqual(actual: unknown, expected: unknown, invariant: string, what: () => string): void {
  if (Object.is(actual, expected)) return
  throw new InvariantError(invariant, `${what()} is ${shown(actual)} and should be ${shown(expected)}`)
}

/** Whether two sums of the same terms may be one number. */
export function isClose(a: number, b: number): boolean {
  return a === b || Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a), Math.abs(b))
}

/** A value as a counterexample shows it. */
export function shown(value: unknown): string {
  if (typeof value === 'string' && value.length > 80) return `a text of ${String(value.length)}`
  if (value === undefined || typeof value === 'number') return String(value)
  return JSON.stringify(value)
}
