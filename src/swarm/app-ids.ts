/**
 * Application ids of broadcasts, such as transaction hashes: of several bodies with one id, one is judged at a time, and none
 * after one was accepted. Only acceptance is remembered, so a forged body cannot keep the true one out; and who may wait is
 * counted by source, so a crowd of forged ones cannot either, but by being a crowd of peers.
 */
import { DedupCache } from '../policy/dedup.js'
import type { Crypto } from '../ports/crypto.js'
import { utf8 } from '../protocol/bytes.js'

/** Bodies that wait while another of the same id is judged, of strangers and of trusted peers. */
const RIVALS_MAX = 4
const TRUSTED_RIVALS_MAX = 64

/** Who bring a body. */
export interface RivalSources {
  readonly sources: Iterable<string>
  readonly isTrusted: boolean
}

interface Rivals<Delivery> {
  /** Whose turn it is. */
  current: Delivery
  // Bound: RIVALS_MAX, one for each source, and one that was overtaken.
  readonly strangers: { readonly source: string; readonly delivery: Delivery }[]
  // Bound: TRUSTED_RIVALS_MAX, one for each source.
  readonly trusted: { readonly source: string; readonly delivery: Delivery }[]
}

export class AppIds<Delivery> {
  readonly #crypto: Crypto
  readonly #accepted: DedupCache
  // Bound: the deliveries in flight.
  readonly #rivals = new Map<string, Rivals<Delivery>>()

  constructor(crypto: Crypto, seed: number) {
    this.#crypto = crypto
    this.#accepted = new DedupCache({ seed })
  }

  keyOf(name: string, id: string): string {
    // A name may hold spaces: without its length one definition could be made to look like another.
    return this.#crypto.sha256Key([utf8(`${String(name.length)} ${name} ${id}`)])
  }

  isAccepted(key: string, now: number): boolean {
    return this.#accepted.check(key, now) === 'seen'
  }

  accept(key: string, now: number): void {
    this.#accepted.add(key, now)
  }

  /** Enters a delivery: it is the `first` to be judged, or `waits` for its turn, or is one too many. */
  compete(
    key: string,
    delivery: Delivery,
    { sources, isTrusted }: RivalSources,
    now: number,
  ): 'accepted' | 'first' | 'waits' | 'crowded' {
    if (this.isAccepted(key, now)) return 'accepted'
    const rivals = this.#rivals.get(key)
    if (rivals === undefined) {
      this.#rivals.set(key, { current: delivery, strangers: [], trusted: [] })
      return 'first'
    }
    const line = isTrusted ? rivals.trusted : rivals.strangers
    // Who has brought another before must not keep out what somebody else has brought as well.
    const source = [...sources].find((one) => !line.some((other) => other.source === one))
    if (source === undefined || line.length >= (isTrusted ? TRUSTED_RIVALS_MAX : RIVALS_MAX)) return 'crowded'
    line.push({ source, delivery })
    return 'waits'
  }

  /** Of those of this id, whose turn it is. */
  current(key: string): Delivery | null {
    return this.#rivals.get(key)?.current ?? null
  }

  /** Those that wait until it is done. */
  waiting(key: string): readonly Delivery[] {
    const { trusted, strangers } = this.#rivals.get(key) ?? { trusted: [], strangers: [] }
    return [...trusted, ...strangers].map(({ delivery }) => delivery)
  }

  /** Its bringers are gone: it waits no more. */
  withdraw(key: string, delivery: Delivery): void {
    const { trusted = [], strangers = [] } = this.#rivals.get(key) ?? {}
    for (const line of [trusted, strangers]) {
      const at = line.findIndex((other) => other.delivery === delivery)
      if (at >= 0) line.splice(at, 1)
    }
  }

  /** A trusted peer has brought it, too: it waits among the trusted. */
  advance(key: string, delivery: Delivery, source: string): void {
    const rivals = this.#rivals.get(key)
    const at = rivals?.strangers.findIndex((other) => other.delivery === delivery) ?? -1
    if (rivals === undefined || at < 0 || rivals.trusted.length >= TRUSTED_RIVALS_MAX) return
    rivals.strangers.splice(at, 1)
    rivals.trusted.push({ source, delivery })
  }

  /** One that waits goes first; the current, which has not begun, waits in its stead. */
  overtake(key: string, delivery: Delivery, source: string): void {
    const rivals = this.#rivals.get(key)
    if (rivals === undefined) return
    this.withdraw(key, delivery)
    rivals.strangers.unshift({ source, delivery: rivals.current })
    rivals.current = delivery
  }

  /** The one being judged is done: whose turn it is now, the trusted first. */
  next(key: string): Delivery | null {
    const rivals = this.#rivals.get(key)
    const next = rivals?.trusted.shift() ?? rivals?.strangers.shift()
    if (rivals === undefined || next === undefined) {
      this.#rivals.delete(key)
      return null
    }
    rivals.current = next.delivery
    return next.delivery
  }
}
