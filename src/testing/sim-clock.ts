/**
 * Virtual time: one heap of events for a whole world, and a clock for each process in it. Nothing happens between two events,
 * so an hour takes as long as what happens in it; events of one instant run in the order they were made.
 */
import { invalidOption } from '../errors.js'
import type { Deadline } from '../policy/due-heap.js'
import { DueHeap } from '../policy/due-heap.js'
import type { Clock } from '../ports/clock.js'
import { systemClock } from '../runtime/system.js'

/** The wall clock of a simulation begins here: 2026-01-01, in milliseconds. */
const WALL_ORIGIN_MS = 1_767_225_600_000
/** Monotonic clocks begin here, so that no deadline is ever at or before zero. */
const ORIGIN_MS = 1_000

/** A world's time. */
export class SimTime {
  // Bound: what the simulated processes and links schedule.
  readonly #due = new DueHeap()
  #now: number = ORIGIN_MS
  #events = 0
  #turn: (() => void)[] = []

  /** Virtual milliseconds. */
  get now(): number {
    return this.#now
  }

  /** Events that have happened. */
  get events(): number {
    return this.#events
  }

  /** Runs at that instant; now where it is past. */
  at(at: number, run: () => void): Deadline {
    return this.#due.add(Math.max(at, this.#now), run)
  }

  /** Runs when the present event is over, before the next one. */
  atTurnEnd(run: () => void): void {
    this.#turn.push(run)
  }

  /** Lets this much time pass, with all that happens in it. */
  run(ms: number): void {
    const until = this.#now + checkSpan(ms)
    this.#endTurn()
    for (let at = this.#due.nextAt; at <= until; at = this.#due.nextAt) {
      this.#now = at
      this.#events++
      this.#due.take()?.()
      this.#endTurn()
    }
    this.#now = until
  }

  /** The same, with a round of the event loop after every instant in which something happens: for hosts that use promises. */
  async runAsync(ms: number): Promise<void> {
    const until = this.#now + checkSpan(ms)
    for (let before = -1; before !== this.#events || this.#now < until; ) {
      before = this.#events
      this.run(Math.min(this.#due.nextAt, until) - this.#now)
      await new Promise<void>((settled) => {
        systemClock.atTurnEnd(settled)
      })
    }
  }

  #endTurn(): void {
    while (this.#turn.length > 0) {
      const turn = this.#turn
      this.#turn = []
      for (const run of turn) run()
    }
  }
}

function checkSpan(ms: number): number {
  if (ms >= 0 && ms < Infinity) return ms
  throw invalidOption('ms', ms, 'a number from 0')
}

/** How one process's clock differs from the world's. */
export interface SimClockOptions {
  /** Milliseconds its own clock counts for each of the world's. Default 1. */
  readonly rate?: number
  /** How far its wall clock is off, milliseconds. Default 0. */
  readonly wallOffsetMs?: number
  /** What its monotonic clock shows when the world's shows nothing. Default 0. */
  readonly originMs?: number
}

/** The clock of one simulated process. A process that is frozen or dead gets no calls; a frozen one gets them late, in order. */
export class SimClock implements Clock {
  readonly #time: SimTime
  readonly #rate: number
  readonly #wallOffsetMs: number
  readonly #originMs: number
  #state: 'running' | 'frozen' | 'dead' = 'running'
  // Bound: what the process scheduled, and what was sent to it, while it was frozen.
  #late: (() => void)[] = []

  constructor(time: SimTime, { rate = 1, wallOffsetMs = 0, originMs = 0 }: SimClockOptions = {}) {
    this.#originMs = originMs
    this.#time = time
    this.#rate = rate
    this.#wallOffsetMs = wallOffsetMs
  }

  monotonic(): number {
    return this.#originMs + this.#time.now * this.#rate
  }

  wall(): number {
    return WALL_ORIGIN_MS + this.#wallOffsetMs + this.#time.now
  }

  wakeAt(atMs: number, run: () => void): () => void {
    // A sum of fractions may fall a hair short of the instant it stands for.
    const event = this.#time.at((atMs - this.#originMs) / this.#rate + 1e-6, () => {
      this.deliver(run)
    })
    return () => {
      event.cancel()
    }
  }

  atTurnEnd(run: () => void): void {
    this.#time.atTurnEnd(() => {
      this.deliver(run)
    })
  }

  /** Something happens to this process: now, or when it thaws, or never. */
  deliver(run: () => void): void {
    if (this.#state === 'running') run()
    else if (this.#state === 'frozen') this.#late.push(run)
  }

  /** Whether what happens to it is done at once: it neither stands still nor is dead. */
  get isRunning(): boolean {
    return this.#state === 'running'
  }

  get isDead(): boolean {
    return this.#state === 'dead'
  }

  /** The process stands still for so long; what comes meanwhile waits. */
  freeze(ms: number): void {
    if (this.#state !== 'running') return
    this.#state = 'frozen'
    this.#time.at(this.#time.now + ms, () => {
      if (this.#state !== 'frozen') return
      this.#state = 'running'
      const late = this.#late
      this.#late = []
      for (const run of late) this.deliver(run)
    })
  }

  kill(): void {
    this.#state = 'dead'
    this.#late = []
  }
}
