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
  /** Not linked, or suspect, and not away by announcement. */
  readonly missing: readonly PeerId[]
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
  // Bound: the distinct shares seen within a minute; one entry for each change of the view.
  #shares: { readonly share: number; readonly untilAt: number }[] = []
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
    const share = 1 - missing.length / listed
    this.#wasWhole ||= share >= SHARE_MIN
    const best = this.#best(share, now)
    const apart = missing.length >= MISSING_MIN && (share < SHARE_MIN || best - share >= FALL - ROUNDING)
    if (this.#since === null) {
      if (!apart || (!this.#wasWhole && now - this.#startedAt < START_GRACE_MS)) return null
      this.#since = { at: now, missing }
      return { kind: 'suspected', missing, listed }
    }
    const isMinor = share > 1 - FALL + ROUNDING
    this.#minorSince = isMinor ? (this.#minorSince ?? now) : null
    if (missing.length > 1 && (this.#minorSince === null || now - this.#minorSince < MINOR_MS)) {
      this.#since = {
        at: this.#since.at,
        missing: this.#since.missing.length >= missing.length ? this.#since.missing : missing,
      }
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
    const last = this.#shares.at(-1)
    if (last !== undefined) this.#shares[this.#shares.length - 1] = { ...last, untilAt: now }
    this.#shares = this.#shares.filter(({ untilAt }) => now - untilAt <= FALL_WINDOW_MS)
    if (last?.share !== share) this.#shares.push({ share, untilAt: now })
    return this.#shares.reduce((most, seen) => Math.max(most, seen.share), share)
  }
}
