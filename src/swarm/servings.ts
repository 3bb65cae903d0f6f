/**
 * What is large and was asked for goes out one body at a time, those of trusted peers first, and rests between: a block that a
 * hundred peers ask for in one moment would else stand before everything that came after it, on each link and in this node.
 * Who comes first has the whole of it sooner, and can pass it on, than if all got a little at a time.
 */
import type { Agenda, Deadline } from './agenda.js'
import type { Connection } from './connection.js'
import { isTrustedClass } from './dial-slots.js'
import type { Kept } from './shelf.js'

/** Bodies from this size on wait for each other. */
export const SERVED_ALONE_BYTES: number = 64 * 1024
/** So much time at once, in ms, and then a rest of so many times what was used. */
const SLICE_MS = 1
const REST = 3

export interface ServingsSetup {
  readonly agenda: Agenda
  /** @returns false where that cannot be */
  readonly send: (connection: Connection, kept: Kept) => boolean
  /** It could not be sent after all. */
  readonly failed: (connection: Connection, kept: Kept) => void
}

interface Serving {
  readonly connection: Connection
  readonly kept: Kept
}

export class Servings {
  readonly #setup: ServingsSetup
  // Bound: for each open link, what the shelf holds of such bodies.
  readonly #trusted: Serving[] = []
  // Bound: the same.
  readonly #strangers: Serving[] = []
  #rest: Deadline | null = null

  constructor(setup: ServingsSetup) {
    this.#setup = setup
  }

  /** Sends it now or when its turn comes. */
  add(connection: Connection, kept: Kept): void {
    const isTrusted = isTrustedClass(connection.identity?.peerClass ?? 'unknown')
    const line = isTrusted ? this.#trusted : this.#strangers
    line.push({ connection, kept })
    if (this.#rest === null) this.#serve()
  }

  /** Nobody is there to take it. */
  lost(connection: Connection): void {
    for (const line of [this.#trusted, this.#strangers])
      for (let at = line.length - 1; at >= 0; at--) if (line[at]?.connection === connection) line.splice(at, 1)
  }

  stop(): void {
    this.#rest?.cancel()
    this.#trusted.length = 0
    this.#strangers.length = 0
  }

  #serve(): void {
    const { agenda, send, failed } = this.#setup
    const since = agenda.now()
    let usedMs = 0
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const { connection, kept } = next
      if (send(connection, kept)) connection.sender?.flush()
      else failed(connection, kept)
      usedMs = agenda.now() - since
      if (usedMs >= SLICE_MS) break
    }
    if (this.#trusted.length + this.#strangers.length === 0 && usedMs < SLICE_MS) return
    this.#rest = agenda.in(REST * usedMs, () => {
      this.#rest = null
      this.#serve()
    })
  }

  #next(): Serving | undefined {
    return this.#trusted.shift() ?? this.#strangers.shift()
  }
}
