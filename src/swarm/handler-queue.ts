/** Starts handlers in the order their messages came, a bounded number at once. What waits is bounded by its senders' credit. */

/** At most this many handlers of one definition run at once. */
export const HANDLERS_MAX = 64

export class HandlerQueue {
  readonly #max: number
  // Bound: the credit of all peers together, since a message's credit returns only when it is done with.
  #waiting: ((done: () => void) => void)[] = []
  #head = 0
  #running = 0
  #draining = false

  constructor(max: number) {
    this.#max = max
  }

  /** Whether the next job would have to wait. */
  get isFull(): boolean {
    return this.#running >= this.#max
  }

  /** Runs the job now or when its turn comes; the job calls `done` once it is over. */
  submit(job: (done: () => void) => void): void {
    this.#waiting.push(job)
    this.#drain()
  }

  readonly #done = (): void => {
    this.#running--
    this.#drain()
  }

  /** In a loop and never in itself: jobs that are over at once must not pile up on the stack. */
  #drain(): void {
    if (this.#draining) return
    this.#draining = true
    for (let job = this.#waiting[this.#head]; job !== undefined && !this.isFull; job = this.#waiting[this.#head]) {
      this.#head++
      this.#running++
      job(this.#done)
    }
    this.#draining = false
    if (this.#head < 1024 && this.#head < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#head)
    this.#head = 0
  }
}
