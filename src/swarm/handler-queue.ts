/**
 * Starts handlers, a bounded number at once: those of trusted peers' messages first, then the others', peer by peer in turn, so that
 * nobody waits for all that another has sent; of each peer in the order they came. What several have brought has the first turn of
 * any of them. What waits is bounded by its senders' credit.
 *
 * A message waits in the line of the breaks, then for a handler; it begins; and where what it had waited for itself comes in a break,
 * it gives up its place and waits as one that is due. It is in one of the four at a time.
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
  /** Whoever brought it has left. @returns whether it keeps its place: others wait for it */
  outlives(): boolean
  /** It will never be its turn. */
  drop(): void
}

export class HandlerQueue {
  readonly #max: number
  readonly #breaks: Breaks<HandlerJob>
  // Bound: the credit of all peers together: a message's credit returns only when it is done with or dropped.
  readonly #waiting = new Ranks<HandlerJob>()
  /** What had begun, and takes its place again. Bound: #strangersMax, and those of who was trusted when they began. */
  readonly #due = new Ranks<HandlerJob>()
  /** How each of those goes on. Bound: the same. */
  readonly #goesOn = new Map<HandlerJob, () => void>()
  readonly #strangersMax: number
  /** Whether the last of strangers' that went on was due. */
  #wasDue = false
  /** What has begun, but for what is due. */
  #running = 0
  /** What strangers' have begun, also where it is due. */
  #strangersBegun = 0
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
    return this.#isCrowded(isTrusted) || (!isTrusted && this.#breaks.isToWait)
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
    const isNext = !this.#draining && !isCrowded && this.#waiting.size === 0
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
    if (job.isTrusted || this.#stopped) {
      work()
      return
    }
    // Where it has to wait, a trusted peer's may have its place, and no other stranger's.
    this.#running--
    this.#goesOn.set(job, work)
    const isNext = !this.#breaks.isOn && !this.#draining
    if (!isNext) this.#due.join(job)
    this.#drain(isNext ? job : null)
  }

  /** Takes it back. @returns whether it waited: what has begun goes on */
  withdraw(job: HandlerJob): boolean {
    return this.#breaks.remove(job) || this.#waiting.remove(job)
  }

  /** Another has brought it, too. */
  broughtBy(job: HandlerJob, sender: PeerId, isTrusted: boolean): void {
    if (!this.#breaks.has(job)) {
      const ranks = this.#goesOn.has(job) ? this.#due : this.#waiting
      if (ranks.joinToo(job, sender, isTrusted)) this.#drain(null)
    } else if (isTrusted) {
      this.#breaks.remove(job)
      this.enter(job)
    } else this.#breaks.joinToo(job, sender)
  }

  /** A sender is trusted from now on: what it has sent goes before what strangers have, in its order. */
  risen(sender: PeerId): void {
    for (const ranks of [this.#due, this.#waiting])
      for (const job of ranks.ofStranger(sender)) this.broughtBy(job, sender, true)
  }

  /** A sender is trusted no more: nor is what it has sent, but for what others vouch for. */
  fallen(sender: PeerId): void {
    for (const ranks of [this.#due, this.#waiting]) ranks.fall(sender)
  }

  /** Whoever left need not be heard to the end: what it sent and nobody has begun is dropped. @param gone where no link of it is left */
  lost(source: object, gone: PeerId | null): void {
    const isLost = (job: HandlerJob): boolean => job.source === source || (gone !== null && job.source.peerId === gone)
    for (const job of this.#waiting.leave((waiting) => isLost(waiting) && !waiting.outlives())) job.drop()
    if (gone !== null) this.#waiting.disband(gone)
  }

  /** No job begins any more. */
  stop(): void {
    this.#stopped = true
    for (const job of this.#due.leave(() => true)) this.#begin(job)
    for (const job of this.#waiting.leave(() => true)) job.drop()
  }

  readonly #done = (): void => {
    this.#running--
    this.#drain(null)
  }

  readonly #strangerDone = (): void => {
    this.#strangersBegun--
    this.#done()
  }

  /** In a loop and never in itself: jobs that are over at once must not pile up on the stack. */
  #drain(first: HandlerJob | null): void {
    if (this.#draining) return
    this.#draining = true
    for (let job = first ?? this.#next(); job !== null; job = this.#next()) this.#begin(job)
    this.#draining = false
  }

  /** For the first time, or again. */
  #begin(job: HandlerJob): void {
    this.#running++
    const work = this.#goesOn.get(job) ?? this.#firstWork(job)
    this.#goesOn.delete(job)
    if (job.isTrusted) work()
    else this.#breaks.spend(work)
  }

  #firstWork(job: HandlerJob): () => void {
    if (!job.isTrusted) this.#strangersBegun++
    const done = job.isTrusted ? this.#done : this.#strangerDone
    return () => {
      job.run(done)
    }
  }

  #next(): HandlerJob | null {
    if (this.#isCrowded(true)) return null
    return this.#due.next(true, false) ?? this.#waiting.next(true, false) ?? this.#nextStrangers()
  }

  /** What is due, and what has not begun, by turns: either alone may never end. */
  #nextStrangers(): HandlerJob | null {
    if (this.#breaks.isOn) return null
    const due = this.#wasDue ? null : this.#due.next(false, true)
    const waiting = due === null && !this.#isCrowded(false) ? this.#waiting.next(false, true) : null
    const next = due ?? waiting ?? this.#due.next(false, true)
    this.#wasDue = next !== null && next !== waiting
    return next
  }

  #isCrowded(isTrusted: boolean): boolean {
    // A stranger's does not take the place of what is due.
    const taken = this.#running + (isTrusted ? 0 : this.#due.size)
    return taken >= this.#max || (!isTrusted && this.#strangersBegun >= this.#strangersMax)
  }
}
