/**
 * Failures while everything fails are our own. A node without a link, three of whose peers failed within half a minute, and
 * that has heard nothing at all since, is offline: it keeps trying, often, and holds nothing against anybody.
 */
import type { Reason } from '../errors.js'
import type { FailurePlan } from './dial.js'

const DISTINCT_FAILURES = 3
const WINDOW_MS = 30_000
/** While offline no attempt waits longer than this. */
const OFFLINE_DELAY_MAX_MS = 30_000

export class OfflineDetector {
  // Bound: DISTINCT_FAILURES; the latest failure of each of that many peers.
  #failures: { readonly key: string; readonly at: number }[] = []
  /** Enough have failed, and nothing has been heard since. */
  #silent = false

  /** A dial failed. A refusal is an answer, and so proof that the network is there. */
  failed(key: string, { code, fault }: Reason, now: number): void {
    if (code === 'connection-refused' || fault === 'remote') {
      this.heard()
      return
    }
    // It was never tried.
    if (code === 'no-transport') return
    const others = this.#failures.filter((failure) => failure.key !== key && now - failure.at <= WINDOW_MS)
    this.#failures = [...others, { key, at: now }].slice(-DISTINCT_FAILURES)
    this.#silent ||= this.#failures.length >= DISTINCT_FAILURES
  }

  /** A byte, an inbound link, or a refusal: somebody is out there. */
  heard(): void {
    this.#failures = []
    this.#silent = false
  }

  /** @param links authenticated links at present */
  isOffline(links: number): boolean {
    return links === 0 && this.#silent
  }
}

/** What fails while nothing works says nothing: it is tried again soon, whatever its turn would have been. */
export function soonerOffline(next: FailurePlan['next']): FailurePlan['next'] {
  const delayMs = next.kind === 'retry' ? Math.min(next.delayMs, OFFLINE_DELAY_MAX_MS) : OFFLINE_DELAY_MAX_MS
  return { kind: 'retry', delayMs, alarm: false }
}
