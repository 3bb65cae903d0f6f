/**
 * Starts handlers, a bounded number at once: those of trusted peers' messages first, then the others', peer by peer in turn, so that
 * nobody waits for all that another has sent; of each peer in the order they came. What several have brought has the first turn of
 * any of them. What waits is bounded by its senders' credit.
 */
import type { PeerId } from '../ports/types.js'
import type { Breaks } from './breaks.js'
import type { Ranked } from './ranks.js'
import { Ranks } from './ranks.js'

/** At most this many handlers of one definition run at once. */
export const HANDLERS_MAX = 64
/** Of which strangers' messages have this share, where it can be shared: a handler that waits for a stranger may wait for long. */
const STRANGERS_SHARE = 0.75

/** A message that waits for its handler. */
export interface HandlerJob extends Ranked {
  /** The link that brought it. */
  readonly source: { readonly peerId: PeerId | null }
  /** Its turn has come; `done` is called once it is over. */
  run(done: () => void): void
  /** It will never be its turn. */
  drop(): void
}

export class HandlerQueue {
  readonly #max: number
  readonly #breaks: Breaks<HandlerJob>
  // Bound: the credit of all peers together: a message's credit returns only when it is done with or dropped.
  readonly #waiting = new Ranks<HandlerJob>()
  readonly #strangersMax: number
  /** What had begun, and takes its place again. Bound: #strangersMax, and those of who was trusted then. */
  readonly #due = new Map<HandlerJob, () => void>()
  /** What has begun, also where it has given up its place for now. */
  #running = 0
  #parked = 0
  #strangersRunning = 0
  #draining = false
  #stopped = false

  /** @param breaks of all queues of a node */
  constructor(max: number, breaks: Breaks<HandlerJob>) {
    this.#max = max
    this.#breaks = breaks
    this.#strangersMax = Math.max(1, Math.floor(max * STRANGERS_SHARE))
  }

  /** Whether the next job of such a peer would have to wait. */
  isFull(isTrusted: boolean): boolean {
    return this.#isCrowded(isTrusted) || this.#due.size > 0 || (!isTrusted && this.#breaks.isToWait)
  }

  /** Runs the job now or when its turn comes. */
  submit(job: HandlerJob): void {
    if (!this.#stopped && !job.isTrusted && this.#breaks.isToWait) this.#breaks.hold(job, this)
    else this.enter(job)
  }

  /** The same of one that need not wait for a break. @param isGone whoever brought it has left: nor is it to wait for a handler */
  enter(job: HandlerJob, isGone: boolean = false): void {
    const isCrowded = this.#isCrowded(job.isTrusted)
    if (this.#stopped || (isGone && isCrowded)) {
      job.drop()
      return
    }
    const isNext = !this.#draining && !isCrowded && this.#waiting.size === 0 && this.#due.size === 0
    if (!isNext) this.#waiting.join(job)
    this.#drain(isNext ? job : null)
  }

  /** Whether no job begins any more. */
  get isStopped(): boolean {
    return this.#stopped
  }

  /** Strangers' messages may be handled again. */
  resume(): void {
    this.#drain(null)
  }

  /** Goes on with what had begun, and waited for something else: a stranger's message, in no break. */
  goOn(job: HandlerJob, work: () => void): void {
    if (job.isTrusted || this.#stopped) work()
    else if (!this.#breaks.isOn) this.#breaks.spend(work)
    else {
      // Meanwhile a trusted peer's may have its place, and no other stranger's.
      this.#parked++
      this.#breaks.goOnLater(job, () => {
        this.#due.set(job, work)
        if (this.#stopped) this.#goOnNow(job, work)
        else this.#drain(null)
      })
      this.#drain(null)
    }
  }

  /** Takes it back. @returns whether it waited: what has begun goes on */
  withdraw(job: HandlerJob): boolean {
    return this.#breaks.remove(job) || this.#waiting.remove(job)
  }

  /** Another has brought it, too. */
  broughtBy(job: HandlerJob, sender: PeerId, isTrusted: boolean): void {
    if (isTrusted && this.#breaks.hurry(job)) return
    if (isTrusted && this.#due.has(job)) this.#drain(null)
    else if (!this.#breaks.has(job)) {
      if (this.#waiting.joinToo(job, sender, isTrusted)) this.#drain(null)
    } else if (isTrusted) {
      this.#breaks.remove(job)
      this.enter(job)
    } else this.#breaks.joinToo(job, sender)
  }

  /** A sender is trusted from now on: what it has sent and nobody has begun goes before what strangers have, in its order. */
  risen(sender: PeerId): void {
    if (this.#due.size > 0) this.#drain(null)
    for (const job of this.#waiting.ofStranger(sender)) this.broughtBy(job, sender, true)
  }

  /** Whoever left need not be heard to the end: what it sent and nobody has begun is dropped. @param gone where no link of it is left */
  lost(source: object, gone: PeerId | null): void {
    const isLost = (job: HandlerJob): boolean => job.source === source || (gone !== null && job.source.peerId === gone)
    for (const job of this.#waiting.leave(isLost)) job.drop()
    if (gone !== null) this.#waiting.disband(gone)
  }

  /** No job begins any more. */
  stop(): void {
    this.#stopped = true
    for (const [job, work] of this.#due) this.#goOnNow(job, work)
    for (const job of this.#waiting.leave(() => true)) job.drop()
  }

  readonly #done = (): void => {
    this.#running--
    this.#drain(null)
  }

  readonly #strangerDone = (): void => {
    this.#strangersRunning--
    this.#done()
  }

  /** In a loop and never in itself: jobs that are over at once must not pile up on the stack. */
  #drain(first: HandlerJob | null): void {
    if (this.#draining) return
    this.#draining = true
    for (let job = first ?? this.#next(); job !== null; job = this.#next()) {
      const work = this.#due.get(job)
      if (work === undefined) this.#begin(job)
      else this.#goOnNow(job, work)
    }
    this.#draining = false
  }

  #begin(job: HandlerJob): void {
    this.#running++
    if (job.isTrusted) job.run(this.#done)
    else this.#runStrangers(job)
  }

  #goOnNow(job: HandlerJob, work: () => void): void {
    this.#due.delete(job)
    this.#parked--
    if (job.isTrusted) work()
    else this.#breaks.spend(work)
  }

  #runStrangers(job: HandlerJob): void {
    this.#strangersRunning++
    this.#breaks.spend(() => {
      job.run(this.#strangerDone)
    })
  }

  #next(): HandlerJob | null {
    const isRoom = !this.#isCrowded(true)
    if (this.#due.size === 0) return this.#waiting.next(isRoom, !this.#isCrowded(false) && !this.#breaks.isOn)
    // What has begun goes first in its rank.
    const due = isRoom ? [...this.#due.keys()] : []
    const trusted = due.find((job) => job.isTrusted) ?? this.#waiting.next(isRoom, false)
    return trusted ?? (this.#breaks.isOn ? null : (due[0] ?? null))
  }

  #isCrowded(isTrusted: boolean): boolean {
    const taken = this.#running - this.#parked
    return taken >= this.#max || (!isTrusted && this.#strangersRunning >= this.#strangersMax)
  }
}
