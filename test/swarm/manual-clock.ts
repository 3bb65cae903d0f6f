/** Time that stands still until a test moves it. */
import type { Clock } from '../../src/ports/clock.js'

interface Timer {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

export class ManualClock implements Clock {
  /** What `wall` is ahead of `monotonic`; a test may let it jump. */
  wallOffsetMs = 1_760_000_000_000
  #now = 1_000
  #order = 0
  #timers: Timer[] = []
  #turnEnds: (() => void)[] = []

  /** Timers that are armed. */
  get armed(): number {
    return this.#timers.length
  }

  /** When the next timer is due, null where none is armed. */
  get nextAt(): number | null {
    return this.#first()?.atMs ?? null
  }

  monotonic(): number {
    return this.#now
  }

  wall(): number {
    return this.#now + this.wallOffsetMs
  }

  wakeAt(atMs: number, run: () => void): () => void {
    const timer = { atMs, order: this.#order++, run }
    this.#timers.push(timer)
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
    }
  }

  atTurnEnd(run: () => void): void {
    this.#turnEnds.push(run)
  }

  /** Runs whatever waits for the end of the turn. @returns whether anything did */
  endTurn(): boolean {
    if (this.#turnEnds.length === 0) return false
    while (this.#turnEnds.length > 0) for (const run of this.#turnEnds.splice(0)) run()
    return true
  }

  /** Moves on to `atMs`, and fires on the way what is due, each in a turn of its own. */
  advanceTo(atMs: number): void {
    this.endTurn()
    for (let timer = this.#first(); timer !== null && timer.atMs <= atMs; timer = this.#first()) {
      this.#now = Math.max(this.#now, timer.atMs)
      this.#fire(timer)
    }
    this.#now = Math.max(this.#now, atMs)
  }

  advance(ms: number): void {
    this.advanceTo(this.#now + ms)
  }

  /** Time passes within whatever is running: it is work that takes so long. */
  spend(ms: number): void {
    this.#now += ms
  }

  /** Time passes while nothing runs, as when a process stands still; timers that fell due fire afterwards, late. */
  freeze(ms: number): void {
    this.#now += ms
    this.advanceTo(this.#now)
  }

  #first(): Timer | null {
    let first: Timer | null = null
    for (const timer of this.#timers)
      if (first === null || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order))
        first = timer
    return first
  }

  #fire(timer: Timer): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
    timer.run()
    this.endTurn()
  }
}
