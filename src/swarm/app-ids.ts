/**
 * Application ids of broadcasts, such as transaction hashes: of several bodies with one id, one is judged at a time, and none
 * after one was accepted. Only acceptance is remembered, so a forged body cannot keep the true one out.
 */
import { DedupCache } from '../policy/dedup.js'
import type { Crypto } from '../ports/crypto.js'
import { keyOf, utf8 } from '../protocol/bytes.js'

/** Bodies that wait while another of the same id is judged. */
const RIVALS_MAX = 4
const KEY_LENGTH_MAX = 64

export class AppIds<Delivery> {
  readonly #crypto: Crypto
  readonly #accepted = new DedupCache()
  // Bound: the deliveries in flight, and RIVALS_MAX in each entry.
  readonly #rivals = new Map<string, Delivery[]>()

  constructor(crypto: Crypto) {
    this.#crypto = crypto
  }

  keyOf(name: string, id: string): string {
    const key = `${name} ${id}`
    return key.length <= KEY_LENGTH_MAX ? key : keyOf(this.#crypto.sha256([utf8(key)]))
  }

  isAccepted(key: string, now: number): boolean {
    return this.#accepted.check(key, now) === 'seen'
  }

  accept(key: string, now: number): void {
    this.#accepted.add(key, now)
  }

  /** Enters a delivery: it is the `first` to be judged, or `waits` for its turn, or is one too many. */
  compete(key: string, delivery: Delivery, now: number): 'accepted' | 'first' | 'waits' | 'crowded' {
    if (this.isAccepted(key, now)) return 'accepted'
    const rivals = this.#rivals.get(key)
    if (rivals === undefined) {
      this.#rivals.set(key, [])
      return 'first'
    }
    if (rivals.length >= RIVALS_MAX) return 'crowded'
    rivals.push(delivery)
    return 'waits'
  }

  /** The one being judged is done: whose turn it is now. */
  next(key: string): Delivery | null {
    const rivals = this.#rivals.get(key)
    const next = rivals?.shift()
    if (next === undefined) this.#rivals.delete(key)
    return next ?? null
  }
}
