/** Durations by tenths of a millisecond, so that those of several processes can be put together; the longest is kept as it is. */

const STEP_MS = 0.1
/** Thirty seconds; what took longer counts as that. */
const STEPS = 300_000

/** @typedef {{ counts: Uint32Array, maxMs: number }} Told */

export class Histogram {
  /** Bound: STEPS. */
  #counts = new Uint32Array(STEPS)
  #maxMs = 0

  record(/** @type {number} */ ms) {
    const step = ms > 0 ? Math.floor(ms / STEP_MS) : 0
    this.#counts[step < STEPS ? step : STEPS - 1]++
    if (ms > this.#maxMs) this.#maxMs = ms
  }

  reset() {
    this.#counts.fill(0)
    this.#maxMs = 0
  }

  /** As it can be sent. @returns {Told} */
  tell() {
    const end = this.#counts.findLastIndex((count) => count > 0) + 1
    return { counts: Uint32Array.from(this.#counts.subarray(0, end)), maxMs: this.#maxMs }
  }
}

/** What several told, as one. @param {readonly Told[]} told */
export function summed(told) {
  const counts = new Float64Array(Math.max(0, ...told.map((one) => one.counts.length)))
  for (const one of told) for (let i = 0; i < one.counts.length; i++) counts[i] += one.counts[i]
  const total = counts.reduce((sum, count) => sum + count, 0)
  const maxMs = Math.max(0, ...told.map((one) => one.maxMs))
  /** The end of the step in which the share is reached. @param {number} share */
  const part = (share) => {
    let left = share * total
    const step = counts.findIndex((count) => (left -= count) <= 0)
    return total === 0 ? null : Math.min(maxMs, (step + 1) * STEP_MS)
  }
  return { total, maxMs: total === 0 ? null : maxMs, part }
}
