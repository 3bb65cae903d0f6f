/**
 * Tells the host that something of what a peer sends is missing: at once, and then at most once a second of each link, however often
 * it is. What is missed within that second is told when it is over: who asked again before it had not missed it yet.
 */
import type { Agenda, Deadline } from './agenda.js'
import type { Connection } from './connection.js'
import type { SwarmEmitter } from './events.js'
import type { PeerId } from '../ports/types.js'

const EVERY_MS = 1_000

interface Told {
  readonly at: number
  later: Deadline | null
}

export class Gaps {
  readonly #agenda: Agenda
  readonly #emitter: SwarmEmitter
  readonly #current: (peerId: PeerId) => Connection | null
  // Bound: open links.
  readonly #told = new WeakMap<Connection, Told>()

  /** @param current the link in use to a peer */
  constructor(agenda: Agenda, emitter: SwarmEmitter, current: (peerId: PeerId) => Connection | null) {
    this.#agenda = agenda
    this.#emitter = emitter
    this.#current = current
  }

  tell(connection: Connection): void {
    const { peerId } = connection
    const now = this.#agenda.now()
    const last = this.#told.get(connection)
    if (peerId === null) return
    if (last !== undefined && now - last.at < EVERY_MS) {
      last.later ??= this.#agenda.at(last.at + EVERY_MS, () => {
        // Another process is asked anew as it is.
        const heir = connection.isOpen ? connection : this.#current(peerId)
        if (heir?.isOpen === true && heir.epoch === connection.epoch) this.tell(heir)
      })
      return
    }
    last?.later?.cancel()
    this.#told.set(connection, { at: now, later: null })
    this.#emitter.emit('recovered', { peerId, cause: 'shed', gapMs: 0 })
  }
}
