/** A running hash of everything that happens: two runs of one seed are the same exactly when their traces are. */

/** FNV-1a over words, in two lanes. */
export class Trace {
  #a = 0x811c9dc5
  #b = 0xcbf29ce4

  /** What happened, when (to the microsecond), and to whom. */
  add(kind: string, at: number, a = -1, b = -1): void {
    for (let i = 0; i < kind.length; i++) this.#mix(kind.charCodeAt(i))
    this.#mix(Math.round(at * 1000) | 0)
    this.#mix(a)
    this.#mix(b)
  }

  /** Sixteen hex digits. */
  get hash(): string {
    return (this.#a >>> 0).toString(16).padStart(8, '0') + (this.#b >>> 0).toString(16).padStart(8, '0')
  }

  #mix(word: number): void {
    this.#a = Math.imul(this.#a ^ word, 0x01000193)
    this.#b = Math.imul(this.#b ^ (word + (this.#a >>> 7)), 0x01000193)
  }
}
