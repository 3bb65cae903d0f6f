/** Flushes what was queued in a turn when the turn ends, each link once, in the order they were first written to. */
import type { Clock } from '../ports/clock.js'

export class Flusher {
  readonly #clock: Clock
  // Bound: one entry for each connection.
  #waiting: { flush(): void }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The caller asks at most once until it is flushed. */
  add(connection: { flush(): void }): void {
    if (this.#waiting.push(connection) === 1) this.#clock.atTurnEnd(this.#run)
  }

  readonly #run = (): void => {
    const due = this.#waiting
    this.#waiting = []
    for (const connection of due) connection.flush()
  }
}
