/** The last decisions about each peer, so that somebody who asks why it is not connected gets an answer. */
import type { PeerId } from '../ports/types.js'
import { BoundedMap } from '../policy/bounded-map.js'

/** One decision. */
export interface Decision {
  /** How long ago, milliseconds. */
  readonly agoMs: number
  readonly what: string
}

const DECISIONS_MAX = 10
const PEERS_MAX = 1_024

export class Journal {
  /** Bound: PEERS_MAX, the least recently noted forgotten; DECISIONS_MAX in each. */
  readonly #notes = new BoundedMap<{ readonly at: number; readonly what: string }[]>(PEERS_MAX)

  note(peerId: PeerId | null, what: string, now: number): void {
    if (peerId === null) return
    const notes = this.#notes.use(peerId) ?? []
    notes.push({ at: now, what })
    if (notes.length > DECISIONS_MAX) notes.shift()
    this.#notes.set(peerId, notes)
  }

  /** The latest last. */
  of(peerId: PeerId, now: number): readonly Decision[] {
    return (this.#notes.get(peerId) ?? []).map(({ at, what }) => ({ agoMs: now - at, what }))
  }
}
