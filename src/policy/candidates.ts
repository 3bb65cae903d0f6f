/**
 * Whom to dial next, among those we are not linked to: class first, then score, diversity of networks, freshness, and a little
 * chance. One pick in five is an address nobody has tried, or the book would only ever confirm itself.
 */
import type { Random } from '../ports/clock.js'
import type { PeerClass, PeerId } from '../ports/types.js'
import { SCORE_AVOIDED } from './score.js'

export interface Candidate {
  readonly peerId: PeerId
  readonly peerClass: PeerClass
  /** −100 to 100. */
  readonly score: number
  /** The network its first address is in. */
  readonly group: string
  /** Since it was last seen; null where it never was. */
  readonly ageMs: number | null
  /** One of the best links before the last restart. */
  readonly isAnchor?: boolean
}

const CLASS_ORDER: Readonly<Record<PeerClass, number>> = { masternode: 0, persistent: 1, regular: 3, unknown: 4 }
const ANCHOR_ORDER = 2
/** More than all classes together make. */
const SHUNNED = 100
const UNTRIED_SHARE = 0.2
const FRESH_HALF_LIFE_MS = 6 * 3_600_000
const COLD_HALF_LIFE_MS = 3_600_000

/**
 * Up to `count` of the candidates, best first: by class, then by 0.45·score + 0.25/(1 + linked in the same group) +
 * 0.20·2^(−age / 6 h) + 0.10·chance.
 * @param linkedIn how many links lead into each network group
 */
export function pickCandidates(
  candidates: readonly Candidate[],
  count: number,
  linkedIn: ReadonlyMap<string, number>,
  random: Random,
): readonly Candidate[] {
  const ranked = candidates
    .map((candidate) => ({ candidate, rank: rank(candidate, linkedIn, random) }))
    .sort((a, b) => b.rank - a.rank)
    .map(({ candidate }) => candidate)
  const untried = ranked.filter(({ ageMs, peerClass }) => ageMs === null && peerClass === 'unknown')
  const picked = new Set<Candidate>()
  const waiting = [...ranked]
  while (picked.size < count && waiting.length > 0) {
    const fresh = random.float() < UNTRIED_SHARE ? untried.find((other) => !picked.has(other)) : undefined
    // Whoever is passed over for an untried one is next.
    const next = fresh ?? waiting.shift()
    if (next !== undefined) picked.add(next)
  }
  return [...picked]
}

/** One of those given up, drawn by 2^(−time since it was last seen / 1 h); null of none. */
export function pickCold<T extends { readonly ageMs: number | null }>(cold: readonly T[], random: Random): T | null {
  // Very old ones keep a chance that is small but not nothing.
  const weights = cold.map(({ ageMs }) => Math.max(2 ** (-(ageMs ?? COLD_HALF_LIFE_MS) / COLD_HALF_LIFE_MS), 1e-6))
  let drawn = random.float() * weights.reduce((sum, weight) => sum + weight, 0)
  for (const [i, one] of cold.entries()) {
    drawn -= weights[i] ?? 0
    if (drawn < 0) return one
  }
  return cold.at(-1) ?? null
}

function rank(
  { peerClass, score, group, ageMs, isAnchor = false }: Candidate,
  linkedIn: ReadonlyMap<string, number>,
  random: Random,
): number {
  const quality =
    0.45 * ((score + 100) / 200) +
    0.25 / (1 + (linkedIn.get(group) ?? 0)) +
    0.2 * (ageMs === null ? 0.5 : 2 ** (-Math.max(0, ageMs) / FRESH_HALF_LIFE_MS)) +
    0.1 * random.float()
  // A stranger that is avoided comes last, and so only where there is nobody else.
  const shunned = score <= SCORE_AVOIDED && CLASS_ORDER[peerClass] > ANCHOR_ORDER ? SHUNNED : 0
  return quality - shunned - 2 * (isAnchor ? Math.min(ANCHOR_ORDER, CLASS_ORDER[peerClass]) : CLASS_ORDER[peerClass])
}
