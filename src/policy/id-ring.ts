/**
 * Ids in the order they came, each with an instant, found by open addressing over typed arrays: with a hundred thousand ids,
 * a fifth of what a `Map` costs that loses its oldest with each that comes.
 * Where a slot is depends on a seed, so that nobody who does not know it can make ids that crowd together, as long as they are
 * hashes themselves.
 */

const FIRST_CAPACITY = 64
/** No id stands here. */
const FREE = -1

export class IdRing {
  readonly #seed: number
  readonly #idsMax: number
  /** A power of two: the places of the ring. Slots are twice as many, so that every search soon ends at a free one. */
  #capacity = FIRST_CAPACITY
  // Bound: these four, `idsMax` up to the next power of two.
  #ids: string[] = new Array<string>(FIRST_CAPACITY).fill('')
  #hashes = new Int32Array(FIRST_CAPACITY)
  #instants = new Float64Array(FIRST_CAPACITY)
  #slots: Int32Array = new Int32Array(2 * FIRST_CAPACITY).fill(FREE)
  #head = 0
  #size = 0

  /** @param seed 32 bits @param idsMax the most that there will ever be: then it grows no more */
  constructor(seed: number, idsMax: number) {
    this.#seed = seed
    this.#idsMax = idsMax
  }

  get size(): number {
    return this.#size
  }

  /** The instant of the oldest; null where there is none. */
  get oldest(): number | null {
    return this.#size === 0 ? null : (this.#instants[this.#head] ?? null)
  }

  /** The instant that came with the id; null where it is not here. */
  find(id: string): number | null {
    if (this.#size === 0) return null
    const place = this.#slots[this.#slotOf(id, this.#hash(id))] ?? FREE
    return place === FREE ? null : (this.#instants[place] ?? null)
  }

  /** Adds an id that is not here. */
  add(id: string, instant: number): void {
    if (this.#size >= this.#growsAt) this.#grow()
    const place = (this.#head + this.#size++) & (this.#capacity - 1)
    const hash = this.#hash(id)
    this.#ids[place] = id
    this.#hashes[place] = hash
    this.#instants[place] = instant
    this.#slots[this.#slotOf(id, hash)] = place
  }

  /** The oldest goes. There must be one. */
  drop(): void {
    const place = this.#head
    this.#vacate(this.#slotOf(this.#ids[place] ?? '', this.#hashes[place] ?? 0))
    this.#ids[place] = ''
    this.#head = (place + 1) & (this.#capacity - 1)
    this.#size--
  }

  /** The slot of an id, or the free one where it would be. */
  #slotOf(id: string, hash: number): number {
    const last = this.#slots.length - 1
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const place = this.#slots[slot] ?? FREE
      if (place === FREE || (this.#hashes[place] === hash && this.#ids[place] === id)) return slot
    }
  }

  /** What stands behind in the same run moves up, or a search for it would end here: Knuth, volume 3, algorithm 6.4 R. */
  #vacate(vacant: number): void {
    const last = this.#slots.length - 1
    let free = vacant
    for (let slot = (free + 1) & last; this.#slots[slot] !== FREE; slot = (slot + 1) & last) {
      const place = this.#slots[slot] ?? FREE
      const home = (this.#hashes[place] ?? 0) & last
      if (((slot - home) & last) < ((slot - free) & last)) continue
      this.#slots[free] = place
      free = slot
    }
    this.#slots[free] = FREE
  }

  /** By the seed a little before it must: many nodes in one process, which all hear the same, do not all grow in one moment. */
  get #growsAt(): number {
    return this.#capacity >= this.#idsMax ? this.#capacity : this.#capacity - (this.#seed % (this.#capacity / 4))
  }

  #grow(): void {
    const [ids, hashes, instants, last] = [this.#ids, this.#hashes, this.#instants, this.#capacity - 1]
    this.#capacity *= 2
    this.#ids = new Array<string>(this.#capacity).fill('')
    this.#hashes = new Int32Array(this.#capacity)
    this.#instants = new Float64Array(this.#capacity)
    this.#slots = new Int32Array(2 * this.#capacity).fill(FREE)
    for (let place = 0; place < this.#size; place++) {
      const before = (this.#head + place) & last
      const hash = hashes[before] ?? 0
      this.#ids[place] = ids[before] ?? ''
      this.#hashes[place] = hash
      this.#instants[place] = instants[before] ?? 0
      // All differ: no id need be looked at.
      let slot = hash & (this.#slots.length - 1)
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & (this.#slots.length - 1)
      this.#slots[slot] = place
    }
    this.#head = 0
  }

  /** FNV-1a over the characters from the seed on, its bits spread by Murmur's last step, since the low ones alone are looked at. */
  #hash(id: string): number {
    let hash = this.#seed ^ 0x811c9dc5
    for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
    return hash ^ (hash >>> 16)
  }
}
