/**
 * What one peer may make us do in a second. Going over is no offence: what a peer brings beyond it waits, and its credit with it,
 * so an honest burst costs its sender some patience and nobody else anything. An account outlives the links that draw on it.
 */
import { heldBytes } from '../policy/memory.js'
import { TokenBucket } from '../policy/rate-limit.js'
import { IDS_MAX } from '../protocol/inventory.js'
import type { ClassLimits } from './profile.js'
import { messagesMaxFor, windowBytesFor } from './profile.js'

/** Frames of the protocol itself that a peer may send unasked: an honest one needs some dozens a minute. */
const CONTROL = { perSec: 8, burst: 256 }
/** Ids that a peer may tell or ask for, by what it may bring: a relay tells of everything, and brings what it is asked for. */
const IDS_BY_FIRST_COPY = 8
/** An id costs next to nothing: a newcomer, too, may tell of a busy network. */
const IDS_PER_SEC_MIN = 200
/** What a first copy costs a peer whose score is low. */
const THROTTLED_COST = 4
/** A peer that does nothing else may keep this node busy for one tenth of the time. */
const WORK_WEIGHT = 10
/** So many messages of one peer may be here that are not done with, or its burst, or what {@link messagesMaxFor} says, beside two windows of bytes. */
const HELD_MIN = 4_096
/** Of what it may have here, a peer that has this share at most gets its credit, whatever others have. */
const LITTLE = 1 / 16
/** The most a bucket takes; products of the host's own numbers may be larger. */
const RATE_MAX = 2 ** 40

/** What a peer, or an IP, has used. What it owes is bounded by one burst of each kind. */
export class Account {
  readonly firstCopies: TokenBucket
  readonly bytes: TokenBucket
  readonly control: TokenBucket
  readonly ids: TokenBucket
  /** Bytes it was sent for its asking: as many as it may bring. */
  readonly served: TokenBucket
  readonly bytesPerMs: number
  /** What it has brought that is not done with, over all its links. */
  heldBytes = 0
  readonly heldMax: number
  /** Bytes of messages that have come in part, over all its links. */
  partialBytes = 0
  readonly #dearest: number
  #cost = 1

  /** @param times how many peers' quotas it holds */
  constructor(limits: ClassLimits, times: number) {
    const { firstCopiesPerSecMax, firstCopiesBurst, bytesPerSecMax } = limits
    this.heldMax =
      2 * windowBytesFor(limits) + Math.max(HELD_MIN, firstCopiesBurst, messagesMaxFor(limits)) * heldBytes(0)
    this.#dearest = Math.min(THROTTLED_COST, Math.max(1, firstCopiesBurst))
    this.control = bucketOf(CONTROL.perSec * times, CONTROL.burst * times)
    this.firstCopies = bucketOf(firstCopiesPerSecMax * times, firstCopiesBurst * times)
    // A whole frame of them, at least: that is what a newcomer is told.
    const idsBurst = Math.max(firstCopiesBurst * IDS_BY_FIRST_COPY, IDS_MAX)
    const idsPerSec = Math.max(firstCopiesPerSecMax * IDS_BY_FIRST_COPY, IDS_PER_SEC_MIN)
    this.ids = bucketOf(idsPerSec * times, idsBurst * times)
    this.bytesPerMs = bytesPerSecMax / 1_000
    this.bytes = bucketOf(bytesPerSecMax * times, 2 * bytesPerSecMax * times)
    this.served = bucketOf(bytesPerSecMax * times, 2 * bytesPerSecMax * times)
  }

  /** What a first copy costs. */
  get cost(): number {
    return this.#cost
  }

  throttle(isPoor: boolean): void {
    this.#cost = isPoor ? this.#dearest : 1
  }
}

/** What one link draws on: its peer's account and, for a stranger who came to us, that of its IP. */
export class Quota {
  readonly #own: Account
  readonly #shared: Account | null

  constructor(own: Account, shared: Account | null) {
    this.#own = own
    this.#shared = shared
  }

