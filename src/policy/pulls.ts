/**
 * Broadcasts that were announced and have not come: whom to ask for each, and whom next. The first who announces one is asked
 * at once; whoever lets 250 ms pass in silence is joined by the next, trusted ones first. Who has not sent it by the deadline,
 * even where somebody else has, is a defaulter: asked last for ten minutes. An id is forgotten when nobody is left to ask: the
 * next announcement begins anew.
 */
import type { PeerId } from '../ports/types.js'
import { BoundedMap } from './bounded-map.js'

/** Ids wanted at once, and of those, ids that one peer was the first to announce. */
const WANTED_MAX = 16_384
const WANTED_OF_ONE_MAX = 1_024
/** Who else has it, for each id. */
const OTHERS_MAX = 16
const SILENCE_MS = 250
/** What is larger comes in fragments, and a fragment is no silence. */
const FRAGMENTED_BYTES = 32_768
/** The least time for a whole message, and what must have come of a large one by then for every millisecond: 256 KiB/s. */
const WHOLE_MS_MIN = 2_000
const BYTES_PER_MS = 256 * 1.024
const DEFAULTED_MS = 600_000
const PEERS_MAX = 4_096

interface Asked {
  readonly from: PeerId
  readonly deadlineAt: number
}

interface Wanted {
  readonly key: string
  readonly size: number
  /** Who announced it first: it counts among that peer's. */
  readonly by: PeerId
  // Bound: OTHERS_MAX and one.
  asked: Asked[]
  // Bound: OTHERS_MAX. The next to ask comes first.
  others: { readonly from: PeerId; readonly rank: number }[]
  askedAt: number
  /** It has come, and those who are still asked owe it. */
  isHere: boolean
}

/** A peer is to be asked for an id. */
export interface Pull {
  readonly key: string
  readonly from: PeerId
}

export class Pulls {
  // Bound: WANTED_MAX.
  readonly #wanted = new Map<string, Wanted>()
  // Bound: the peers that have announced something wanted.
  readonly #byPeer = new Map<PeerId, number>()
  // Bound: the ids wanted, once each: the soonest to be looked at first, since all wait equally long.
  #checks: { readonly wanted: Wanted; readonly at: number }[] = []
  /** Until when each counts as a defaulter. */
  readonly #defaulters = new BoundedMap<number>(PEERS_MAX)
  /** Who announced what nobody then had. Bound: the peers. */
  #givenUp = new Set<PeerId>()
  /** When each last brought a fragment of anything. */
  readonly #movedAt = new BoundedMap<number>(PEERS_MAX)

  /** Ids that are wanted. */
  get size(): number {
    return this.#wanted.size
  }

  /** When {@link due} is to be asked next; Infinity while nothing is wanted. */
  get nextAt(): number {
    return this.#checks[0]?.at ?? Number.POSITIVE_INFINITY
  }

