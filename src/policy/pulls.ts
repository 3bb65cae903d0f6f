/**
 * Broadcasts that were announced and have not come: whom to ask for each, and whom next. The first who announces one is asked
 * at once; whoever lets 250 ms pass in silence is joined by the next, trusted ones first. Who has not sent it by the deadline,
 * even where somebody else has, is a defaulter: asked last for ten minutes. An id is forgotten when nobody is left to ask: the
 * next announcement begins anew. Whoever announced it then, or what there was no room for, may have been missed.
 */
import type { PeerId } from '../ports/types.js'
import { BoundedMap } from './bounded-map.js'

/** Ids wanted at once, and of those, ids that one peer was the first to announce. */
const WANTED_MAX = 16_384
/** Where those that are not trusted may add no more. */
const WANTED_OF_STRANGERS_MAX = 12_288
const WANTED_OF_ONE_MAX = 1_024
/** The same for one that is trusted: what a busy relay tells at once. */
const WANTED_OF_TRUSTED_MAX = 4_096
/** Who else has it, for each id. */
const OTHERS_MAX = 16
const SILENCE_MS = 250
/** What is larger comes in fragments, and a fragment is no silence. */
const FRAGMENTED_BYTES = 32_768
/** The least time for a whole message, and what must have come of a large one by then for every millisecond: 256 KiB/s. */
const WHOLE_MS_MIN = 2_000
const BYTES_PER_MS = 256 * 1.024
const DEFAULTED_MS = 600_000
/** Who did not have what it had announced: an honest one has let it go for want of room. */
const LACKING_MS = 60_000
const PEERS_MAX = 4_096

interface Asked {
  readonly from: PeerId
  /** As this source says. */
  readonly size: number
  readonly deadlineAt: number
}

interface Wanted {
  readonly key: string
  /** Who announced it first: it counts among that peer's. */
  readonly by: PeerId
  // Bound: OTHERS_MAX and one.
  asked: Asked[]
  // Bound: OTHERS_MAX. The next to ask comes first.
  others: { readonly from: PeerId; readonly rank: number; readonly size: number }[]
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
  /** Who announced what nobody then had, or what there was no room for. Bound: the peers. */
  #givenUp = new Set<PeerId>()
  /** Until when each counts as one that says more than it has. */
  readonly #lacking = new BoundedMap<number>(PEERS_MAX)
  /** Until when each has brought fragments of anything as fast as it should. */
  readonly #movedAt = new BoundedMap<number>(PEERS_MAX)

  /** Ids that are wanted. */
  get size(): number {
    return this.#wanted.size
  }

