/** Chance that can be had again: the same seed draws the same numbers, on every machine. */
import type { Random } from '../ports/clock.js'

/**
 * Randomness from a seed: xoshiro128** (Blackman and Vigna, 2018), seeded by splitmix32. Not for keys that matter.
 */
export class SeededRandom implements Random {
  readonly #state = new Uint32Array(4)

  /** @param seed any integer; equal seeds draw equal sequences */
  constructor(seed: number) {
    let mixed = seed >>> 0
    for (let i = 0; i < 4; i++) {
      mixed = (mixed + 0x9e3779b9) >>> 0
      let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
      this.#state[i] = word ^ (word >>> 15)
    }
  }

  /** 32 random bits. */
  word(): number {
    const state = this.#state
    const [a = 0, b = 0, c = 0, d = 0] = state
    const drawn = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    state[0] = a ^ d ^ b
    state[1] = b ^ c ^ a
    state[2] = c ^ a ^ (b << 9)
    state[3] = rotate(d ^ b, 11)
    return drawn
  }

  float(): number {
    return this.word() / 2 ** 32
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += 4) {
      const word = this.word()
      for (let i = 0; i < 4 && at + i < length; i++) bytes[at + i] = word >>> (8 * i)
    }
    return bytes
  }

  /** A random integer from 0 up to, but not including, `below`. */
  below(below: number): number {
    return Math.floor(this.float() * below)
  }

  /** The items in random order, as a new array. */
  shuffled<T>(items: readonly T[]): T[] {
    const drawn = [...items]
    for (let i = drawn.length - 1; i > 0; i--) {
      const j = this.below(i + 1)
      const moved = drawn[i] as T
      drawn[i] = drawn[j] as T
      drawn[j] = moved
    }
    return drawn
  }

  /** A generator of its own, whose draws do not disturb this one's. */
  fork(): SeededRandom {
    return new SeededRandom(this.word())
  }
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
