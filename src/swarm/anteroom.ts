/**
 * Where frames wait while another process of the same peer still holds its place; they are handled when that is settled. Empty ones
 * cost next to no credit, so they are counted.
 */
import { isTrusted } from '../policy/peer-class.js'
import type { Connection } from './connection.js'

/** Frames of one link that may wait. */
const HELD_MAX = 64
const TRUSTED_HELD_MAX = 8_192

interface Held {
  readonly size: number
  readonly handle: () => void
}

export class Anteroom {
  // Bound: links whose peer's old process still holds its place, and for each HELD_MAX or TRUSTED_HELD_MAX.
  readonly #held = new Map<Connection, Held[]>()

  /**
   * @param later makes what is to be done once the place is settled: frames do not outlive their call
   * @returns false where too much of the link waits already: nothing is held, and its credit goes back
   */
  hold(connection: Connection, size: number, later: () => () => void): boolean {
    // Its peer has gone on to yet another link: nobody will ever ask for what this one brought.
    if (connection.isEnding) {
      connection.intake?.release(size)
      return true
    }
    const others = this.#held.get(connection) ?? []
    if (others.length >= (isTrusted(connection) ? TRUSTED_HELD_MAX : HELD_MAX)) {
      connection.intake?.release(size)
      return false
    }
    others.push({ size, handle: later() })
    this.#held.set(connection, others)
    return true
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
