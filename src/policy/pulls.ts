/**
 * Broadcasts that were announced and have not come: whom to ask for each, and whom next. The first who announces one is asked
 * at once; whoever lets 250 ms pass in silence is joined by the next, trusted ones first, and each unknown one by another. Who has
 * not sent it by the deadline, even where somebody else has, is a defaulter: asked last for ten minutes. An id is forgotten when
 * nobody is left to ask; whoever announced it then, or what there was no room for, may have been missed. Where all places are
 * taken, who has most of them gives way to who has less.
 */
import type { PeerClass, PeerId } from '../ports/types.js'
import { isTrustedClass } from './peer-class.js'
import { PullAccounts } from './pull-accounts.js'
import type { Owed, Stalled } from './pull-standing.js'
import { BYTES_PER_MS, PullStanding, RANK } from './pull-standing.js'

/** Ids wanted at once, and of those, ids that one peer was the first to announce. */
const WANTED_MAX = 16_384
/** Where those that are not trusted may add no more. */
const WANTED_OF_STRANGERS_MAX = 12_288
const WANTED_OF_ONE_MAX = 1_024
/** The same for one that is trusted: what a busy relay tells at once. */
const WANTED_OF_TRUSTED_MAX = 4_096
/** And for one that is not, and has failed before. */
const WANTED_OF_FAILED_MAX = 16
/** Who else has it, for each id. */
const OTHERS_MAX = 16
const SILENCE_MS = 250
/** What is larger comes in fragments, and a fragment is no silence. */
const FRAGMENTED_BYTES = 32_768
/** The least time for a whole message; a large one has more. */
const WHOLE_MS_MIN = 2_000

interface Asked extends Owed {
  readonly deadlineAt: number
}

interface Wanted {
  readonly key: string
  /** Who announced it first, or first of those that are trusted: it counts among that peer's. */
  by: PeerId
  // Bound: OTHERS_MAX and one.
  asked: Asked[]
  // Bound: OTHERS_MAX. The next to ask comes first.
  others: { readonly from: PeerId; readonly rank: number; readonly size: number }[]
  /** The last who had it, too, and for whom there was no room among those. */
  forgotten: PeerId | null
  askedAt: number
  /** Who were asked, and have let their deadline pass or sent what has no place yet. */
  failures: number
  /** It has come, and those who are still asked owe it. */
  isHere: boolean
}

export interface Pull {
  readonly key: string
  readonly from: PeerId
}