  /** Whether a peer let a deadline pass within the last ten minutes. */
  isDefaulter(peerId: PeerId, now: number): boolean {
    return (this.#defaulters.get(peerId) ?? 0) > now
  }

  /** A peer says that it has a message that this node has not. @returns whether to ask it now */
  announced(key: string, size: number, from: PeerId, isTrusted: boolean, now: number): boolean {
    const known = this.#wanted.get(key)
    const ofThis = this.#byPeer.get(from) ?? 0
    if (known === undefined && (this.#wanted.size >= WANTED_MAX || ofThis >= WANTED_OF_ONE_MAX)) return false
    const wanted =
      known ?? this.#begin({ key, size, by: from, asked: [], others: [], askedAt: now, isHere: false }, now)
    const rank = this.isDefaulter(from, now) ? RANK.defaulter : isTrusted ? RANK.trusted : RANK.other
    // A defaulter alone is asked when a silence has passed in which nobody else came.
    if (wanted.asked.length === 0 && rank !== RANK.defaulter) {
      this.#ask(wanted, from, now)
      return true
    }
    addOther(wanted, from, rank)
    return false
  }

  /** A peer has sent it, asked or not. @returns who else is known to have it */
  arrived(key: string, from: PeerId): readonly PeerId[] {
    const wanted = this.#wanted.get(key)
    if (wanted === undefined) return NOBODY
    const holders = [...wanted.asked, ...wanted.others].map((holder) => holder.from)
    wanted.asked = wanted.asked.filter((asked) => asked.from !== from)
    wanted.others = []
    wanted.isHere = true
    if (wanted.asked.length === 0) this.#forget(wanted)
    return holders
  }

  /** Part of something large has come from a peer: what it was asked for is on its way. */
  moved(from: PeerId, now: number): void {
    if (this.#wanted.size > 0) this.#movedAt.set(from, now)
  }

  /** A peer was asked and has it no more. @returns whom to ask instead */
  refused(key: string, from: PeerId, now: number): Pull | null {
    const wanted = this.#wanted.get(key)
    if (wanted?.asked.some((asked) => asked.from === from) !== true) return null
    wanted.asked = wanted.asked.filter((asked) => asked.from !== from)
    return this.#next(wanted, now)
  }

  /** A peer has left. @returns whom to ask instead, for everything it was asked for */
  lost(from: PeerId, now: number): readonly Pull[] {
    const pulls: Pull[] = []
    this.#movedAt.delete(from)
    for (const wanted of [...this.#wanted.values()]) {
      wanted.others = wanted.others.filter((other) => other.from !== from)
      const pull = this.refused(wanted.key, from, now)
      if (pull !== null) pulls.push(pull)
    }
    return pulls
  }

  /** What the passing of time asks for. Call it when {@link nextAt} has come. */
  due(now: number): readonly Pull[] {
    const pulls: Pull[] = []
    let count = 0
    for (let check = this.#checks[count]; check !== undefined && check.at <= now; check = this.#checks[count]) {
      count++
      const { wanted } = check
      if (this.#wanted.get(wanted.key) !== wanted) continue
      const pull = this.#check(wanted, now)
      if (pull !== null) pulls.push(pull)
      if (this.#wanted.get(wanted.key) === wanted) this.#checks.push({ wanted, at: now + SILENCE_MS })
    }
    if (count > 0) this.#checks = this.#checks.slice(count)
    return pulls
  }

  /** Peers that announced what nobody could be got to send, since this was last asked. */
  takeGivenUp(): ReadonlySet<PeerId> {
    const givenUp = this.#givenUp
    if (givenUp.size > 0) this.#givenUp = new Set()
    return givenUp
  }

  #begin(wanted: Wanted, now: number): Wanted {
    this.#wanted.set(wanted.key, wanted)
    this.#byPeer.set(wanted.by, (this.#byPeer.get(wanted.by) ?? 0) + 1)
    this.#checks.push({ wanted, at: now + SILENCE_MS })
    return wanted
  }

  #check(wanted: Wanted, now: number): Pull | null {
    for (const { from, deadlineAt } of wanted.asked)
      if (deadlineAt <= now) this.#defaulters.set(from, now + DEFAULTED_MS)
    wanted.asked = wanted.asked.filter(({ deadlineAt }) => deadlineAt > now)
    return this.#isMoving(wanted, now) ? null : this.#next(wanted, now)
  }

  #isMoving({ size, asked, askedAt }: Wanted, now: number): boolean {
    if (asked.length === 0) return false
    const isRecent = (at: number): boolean => now - at < SILENCE_MS
    if (isRecent(askedAt)) return true
    return (
      size > FRAGMENTED_BYTES && asked.some(({ from }) => isRecent(this.#movedAt.get(from) ?? Number.NEGATIVE_INFINITY))
    )
  }

  #next(wanted: Wanted, now: number): Pull | null {
    const next = wanted.others.shift()
    if (next === undefined) {
      if (wanted.asked.length > 0) return null
      this.#forget(wanted)
      if (!wanted.isHere) this.#givenUp.add(wanted.by)
      return null
    }
    this.#ask(wanted, next.from, now)
    return { key: wanted.key, from: next.from }
  }

  #ask(wanted: Wanted, from: PeerId, now: number): void {
    wanted.askedAt = now
    wanted.asked.push({ from, deadlineAt: now + Math.max(WHOLE_MS_MIN, wanted.size / BYTES_PER_MS) })
  }

  #forget(wanted: Wanted): void {
    this.#wanted.delete(wanted.key)
    const left = (this.#byPeer.get(wanted.by) ?? 1) - 1
    if (left > 0) this.#byPeer.set(wanted.by, left)
    else this.#byPeer.delete(wanted.by)
  }
}

/** Behind those that are asked no later. */
function addOther({ asked, others, isHere }: Wanted, from: PeerId, rank: number): void {
  if (isHere || asked.some((one) => one.from === from) || others.some((one) => one.from === from)) return
  const at = others.findIndex((other) => other.rank > rank)
  others.splice(at < 0 ? others.length : at, 0, { from, rank })
  if (others.length > OTHERS_MAX) others.pop()
}

/** Lower is asked sooner. */
const RANK = { trusted: 0, other: 1, defaulter: 2 }
const NOBODY: readonly PeerId[] = []
