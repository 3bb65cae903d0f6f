/** Tells the host that something of what a peer sends is missing: at most once a second of each link, however often it is. */
import type { Agenda } from './agenda.js'
import type { Connection } from './connection.js'
import type { SwarmEmitter } from './events.js'

const EVERY_MS = 1_000

export class Gaps {
  readonly #agenda: Agenda
  readonly #emitter: SwarmEmitter
  // Bound: open links.
  readonly #toldAt = new WeakMap<Connection, number>()

  constructor(agenda: Agenda, emitter: SwarmEmitter) {
    this.#agenda = agenda
    this.#emitter = emitter
  }

  tell(connection: Connection): void {
    const { peerId } = connection
    const now = this.#agenda.now()
    if (peerId === null || now - (this.#toldAt.get(connection) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return
    this.#toldAt.set(connection, now)
    this.#emitter.emit('recovered', { peerId, cause: 'shed', gapMs: 0 })
  }
}
