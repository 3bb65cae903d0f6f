/**
 * What holdfast asks of a place that outlives the process: a few named values, each read once at the start and replaced as a
 * whole from time to time. Values survive JSON. Types only.
 */

/** Where a node keeps the book, the bans and what else it has learned. */
export interface Storage {
  /** Answers once: with the value last saved under that name, or null where there is none. May answer within the call. */
  load(name: string, answer: { loaded(value: unknown): void; failed(cause: unknown): void }): void
  /**
   * Replaces the value under that name. Whoever loads after a crash must find this value or the one before, whole. Answers
   * once; no second save under a name begins before the first was answered.
   */
  save(name: string, value: unknown, answer: { saved(): void; failed(cause: unknown): void }): void
}
