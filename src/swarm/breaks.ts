/**
 * What strangers have sent is read and handled for a few milliseconds at once, and then for as long not at all: all of them together may
 * send what takes long to read, each within its quota, and nobody's socket is looked at meanwhile. What comes in a break waits in one line,
 * whatever it is: a peer's messages stay in their order, and each peer has its turn. It is heard though its sender has left since, unless that one was sent away. What
 * trusted peers have sent is handled in the breaks as well.
 */
import type { PeerId } from '../ports/types.js'
import type { Agenda, Deadline } from './agenda.js'
import { HeldLine } from './held-line.js'

/** One message is never interrupted: of its time, a break follows that is as long. */
const SLICE_MS = 10
/** A process that stood still in the midst of one need not wait for as long again. */
const BREAK_MAX_MS = 1_000

/** A stranger's message. */
interface Held {
  readonly senders: Iterable<PeerId>
  drop(): void
}

/** What it is on its way to. */
interface HeldFor<Job> {
  /** Takes it: it need not wait for a break. @param isGone whoever brought it has left: it need not wait for a handler, either */
  enter(job: Job, isGone?: boolean): void
  /** Those that wait there, begun or not, may be handled again. */
  resume(): void
  broughtBy(job: Job, sender: PeerId, isTrusted: boolean): void
}

export class Breaks<Job extends Held = Held> {
  readonly #agenda: Pick<Agenda, 'now' | 'in'>
  readonly #queues: () => Iterable<HeldFor<Job>>
  // Bound: the credit of all peers together, of each what it may have here, and the memory of their class.
  readonly #line = new HeldLine<Job>()
  // Bound: the same.
  readonly #queueOf = new Map<Job, HeldFor<Job>>()
  #usedMs = 0
  #countedAt = Number.NEGATIVE_INFINITY
  #isSpending = false
  #break: Deadline | null = null
  /** Whether the line was first after the last break, before the queues. */
  #wasLineFirst = false
  /** Which queue was first of them. */
  #queuesTurn = 0

  /** @param queues all that hold strangers' messages by themselves, too */
  constructor(agenda: Pick<Agenda, 'now' | 'in'>, queues: () => Iterable<HeldFor<Job>>) {
    this.#agenda = agenda
    this.#queues = queues
  }

  get isOn(): boolean {
    return this.#break !== null
  }

  /** Whether what comes now has to wait in the line. */
  get isToWait(): boolean {
    return this.isOn || this.#queueOf.size > 0
  }

  /** Does what a stranger's message asks for, and looks how long it takes. */
  spend(work: () => void): void {
    const isWithin = this.#isSpending
    if (!isWithin) this.#start()
    try {
      work()
    } finally {
      this.#count()
      this.#isSpending = isWithin
    }
  }

  hold(job: Job, queue: HeldFor<Job>): void {
    this.#queueOf.set(job, queue)
    this.#line.join(job)
  }

  has(job: Job): boolean {
    return this.#queueOf.has(job)
  }

  /** Another stranger has brought it, too. */
  joinToo(job: Job, sender: PeerId): void {
    this.#line.joinToo(job, sender)
  }

  /** @returns whether it waited here */
  remove(job: Job): boolean {
    return this.#queueOf.delete(job) && this.#line.remove(job)
  }

  /** A sender is trusted from now on: what it has sent waits for no break. */
  risen(sender: PeerId): void {
    for (const job of this.#line.of(sender)) this.#queueOf.get(job)?.broughtBy(job, sender, true)
  }

  /** It is linked. */
  here(sender: PeerId): void {
    this.#line.returns(sender)
  }

  /** It has left by itself, and is heard to the end. */
  left(sender: PeerId): void {
    this.#line.leaves(sender)
  }

  /** It has been sent away: what it alone has brought is not heard. */
  banish(sender: PeerId): void {
    for (const job of this.#line.withdraw(sender)) if (this.#queueOf.delete(job)) job.drop()
  }

  /** Nothing is held any more. */
  stop(): void {
    this.#queueOf.clear()
    for (const job of this.#line.end()) job.drop()
  }

  #start(): void {
    const now = this.#agenda.now()
    // As long a time without any is a break, too.
    if (now - this.#countedAt >= this.#usedMs) this.#usedMs = 0
    this.#countedAt = now
    this.#isSpending = true
  }

  #count(): void {
    const now = this.#agenda.now()
    this.#usedMs += now - this.#countedAt
    this.#countedAt = now
    if (this.#usedMs >= SLICE_MS) this.#begin()
  }

  /** Anew, where one had begun in the midst of this: of all that was used. */
  #begin(): void {
    this.#break?.cancel()
    this.#break = this.#agenda.in(Math.min(this.#usedMs, BREAK_MAX_MS), () => {
      this.#break = null
      this.#usedMs = 0
      this.#resume()
    })
  }

  /** The line, and what waits in the queues: each is first in turn, and the next goes on where there is time left. */
  #resume(): void {
    this.#wasLineFirst = !this.#wasLineFirst
    if (!this.#wasLineFirst) this.#resumeQueues()
    this.#moveOn()
    if (this.#wasLineFirst && !this.isOn) this.#resumeQueues()
  }

  #moveOn(): void {
    for (let next = this.#next(); next !== null; next = this.#next()) {
      const queue = this.#queueOf.get(next.item)
      this.#queueOf.delete(next.item)
      queue?.enter(next.item, next.isGone)
    }
  }

  #resumeQueues(): void {
    const queues = [...this.#queues()]
    this.#queuesTurn = (this.#queuesTurn + 1) % Math.max(1, queues.length)
    for (const queue of [...queues.slice(this.#queuesTurn), ...queues.slice(0, this.#queuesTurn)])
      if (!this.isOn) queue.resume()
  }

  #next(): ReturnType<HeldLine<Job>['next']> {
    return this.isOn ? null : this.#line.next()
  }
}
