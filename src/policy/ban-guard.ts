/**
 * Bans must not do an attacker's work. When many peers at once look guilty, the likelier reason is that this node and the
 * others disagree, and a node that bans them all has cut itself off: so bans end at most a quarter of its links within ten
 * minutes. Whoever would be banned beyond that is to be quarantined, and the operator to be told. (Bitcoin Core's `banman`
 * warns of the same split.)
 */

const SHARE = 1 / 4
const WINDOW_MS = 600_000

export class BanGuard {
  /** When bans ended links. Bound: a quarter of the links there ever were within ten minutes. */
  #endedAt: readonly number[] = []

  /** Whether one more link may end by a ban now. Where it may, it counts. @param links open now, the one in question among them */
  mayEnd(links: number, now: number): boolean {
    const recent = this.#endedAt.filter((at) => now - at < WINDOW_MS)
    this.#endedAt = recent
    // A node with few links may at least be rid of one.
    if (recent.length >= Math.max(1, Math.floor((links + recent.length) * SHARE))) return false
    this.#endedAt = [...recent, now]
    return true
  }
}
