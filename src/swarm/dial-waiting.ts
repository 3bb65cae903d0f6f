/** A host's own wait for a dial: a promise that its signal can call off, without taking the dial from others who wait. */
import type { PeerId } from '../ports/types.js'
import type { Target, Waiter } from './dial-target.js'

export async function waitFor(
  target: Target,
  signal: AbortSignal | undefined,
  { begin, abandon }: { readonly begin: () => void; readonly abandon: (target: Target) => void },
): Promise<PeerId> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      signal?.removeEventListener('abort', abort)
      const { at } = waiter
      at.waiters = at.waiters.filter((other) => other !== waiter)
    }
    const waiter: Waiter = {
      at: target,
      resolve: (peerId) => {
        finish()
        resolve(peerId)
      },
      reject: (error) => {
        finish()
        reject(error)
      },
    }
    const abort = (): void => {
      waiter.reject(signal?.reason as Error)
      if (waiter.at.waiters.length === 0) abandon(waiter.at)
    }
    signal?.addEventListener('abort', abort)
    target.waiters.push(waiter)
    begin()
  })
}
