/**
 * What a failure means while nothing works, and what one success means where there had been failure: the network is back, and whoever waits out a long backoff for a trusted
 * peer waits in vain. All are tried within five seconds, spread out, and dials that hang are begun anew.
 */
import type { Reason } from '../errors.js'
import { addressKey } from '../policy/address.js'
import type { Backoff } from '../policy/backoff.js'
import type { FailurePlan } from '../policy/dial.js'
import { planAfterFailure } from '../policy/dial.js'
import { OfflineDetector, soonerOffline } from '../policy/offline.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { Address } from '../ports/types.js'
import type { Random } from '../ports/clock.js'
import type { Agenda, Deadline } from './agenda.js'
import type { Target } from './dial-target.js'
import { leaveAddress, nextDialAt } from './dial-target.js'
import type { DialFailure } from './events.js'

const SPREAD_MS = 5_000
const ONCE_PER_MS = 30_000
/** A dial that has just begun is left alone. */
const FRESH_DIAL_MS = 1_000
const BURST = 20
/** Where one place was not a stranger's, its next is tried. */
const ELSEWHERE: FailurePlan['next'] = { kind: 'retry', delayMs: 1_000, alarm: false }
const STARTS_PER_SEC_MIN = 20

interface DialOutcome {
  readonly reason: Reason
  readonly judged: boolean
  /** Where it was tried, for a peer that is not known yet. */
  readonly where: string
  readonly address: Address | null
  /** Authenticated links at present. */
  readonly links: number
  readonly backoff: Backoff
}

export class Recovery {
  readonly offline: OfflineDetector = new OfflineDetector()
  readonly #agenda: Agenda
  readonly #random: Random
  readonly #enabled: boolean
  #lastAt = Number.NEGATIVE_INFINITY
  /** Too soon after the last time is not never. */
  #again: Deadline | null = null
  #wasOffline = false

  constructor(agenda: Agenda, random: Random, enabled: boolean) {
    this.#agenda = agenda
    this.#random = random
    this.#enabled = enabled
  }

  /** What follows a failed dial, and what it counts. */
  planFailure(target: Target, { reason, judged, where, address, links, backoff }: DialOutcome): FailurePlan['next'] {
    if (judged && leaveAddress(target, address, reason)) return ELSEWHERE
    const { peerId, peerClass, failures, idleFailures, isSeed } = target
    this.offline.failed(peerId ?? where, reason, this.#agenda.now())
    const isOffline = this.offline.isOffline(links)
    this.#wasOffline ||= isOffline
    target.idleFailures = isOffline ? idleFailures + 1 : 0
    // Also where the host alone has it dialled at another than its own.
    const others = target.addresses.filter((other) => address !== null && addressKey(other) !== addressKey(address))
    const isElsewhere = isTrustedClass(peerClass) && others.length > 0
    const question = { reason, peerClass, judged, isElsewhere, failures: failures + (isOffline ? idleFailures : 0) }
    const plan = planAfterFailure(question, backoff, this.#random)
    if (!isOffline) target.failures = plan.failures
    const { next } = plan
    if (!isOffline && !isSeed) return next
    const sooner = soonerOffline(next)
    // While we are offline nobody's failures say anything of him.
    const isAlarm = !isOffline && next.kind === 'retry' && next.alarm
    return isAlarm && sooner.kind === 'retry' ? { ...sooner, alarm: true } : sooner
  }

  /** Whether we have been offline since this was last asked. */
  isBack(): boolean {
    const wasOffline = this.#wasOffline
    this.#wasOffline = false
    return wasOffline
  }

  /**
   * Which of the trusted to dial now, and in how long; null where it is too soon after the last time, and then `again` is called once
   * it is not. Their failures are those of the outage: a link that is lost soon after it is no failure of the peer's.
   */
  reset(
    targets: Iterable<Target>,
    again: () => void,
  ): readonly { readonly target: Target; readonly delayMs: number }[] | null {
    const now = this.#agenda.now()
    if (!this.#enabled) return null
    if (now - this.#lastAt < ONCE_PER_MS) {
      this.#again ??= this.#agenda.at(this.#lastAt + ONCE_PER_MS, () => {
        this.#again = null
        again()
      })
      return null
    }
    this.#lastAt = now
    const trusted = [...targets].filter(({ peerClass, kept }) => kept && isTrustedClass(peerClass))
    for (const target of trusted) target.failures = 0
    const perMs = Math.max(STARTS_PER_SEC_MIN, trusted.length / 2) / 1_000
    let restarts = 0
    return trusted.flatMap((target) => {
      const { standing, attempt } = target
      if (attempt?.kind === 'dialing') {
        if (now - attempt.startedAt < FRESH_DIAL_MS) return []
        return { target, delayMs: Math.max(0, restarts++ - BURST) / perMs }
      }
      if (attempt !== null) return []
      const waits = standing.kind === 'backing-off' || standing.kind === 'suspect' || standing.kind === 'cold'
      if (!waits) return []
      const delayMs = SPREAD_MS * this.#random.float()
      // Who is due sooner stays so.
      return now + delayMs < (nextDialAt(target) ?? Number.POSITIVE_INFINITY) ? [{ target, delayMs }] : []
    })
  }
}

/** By all that has failed, where a recovery has forgiven some of it. Nothing is drawn for it. */
export function isAlarmAt(backoff: Backoff, { peerClass, inVain, failures }: Target): boolean {
  if (inVain <= failures) return false
  const decision = backoff.next(peerClass, inVain, { float: () => 0, bytes: (length) => new Uint8Array(length) })
  return decision.kind === 'retry' && decision.alarm
}

/** A failed dial, as the host is told of it. */
export function failureOf(
  { peerId, inVain, kept, standing }: Target,
  address: string,
  reason: Reason,
  next: FailurePlan['next'],
): DialFailure {
  const isPlanned = kept && next.kind === 'retry' && standing.kind !== 'connected'
  return { peerId, address, reason, attempt: inVain, retryInMs: isPlanned ? next.delayMs : null }
}
