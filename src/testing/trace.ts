/** A running hash of everything that happens: two runs of one seed are the same exactly when their traces are. */

/** FNV-1a over words, in two lanes. */
export class Trace {
  #a = 0x811c9dc5
  #b = 0xcbf29ce4

  add(kind: string, ...words: readonly number[]): void {
    for (let i = 0; i < kind.length; i++) this.#mix(kind.charCodeAt(i))
    for (const word of words) this.#mix(Math.round(word * 1000) | 0)
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
