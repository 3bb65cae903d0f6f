/**
 * Failures while everything fails are our own. A node without a link, three of whose peers failed within half a minute, and
 * that has heard nothing at all since, is offline: it keeps trying, often, and holds nothing against anybody.
 */
import type { Reason } from '../errors.js'

const DISTINCT_FAILURES = 3
const WINDOW_MS = 30_000
/** While offline no attempt waits longer than this. */
export const OFFLINE_DELAY_MAX_MS = 30_000

export class OfflineDetector {
  // Bound: DISTINCT_FAILURES; the latest failure of each of that many peers.
  #failures: { readonly key: string; readonly at: number }[] = []

  /** A dial failed. A refusal is an answer, and so proof that the network is there. */
  failed(key: string, { code, fault }: Reason, now: number): void {
    if (code === 'connection-refused' || fault === 'remote') {
      this.heard()
      return
    }
    this.#failures = [...this.#failures.filter((failure) => failure.key !== key), { key, at: now }].slice(
      -DISTINCT_FAILURES,
    )
  }

  /** A byte, an inbound link, or a refusal: somebody is out there. */
  heard(): void {
    this.#failures = []
  }

  /** @param links authenticated links at present */
  isOffline(links: number, now: number): boolean {
    if (links > 0) return false
    const recent = this.#failures.filter(({ at }) => now - at <= WINDOW_MS)
    return recent.length >= DISTINCT_FAILURES
  }
}
