/**
 * Who has moved, as a directory's answers have it: it names that one elsewhere than it did before. Its first answer says nothing of
 * that: what is known of its addresses may come of the same list.
 */
import type { Address, PeerId } from '../ports/types.js'
import { placesOf } from './listings.js'

/** Who has moved, and the key of the address it has left. */
export interface Moved {
  readonly key: string
  readonly peerId: PeerId
}

export class Moves {
  static readonly idsMax: number = 4_096
  /** Bound: DIRECTORY_MAX, as the other. */
  #last: readonly Address[] = []
  #first: readonly Address[] = []
  /** Bound: `idsMax`; the oldest is forgotten. */
  readonly #ids = new Set<PeerId>()

  /** Whom it has named elsewhere than before, to this process or the last. */
  get ids(): ReadonlySet<PeerId> {
    return this.#ids
  }

  /** What it says now. @returns who has moved by that */
  heard(addresses: readonly Address[]): ReadonlySet<PeerId> {
    const before = this.#last
    this.#last = addresses
    if (this.#first.length === 0) this.#first = addresses
    return before.length === 0 ? new Set() : this.#note(before, addresses)
  }

  /** What it had said to an earlier process, read after it has said more. */
  heardBefore(addresses: readonly Address[]): void {
    this.#note(addresses, this.#first)
  }

  #note(before: readonly Address[], now: readonly Address[]): ReadonlySet<PeerId> {
    const was = placesOf(before)
    const moved = [...placesOf(now)].filter(([peerId, places]) => !isSameSet(was.get(peerId), places))
    const ids = new Set(moved.map(([peerId]) => peerId))
    for (const peerId of ids) {
      this.#ids.delete(peerId)
      this.#ids.add(peerId)
      const [oldest] = this.#ids
      if (this.#ids.size > Moves.idsMax && oldest !== undefined) this.#ids.delete(oldest)
    }
    return ids
  }
}

function isSameSet(a: ReadonlySet<string> = new Set(), b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((key) => b.has(key))
}
