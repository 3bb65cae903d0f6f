/**
 * Looks names up as the system does, each once at a time. A lookup cannot be called off: while no server answers, every dial would leave
 * another one behind, and all of them would be answered before the first dial that is of use again.
 */
import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'

/** Of a name with more addresses so many are tried by one dial; the next goes on behind them. */
const TRIED = 4
/** Names of which it is known where the next dial begins. */
const NAMES_MAX = 1_024

type Done = Parameters<LookupFunction>[2]

export function lookupOnce(lookup: LookupFunction): LookupFunction {
  /** Who waits for an answer. Bound: the dials under way, and the names that were dialled meanwhile. */
  const asked = new Map<string, Done[]>()
  /** Bound: NAMES_MAX; the one that was looked up longest ago is forgotten. */
  const begins = new Map<string, number>()

  const turned = (hostname: string, addresses: LookupAddress[]): LookupAddress[] => {
    if (addresses.length <= TRIED) return addresses
    const begin = (begins.get(hostname) ?? 0) % addresses.length
    begins.delete(hostname)
    begins.set(hostname, begin + TRIED)
    const [oldest] = begins.keys()
    if (begins.size > NAMES_MAX && oldest !== undefined) begins.delete(oldest)
    return [...addresses.slice(begin), ...addresses.slice(0, begin)]
  }

  return (hostname, options, done) => {
    const key = JSON.stringify([hostname, options.family, options.hints, options.all])
    const waiting = asked.get(key)
    if (waiting !== undefined) {
      waiting.push(done)
      return
    }
    const all = [done]
    asked.set(key, all)
    lookup(hostname, options, (error, address, family) => {
      asked.delete(key)
      for (const one of all) one(error, Array.isArray(address) ? turned(hostname, address) : address, family)
    })
  }
}
