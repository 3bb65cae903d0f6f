import { LRUCache } from 'lru-cache'

/**
 * A map with a bound: setting one key too many forgets the one that was set or used least recently. lru-cache allocates
 * its tables for the whole bound at once (some 20 bytes per key), so this starts with 64 places and moves to a table of
 * twice the size whenever one is full; the cost of moving is spread over the keys that filled it.
 */
export class BoundedMap<V extends object | number | string> {
  readonly #max: number
  #lru: LRUCache<string, V>

  constructor(max: number) {
    this.#max = max
    this.#lru = new LRUCache({ max: Math.min(64, max) })
  }

  /** Keys held, at most the bound. */
  get size(): number {
    return this.#lru.size
  }

  /** Whether a new key would make it grow or forget. */
  get isFull(): boolean {
    return this.#lru.size >= this.#lru.max
  }

  /** The value, leaving the order as it is. */
  get(key: string): V | undefined {
    return this.#lru.peek(key)
  }

  /** The value, making the key the most recently used. */
  use(key: string): V | undefined {
    return this.#lru.get(key)
  }

  /** Sets the value, making the key the most recently used. */
  set(key: string, value: V): void {
    if (this.isFull && this.#lru.max < this.#max && !this.#lru.has(key)) this.#grow()
    this.#lru.set(key, value)
  }

  delete(key: string): boolean {
    return this.#lru.delete(key)
  }

  /** The least recently used entry. */
  oldest(): [string, V] | undefined {
    for (const entry of this.entries()) return entry
    return undefined
  }

  /** All entries, the least recently used first. */
  entries(): Generator<[string, V], void, unknown> {
    return this.#lru.rentries() as Generator<[string, V], void, unknown>
  }

  #grow(): void {
    const wider = new LRUCache<string, V>({ max: Math.min(2 * this.#lru.max, this.#max) })
    for (const [key, value] of this.entries()) wider.set(key, value)
    this.#lru = wider
  }
}
