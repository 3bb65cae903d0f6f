/**
 * What one success means where there had been failure: the network is back, and whoever waits out a long backoff for a trusted
 * peer waits in vain. All are tried within five seconds, spread out, and dials that hang are begun anew.
 */
import { OfflineDetector } from '../policy/offline.js'
import type { Random } from '../ports/clock.js'
import type { Agenda } from './agenda.js'
import type { Target } from './dial-targets.js'

const SPREAD_MS = 5_000
const ONCE_PER_MS = 30_000
/** A dial that has just begun is left alone. */
const FRESH_DIAL_MS = 1_000
const BURST = 20
const STARTS_PER_SEC_MIN = 20

export class Recovery {
  readonly offline: OfflineDetector = new OfflineDetector()
  readonly #agenda: Agenda
  readonly #random: Random
  readonly #enabled: boolean
  #lastAt = Number.NEGATIVE_INFINITY

  constructor(agenda: Agenda, random: Random, enabled: boolean) {
    this.#agenda = agenda
    this.#random = random
    this.#enabled = enabled
  }

  /** Whom to dial now, and in how long; null where it is too soon after the last time. */
  reset(trusted: readonly Target[]): readonly { readonly target: Target; readonly delayMs: number }[] | null {
    const now = this.#agenda.now()
    if (!this.#enabled || now - this.#lastAt < ONCE_PER_MS) return null
    this.#lastAt = now
    const perMs = Math.max(STARTS_PER_SEC_MIN, trusted.length / 2) / 1_000
    let restarts = 0
    return trusted.flatMap((target) => {
      const { standing, attempt } = target
      if (attempt?.kind === 'dialing') {
        if (now - attempt.startedAt < FRESH_DIAL_MS) return []
        return { target, delayMs: Math.max(0, restarts++ - BURST) / perMs }
      }
      if (attempt !== null) return []
      const waits = standing.kind === 'backing-off' || standing.kind === 'suspect' || standing.kind === 'cold'
      return waits ? { target, delayMs: SPREAD_MS * this.#random.float() } : []
    })
  }

  stop(): void {
    this.offline.heard()
  }
}
