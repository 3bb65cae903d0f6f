/**
 * The partition signal: says that the whitelist has come apart, and when it is whole again. Of W listed peers the reachable
 * share falls by 30 points within a minute, or under two thirds; with fewer than four listed, or fewer than two missing, it is
 * only a lost peer. It is over once one is missing at most, or so few for a minute that those are lost peers, and the next partition
 * can be told from them. Peers that said when they will be back are not missing until then.
 */
import type { PeerId } from '../ports/types.js'

const LISTED_MIN = 4
const MISSING_MIN = 2
const FALL = 0.3
/** Shares are not binary fractions: 30 points are 30 points. */
const ROUNDING = 1e-9
const FALL_WINDOW_MS = 60_000
const SHARE_MIN = 2 / 3
/** So many that are missing for good are no partition. */
const MINOR_MS = 60_000
/** A node that has just started is given this long to find its peers. */
const START_GRACE_MS = 60_000

export interface PartitionView {
  readonly listed: number
  /** Not linked, or suspect, and not away by announcement. It may change later: what is told of it is a copy. */
  readonly missing: ReadonlySet<PeerId>
}

export type PartitionChange =
  | { readonly kind: 'suspected'; readonly missing: readonly PeerId[]; readonly listed: number }
  | { readonly kind: 'healed'; readonly missing: readonly PeerId[]; readonly forMs: number }

interface Suspicion {
  readonly at: number
  /** The most that were missing. */
  readonly missing: readonly PeerId[]
}

export class PartitionDetector {
  readonly #startedAt: number
  /**
   * The shares of the last minute, without those that a later one has reached: each less than the one before, the best first, the
   * present one last. Bound: of a list that stays as it is, one more than its peers, however often they come and go; each change of the list in
   * that minute adds as many at most.
   */
  #shares: { readonly share: number; untilAt: number }[] = []
  #since: Suspicion | null = null
  #wasWhole = false
  /** Since when fewer are missing than would be a partition; null while more are. */
  #minorSince: number | null = null

  constructor(now: number) {
    this.#startedAt = now
  }

  /** When the partition that is suspected began; null while there is none. */
  get suspectedAt(): number | null {
    return this.#since?.at ?? null
  }

  /** The view has changed, or time has passed. @returns what to tell, once for each change */
  update({ listed, missing }: PartitionView, now: number): PartitionChange | null {
    // Those who are left may be too few to come apart: then they have not.
    if (listed < LISTED_MIN) return this.#since === null ? null : this.#healed(this.#since, 1, now)
    const share = 1 - missing.size / listed
    this.#wasWhole ||= share >= SHARE_MIN
    const best = this.#best(share, now)
    const apart = missing.size >= MISSING_MIN && (share < SHARE_MIN || best - share >= FALL - ROUNDING)
    if (this.#since === null) {
      if (!apart || (!this.#wasWhole && now - this.#startedAt < START_GRACE_MS)) return null
      this.#since = { at: now, missing: [...missing] }
      return { kind: 'suspected', missing: this.#since.missing, listed }
    }
    const isMinor = share > 1 - FALL + ROUNDING
    this.#minorSince = isMinor ? (this.#minorSince ?? now) : null
    if (missing.size > 1 && (this.#minorSince === null || now - this.#minorSince < MINOR_MS)) {
      if (missing.size > this.#since.missing.length) this.#since = { at: this.#since.at, missing: [...missing] }
      return null
    }
    return this.#healed(this.#since, share, now)
  }

  #healed({ at, missing }: Suspicion, share: number, now: number): PartitionChange {
    this.#since = null
    this.#minorSince = null
    this.#shares = [{ share, untilAt: now }]
    return { kind: 'healed', missing, forMs: now - at }
  }

  /** The best share of the last minute, the present one among them. The one before held until now. */
  #best(share: number, now: number): number {
    const present = this.#shares.at(-1)
    if (present !== undefined) present.untilAt = now
    while ((this.#shares.at(-1)?.share ?? Infinity) <= share) this.#shares.pop()
    this.#shares.push({ share, untilAt: now })
    while (now - (this.#shares[0]?.untilAt ?? now) > FALL_WINDOW_MS) this.#shares.shift()
    return this.#shares[0]?.share ?? share
  }
}
