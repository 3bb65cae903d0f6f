/**
 * Broadcasts that this node has accepted or made, kept for a minute for who asks for them. Numbered as they came, so that a
 * link remembers by one number how far it has been told.
 */
import type { Memory, SharedBody } from '../policy/memory.js'
import type { PeerId } from '../ports/types.js'
import type { MessageDefinition } from '../protocol/message.js'

export type Sendable = Pick<MessageDefinition<unknown>, 'name' | 'nameKind' | 'priority'>

export interface Kept {
  readonly number: number
  readonly key: string
  readonly definition: Sendable
  /** id ‖ body. */
  readonly bytes: Uint8Array
  readonly keptAt: number
  /** Whether every link there was has been sent it, and nobody need be told but those that are newer. */
  readonly isPushed: boolean
  /** Peers that are known to have it or have been told of it. Bound: the peers. */
  readonly informed: Set<PeerId>
  /** Links it was sent on because they asked: each may ask once. Bound: links. */
  readonly served: WeakSet<object>
  readonly shared: SharedBody
}

/** A message to be kept. */
export type Keeping = Pick<Kept, 'definition' | 'key' | 'bytes' | 'isPushed' | 'informed'>

const KEPT_MAX = 16_384
const BYTES_MAX = 32 * 1024 * 1024
const KEEP_MS = 60_000
/** What an entry costs beside its bytes: an estimate. */
const ENTRY_BYTES = 512

export class Shelf {
  readonly #memory: Memory
  // Bound: KEPT_MAX, and BYTES_MAX or a sixteenth of the node's memory. Oldest first.
  readonly #kept = new Map<number, Kept>()
  // Bound: the same.
  readonly #numbers = new Map<string, number>()
  #next = 0
  #oldest = 0

  constructor(memory: Memory) {
    this.#memory = memory
  }

  /** The number that the next one gets. */
  get next(): number {
    return this.#next
  }

  get(key: string): Kept | null {
    const number = this.#numbers.get(key)
    return number === undefined ? null : (this.#kept.get(number) ?? null)
  }

  /** Keeps a message; the oldest go for it. */
  keep(keeping: Keeping, now: number): Kept {
    const kept = { ...keeping, number: this.#next++, keptAt: now, served: new WeakSet(), shared: { holders: 0 } }
    this.#kept.set(kept.number, kept)
    this.#numbers.set(kept.key, kept.number)
    this.#memory.keptBytes += kept.bytes.length + ENTRY_BYTES
    this.#makeRoom(now)
    return kept
  }

  /** Those from this number on, oldest first. */
  *since(number: number): Iterable<Kept> {
    for (let at = Math.max(number, this.#oldest); at < this.#next; at++) {
      const kept = this.#kept.get(at)
      if (kept !== undefined) yield kept
    }
  }

  #makeRoom(now: number): void {
    const bytesMax = Math.min(BYTES_MAX, this.#memory.maxBytes / 16)
    for (; this.#oldest < this.#next; this.#oldest++) {
      const kept = this.#kept.get(this.#oldest)
      if (kept === undefined) continue
      const isTooMuch = this.#kept.size > KEPT_MAX || this.#memory.keptBytes > bytesMax
      if (!isTooMuch && now - kept.keptAt <= KEEP_MS) return
      this.#kept.delete(kept.number)
      this.#numbers.delete(kept.key)
      this.#memory.keptBytes -= kept.bytes.length + ENTRY_BYTES
    }
  }
}
