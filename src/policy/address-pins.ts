/**
 * Which peer an address listed without an id belongs to: the first that our own dial proved there, and no other from then on,
 * until the operator says so.
 */
import type { PeerId } from '../ports/types.js'

/** The pins of a book. Keys are addresses as canonical text, without an id. */
export class AddressPins {
  /** Bound: 4,096; more are refused. */
  static readonly pinsMax: number = 4_096
  readonly #ids = new Map<string, PeerId>()
  /** What the operator has undone: what is read after that is older than its word. Bound: `pinsMax`; the oldest is forgotten. */
  readonly #undone = new Set<string>()

  /** Ties the address to the id. @returns `taken` where it is tied to another */
  pin(key: string, id: PeerId): 'pinned' | 'taken' | 'full' {
    const pinned = this.#ids.get(key)
    if (pinned !== undefined) return pinned === id ? 'pinned' : 'taken'
    if (this.#ids.size >= AddressPins.pinsMax) return 'full'
    this.#ids.set(key, id)
    return 'pinned'
  }

  /** What an earlier process has pinned holds, whoever was found there since, unless the operator has undone it meanwhile. */
  restore(key: string, id: PeerId): void {
    if (this.#undone.has(key) || (!this.#ids.has(key) && this.#ids.size >= AddressPins.pinsMax)) return
    this.#ids.set(key, id)
  }

  /** Whoever is found there next is the one. */
  unpin(key: string): void {
    this.#ids.delete(key)
    this.#undone.delete(key)
    this.#undone.add(key)
    const [oldest] = this.#undone
    if (this.#undone.size > AddressPins.pinsMax && oldest !== undefined) this.#undone.delete(oldest)
  }

  idAt(key: string): PeerId | null {
    return this.#ids.get(key) ?? null
  }

  /** All of them, for a snapshot. */
  entries(): readonly (readonly [string, PeerId])[] {
    return [...this.#ids]
  }
}
