/**
 * Token buckets: alone, and one per key. A bucket starts full, fills by `perSec` and never holds more than `burst`.
 * A clock that goes back adds nothing and takes nothing.
 */
import { invalidOption } from '../errors.js'
import { BoundedMap } from './bounded-map.js'
import { checkLimit } from './limit.js'

/** Room for the rounding of a refill, so that a wait that was announced is a wait that suffices. */
const ROUNDING = 1e-6
const LIMIT_MAX = 2 ** 40

/** A rate and how far it may be exceeded for a moment. Both above 0 and at most 2^40; `burst` at least 1. */
export interface RateLimitOptions {
  readonly perSec: number
  readonly burst: number
}

/** One token bucket. */
export class TokenBucket {
  readonly #perMs: number
  readonly #burst: number
  #tokens: number
  #filledAt: number = -Infinity

  /** @throws HoldfastError `invalid-option` for a rate or burst outside its bounds */
  constructor({ perSec, burst }: RateLimitOptions) {
    checkRate('perSec', perSec, Number.MIN_VALUE)
    checkRate('burst', burst, 1)
    this.#perMs = perSec / 1000
    this.#burst = burst
    this.#tokens = burst
  }

  /** Takes `n` tokens if they are there, else none. What is not a number from 0 on is never there. */
  take(n: number, now: number): boolean {
    if (!(n >= 0) || this.waitMs(n, now) !== 0) return false
    this.#tokens -= n
    return true
  }

  /**
   * Takes `n` tokens whether or not they are there: what is missing is owed, and is refilled first. Nobody ever owes more than
   * one burst.
   * @returns false where that is owed already, or would be exceeded
   */
  spend(n: number, now: number): boolean {
    this.#fill(now)
    if (n > 0) this.#tokens -= n
    if (this.#tokens >= -this.#burst) return true
    this.#tokens = -this.#burst
    return false
  }

  /** Milliseconds until `n` tokens are there if nobody takes any: 0 when they are, Infinity beyond the burst. */
  waitMs(n: number, now: number): number {
    if (n > this.#burst) return Infinity
    this.#fill(now)
    return n <= this.#tokens + ROUNDING ? 0 : Math.ceil((n - this.#tokens) / this.#perMs)
  }

  /** Gives back tokens that were taken for something that did not happen. Never above the burst. */
  refund(n: number): void {
    if (n > 0) this.#tokens = Math.min(this.#burst, this.#tokens + n)
  }

  #fill(now: number): void {
    if (!(now > this.#filledAt)) return
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filledAt) * this.#perMs)
    this.#filledAt = now
  }
}

/** Options of {@link KeyedRateLimit}. */
export interface KeyedRateLimitOptions extends RateLimitOptions {
  /** Keys remembered at once, 1 to 2^20; default 16,384. */
  readonly keysMax?: number
}

/** One token bucket per key. When there are too many keys the least recently used one is forgotten, and starts full anew. */
export class KeyedRateLimit {
  readonly #rate: RateLimitOptions
  /** Bound: `keysMax`. */
  readonly #buckets: BoundedMap<TokenBucket>

  /** @throws HoldfastError `invalid-option` for a number outside its bounds */
  constructor({ perSec, burst, keysMax = 16_384 }: KeyedRateLimitOptions) {
    this.#rate = { perSec, burst }
    this.#buckets = new BoundedMap(checkLimit('keysMax', keysMax, 1, 2 ** 20))
    new TokenBucket(this.#rate)
  }

  /** Keys remembered now. */
  get size(): number {
    return this.#buckets.size
  }

  /** {@link TokenBucket.take} of the key's bucket. */
  take(key: string, n: number, now: number): boolean {
    return this.#bucket(key).take(n, now)
  }

  /** {@link TokenBucket.waitMs} of the key's bucket. */
  waitMs(key: string, n: number, now: number): number {
    return this.#bucket(key).waitMs(n, now)
  }

  #bucket(key: string): TokenBucket {
    const known = this.#buckets.use(key)
    if (known !== undefined) return known
    const bucket = new TokenBucket(this.#rate)
    this.#buckets.set(key, bucket)
    return bucket
  }
}

function checkRate(field: string, given: number, least: number): void {
  if (typeof given === 'number' && given >= least && given <= LIMIT_MAX) return
  throw invalidOption(field, given, least < 1 ? 'a number above 0, at most 2^40' : 'a number from 1 to 2^40')
}
