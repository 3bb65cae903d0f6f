/** The last decisions about each peer, so that somebody who asks why it is not connected gets an answer. */
import type { PeerId } from '../ports/types.js'
import { BoundedMap } from '../policy/bounded-map.js'

/** One decision. */
export interface Decision {
  /** How long ago, milliseconds. */
  readonly agoMs: number
  readonly what: string
}

interface Note {
  readonly at: number
  readonly what: string
}

const DECISIONS_MAX = 10
const PEERS_MAX = 1_024

export class Journal {
  readonly #isListed: (peerId: PeerId) => boolean
  /** Bound, for each: PEERS_MAX, the least recently noted forgotten; DECISIONS_MAX in each. Strangers push out nobody who is listed. */
  readonly #listed = new BoundedMap<Note[]>(PEERS_MAX)
  readonly #strangers = new BoundedMap<Note[]>(PEERS_MAX)

  constructor(isListed: (peerId: PeerId) => boolean) {
    this.#isListed = isListed
  }

  note(peerId: PeerId | null, what: string, now: number): void {
    if (peerId === null) return
    const [ours, others] = this.#isListed(peerId) ? [this.#listed, this.#strangers] : [this.#strangers, this.#listed]
    const notes = ours.get(peerId) ?? others.get(peerId) ?? []
    notes.push({ at: now, what })
    if (notes.length > DECISIONS_MAX) notes.shift()
    others.delete(peerId)
    ours.set(peerId, notes)
  }

  /** The latest last. */
  of(peerId: PeerId, now: number): readonly Decision[] {
    const notes = this.#listed.get(peerId) ?? this.#strangers.get(peerId) ?? []
    return notes.map(({ at, what }) => ({ agoMs: Math.round(now - at), what }))
  }
}
