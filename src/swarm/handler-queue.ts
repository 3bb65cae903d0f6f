/** Starts handlers in the order their messages came, a bounded number at once. What waits is bounded by its senders' credit. */

/** At most this many handlers of one definition run at once. */
export const HANDLERS_MAX = 64

export class HandlerQueue {
  readonly #max: number
  // Bound: the credit of all peers together, since a message's credit returns only when it is done with.
  #waiting: ((done: () => void) => void)[] = []
  #head = 0
  #running = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Whether the next job would have to wait. */
  get isFull(): boolean {
    return this.#running >= this.#max
  }

  /** Runs the job now or when its turn comes; the job calls `done` once it is over. */
  submit(job: (done: () => void) => void): void {
    if (this.isFull) {
      this.#waiting.push(job)
      return
    }
    this.#running++
    job(this.#done)
  }

  readonly #done = (): void => {
    const next = this.#waiting[this.#head]
    if (next === undefined) {
      this.#running--
      this.#waiting = []
      this.#head = 0
      return
    }
    this.#head++
    if (this.#head > 1024) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    next(this.#done)
  }
}
