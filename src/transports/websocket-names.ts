/**
 * Looks up names. The system's lookup holds one of few threads for as long as no server answers, and cannot be called off: so each of the
 * operator's names is looked up once at a time, and those that only strangers tell not at all by it. Whoever tells a name chooses the
 * server that is asked; for theirs the network's resolvers are asked, so a name in the machine's hosts file is not found.
 */
import type { LookupAddress, Resolver } from 'node:dns'
import type { LookupFunction } from 'node:net'

/** How long the first answer to a question may take, and how often it is asked: three seconds in all of each resolver, and time is left for the dial. */
export const TOLD_LOOKUP = { timeout: 1_000, tries: 2 }

export function lookupBy(resolver: Pick<Resolver, 'resolve4' | 'resolve6'>): LookupFunction {
  return (hostname, { all }, done) => {
    const found: LookupAddress[] = []
    let open = 2
    const answered =
      (family: 4 | 6) => (error: NodeJS.ErrnoException | null, addresses: readonly string[] | undefined) => {
        for (const address of addresses ?? []) found.push({ address, family })
        if (--open > 0) return
        found.sort((a, b) => a.family - b.family)
        const [first] = found
        if (first === undefined) done(error ?? notFound(hostname), '', 0)
        else if (all === true) done(null, found)
        else done(null, first.address, first.family)
      }
    resolver.resolve4(hostname, answered(4))
    resolver.resolve6(hostname, answered(6))
  }
}

export function lookupOnce(lookup: LookupFunction): LookupFunction {
  /** Who waits for an answer. Bound: the dials under way, and the names that were dialled meanwhile. */
  const asked = new Map<string, Parameters<LookupFunction>[2][]>()
  return (hostname, options, done) => {
    const key = JSON.stringify([hostname, options.family, options.hints, options.all])
    const waiting = asked.get(key) ?? []
    asked.set(key, waiting)
    if (waiting.push(done) > 1) return
    lookup(hostname, options, (...answer) => {
      asked.delete(key)
      for (const one of waiting) one(...answer)
    })
  }
}

function notFound(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`no address of ${hostname}`), { code: 'ENOTFOUND' })
}
