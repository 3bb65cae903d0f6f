/** Events as promises and as a bounded iterator, both ended by a signal, and by the swarm's end. */
import { HoldfastError } from '../errors.js'
import type { SwarmEmitter, SwarmEventName, SwarmEvents } from './events.js'

/** Events that an iterator holds for a slow reader; beyond it the oldest are dropped. */
const EVENTS_MAX = 1_024

/** Resolves with the next event of that name. Rejects with the signal's reason, or `not-running` once there will be none. */
export async function onceEvent<K extends SwarmEventName>(
  emitter: SwarmEmitter,
  name: K,
  signal: AbortSignal | undefined,
): Promise<SwarmEvents[K]> {
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      noLonger()
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
    const over = (): void => {
      stop()
      reject(new HoldfastError('not-running', `the swarm stopped before ${name}`))
    }
    emitter.on(name, heard)
    const noLonger = emitter.whenOver(over)
    signal?.addEventListener('abort', aborted)
    if (emitter.isOver) over()
  })
}

/** Every event of that name from the first `next` on, until the loop is left, the signal aborts, or the swarm has stopped. */
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
  const ended = (): void => wake?.()
  emitter.on(name, heard)
  const noLonger = emitter.whenOver(ended)
  signal?.addEventListener('abort', ended)
  try {
    while (signal?.aborted !== true) {
      const next = waiting.shift()
      if (next !== undefined) yield next
      else if (emitter.isOver) return
      else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  } finally {
    noLonger()
    emitter.off(name, heard)
    signal?.removeEventListener('abort', ended)
  }
}
