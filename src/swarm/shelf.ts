/**
 * Broadcasts that this node has accepted or made, kept for a minute for who asks for them; what every link was sent, only as long
 * as links that are new are told of it. Numbered as they came, so that a
 * link remembers by one number how far it has been told.
 */
import type { Memory } from '../policy/memory.js'
import { BytePool, POOLED_MAX } from '../protocol/bytes.js'
import { IDS_MAX } from '../protocol/inventory.js'
import type { MessageDefinition } from '../protocol/message.js'
import type { Marked } from './marks.js'
import type { Shared } from './outgoing.js'

export type Sendable = Pick<MessageDefinition<unknown>, 'name' | 'nameKind' | 'priority'>

export interface Kept extends Marked, Shared {
  readonly key: string
  readonly definition: Sendable
  /** id ‖ body. */
  readonly bytes: Uint8Array
  readonly keptAt: number
  readonly audience: Audience
}

/**
 * Who hears of it from here. `newer`: every link there was has been sent it, and nobody need be told but those that came later.
 * `all`: whoever is not known to have it. `some`: those alone who have been told; others hear of it from them.
 */
export type Audience = 'newer' | 'all' | 'some'

/** A message to be kept: the bytes of a small one need not stay. */
export type Keeping = Pick<Kept, 'definition' | 'key' | 'bytes'>

/** A link that is new is told of the last so many. */
export const CATCH_UP: number = IDS_MAX
export const KEPT_MAX = 16_384
const BYTES_MAX = 32 * 1024 * 1024
const KEEP_MS = 60_000
/** What an entry costs beside its bytes: an estimate. */
const ENTRY_BYTES = 512

/** So many places of what is gone are not worth moving the rest for. */
const KEPT_GONE = 1_024

export class Shelf {
  readonly #memory: Memory
  // Bound: KEPT_MAX, and BYTES_MAX or a sixteenth of the node's memory; before #head is what is gone. Oldest first.
  #kept: (Kept | null)[] = []
  #head = 0
  /** Where what is small lies: side by side with what goes just before it and after it. */
  readonly #pool = new BytePool(8_192)
  // Bound: the same.
  readonly #byKey = new Map<string, Kept>()
  #next = 0

  constructor(memory: Memory) {
    this.#memory = memory
  }

  /** The number that the next one gets. */
  get next(): number {
    return this.#next
  }

  /** The number of the oldest that is here; {@link next} where nothing is. */
  get oldest(): number {
    return this.#next - (this.#kept.length - this.#head)
  }

  get(key: string): Kept | null {
    return this.#byKey.get(key) ?? null
  }

  /** Keeps a message; the oldest go for it. */
  keep({ definition, key, bytes }: Keeping, audience: Audience, now: number): Kept {
    const kept: Kept = {
      number: this.#next++,
      definition,
      key,
      bytes: bytes.length > POOLED_MAX ? bytes : this.#pool.copy(bytes, 0),
      keptAt: now,
      audience,
      told: null,
      sent: null,
      holders: 0,
    }
    this.#kept.push(kept)
    this.#byKey.set(key, kept)
    this.#memory.keptBytes += bytes.length + ENTRY_BYTES
    this.#makeRoom(now)
    return kept
  }

  /** Those from this number on, oldest first. */
  *since(number: number): Iterable<Kept> {
    for (let at = this.#head + Math.max(0, number - this.oldest); at < this.#kept.length; at++) {
      const kept = this.#kept[at]
      if (kept) yield kept
    }
  }

  /** What is too old is not told and not given any more: its receivers may have forgotten that they had it. */
  expire(now: number): void {
    this.#dropWhile(({ keptAt }) => now - keptAt > KEEP_MS)
  }

  #makeRoom(now: number): void {
    const bytesMax = Math.min(BYTES_MAX, this.#memory.maxBytes / 16)
    // The newest stays, whatever it weighs: it has just been announced.
    this.#dropWhile(({ keptAt, number, audience }) => {
      const isTooMuch = this.#kept.length - this.#head > KEPT_MAX || this.#memory.keptBytes > bytesMax
      const isNobodys = audience === 'newer' && number < this.#next - CATCH_UP
      return number < this.#next - 1 && (isTooMuch || isNobodys || now - keptAt > KEEP_MS)
    })
  }

  /** From the oldest on. */
  #dropWhile(isToGo: (kept: Kept) => boolean): void {
    for (let kept = this.#kept[this.#head]; kept && isToGo(kept); kept = this.#kept[this.#head]) {
      this.#kept[this.#head++] = null
      // It may have been kept again since.
      if (this.#byKey.get(kept.key) === kept) this.#byKey.delete(kept.key)
      this.#memory.keptBytes -= kept.bytes.length + ENTRY_BYTES
    }
    if (this.#head < KEPT_GONE || this.#head * 2 < this.#kept.length) return
    this.#kept = this.#kept.slice(this.#head)
    this.#head = 0
  }
}
