/** The places that peers hold, and the links in use as one list: another list whenever one of them is another. */
import type { PeerId } from '../ports/types.js'
import type { Connection } from './connection.js'

export class Places<Place extends { current: Connection }> {
  // Bound: the slots.
  readonly #byPeer = new Map<PeerId, Place>()
  // Bound: the same. Broadcasts go through it far more often than it changes.
  #currents: readonly Connection[] | null = null

  get size(): number {
    return this.#byPeer.size
  }

  get(peerId: PeerId): Place | undefined {
    return this.#byPeer.get(peerId)
  }

  entries(): Iterable<readonly [PeerId, Place]> {
    return this.#byPeer.entries()
  }

  currents(): readonly Connection[] {
    this.#currents ??= [...this.#byPeer.values()].map(({ current }) => current)
    return this.#currents
  }

  set(peerId: PeerId, place: Place): void {
    this.#byPeer.set(peerId, place)
    this.#currents = null
  }

  delete(peerId: PeerId): void {
    this.#byPeer.delete(peerId)
    this.#currents = null
  }

  /** Another link of its peer is in use from now on. */
  move(place: Place, connection: Connection): void {
    place.current = connection
    this.#currents = null
  }
}
