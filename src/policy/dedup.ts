/**
 * Which message ids have been seen. An id is new, then in flight while its handler judges it, then seen for a time.
 * Duplicates never refresh anything, the oldest id goes first, and the clock of this file never goes back.
 */
import { checkNames } from '../errors.js'
import { IdRing } from './id-ring.js'
import { checkLimit } from './limit.js'

const ID_LENGTH_MAX = 64

/** Options of {@link DedupCache}. */
export interface DedupOptions {
  /** Seen ids remembered, 1 to 2^24; default 131,072. */
  readonly idsMax?: number
  /** How long an id stays seen, 1 ms to 24 h; default ten minutes. */
  readonly ttlMs?: number
  /** Ids in flight at once, 1 to 2^20; default 4,096. */
  readonly inFlightMax?: number
  /**
   * A secret number, 0 to 2^32 - 1; default 0. Where strangers choose ids, it keeps them from making some that are slow to look up,
   * provided that the ids are hashes.
   */
  readonly seed?: number
}

/** What is known of an id. Ids longer than 64 characters are refused as `too-long` and never stored. */
export type DedupState = 'new' | 'in-flight' | 'seen' | 'too-long'

/** What came of {@link DedupCache.begin}. `full`: too many ids are in flight, ask again when one has settled. */
export type DedupBegin = 'begun' | 'in-flight' | 'seen' | 'full' | 'too-long'

/** Remembers ids for a time, within a bound. All instants are monotonic milliseconds. */
export class DedupCache {
  readonly #ttlMs: number
  readonly #inFlightMax: number
  readonly #idsMax: number
  /** Each with the instant it expires. Bound: `idsMax`. All live equally long: what has expired stands before what has not. */
  readonly #seen: IdRing
  /** Bound: `inFlightMax`. */
  readonly #inFlight = new Set<string>()
  #latest = -Infinity

  /** @throws HoldfastError `invalid-option` for a number outside its bounds */
  constructor(options: DedupOptions = {}) {
    checkNames('dedup', options, ['idsMax', 'ttlMs', 'inFlightMax', 'seed'])
    const { idsMax = 131_072, ttlMs = 600_000, inFlightMax = 4096, seed = 0 } = options
    this.#idsMax = checkLimit('idsMax', idsMax, 1, 2 ** 24)
    this.#ttlMs = checkLimit('ttlMs', ttlMs, 1, 86_400_000)
    this.#inFlightMax = checkLimit('inFlightMax', inFlightMax, 1, 2 ** 20)
    this.#seen = new IdRing(checkLimit('seed', seed, 0, 2 ** 32 - 1), this.#idsMax)
  }

  /** Ids held as seen, counting those that expired since the last was added. */
  get size(): number {
    return this.#seen.size
  }

  /** Ids in flight. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Ids that may be in flight at once. */
  get inFlightMax(): number {
    return this.#inFlightMax
  }

  /** What is known of the id. Changes nothing that can be seen. */
  check(id: string, now: number): DedupState {
    this.#advance(now)
    if (id.length > ID_LENGTH_MAX) return 'too-long'
    if (this.#inFlight.has(id)) return 'in-flight'
    return this.#isSeen(id) ? 'seen' : 'new'
  }

  /** Marks a new id as in flight; any other is left as it is and its state is the answer. */
  begin(id: string, now: number): DedupBegin {
    const state = this.check(id, now)
    if (state !== 'new') return state
    if (this.#inFlight.size >= this.#inFlightMax) return 'full'
    this.#inFlight.add(id)
    return 'begun'
  }

  /** The id is judged: from now on it is seen, whether it was in flight or not. An id that was seen keeps its time. */
  settle(id: string, now: number): void {
    this.#inFlight.delete(id)
    this.add(id, now)
  }

  /** The id in flight could not be judged: it is new again. */
  forget(id: string): void {
    this.#inFlight.delete(id)
  }

  /** Marks the id as seen. @returns true iff it was new */
  add(id: string, now: number): boolean {
    if (this.check(id, now) !== 'new') return false
    this.#makeRoom()
    this.#seen.add(id, this.#latest + this.#ttlMs)
    return true
  }

  #isSeen(id: string): boolean {
    const expiresAt = this.#seen.find(id)
    return expiresAt !== null && expiresAt > this.#latest
  }

  #makeRoom(): void {
    for (let oldest = this.#seen.oldest; oldest !== null; oldest = this.#seen.oldest) {
      if (this.#seen.size < this.#idsMax && oldest > this.#latest) break
      this.#seen.drop()
    }
  }

  #advance(now: number): void {
    if (now > this.#latest) this.#latest = now
  }
}
