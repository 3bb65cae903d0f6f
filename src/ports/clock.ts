/** Time and chance, asked of the world. Types only; the real ones live in `runtime/system`. */

/** Two clocks and two ways to be called later. Everything in holdfast that waits, waits here. */
export interface Clock {
  /** Milliseconds since some fixed origin; never goes back, never jumps. All deadlines are on this clock. */
  monotonic(): number
  /** Milliseconds since 1970, as the host believes; may jump. For delegations and for instants that are stored. */
  wall(): number
  /**
   * Calls `run` once, at or after `atMs` on the monotonic clock, and never within this call.
   * @returns a function that cancels; calling it late or twice does nothing
   */
  wakeAt(atMs: number, run: () => void): () => void
  /**
   * Calls `run` when the current turn ends, or the round of the event loop that it is part of, before any timer: this is when
   * outboxes flush.
   */
  atTurnEnd(run: () => void): void
}

/** Randomness. Keys are drawn from `bytes`, jitter from `float`. */
export interface Random {
  /** Uniform in [0, 1). */
  float(): number
  /** A fresh array of `length` random bytes. */
  bytes(length: number): Uint8Array
}
