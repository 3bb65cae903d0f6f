/**
 * One beat for all links together, on whole seconds: each is looked at when its time has come, and not before. A deadline for
 * every link would cost a wake-up for each, and idle links are what a node has most of.
 */
import type { Agenda, Deadline } from './agenda.js'

const BEAT_MS = 1_000
const NEVER = Number.POSITIVE_INFINITY

/** What is looked at in a beat. */
export interface Beating {
  /** Not before this. Where it becomes sooner outside of a beat, the pulse is told; where it becomes later, it need not be. */
  readonly dueAt: number
  /** The pulse's own note of when it looks; never, where it does not. */
  beatAt?: number
  /** @param at when the beat was due: two beats are whole seconds apart, however late either comes */
  beat(at: number): void
}

export class Pulse {
  readonly #agenda: Agenda
  /** Who is looked at in which beat. Bound: open links, each in one of them. */
  readonly #beats = new Map<number, Set<Beating>>()
  #nextAt = NEVER
  #deadline: Deadline | null = null

  constructor(agenda: Agenda) {
    this.#agenda = agenda
  }

  join(member: Beating): void {
    this.#place(member, this.#agenda.now())
    this.#wake()
  }

  leave(member: Beating): void {
    this.#remove(member)
    if (this.#beats.size === 0) this.#rest()
  }

  /** A member is due, maybe sooner than it was. */
  expect(member: Beating): void {
    const { beatAt = NEVER } = member
    if (beatAt === NEVER || member.dueAt > beatAt - BEAT_MS) return
    this.#remove(member)
    this.#place(member, this.#agenda.now())
    this.#wake()
  }

  #place(member: Beating, after: number): void {
    const beatAt = Math.max(Math.ceil(member.dueAt / BEAT_MS), Math.floor(after / BEAT_MS) + 1) * BEAT_MS
    member.beatAt = beatAt
    const beat = this.#beats.get(beatAt)
    if (beat === undefined) this.#beats.set(beatAt, new Set([member]))
    else beat.add(member)
    if (beatAt < this.#nextAt) this.#nextAt = beatAt
  }

  #remove(member: Beating): void {
    const { beatAt = NEVER } = member
    member.beatAt = NEVER
    const beat = this.#beats.get(beatAt)
    if (beat?.delete(member) === true && beat.size === 0) this.#beats.delete(beatAt)
  }

  #wake(): void {
    if (this.#deadline !== null && this.#deadline.at <= this.#nextAt) return
    this.#deadline?.cancel()
    this.#deadline = this.#agenda.at(this.#nextAt, this.#beat)
  }

  #rest(): void {
    this.#deadline?.cancel()
    this.#deadline = null
    this.#nextAt = NEVER
  }

  readonly #beat = (): void => {
    // After a standstill the beats that were missed are one.
    const at = Math.max(this.#nextAt, Math.floor(this.#agenda.now() / BEAT_MS) * BEAT_MS)
    this.#rest()
    const due = [...this.#beats.keys()].filter((beatAt) => beatAt <= at).sort((a, b) => a - b)
    // Whoever leaves, or is due sooner, because of another's beat is no longer where it was.
    for (const beatAt of due) for (const member of this.#beats.get(beatAt) ?? []) this.#look(member, at)
    for (const beatAt of this.#beats.keys()) if (beatAt < this.#nextAt) this.#nextAt = beatAt
    if (this.#nextAt < NEVER) this.#wake()
  }

  #look(member: Beating, at: number): void {
    if (member.dueAt <= at) member.beat(at)
    const { beatAt = NEVER } = member
    if (beatAt > at) return
    this.#remove(member)
    this.#place(member, at)
  }
}