  /** When {@link due} is to be asked next; Infinity while nothing is wanted. */
  get nextAt(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : (this.#checks[0]?.at ?? Number.POSITIVE_INFINITY)
  }

  /** Whether a peer let a deadline pass within the last ten minutes. */
  isDefaulter(peerId: PeerId, now: number): boolean {
    return (this.#defaulters.get(peerId) ?? 0) > now
  }

  /** A peer says that it has a message that this node has not. @returns whether to ask it now */
  announced(key: string, size: number, from: PeerId, isTrusted: boolean, now: number): boolean {
    const known = this.#wanted.get(key)
    if (known === undefined && !this.#hasRoom(from, isTrusted)) {
      this.#givenUp.add(from)
      return false
    }
    const wanted = known ?? this.#begin({ key, by: from, asked: [], others: [], askedAt: now, isHere: false }, now)
    // It came, and was lost again before it was judged.
    wanted.isHere = false
    const rank = this.#rankOf(from, isTrusted, now)
    // Who failed before is asked when a silence has passed in which nobody else came.
    if (wanted.asked.length === 0 && rank < RANK.lacking) {
      this.#ask(wanted, from, size, now)
      return true
    }
    addOther(wanted, from, rank, size)
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

  /** Part of something large has come from a peer: it buys as much time as it should have taken, or crumbs would be patience. */
  moved(from: PeerId, bytes: number, now: number): void {
    if (this.#wanted.size === 0) return
    const before = Math.max(this.#movedAt.get(from) ?? Number.NEGATIVE_INFINITY, now - SILENCE_MS)
    this.#movedAt.set(from, Math.min(now, before + bytes / BYTES_PER_MS))
  }

  /** A peer was asked and has it no more. @returns whom to ask instead */
  refused(key: string, from: PeerId, now: number): Pull | null {
    const wanted = this.#wanted.get(key)
    if (wanted?.asked.some((asked) => asked.from === from) !== true) return null
    wanted.asked = wanted.asked.filter((asked) => asked.from !== from)
    this.#lacking.set(from, now + LACKING_MS)
    return this.#next(wanted, now)
  }

  /** A peer has another link now. @returns what it was asked for: the question may have been lost with the old one */
  relinked(from: PeerId, now: number): readonly Pull[] {
    const pulls: Pull[] = []
    for (const wanted of this.#wanted.values()) {
      const asked = wanted.asked.find((one) => one.from === from)
      if (asked === undefined) continue
      wanted.asked = wanted.asked.filter((one) => one !== asked)
      this.#ask(wanted, from, asked.size, now)
      pulls.push({ key: wanted.key, from })
    }
    return pulls
  }

  /** A peer has left. @returns whom to ask instead, for everything it was asked for */
  lost(from: PeerId, now: number): readonly Pull[] {
    const pulls: Pull[] = []
    this.#movedAt.delete(from)
    for (const wanted of [...this.#wanted.values()]) {
      wanted.others = wanted.others.filter((other) => other.from !== from)
      if (!wanted.asked.some((asked) => asked.from === from)) continue
      wanted.asked = wanted.asked.filter((asked) => asked.from !== from)
      const pull = this.#next(wanted, now)
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

  /** Peers that announced what there was no room for or nobody could be got to send, since this was last asked. */
  takeGivenUp(): ReadonlySet<PeerId> {
    const givenUp = this.#givenUp
    if (givenUp.size > 0) this.#givenUp = new Set()
    return givenUp
  }

  #hasRoom(from: PeerId, isTrusted: boolean): boolean {
    const [allMax, ofOneMax] = isTrusted
      ? [WANTED_MAX, WANTED_OF_TRUSTED_MAX]
      : [WANTED_OF_STRANGERS_MAX, WANTED_OF_ONE_MAX]
    return this.#wanted.size < allMax && (this.#byPeer.get(from) ?? 0) < ofOneMax
  }

  #rankOf(from: PeerId, isTrusted: boolean, now: number): number {
    if (this.isDefaulter(from, now)) return RANK.defaulter
    if ((this.#lacking.get(from) ?? 0) > now) return RANK.lacking
    return isTrusted ? RANK.trusted : RANK.other
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

  #isMoving({ asked, askedAt }: Wanted, now: number): boolean {
    if (asked.length === 0) return false
    const isRecent = (at: number): boolean => now - at < SILENCE_MS
    if (isRecent(askedAt)) return true
    return asked.some(
      ({ from, size }) => size > FRAGMENTED_BYTES && isRecent(this.#movedAt.get(from) ?? Number.NEGATIVE_INFINITY),
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
    this.#ask(wanted, next.from, next.size, now)
    return { key: wanted.key, from: next.from }
  }

  #ask(wanted: Wanted, from: PeerId, size: number, now: number): void {
    wanted.askedAt = now
    wanted.asked.push({ from, size, deadlineAt: now + Math.max(WHOLE_MS_MIN, size / BYTES_PER_MS) })
  }

  #forget(wanted: Wanted): void {
    this.#wanted.delete(wanted.key)
    if (this.#wanted.size === 0) this.#checks = []
    const left = (this.#byPeer.get(wanted.by) ?? 1) - 1
    if (left > 0) this.#byPeer.set(wanted.by, left)
    else this.#byPeer.delete(wanted.by)
  }
}

/** Behind those that are asked no later. */
function addOther({ asked, others, isHere }: Wanted, from: PeerId, rank: number, size: number): void {
  if (isHere || asked.some((one) => one.from === from) || others.some((one) => one.from === from)) return
  const at = others.findIndex((other) => other.rank > rank)
  others.splice(at < 0 ? others.length : at, 0, { from, rank, size })
  if (others.length > OTHERS_MAX) others.pop()
}

/** Lower is asked sooner. */
const RANK = { trusted: 0, other: 1, lacking: 2, defaulter: 3 }
const NOBODY: readonly PeerId[] = []
