/**
 * Who makes way in a full book: hearsay first, then strangers, then regulars, of each the least recently seen; pinned and
 * linked peers never do. Hearsay displaces hearsay alone, and what one network tells fills an eighth of the book at most.
 */
import { BoundedMap } from './bounded-map.js'
import type { PeerId } from '../ports/types.js'

/** What decides where an entry stands. */
export interface Shelved {
  readonly id: PeerId
  readonly pinned: boolean
  readonly isLinked: boolean
  readonly lastSeenAt: number | null
  readonly isRegular: boolean
}

/** What one network may fill of the book by telling. */
const SHARE_OF_ONE_SOURCE = 1 / 8

export class PeerShelves {
  readonly #toldMax: number
  /** Bound: the book's. The first shelf first, on each the least recently seen first. */
  readonly #shelves: Readonly<Record<'unseen' | 'unknown' | 'regular', BoundedMap<PeerId>>>
  /** Who told us of whom nobody has seen yet. Bound: the book's. */
  readonly #tellers = new Map<PeerId, string>()
  /** How many each has told us of. Bound: the book's. */
  readonly #told = new Map<string, number>()

  constructor(peersMax: number) {
    const shelf = (): BoundedMap<PeerId> => new BoundedMap(peersMax)
    this.#shelves = { unseen: shelf(), unknown: shelf(), regular: shelf() }
    this.#toldMax = Math.max(1, Math.floor(peersMax * SHARE_OF_ONE_SOURCE))
  }

  /** Whether this network may tell of one more. */
  mayTell(teller: string): boolean {
    return (this.#told.get(teller) ?? 0) < this.#toldMax
  }

  told(id: PeerId, teller: string): void {
    this.#forgetTeller(id)
    this.#tellers.set(id, teller)
    this.#told.set(teller, (this.#told.get(teller) ?? 0) + 1)
  }

  /** Puts a peer where its next eviction would find it. */
  place(peer: Shelved): void {
    const shelf = this.#shelfOf(peer)
    for (const other of Object.values(this.#shelves)) if (other !== shelf) other.delete(peer.id)
    if (shelf?.get(peer.id) === undefined) shelf?.set(peer.id, peer.id)
    if (peer.lastSeenAt !== null) this.#forgetTeller(peer.id)
  }

  forget(id: PeerId): void {
    for (const shelf of Object.values(this.#shelves)) shelf.delete(id)
    this.#forgetTeller(id)
  }

  /** Who makes way for a newcomer; null where nobody does. */
  victim(isHearsay: boolean): PeerId | null {
    const { unseen, unknown, regular } = this.#shelves
    const found = unseen.oldest() ?? (isHearsay ? undefined : (unknown.oldest() ?? regular.oldest()))
    return found?.[1] ?? null
  }

  #shelfOf({ pinned, isLinked, lastSeenAt, isRegular }: Shelved): BoundedMap<PeerId> | null {
    if (pinned || isLinked) return null
    if (lastSeenAt === null) return this.#shelves.unseen
    return isRegular ? this.#shelves.regular : this.#shelves.unknown
  }

  #forgetTeller(id: PeerId): void {
    const teller = this.#tellers.get(id)
    if (teller === undefined) return
    this.#tellers.delete(id)
    const left = (this.#told.get(teller) ?? 1) - 1
    if (left > 0) this.#told.set(teller, left)
    else this.#told.delete(teller)
  }
}
