/**
 * What strangers have sent is read and handled for a few milliseconds at once, and then for as long not at all: all of them together may
 * send what takes long to read, each within its quota, and nobody's socket is looked at meanwhile. What trusted peers have sent is
 * handled in the breaks as well.
 */
import type { Agenda, Deadline } from './agenda.js'

/** One message is never interrupted: of its time, a break follows that is as long. */
const SLICE_MS = 10
/** A process that stood still in the midst of one need not wait for as long again. */
const BREAK_MAX_MS = 1_000

/** Where strangers' messages wait for the end of a break. */
export interface Waiters {
  resume(): void
}

export class Breaks {
  readonly #agenda: Pick<Agenda, 'now' | 'in'>
  readonly #waiters: () => Iterable<Waiters>
  #usedMs = 0
  #endedAt = Number.NEGATIVE_INFINITY
  #break: Deadline | null = null
  /** Whose turn was first after the last break. */
  #turn = 0

  constructor(agenda: Pick<Agenda, 'now' | 'in'>, waiters: () => Iterable<Waiters>) {
    this.#agenda = agenda
    this.#waiters = waiters
  }

  get isOn(): boolean {
    return this.#break !== null
  }

  /** A stranger's message has its turn. @returns when */
  begin(): number {
    const now = this.#agenda.now()
    // As long a time without any is a break, too.
    if (now - this.#endedAt >= this.#usedMs) this.#usedMs = 0
    return now
  }

  /** It is done with, but for what others are waited for. */
  ended(beganAt: number): void {
    this.#endedAt = this.#agenda.now()
    this.#usedMs += this.#endedAt - beganAt
    if (this.isOn || this.#usedMs < SLICE_MS) return
    this.#break = this.#agenda.in(Math.min(this.#usedMs, BREAK_MAX_MS), () => {
      this.#break = null
      this.#usedMs = 0
      this.#resume()
    })
  }

  /** Each in turn is the first, or the first might use up every slice. */
  #resume(): void {
    const waiters = [...this.#waiters()]
    this.#turn = (this.#turn + 1) % Math.max(1, waiters.length)
    for (const one of [...waiters.slice(this.#turn), ...waiters.slice(0, this.#turn)]) one.resume()
  }
}
