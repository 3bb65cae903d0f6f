/**
 * What one peer may make us do in a second. Going over is no offence: it only delays the credit that lets the peer send more,
 * so an honest burst costs its sender some patience and nobody else anything.
 */
import { TokenBucket } from '../policy/rate-limit.js'
import type { ClassLimits } from './profile.js'

export class Quota {
  readonly #firstCopies: TokenBucket
  readonly #bytes: TokenBucket

  constructor(limits: ClassLimits) {
    this.#firstCopies = new TokenBucket({ perSec: limits.firstCopiesPerSecMax, burst: limits.firstCopiesBurst })
    this.#bytes = new TokenBucket({ perSec: limits.bytesPerSecMax, burst: 2 * limits.bytesPerSecMax })
  }

  /** A first copy of a broadcast, a direct message, a request, or an invalid frame. */
  countFirstCopy(now: number): void {
    this.#firstCopies.spend(1, now)
  }

  countBytes(bytes: number, now: number): void {
    this.#bytes.spend(bytes, now)
  }

  /** How long credit must be withheld: 0 while the peer keeps within its quota. */
  waitMs(now: number): number {
    return Math.max(this.#firstCopies.waitMs(0, now), this.#bytes.waitMs(0, now))
  }
}
