/**
 * The only real time and randomness in the house: globals that Node and browsers share, and no `node:` import.
 * A swarm that runs always has a deadline, and so keeps its process alive, whether it listens or only dials.
 */
import type { Clock, Random } from '../ports/clock.js'

/** {@link Clock} on `performance.now`, `Date.now`, `setTimeout`, and `setImmediate` or microtasks. */
export const systemClock: Clock = {
  monotonic: (): number => performance.now(),
  wall: (): number => Date.now(),

  wakeAt(atMs: number, run: () => void): () => void {
    let timer = arm()
    return () => {
      clearTimeout(timer)
    }

    function arm(): ReturnType<typeof setTimeout> {
      const leftMs = Math.ceil(atMs - performance.now())
      const armed = setTimeout(wake, Math.min(Math.max(leftMs, 0), TIMEOUT_MAX_MS))
      return armed
    }

    /** Too early where the wait was clamped, or where the host's timers are coarser than its clock. */
    function wake(): void {
      if (performance.now() < atMs) timer = arm()
      else run()
    }
  },

  atTurnEnd(run: () => void): void {
    endOfTurn(run)
  },
}

/** {@link Random} on the host's cryptographic generator; `float` draws from a pool, which makes it cheap. */
export const systemRandom: Random = {
  /** 53 bits, as many as a double can tell apart below 1. */
  float(): number {
    if (poolAt === pool.length) {
      crypto.getRandomValues(pool)
      poolAt = 0
    }
    const high = (pool[poolAt++] ?? 0) >>> 5
    const low = (pool[poolAt++] ?? 0) >>> 6
    return (high * 2 ** 26 + low) / 2 ** 53
  },

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    for (let at = 0; at < length; at += FILL_MAX) crypto.getRandomValues(bytes.subarray(at, at + FILL_MAX))
    return bytes
  },
}

/**
 * Where there is `setImmediate` a turn is one round of the event loop: what comes from many sockets at once is answered together,
 * in fewer and larger records. Elsewhere it ends with the task.
 */
const endOfTurn: (run: () => void) => void =
  (globalThis as { setImmediate?: (run: () => void) => void }).setImmediate ?? queueMicrotask

/** A longer `setTimeout` fires at once: its delay is a signed 32-bit number. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1
/** Bytes `getRandomValues` gives in one call, by the Web Cryptography specification. */
const FILL_MAX = 65_536

/** Two words per float; full at the start means that the first call fills it. */
const pool = new Uint32Array(256)
let poolAt = pool.length
