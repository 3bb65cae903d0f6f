/** What a handle sees of its peer: the connection of the moment and, once that is gone, what the last one was. Changed by the swarm alone. */
import type { Direction, PeerClass, PeerId } from '../ports/types.js'
import type { Connection } from './connection.js'

export class PeerSeat {
  readonly peerId: PeerId
  /** The address that was dialled, or where the peer came from. */
  address: string | null
  #connection: Connection | null
  #peerClass: PeerClass = 'unknown'
  #direction: Direction

  constructor(peerId: PeerId, connection: Connection, address: string | null) {
    this.peerId = peerId
    this.address = address
    this.#connection = connection
    this.#direction = connection.direction
  }

  get connection(): Connection | null {
    return this.#connection
  }

  get peerClass(): PeerClass {
    return this.#connection?.identity?.peerClass ?? this.#peerClass
  }

  get direction(): Direction {
    return this.#connection?.direction ?? this.#direction
  }

  /** Another link of its process has taken over. */
  move(connection: Connection, address: string | null): void {
    this.#connection = connection
    this.address = address
  }

  /** Its process is gone: whoever holds the handle still learns what it was in the end. */
  leave(): void {
    this.#peerClass = this.peerClass
    this.#direction = this.direction
    this.#connection = null
  }
}
