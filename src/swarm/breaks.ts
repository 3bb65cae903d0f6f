/**
 * What strangers have sent is read and handled for a few milliseconds at once, and then for as long not at all: all of them together may
 * send what takes long to read, each within its quota, and nobody's socket is looked at meanwhile. What comes in a break waits in one line,
 * whatever it is: a peer's messages stay in their order, and each peer has its turn. It is heard though its sender has left since, unless that one was sent away. What
 * trusted peers have sent is handled in the breaks as well.
 */
import type { PeerId } from '../ports/types.js'
import type { Agenda, Deadline } from './agenda.js'
import { Turns } from './turns.js'

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
  /** Takes it: it need not wait for a break. */
  enter(job: Job): void
  /** Those that it had let wait itself may be handled again. */
  resume(): void
  broughtBy(job: Job, sender: PeerId, isTrusted: boolean): void
}

export class Breaks<Job extends Held = Held> {
  readonly #agenda: Pick<Agenda, 'now' | 'in'>
  readonly #queues: () => Iterable<Pick<HeldFor<Job>, 'resume'>>
  // Bound: the credit of all peers together, of each what it may have here, and the memory of their class.
  readonly #line = new Turns<Job>()
  // Bound: the same.
  readonly #queueOf = new Map<Job, HeldFor<Job>>()
  /** What had begun, and waited for something else. Bound: the handlers that may run at once. */
  readonly #halfway = new Map<Job, () => void>()
  #usedMs = 0
  #countedAt = Number.NEGATIVE_INFINITY
  #isSpending = false
  #break: Deadline | null = null
  #isLinesTurn = false
  /** Which queue was first after the last break. */
  #turn = 0

  /** @param queues all that hold strangers' messages by themselves, too */
  constructor(agenda: Pick<Agenda, 'now' | 'in'>, queues: () => Iterable<Pick<HeldFor<Job>, 'resume'>>) {
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

  /** Goes on with a message that had begun: now, or when the break is over. */
  goOn(job: Job, work: () => void): void {
    if (this.isOn) this.#halfway.set(job, work)
    else this.spend(work)
  }

  /** A trusted peer has brought it, too: where it had begun, it goes on now. @returns whether it had */
  hurry(job: Job): boolean {
    const work = this.#halfway.get(job)
    this.#halfway.delete(job)
    work?.()
    return work !== undefined
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

  /** A sender is trusted from now on: what it has sent waits for no break, and keeps its order. */
  risen(sender: PeerId): void {
    for (const job of [...this.#halfway.keys()]) if ([...job.senders].includes(sender)) this.hurry(job)
    for (const job of this.#line.of(sender)) this.#queueOf.get(job)?.broughtBy(job, sender, true)
  }

  /** It has left, and is heard to the end: whoever comes and goes under ever new names has no more turns by it. */
  left(sender: PeerId): void {
    this.#line.leaves(sender)
  }

  /** It has been sent away, and did not leave by itself: what it alone has brought is not heard. */
  banish(sender: PeerId): void {
    for (const job of this.#line.of(sender))
      if ([...job.senders].every((other) => other === sender) && this.remove(job)) job.drop()
  }

  /** Nothing is held any more. */
  stop(): void {
    for (const job of this.#line.leave(() => true)) job.drop()
    this.#queueOf.clear()
    for (const job of [...this.#halfway.keys()]) this.hurry(job)
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
    if (!this.isOn && this.#usedMs >= SLICE_MS) this.#begin()
  }

  #begin(): void {
    this.#break = this.#agenda.in(Math.min(this.#usedMs, BREAK_MAX_MS), () => {
      this.#break = null
      this.#usedMs = 0
      this.#resume()
    })
  }

  /** What had begun goes first; then the line, or what had waited for a handler before it came to that: each in turn. */
  #resume(): void {
    for (const job of [...this.#halfway.keys()])
      if (!this.isOn)
        this.spend(() => {
          this.hurry(job)
        })
    this.#isLinesTurn = !this.#isLinesTurn
    if (this.#isLinesTurn) this.#moveOn()
    const queues = [...this.#queues()]
    this.#turn = (this.#turn + 1) % Math.max(1, queues.length)
    for (const queue of [...queues.slice(this.#turn), ...queues.slice(0, this.#turn)]) if (!this.isOn) queue.resume()
    this.#moveOn()
  }

  #moveOn(): void {
    for (let job = this.#next(); job !== null; job = this.#next()) {
      const queue = this.#queueOf.get(job)
      this.#queueOf.delete(job)
      queue?.enter(job)
    }
  }

  #next(): Job | null {
    return this.isOn ? null : this.#line.next()
  }
}
