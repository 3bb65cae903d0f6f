/** Chance that can be had again: the same seed draws the same numbers. */
import type { Random } from '../../src/ports/clock.js'

/** Mulberry32: small, quick, and good enough to mix schedules. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    float: next,
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(next() * 256)),
  }
}
