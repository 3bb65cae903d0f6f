/**
 * One beat for all links together, on whole seconds: each is looked at when its time has come. A deadline for every link would
 * cost a wake-up for each, and idle links are what a node has most of.
 */
import type { Agenda, Deadline } from './agenda.js'

const BEAT_MS = 1_000

/** What is looked at in a beat. */
export interface Beating {
  /** Not before this. Where it becomes sooner outside of a beat, the pulse is told. */
  readonly dueAt: number
  /** @param at when the beat was due: two beats are whole seconds apart, however late either comes */
  beat(at: number): void
}

export class Pulse {
  readonly #agenda: Agenda
  // Bound: open links.
  readonly #members = new Set<Beating>()
  #beatAt = Number.POSITIVE_INFINITY
  #deadline: Deadline | null = null

  constructor(agenda: Agenda) {
    this.#agenda = agenda
  }

  join(member: Beating): void {
    this.#members.add(member)
    this.expect(member.dueAt)
  }

  leave(member: Beating): void {
    this.#members.delete(member)
    if (this.#members.size === 0) this.#rest()
  }

  /** A member is due at this time, maybe sooner than all others. */
  expect(dueAt: number): void {
    const beatAt = Math.max(Math.ceil(dueAt / BEAT_MS), Math.floor(this.#agenda.now() / BEAT_MS) + 1) * BEAT_MS
    if (beatAt >= this.#beatAt) return
    this.#rest()
    this.#beatAt = beatAt
    this.#deadline = this.#agenda.at(beatAt, this.#beat)
  }

  #rest(): void {
    this.#deadline?.cancel()
    this.#deadline = null
    this.#beatAt = Number.POSITIVE_INFINITY
  }

  readonly #beat = (): void => {
    // After a standstill the beats that were missed are one.
    const at = Math.max(this.#beatAt, Math.floor(this.#agenda.now() / BEAT_MS) * BEAT_MS)
    this.#rest()
    let dueAt = Number.POSITIVE_INFINITY
    // Whoever is due sooner because of another's beat says so itself.
    for (const member of this.#members) {
      if (member.dueAt <= at) member.beat(at)
      if (member.dueAt < dueAt) dueAt = member.dueAt
    }
    if (dueAt < Number.POSITIVE_INFINITY) this.expect(dueAt)
  }
}