  /** Room for a first copy of a broadcast, a direct message or a request. @returns false where there is none, and nothing was taken */
  takeFirstCopy(now: number): boolean {
    const { cost, firstCopies } = this.#own
    if (!firstCopies.take(cost, now)) return false
    if (this.#shared === null || this.#shared.firstCopies.take(1, now)) return true
    firstCopies.refund(cost)
    return false
  }

  /** Whether the peer has been so poor that a quarter of its quota is enough for it. */
  throttle(isPoor: boolean): void {
    this.#own.throttle(isPoor)
  }

  /** How long until there may be room for one. */
  firstCopyWaitMs(now: number): number {
    const { cost, firstCopies } = this.#own
    return Math.max(firstCopies.waitMs(cost, now), this.#shared?.firstCopies.waitMs(1, now) ?? 0)
  }

  /** Whether the peer may have so much more here that is not done with. */
  mayHold(bytes: number): boolean {
    return this.#own.heldBytes + bytes <= this.#own.heldMax
  }

  /** It has come; or, where negative, it is done with. */
  hold(bytes: number): void {
    this.#own.heldBytes += bytes
  }

  /** Bytes of messages that have come in part, over all links of the peer. */
  get partialBytes(): number {
    return this.#own.partialBytes
  }

  /** So much more has come in part; or, where negative, is whole, or held no longer. */
  holdPart(bytes: number): void {
    this.#own.partialBytes += bytes
  }

  /** What a peer may have here and not be among those who keep this node busy; null where it has more. */
  get little(): number | null {
    const { heldBytes, heldMax } = this.#own
    return heldBytes <= heldMax * LITTLE ? heldMax * LITTLE : null
  }

  /** Something invalid, or for which there is no room, which has cost its work already: it is owed. */
  countInvalid(now: number): void {
    this.#own.firstCopies.spend(1, now)
    this.#shared?.firstCopies.spend(1, now)
  }

  countBytes(bytes: number, now: number): void {
    this.#own.bytes.spend(bytes, now)
    this.#shared?.bytes.spend(bytes, now)
  }

  /** Time that its messages have taken: as many bytes as it may bring in ten times that. */
  countWork(ms: number, now: number): void {
    this.countBytes(ms * WORK_WEIGHT * this.#own.bytesPerMs, now)
  }

  /** A frame of the protocol itself, of which one counts for so many. `spare` and `flood` are too many: the one is ignored, the other has been for long. */
  countControl(weight: number, now: number): ControlNeed {
    const own = needOf(this.#own, weight, now)
    const shared = this.#shared === null ? 'needed' : needOf(this.#shared, weight, now)
    // Whoever keeps within its own is not ignored, or cut, for its neighbours.
    return own === 'spare' && shared === 'flood' ? 'flood' : own
  }

  /** @returns false where so many ids are too many */
  takeIds(count: number, now: number): boolean {
    if (!this.#own.ids.take(count, now)) return false
    if (this.#shared === null || this.#shared.ids.take(count, now)) return true
    this.#own.ids.refund(count)
    return false
  }

  /** What it has asked for is to be sent. @returns false where it owes for what it was sent before, and nothing was taken */
  takeServed(bytes: number, now: number): boolean {
    if (this.servedWaitMs(now) > 0) return false
    this.#own.served.spend(bytes, now)
    this.#shared?.served.spend(bytes, now)
    return true
  }

  /** How long until nothing is owed for what it was sent for its asking. */
  servedWaitMs(now: number): number {
    return Math.max(this.#own.served.waitMs(0, now), this.#shared?.served.waitMs(0, now) ?? 0)
  }

  /** How long credit must be withheld: 0 while nothing is owed. */
  waitMs(now: number): number {
    return Math.max(owedMs(this.#own, now), this.#shared === null ? 0 : owedMs(this.#shared, now))
  }
}

type ControlNeed = 'needed' | 'spare' | 'flood'

function needOf({ control }: Account, weight: number, now: number): ControlNeed {
  return control.take(weight, now) ? 'needed' : control.spend(weight, now) ? 'spare' : 'flood'
}

function owedMs({ firstCopies, bytes }: Account, now: number): number {
  return Math.max(firstCopies.waitMs(0, now), bytes.waitMs(0, now))
}

function bucketOf(perSec: number, burst: number): TokenBucket {
  return new TokenBucket({ perSec: Math.min(perSec, RATE_MAX), burst: Math.min(Math.max(burst, 1), RATE_MAX) })
}
