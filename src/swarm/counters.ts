/** Counts what happened, by name. Names come from this house's own unions, never from a peer. */

export class Counters {
  // Bound: the names that the house knows.
  readonly #counts = new Map<string, { count: number }>()

  count(name: string, by = 1): void {
    const counted = this.#counts.get(name)
    if (counted === undefined) this.#counts.set(name, { count: by })
    else counted.count += by
  }

  get(name: string): number {
    return this.#counts.get(name)?.count ?? 0
  }

  /** The counts whose name begins so, without that beginning. */
  under(prefix: string): Record<string, number> {
    const found: Record<string, number> = {}
    for (const [name, { count }] of this.#counts) if (name.startsWith(prefix)) found[name.slice(prefix.length)] = count
    return found
  }
}
