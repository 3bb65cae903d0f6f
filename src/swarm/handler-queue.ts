/** Starts handlers in the order their messages came, a bounded number at once. What waits is bounded by its senders' credit. */

/** At most this many handlers of one definition run at once. */
export const HANDLERS_MAX = 64

/** A message that waits for its handler. */
export interface HandlerJob {
  /** The link that brought it. */
  readonly source: object
  /** Its turn has come; `done` is called once it is over. */
  run(done: () => void): void
  /** It will never be its turn. */
  drop(): void
}

export class HandlerQueue {
  readonly #max: number
  // Bound: the credit of all peers together: a message's credit returns only when it is done with or dropped.
  #waiting: HandlerJob[] = []
  #head = 0
  #running = 0
  #draining = false
  #stopped = false

  constructor(max: number) {
    this.#max = max
  }

  /** Whether the next job would have to wait. */
  get isFull(): boolean {
    return this.#running >= this.#max
  }

  /** Runs the job now or when its turn comes. */
  submit(job: HandlerJob): void {
    if (this.#stopped) {
      job.drop()
      return
    }
    this.#waiting.push(job)
    this.#drain()
  }

  /** Whoever left need not be heard to the end: what it sent and nobody has begun is dropped. */
  drop(source: object): void {
    const waiting = this.#waiting.slice(this.#head)
    this.#waiting = waiting.filter((job) => job.source !== source)
    this.#head = 0
    for (const job of waiting) if (job.source === source) job.drop()
  }

  /** No job begins any more. */
  stop(): void {
    this.#stopped = true
    const waiting = this.#waiting.slice(this.#head)
    this.#waiting = []
    this.#head = 0
    for (const job of waiting) job.drop()
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
      job.run(this.#done)
    }
    this.#draining = false
    if (this.#head < 1024 && this.#head < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#head)
    this.#head = 0
  }
}
