/** On whose account each broadcast is wanted: of one peer there are only so many, and a crowd of them makes room for who has less. */
import type { PeerId } from '../ports/types.js'

interface Accounted {
  /** On whose account. */
  by: PeerId
}

interface Account<Wanted> {
  /** As it was when it last announced something. */
  isTrusted: boolean
  readonly wanted: Set<Wanted>
}

export class PullAccounts<Wanted extends Accounted> {
  // Bound: the peers that have announced something wanted, and what one may announce, the oldest first.
  readonly #byPeer = new Map<PeerId, Account<Wanted>>()

  countOf(peerId: PeerId): number {
    return this.#byPeer.get(peerId)?.wanted.size ?? 0
  }

  add(wanted: Wanted, isTrusted: boolean): void {
    const account = this.#byPeer.get(wanted.by) ?? { isTrusted, wanted: new Set() }
    account.isTrusted = isTrusted
    this.#byPeer.set(wanted.by, account)
    account.wanted.add(wanted)
  }

  remove(wanted: Wanted): void {
    const account = this.#byPeer.get(wanted.by)
    account?.wanted.delete(wanted)
    if (account?.wanted.size === 0) this.#byPeer.delete(wanted.by)
  }

  /** What a trusted peer has is not to go when strangers, who announced it first, take all the room there is. */
  adopt(wanted: Wanted, by: PeerId, max: number): void {
    if (this.#byPeer.get(wanted.by)?.isTrusted !== false || this.countOf(by) >= max) return
    this.remove(wanted)
    wanted.by = by
    this.add(wanted, true)
  }

  /** The oldest of whoever has most, and more than one beyond this; of those that are not trusted, unless `isTrusted`. Null: nobody has. */
  oldestOfMost(than: number, isTrusted: boolean): Wanted | null {
    let most: Account<Wanted> | null = null
    for (const account of this.#byPeer.values())
      if ((isTrusted || !account.isTrusted) && account.wanted.size > Math.max(than + 1, most?.wanted.size ?? 0))
        most = account
    const [oldest = null] = most?.wanted ?? []
    return oldest
  }
}
