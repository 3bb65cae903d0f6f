/**
 * Broadcasts that this node has accepted or made, kept for a minute for who asks for them. Numbered as they came, so that a
 * link remembers by one number how far it has been told.
 */
import type { Memory, SharedBody } from '../policy/memory.js'
import type { MessageDefinition } from '../protocol/message.js'
import type { Marked } from './marks.js'
import { noMarks } from './marks.js'

export type Sendable = Pick<MessageDefinition<unknown>, 'name' | 'nameKind' | 'priority'>

export interface Kept extends Marked {
  readonly key: string
  readonly definition: Sendable
  /** id ‖ body. */
  readonly bytes: Uint8Array
  readonly keptAt: number
  /** Whether every link there was has been sent it, and nobody need be told but those that are newer. */
  readonly isPushed: boolean
  /** Whether it is for those alone who have been told, and others hear of it from them. */
  readonly isToSome: boolean
  readonly shared: SharedBody
}

/** A message to be kept. */
export type Keeping = Pick<Kept, 'definition' | 'key' | 'bytes' | 'isPushed'> & {
  readonly isToSome?: boolean
}

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
    const number = this.#next++
    const { definition, key, bytes, isPushed, isToSome = false } = keeping
    const message = { definition, key, bytes, isPushed, isToSome }
    const kept: Kept = { ...message, ...noMarks(), number, keptAt: now, shared: { holders: 0 } }
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

  /** What is too old is not told and not given any more: its receivers may have forgotten that they had it. */
  expire(now: number): void {
    for (const kept of this.since(this.#oldest)) {
      if (now - kept.keptAt <= KEEP_MS) return
      this.#drop(kept)
    }
  }

  #makeRoom(now: number): void {
    const bytesMax = Math.min(BYTES_MAX, this.#memory.maxBytes / 16)
    // The newest stays, whatever it weighs: it has just been announced.
    for (; this.#oldest < this.#next - 1; this.#oldest++) {
      const kept = this.#kept.get(this.#oldest)
      if (kept === undefined) continue
      const isTooMuch = this.#kept.size > KEPT_MAX || this.#memory.keptBytes > bytesMax
      if (!isTooMuch && now - kept.keptAt <= KEEP_MS) return
      this.#drop(kept)
    }
  }

  #drop(kept: Kept): void {
    this.#kept.delete(kept.number)
    // It may have been kept again since.
    if (this.#numbers.get(kept.key) === kept.number) this.#numbers.delete(kept.key)
    this.#memory.keptBytes -= kept.bytes.length + ENTRY_BYTES
  }
}