export class Pulls {
  // Bound: WANTED_MAX.
  readonly #wanted = new Map<string, Wanted>()
  readonly #accounts = new PullAccounts<Wanted>()
  // Bound: the ids wanted, once each: the soonest to be looked at first, since all wait equally long.
  #checks: { readonly wanted: Wanted; readonly at: number }[] = []
  readonly #standing = new PullStanding()
  /** Who announced what nobody then had, or what there was no room for. Bound: the peers. */
  #givenUp = new Set<PeerId>()

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
    return this.#standing.isDefaulter(peerId, now)
  }

  /** A peer says that it has a message that this node has not. @returns whether to ask it now */
  announced(key: string, size: number, from: PeerId, peerClass: PeerClass, now: number): boolean {
    const known = this.#wanted.get(key)
    const rank = this.#standing.rankOf(from, peerClass, now)
    const isTrusted = isTrustedClass(peerClass)
    if (known === undefined && !this.#makeRoom(from, isTrusted, rank)) {
      this.#givenUp.add(from)
      return false
    }
    const wanted = known ?? this.#begin(key, from, isTrusted, now)
    if (known !== undefined && isTrusted) this.#accounts.adopt(known, from, WANTED_OF_TRUSTED_MAX / 2)
    // It came, and was lost again before it was judged.
    wanted.isHere = false
    // Who failed before is asked when a silence has passed in which nobody else came.
    if (wanted.asked.length === 0 && rank < RANK.lacking) {
      this.#ask(wanted, { from, rank, size }, now)
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

  /** A peer has sent it, and there was no place for it yet: it owes nothing, and whoever else has it is asked, too. */
  brought(key: string, from: PeerId, now: number): void {
    this.#standing.waits(from, now)
    const wanted = this.#wanted.get(key)
    if (wanted === undefined) return
    // Only of who was asked, and once: whoever is not may send anything under any id, as often as it likes.
    if (wanted.asked.some((asked) => asked.from === from)) wanted.failures++
    wanted.asked = wanted.asked.filter((asked) => asked.from !== from)
    wanted.others = wanted.others.filter((other) => other.from !== from)
    if (wanted.asked.length > 0 || wanted.others.length > 0) return
    if (wanted.forgotten === null) this.#forget(wanted)
    else this.#giveUp(wanted)
  }

  /** Part of something large has come from who was asked for it: that buys as much time for all it was asked for as it should have taken. */
  moved(key: string, from: PeerId, bytes: number, now: number): void {
    if (this.#wanted.get(key)?.asked.some((asked) => asked.from === from) !== true) return
    this.#standing.moved(from, bytes, now - SILENCE_MS, now)
  }

  /** A peer was asked and has it no more. @returns whom to ask instead */
  refused(key: string, from: PeerId, now: number): Pull | null {
    const wanted = this.#wanted.get(key)
    if (wanted?.asked.some((asked) => asked.from === from) !== true) return null
    wanted.asked = wanted.asked.filter((asked) => asked.from !== from)
    this.#standing.lacked(from, now)
    return this.#next(wanted, now)
  }

  /** A peer has another link now, and no more time for it. @returns what it was asked for: the question may have been lost with the old one */
  relinked(from: PeerId): readonly Pull[] {
    const pulls: Pull[] = []
    for (const { asked, key } of this.#wanted.values())
      if (asked.some((one) => one.from === from)) pulls.push({ key, from })
    return pulls
  }

  /** A peer has left, and with it what it was asked for and had not sent. @returns whom to ask instead */
  lost(from: PeerId, now: number): readonly Pull[] {
    const pulls: Pull[] = []
    const isFrom = (one: { readonly from: PeerId }): boolean => one.from === from
    this.#standing.lost(from)
    for (const wanted of [...this.#wanted.values()]) {
      if (wanted.others.some(isFrom)) wanted.others = wanted.others.filter((other) => !isFrom(other))
      if (!wanted.asked.some(isFrom)) continue
      // That a masternode's link is lost says nothing of what it has.
      if (wanted.asked.some((asked) => isFrom(asked) && asked.rank !== RANK.masternode))
        this.#standing.lacked(from, now)
      wanted.asked = wanted.asked.filter((asked) => !isFrom(asked))
      const pull = this.#next(wanted, now)
      if (pull !== null) pulls.push(pull)
    }
    return pulls
  }

  /** What the passing of time asks for. Call it when {@link nextAt} has come. */
  due(now: number, isStalled: Stalled = () => false): readonly Pull[] {
    const pulls: Pull[] = []
    let count = 0
    for (let check = this.#checks[count]; check !== undefined && check.at <= now; check = this.#checks[count]) {
      count++
      const { wanted } = check
      if (this.#wanted.get(wanted.key) !== wanted) continue
      const missed = wanted.asked.filter(({ deadlineAt }) => deadlineAt <= now)
      for (const asked of missed) this.#standing.missed(asked, now, isStalled)
      wanted.failures += missed.length
      wanted.asked = wanted.asked.filter(({ deadlineAt }) => deadlineAt > now)
      pulls.push(...this.#check(wanted, now))
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

  /** @returns whether one more may be wanted on account of this peer */
  #makeRoom(from: PeerId, isTrusted: boolean, rank: number): boolean {
    const own = this.#accounts.countOf(from)
    const unfailed = isTrusted ? WANTED_OF_TRUSTED_MAX : WANTED_OF_ONE_MAX
    if (own >= (isTrusted || rank < RANK.lacking ? unfailed : WANTED_OF_FAILED_MAX)) return false
    if (this.#wanted.size < (isTrusted ? WANTED_MAX : WANTED_OF_STRANGERS_MAX)) return true
    const oldest = this.#accounts.oldestOfMost(own, isTrusted)
    if (oldest !== null) this.#giveUp(oldest)
    return oldest !== null
  }

  #begin(key: string, by: PeerId, isTrusted: boolean, now: number): Wanted {
    const wanted: Wanted = { key, by, asked: [], others: [], forgotten: null, askedAt: now, failures: 0, isHere: false }
    this.#wanted.set(key, wanted)
    this.#accounts.add(wanted, isTrusted)
    this.#checks.push({ wanted, at: now + SILENCE_MS })
    return wanted
  }

  #check(wanted: Wanted, now: number): readonly Pull[] {
    const isMoving = this.#isMoving(wanted, now)
    const at = isMoving ? this.#doubter(wanted, now) : 0
    const unknown = wanted.asked.filter(({ rank }) => rank >= RANK.unknown).length
    const most = isMoving ? 1 : Math.max(1, unknown + wanted.failures)
    const pulls: Pull[] = []
    for (let count = at < 0 ? 0 : most; count > 0; count--) {
      const pull = this.#next(wanted, now, at)
      if (pull === null) break
      pulls.push(pull)
    }
    return pulls
  }

  /**
   * Whether whoever is asked may have more time. One that is better than all of them is not kept waiting for fragments; after each
   * failure they must come at a better pace, or every liar's crumbs would buy a deadline.
   */
  #isMoving({ asked, others, askedAt, failures }: Wanted, now: number): boolean {
    if (asked.length === 0) return false
    const best = others[0]?.rank ?? RANK.defaulter
    const isBringing = ({ from, rank, size }: Asked): boolean =>
      size > FRAGMENTED_BYTES && rank <= best && now - this.#standing.movedAt(from) < SILENCE_MS / (failures + 1)
    return now - askedAt < SILENCE_MS || asked.some(isBringing)
  }

  /** Who, as good as any, says that it is smaller than all say who are asked: one of them lies, and its own deadline tells. Else −1. */
  #doubter({ asked, others, askedAt }: Wanted, now: number): number {
    const least = Math.min(...asked.map(({ size }) => size))
    if (now - askedAt < SILENCE_MS) return -1
    return others.findIndex(({ rank, size }) => rank === others[0]?.rank && size < least)
  }

  #next(wanted: Wanted, now: number, at = 0): Pull | null {
    const [next] = wanted.others.splice(at, 1)
    if (next === undefined) {
      if (wanted.asked.length === 0) this.#giveUp(wanted)
      return null
    }
    this.#ask(wanted, next, now)
    return { key: wanted.key, from: next.from }
  }

  #ask(wanted: Wanted, { from, rank, size }: Omit<Asked, 'deadlineAt'>, now: number): void {
    wanted.askedAt = now
    wanted.asked.push({ from, rank, size, deadlineAt: now + Math.max(WHOLE_MS_MIN, size / BYTES_PER_MS) })
  }

  #giveUp(wanted: Wanted): void {
    this.#forget(wanted)
    if (wanted.isHere) return
    this.#givenUp.add(wanted.by)
    for (const { from } of wanted.others) this.#givenUp.add(from)
    if (wanted.forgotten !== null) this.#givenUp.add(wanted.forgotten)
  }

  #forget(wanted: Wanted): void {
    this.#wanted.delete(wanted.key)
    if (this.#wanted.size === 0) this.#checks = []
    this.#accounts.remove(wanted)
  }
}

/** Behind those that are asked no later. */
function addOther(wanted: Wanted, from: PeerId, rank: number, size: number): void {
  const { asked, others, isHere } = wanted
  if (isHere || asked.some((one) => one.from === from) || others.some((one) => one.from === from)) return
  const at = others.findIndex((other) => other.rank > rank)
  others.splice(at < 0 ? others.length : at, 0, { from, rank, size })
  if (others.length > OTHERS_MAX) wanted.forgotten = others.pop()?.from ?? null
}

const NOBODY: readonly PeerId[] = []
