/** Where frames wait while another process of the same peer still holds its place; they are handled when that is settled. */
import type { Connection } from './connection.js'

interface Held {
  readonly size: number
  readonly handle: () => void
}

export class Anteroom {
  // Bound: links whose peer's old process still holds its place, and for each what its credit allows.
  readonly #held = new Map<Connection, Held[]>()

  /** @param later makes what is to be done once the place is settled: frames do not outlive their call */
  hold(connection: Connection, size: number, later: () => () => void): void {
    // Its peer has gone on to yet another link: nobody will ever ask for what this one brought.
    if (connection.isEnding) {
      connection.intake?.release(size)
      return
    }
    const held = { size, handle: later() }
    const others = this.#held.get(connection)
    if (others === undefined) this.#held.set(connection, [held])
    else others.push(held)
  }

  /** The link has its place. */
  enter(connection: Connection): void {
    const held = this.#held.get(connection) ?? []
    this.#held.delete(connection)
    for (const { handle } of held) handle()
  }

  /** The link is lost, and what it brought with it. */
  leave(connection: Connection): void {
    for (const { size } of this.#held.get(connection) ?? []) connection.intake?.dropped(size)
    this.#held.delete(connection)
  }
}
