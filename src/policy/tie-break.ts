/**
 * Two links to one peer: which one lives. Only proof counts, never age: a link that answers beats one that is silent, a new
 * process beats the old one, and between two living links only one side may judge, so that both can never be closed.
 */
import type { Crypto } from '../ports/crypto.js'

/**
 * Whether the first of two peers dials at once and judges duplicates. Exactly one of any two does; which one is a fair draw
 * that both make alike (the idea is Dash's, for its quorum links: no id is favoured everywhere, as the lower one would be).
 */
export function isPreferredDialer(ownKey: Uint8Array, peerKey: Uint8Array, crypto: Crypto): boolean {
  const ownIsLower = isLower(ownKey, peerKey)
  const drawn = crypto.sha256(ownIsLower ? [ownKey, peerKey] : [peerKey, ownKey])
  return ((drawn[0] ?? 0) & 1) === (ownIsLower ? 0 : 1)
}

export interface Contest {
  /** The newcomer has answered a ping that was sent after its hello. */
  readonly newcomerAnswered: boolean
  /** The old link has brought anything since the newcomer came. */
  readonly incumbentAnswered: boolean
  /** The time to answer is over. */
  readonly overdue: boolean
  /** Both links lead to the same process. */
  readonly sameEpoch: boolean
  /** The newcomer is of the process that the incumbent's replaced a while ago. */
  readonly returning: boolean
  /** The newcomer's hello names the old link as dead. */
  readonly superseded: boolean
  /** This side is the preferred dialer of the two. */
  readonly preferred: boolean
  /** The other side may take its time to judge: it is trusted. */
  readonly patient: boolean
  readonly incumbentOutbound: boolean
  readonly newcomerOutbound: boolean
}

/** `wait`: nothing is settled yet. `leave`: both live, and it is for the other side to close one. `conflict`: two processes live. */
export type Judgement = 'wait' | 'leave' | 'keep-incumbent' | 'keep-newcomer' | 'newcomer-silent' | 'conflict'

export function judgeDuplicate(contest: Contest): Judgement {
  if (!contest.newcomerAnswered) return contest.overdue ? 'newcomer-silent' : 'wait'
  // What was held back on the way may have made a dead process the incumbent: only one that answers is in conflict with anybody.
  if (contest.returning && contest.incumbentAnswered) return 'conflict'
  if (!contest.returning && (!contest.sameEpoch || contest.superseded)) return 'keep-newcomer'
  if (!contest.incumbentAnswered) return contest.overdue ? 'keep-newcomer' : 'wait'
  if (!contest.preferred) return contest.overdue && !contest.patient ? 'keep-incumbent' : 'leave'
  return contest.incumbentOutbound && !contest.newcomerOutbound ? 'keep-incumbent' : 'keep-newcomer'
}

/** Two hosts with one key show as processes that alternate: A, B, A within this time. */
const CONFLICT_WINDOW_MS = 600_000
const FIRST_REFUSAL_MS = 60_000
const REFUSAL_MAX_MS = 3_600_000

/** The processes that one peer id has shown. Bound: the last two, and a count. */
export class EpochHistory {
  #current: string | null = null
  #previous: string | null = null
  #previousEndedAt = Number.NEGATIVE_INFINITY
  #conflicts = 0

  /** Whether a process comes back that was replaced by the current one a while ago: one key on two hosts, where both live. */
  isReturning(epoch: string, now: number): boolean {
    return epoch === this.#previous && now - this.#previousEndedAt <= CONFLICT_WINDOW_MS
  }

  /** One key on two hosts: the incumbent stays. @returns how long the newcomer keeps away, in ms */
  refuse(): number {
    const retryAfterMs = Math.min(FIRST_REFUSAL_MS * 2 ** this.#conflicts, REFUSAL_MAX_MS)
    this.#conflicts = Math.min(this.#conflicts + 1, 16)
    return retryAfterMs
  }

  /** A process has taken the place. */
  took(epoch: string, now: number): void {
    if (epoch === this.#current) return
    this.#previous = this.#current
    this.#previousEndedAt = now
    this.#current = epoch
  }
}

function isLower(a: Uint8Array, b: Uint8Array): boolean {
  for (const [i, byte] of a.entries()) {
    const other = b[i] ?? 0
    if (byte !== other) return byte < other
  }
  return false
}
