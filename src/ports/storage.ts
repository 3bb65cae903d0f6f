/**
 * What holdfast asks of a place that outlives the process: a few named values, each read once at the start and replaced as a
 * whole from time to time. Values survive JSON. Types only.
 */

/** How a load ends: by one of the two, once. */
export interface LoadAnswer {
  readonly loaded: (value: unknown) => void
  readonly failed: (cause: unknown) => void
}

/** How a save ends: by one of the two, once. */
export interface SaveAnswer {
  readonly saved: () => void
  readonly failed: (cause: unknown) => void
}

/**
 * Where a node keeps the book, the bans and what else it has learned. What the methods return is not looked at, but for a promise
 * that rejects: that counts as `failed`.
 */
export interface Storage {
  /** Answers once: with the value last saved under that name, or null where there is none. May answer within the call. */
  load(name: string, answer: LoadAnswer): unknown
  /**
   * Replaces the value under that name. Whoever loads after a crash must find this value or the one before, whole. Answers
   * once; no second save under a name begins before the first was answered.
   */
  save(name: string, value: unknown, answer: SaveAnswer): unknown
}
