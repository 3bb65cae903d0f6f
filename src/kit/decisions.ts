/**
 * What a pool decides, as questions with values for answers: how much one worker is given, when another is started, and what
 * becomes of calls whose worker has ended. No timers, no threads, no promises.
 */

/** A worker is given about so much work at once: what comes next is not far behind it, and a message costs little beside it. */
const BATCH_MS = 4
/** How much the newest answers count in what one item is thought to take. */
const NEWEST = 0.25
/** Another worker is started when nobody has been idle for so long and something waits: about what it takes to start one. */
const PATIENCE_MS = 20
/** The first worker that ends before it has answered anything is replaced after so long, each further one after twice that. */
const RESTART_FIRST_MS = 50
/** A call waits no longer than this for a start, or the handler behind it would run out of time. */
const RESTART_MAX_MS = 1_000
/** A call whose workers end for no reason that can be seen is tried so often. */
const TRIES_MAX = 2

/** The next mean of what one item takes, in milliseconds. @param mean null before the first answer */
export function paceAfter(mean: number | null, tookMs: number, items: number): number {
  const each = Math.max(0, tookMs) / Math.max(1, items)
  return mean === null ? each : mean + (each - mean) * NEWEST
}

/**
 * How many of those that wait one of the idle workers is given: its even share, but no more than a few milliseconds' work. One at
 * first, while nobody knows what an item takes.
 * @param mean milliseconds, or null where nothing was answered yet
 */
export function batchSize(waiting: number, idle: number, mean: number | null, batchMax: number): number {
  if (waiting <= 0 || idle <= 0) return 0
  if (mean === null) return 1
  const worth = Math.max(1, Math.floor(BATCH_MS / mean))
  return Math.min(Math.ceil(waiting / idle), worth, batchMax)
}

/** What there is when it is asked whether to start another worker. Something waits. */
export interface Crew {
  /** Threads that have not ended. */
  readonly threads: number
  /** Those of them that are not on their way out. */
  readonly usable: number
  /** Those that have not begun to serve. */
  readonly starting: number
  readonly threadsMax: number
  /** Since when none of them has been idle. */
  readonly busySince: number
  /** No start before this instant, because of those that failed. */
  readonly notBefore: number
}

/** The instant to start another worker, `Infinity` for none: the first at once, one more when there is no rest, one at a time. */
export function startAt({ threads, usable, starting, threadsMax, busySince, notBefore }: Crew): number {
  if (starting > 0 || threads >= threadsMax) return Infinity
  return usable === 0 ? notBefore : Math.max(notBefore, busySince + PATIENCE_MS)
}

/** How long to wait before the next start, when so many workers in a row ended before they had answered anything. */
export function restartDelayMs(fruitless: number): number {
  return fruitless <= 0 ? 0 : Math.min(RESTART_MAX_MS, RESTART_FIRST_MS * 2 ** (fruitless - 1))
}

/** How far a worker had come with its batch when it ended. */
export interface Progress {
  /** Items it had begun, of which `done` were finished. */
  readonly begun: number
  readonly done: number
}

/** `lost`: this call ended its worker, or might as well have. `alone`: by itself next time. `again`: with others next time. */
export type Fate = 'lost' | 'alone' | 'again'

/**
 * What becomes of an unanswered call at `index` of the batch. Who was being worked on is to blame, and alone it is surely that one:
 * the others go on as if nothing had happened to them, however often. Where nobody is to blame everybody is, a little.
 * @param tries how often its worker has ended without anybody to blame, this time included
 */
export function fateOf(index: number, { begun, done }: Progress, tries: number): Fate {
  const suspects = begun - done
  if (suspects <= 0) return tries >= TRIES_MAX ? 'lost' : 'again'
  if (index < done || index >= begun) return 'again'
  return suspects === 1 ? 'lost' : 'alone'
}
