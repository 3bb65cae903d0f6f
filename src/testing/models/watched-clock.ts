/** The clock of a simulated process, of which it can be seen how many timers are armed, and when the process has just run. */
import type { SimTime } from '../sim-clock.js'
import { SimClock } from '../sim-clock.js'

export class WatchedClock extends SimClock {
  readonly #ran: () => void
  #armed = 0

  /** @param ran called before the process is, each time */
  constructor(time: SimTime, originMs: number, ran: () => void) {
    super(time, { originMs })
    this.#ran = ran
  }

  /** Timers that are armed, and neither due nor cancelled. */
  get armed(): number {
    return this.#armed
  }

  override deliver(run: () => void): void {
    if (this.isRunning) this.#ran()
    super.deliver(run)
  }

  override wakeAt(atMs: number, run: () => void): () => void {
    let isArmed = true
    const disarm = (): void => {
      if (isArmed) this.#armed--
      isArmed = false
    }
    this.#armed++
    const cancel = super.wakeAt(atMs, () => {
      disarm()
      run()
    })
    return () => {
      disarm()
      cancel()
    }
  }
}
