/**
 * Starts handlers, a bounded number at once: those of trusted peers' messages first, then the others', peer by peer in turn, so that
 * nobody waits for all that another has sent; of each peer in the order they came. What waits is bounded by its senders' credit.
 */
import type { PeerId } from '../ports/types.js'
import { Turns } from './turns.js'

/** At most this many handlers of one definition run at once. */
export const HANDLERS_MAX = 64

/** A message that waits for its handler. */
export interface HandlerJob {
  /** The link that brought it. */
  readonly source: object
  /** Whose turn it takes. */
  readonly sender: PeerId
  /** Whether a trusted peer brought it: it waits for no stranger's. */
  readonly isTrusted: boolean
  /** Its turn has come; `done` is called once it is over. */
  run(done: () => void): void
  /** It will never be its turn. */
  drop(): void
}

export class HandlerQueue {
  readonly #max: number
  // Bound: the credit of all peers together: a message's credit returns only when it is done with or dropped.
  readonly #trusted = new Turns<HandlerJob>()
  // Bound: the same.
  readonly #strangers = new Turns<HandlerJob>()
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
    const isNext = !this.#draining && !this.isFull && this.#trusted.isEmpty && this.#strangers.isEmpty
    if (!isNext) (job.isTrusted ? this.#trusted : this.#strangers).join(job)
    this.#drain(isNext ? job : null)
  }

  /** A trusted peer has brought it, too, as `vouch` notes: where it waits among strangers' it is moved. */
  advance(job: HandlerJob, vouch: () => void): void {
    const waits = this.#strangers.remove(job)
    vouch()
    if (waits) this.#trusted.join(job)
  }

  /** Whoever left need not be heard to the end: what it sent and nobody has begun is dropped. */
  drop(source: object): void {
    const gone = [this.#trusted, this.#strangers].flatMap((line) => line.leave((job) => job.source === source))
    for (const job of gone) job.drop()
  }

  /** No job begins any more. */
  stop(): void {
    this.#stopped = true
    const gone = [this.#trusted, this.#strangers].flatMap((line) => line.leave(() => true))
    for (const job of gone) job.drop()
  }

  readonly #done = (): void => {
    this.#running--
    this.#drain(null)
  }

  /** In a loop and never in itself: jobs that are over at once must not pile up on the stack. */
  #drain(first: HandlerJob | null): void {
    if (this.#draining) return
    this.#draining = true
    for (let job = first ?? this.#next(); job !== null; job = this.#next()) {
      this.#running++
      job.run(this.#done)
    }
    this.#draining = false
  }

  #next(): HandlerJob | null {
    return this.isFull ? null : (this.#trusted.next() ?? this.#strangers.next())
  }
}
