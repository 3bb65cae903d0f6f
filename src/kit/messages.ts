/** What a pool and its workers say to each other, and what they share. Whatever else is said on the port is the host's own. */

/** What the pool tells a worker. */
export type ToWorker =
  | { readonly holdfast: 'progress'; readonly shared: SharedArrayBuffer }
  | { readonly holdfast: 'batch'; readonly items: readonly unknown[] }

/** What a worker tells the pool. Answers come in the order of the items, in one message or several. */
export type FromWorker =
  | { readonly holdfast: 'ready' }
  | {
      readonly holdfast: 'answers'
      readonly answers: readonly unknown[]
      /** Positions in `answers` that hold what was thrown. */
      readonly failed: readonly number[]
      /** What it took to find them. */
      readonly tookMs: number
    }

/** Two numbers that the pool can still read when the worker has hung or ended: items of its batch begun, and done. */
export const PROGRESS_BYTES = 8
export const BEGUN = 0
export const DONE = 1

/** The host's code may use the port, too. */
export function isOurs(message: unknown): message is { readonly holdfast: string } {
  return typeof message === 'object' && message !== null && 'holdfast' in message
}
