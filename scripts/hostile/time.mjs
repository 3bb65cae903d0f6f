/** Time that every process of the lab agrees on, and time that a process did not get. */
import { readFileSync } from 'node:fs'

/** Milliseconds on the machine's own clock: the same in all processes. */
export const now = () => Number(process.hrtime.bigint()) / 1e6

/** How long this thread could have run and had to wait for a core, ms since it began; on a quiet machine next to nothing. Linux alone tells. */
export function waitedMs() {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}

/** @param {number} share */
export const percent = (share) => `${Math.round(100 * share)} %`
