/** What a peer has, wants, or lacks, by ids: more of them than any honest relay would say are not looked at. */
import type { PeerId } from '../ports/types.js'
import { keyOf } from '../protocol/bytes.js'
import type { ControlEvent } from '../protocol/control.js'
import type { Announced } from '../protocol/inventory.js'
import type { Connection } from './connection.js'
import type { Propagation } from './propagation.js'

export type InventoryEvent = Extract<ControlEvent, { kind: 'inventory' | 'get' | 'not-found' }>

export interface InventoriesSetup {
  readonly propagation: Propagation
  /** Some of what it announced may be nowhere else. */
  readonly missed: (connection: Connection) => void
  /** Whether nothing is known of it. */
  readonly isNew: (key: string) => boolean
  /** Whether it has been rejected. */
  readonly isRejected: (key: string) => boolean
  /** It has what is known. */
  readonly has: (connection: Connection, key: string) => void
}

/** Beyond its quota a busy relay may go on telling of a thousand messages a second one by one, or of eight thousand in full frames. */
const INVENTORY_WEIGHT_MIN = 1 / 128
const ID_WEIGHT = 1 / 1_024

export class Inventories {
  readonly #setup: InventoriesSetup

  constructor(setup: InventoriesSetup) {
    this.#setup = setup
  }

  handle(connection: Connection, peerId: PeerId, event: InventoryEvent): void {
    const { propagation, missed } = this.#setup
    const ids = event.kind === 'inventory' ? event.announced : event.ids
    // Whoever was told of something may ask for it, whatever else it has asked for.
    const isFree = event.kind === 'get' && propagation.takeAsking(connection, ids.length)
    if (!isFree && connection.intake?.takeIds(ids.length) !== true) {
      connection.intake?.takeControl(Math.max(INVENTORY_WEIGHT_MIN, ids.length * ID_WEIGHT))
      if (event.kind === 'inventory') missed(connection)
    } else if (event.kind === 'inventory') this.#announced(connection, event.announced)
    else if (event.kind === 'get') propagation.serve(connection, event.ids)
    else propagation.refused(peerId, event.ids)
  }

  /** A peer says what it has: what is new here is asked for, of the rest it is known to have it. */
  #announced(connection: Connection, announced: readonly Announced[]): void {
    const { propagation, isNew, isRejected, has } = this.#setup
    const bytesMax = connection.identity?.limits.messageBytesMax ?? 0
    const news = announced.filter(({ id, size }) => {
      const key = keyOf(id)
      if (isNew(key)) return size <= bytesMax && !isRejected(key)
      has(connection, key)
      return false
    })
    propagation.announced(connection, news)
  }
}
