/**
 * Who goes when somebody must. Whoever wants to be alone with this node would have to beat everybody else at once in what is
 * hard to fake: to come from networks that no attacker can choose, to be near, to bring news first, to have been here for
 * long. Of those who stand out in nothing, the youngest of the most crowded network goes. (The method is Bitcoin Core's; the
 * numbers are DESIGN's.)
 */

/** A connection that may be evicted: inbound, regular or unknown. */
export interface EvictionCandidate<Key> {
  readonly key: Key
  /** Its network: {@link networkGroup}. */
  readonly group: string
  /** Smoothed round trip; null where it was never measured. */
  readonly rttMs: number | null
  /** When it last brought something that was new and accepted; null where it never did. */
  readonly novelAt: number | null
  readonly openedAt: number
}

/** Networks whose longest link is safe; which, a secret order decides. */
const GROUPS_SAFE = 4
const NEAREST_SAFE = 8
const NEWSBEARERS_SAFE = 4

/**
 * The one that goes.
 * @param orderOf a place in an order of the networks that nobody outside can know, such as a hash with a secret
 * @param isForced whether somebody goes even if all stand out
 * @param newcomer the network of whoever would take the place, where it gets it only to make networks more diverse
 * @returns null where nobody may go
 */
export function pickEviction<Key>(
  candidates: readonly EvictionCandidate<Key>[],
  orderOf: (group: string) => string,
  isForced: boolean,
  newcomer: string | null = null,
): Key | null {
  const exposed = withoutTheSafe(candidates, orderOf)
  const among = exposed.length === 0 && isForced ? candidates : exposed
  const sizes = new Map<string, number>()
  for (const { group } of among) sizes.set(group, (sizes.get(group) ?? 0) + 1)
  let victim: EvictionCandidate<Key> | null = null
  for (const candidate of among) {
    const more = (sizes.get(candidate.group) ?? 0) - (victim === null ? 0 : (sizes.get(victim.group) ?? 0))
    if (victim === null || more > 0 || (more === 0 && candidate.openedAt >= victim.openedAt)) victim = candidate
  }
  if (victim === null) return null
  return newcomer === null || diversifies(candidates, victim.group, newcomer) ? victim.key : null
}

function withoutTheSafe<Key>(
  candidates: readonly EvictionCandidate<Key>[],
  orderOf: (group: string) => string,
): readonly EvictionCandidate<Key>[] {
  const safe = new Set<EvictionCandidate<Key>>()
  const exposed = (): EvictionCandidate<Key>[] => candidates.filter((candidate) => !safe.has(candidate))
  const protect = (best: readonly EvictionCandidate<Key>[]): void => {
    for (const candidate of best) safe.add(candidate)
  }
  protect(longestOfGroups(candidates, orderOf))
  protect(least(exposed(), NEAREST_SAFE, ({ rttMs }) => rttMs))
  protect(least(exposed(), NEWSBEARERS_SAFE, ({ novelAt }) => (novelAt === null ? null : -novelAt)))
  const rest = exposed()
  protect(least(rest, Math.floor(rest.length / 2), ({ openedAt }) => openedAt))
  return exposed()
}

/** Of each of the networks first in the secret order, the link that is there longest. */
function longestOfGroups<Key>(
  candidates: readonly EvictionCandidate<Key>[],
  orderOf: (group: string) => string,
): readonly EvictionCandidate<Key>[] {
  const longest = new Map<string, EvictionCandidate<Key>>()
  for (const candidate of candidates) {
    const known = longest.get(candidate.group)
    if (known === undefined || candidate.openedAt < known.openedAt) longest.set(candidate.group, candidate)
  }
  return [...longest]
    .map(([group, candidate]) => ({ order: orderOf(group), candidate }))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .slice(0, GROUPS_SAFE)
    .map(({ candidate }) => candidate)
}

/** The `count` with the least of something, of those that have it. */
function least<Key>(
  candidates: readonly EvictionCandidate<Key>[],
  count: number,
  measure: (candidate: EvictionCandidate<Key>) => number | null,
): readonly EvictionCandidate<Key>[] {
  return candidates
    .flatMap((candidate) => {
      const value = measure(candidate)
      return value === null ? [] : [{ candidate, value }]
    })
    .sort((a, b) => a.value - b.value)
    .slice(0, count)
    .map(({ candidate }) => candidate)
}

/** Whether its network would still be the smaller one: so nobody displaces and is displaced without end. */
function diversifies<Key>(candidates: readonly EvictionCandidate<Key>[], leaving: string, coming: string): boolean {
  const size = (wanted: string): number => candidates.filter(({ group }) => group === wanted).length
  return size(leaving) >= size(coming) + 2
}
