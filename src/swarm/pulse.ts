/**
 * One beat a second for all links together: each is looked at when its time has come. A deadline for every link would cost a
 * wake-up for each, and idle links are what a node has most of.
 */
import type { Agenda, Deadline } from './agenda.js'

const BEAT_MS = 1_000

/** What is looked at in a beat. */
export interface Beating {
  /** Not before this. It may change at any time. */
  readonly dueAt: number
  /** @param at when the beat was due: two beats are whole seconds apart, however late either comes */
  beat(at: number): void
}

export class Pulse {
  readonly #agenda: Agenda
  // Bound: open links.
  readonly #members = new Set<Beating>()
  #deadline: Deadline | null = null

  constructor(agenda: Agenda) {
    this.#agenda = agenda
  }

  join(member: Beating): void {
    this.#members.add(member)
    if (this.#deadline === null) this.#arm(this.#agenda.now())
  }

  leave(member: Beating): void {
    this.#members.delete(member)
    if (this.#members.size > 0) return
    this.#deadline?.cancel()
    this.#deadline = null
  }

  #arm(now: number): void {
    const at = (Math.floor(now / BEAT_MS) + 1) * BEAT_MS
    this.#deadline = this.#agenda.at(at, () => {
      // After a standstill the beats that were missed are one.
      const beatAt = Math.max(at, Math.floor(this.#agenda.now() / BEAT_MS) * BEAT_MS)
      this.#arm(beatAt)
      for (const member of this.#members) if (member.dueAt <= beatAt) member.beat(beatAt)
    })
  }
}
