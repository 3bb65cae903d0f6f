/** Events as promises and as a bounded iterator, both ended by a signal. */
import type { SwarmEmitter, SwarmEventName, SwarmEvents } from './events.js'

/** Events that an iterator holds for a slow reader; beyond it the oldest are dropped. */
const EVENTS_MAX = 1_024

/** Resolves with the next event of that name. Rejects with the signal's reason. */
export async function onceEvent<K extends SwarmEventName>(
  emitter: SwarmEmitter,
  name: K,
  signal: AbortSignal | undefined,
): Promise<SwarmEvents[K]> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      emitter.off(name, heard)
      signal?.removeEventListener('abort', aborted)
    }
    const heard = (...args: SwarmEvents[K]): void => {
      stop()
      resolve(args)
    }
    const aborted = (): void => {
      stop()
      reject(signal?.reason as Error)
    }
    emitter.on(name, heard)
    signal?.addEventListener('abort', aborted)
  })
}

/** Every event of that name from the first `next` on, until the loop is left or the signal aborts. */
export async function* eventStream<K extends SwarmEventName>(
  emitter: SwarmEmitter,
  name: K,
  signal: AbortSignal | undefined,
): AsyncGenerator<SwarmEvents[K], void, undefined> {
  // Bound: EVENTS_MAX.
  const waiting: SwarmEvents[K][] = []
  let wake: (() => void) | null = null
  const heard = (...args: SwarmEvents[K]): void => {
    if (waiting.push(args) > EVENTS_MAX) waiting.shift()
    wake?.()
  }
  const aborted = (): void => wake?.()
  emitter.on(name, heard)
  signal?.addEventListener('abort', aborted)
  try {
    while (signal?.aborted !== true) {
      const next = waiting.shift()
      if (next !== undefined) yield next
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    emitter.off(name, heard)
    signal?.removeEventListener('abort', aborted)
  }
}
