/**
 * How good a peer has been to us, from −100 to 100, every term of it visible: 50·R + 25·U + 25·L − P. R is success, U uptime,
 * L latency; P are the penalty points, which decay. A score chooses among strangers; it never bars a trusted peer.
 */
import type { PeerId } from '../ports/types.js'
import { isPeerIdText } from './address.js'
import { BoundedMap } from './bounded-map.js'
import { checkLimit } from './limit.js'
import { isRecord, someOf } from './stored.js'

/** A score and what it is made of. */
export interface Score {
  /** −100 to 100. From 20 preferred, from −20 down avoided. */
  readonly total: number
  /** −1 to 1: how often dials and sessions succeeded, the latest counting a fifth. */
  readonly success: number
  /** 0 to 1: the share of the last day, since we know the peer, in which it was linked. */
  readonly uptime: number
  /** 0 to 1: 1 for no latency, 0 from a second on. */
  readonly latency: number
  /** Points at present. */
  readonly penalty: number
}

/** At or below this a peer is avoided, throttled, and replaced where there is a better one. */
export const SCORE_AVOIDED = -20

const LATEST_WEIGHT = 0.2
const DAY_MS = 86_400_000
const SLOWEST_MS = 1_000

interface Known {
  success: number
  linkedMs: number
  linkedSince: number | null
  knownSince: number
  rttMs: number | null
}

/** The scores of all peers. */
export class ScoreBook {
  /** Bound: `peersMax`; the least recently changed is forgotten. */
  readonly #known: BoundedMap<Known>
  readonly #peersMax: number

  constructor(peersMax = 8_192) {
    this.#peersMax = peersMax
    this.#known = new BoundedMap(checkLimit('peersMax', peersMax, 1, 2 ** 20))
  }

  /** A dial or a session came to something, or did not. */
  outcome(peerId: PeerId, succeeded: boolean, now: number): void {
    const known = this.#of(peerId, now)
    known.success += LATEST_WEIGHT * ((succeeded ? 1 : 0) - known.success)
  }

  linked(peerId: PeerId, now: number): void {
    this.#of(peerId, now).linkedSince ??= now
  }

  /** @param rttMs the link's smoothed round trip, null where it was never measured */
  unlinked(peerId: PeerId, rttMs: number | null, now: number): void {
    const known = this.#of(peerId, now)
    if (known.linkedSince !== null) known.linkedMs += now - known.linkedSince
    known.linkedSince = null
    known.rttMs = rttMs ?? known.rttMs
  }

  /**
   * @param rttMs the present round trip, null to use the last one known
   * @param penalty the peer's points
   */
  score(peerId: PeerId, rttMs: number | null, penalty: number, now: number): Score {
    const known = this.#known.get(peerId)
    const success = 2 * (known?.success ?? 0.5) - 1
    const uptime = known === undefined ? 0 : uptimeOf(known, now)
    const measuredMs = rttMs ?? known?.rttMs ?? SLOWEST_MS
    const latency = 1 - Math.min(1, measuredMs / SLOWEST_MS)
    const total = Math.min(100, Math.max(-100, 50 * success + 25 * uptime + 25 * latency - penalty))
    return { total, success, uptime, latency, penalty }
  }

  /** All scores, in a form that survives JSON. Durations, not instants: clocks differ after a restart. */
  snapshot(now: number): unknown {
    const scores = Array.from(this.#known.entries(), ([id, { success, linkedMs, linkedSince, knownSince, rttMs }]) => {
      const presentMs = linkedSince === null ? 0 : now - linkedSince
      return { id, success, linkedMs: linkedMs + presentMs, knownMs: now - knownSince, rttMs }
    })
    return { version: 1, scores }
  }

  /** Adds what a snapshot holds to what is known. Never throws: what does not make sense is left out. */
  restore(snapshot: unknown, now: number): void {
    if (!isRecord(snapshot) || snapshot['version'] !== 1) return
    for (const item of someOf(snapshot['scores'], this.#peersMax)) this.#restoreOne(item, now)
  }

  #restoreOne(item: unknown, now: number): void {
    if (!isRecord(item)) return
    const { id, success, linkedMs, knownMs, rttMs } = item
    if (typeof id !== 'string' || !isPeerIdText(id) || this.#known.get(id) !== undefined) return
    const isShare = typeof success === 'number' && success >= 0 && success <= 1
    if (!isShare || !isDuration(linkedMs) || !isDuration(knownMs) || !(rttMs === null || isDuration(rttMs))) return
    const fresh = {
      success,
      linkedMs: Math.min(linkedMs, knownMs),
      linkedSince: null,
      knownSince: now - knownMs,
      rttMs,
    }
    this.#known.set(id, fresh)
  }

  #of(peerId: PeerId, now: number): Known {
    const known = this.#known.use(peerId)
    if (known !== undefined) return known
    const fresh: Known = { success: 0.5, linkedMs: 0, linkedSince: null, knownSince: now, rttMs: null }
    this.#known.set(peerId, fresh)
    return fresh
  }
}

function isDuration(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isFinite(value)
}

/** What lies more than a day back fades as the day moves on. */
function uptimeOf({ linkedMs, linkedSince, knownSince }: Known, now: number): number {
  const knownMs = Math.max(1, now - knownSince)
  const share = Math.min(1, (linkedMs + (linkedSince === null ? 0 : now - linkedSince)) / knownMs)
  if (linkedSince === null) return share
  return Math.max(share, Math.min(1, (now - linkedSince) / DAY_MS))
}
