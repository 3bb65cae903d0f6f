/**
 * When to dial, and what follows a failure. The preferred side of two goes first and the other a little later, so that two
 * nodes rarely meet in the middle, and one that cannot be dialled is reached all the same.
 */
import type { Reason, ReasonCode } from '../errors.js'
import type { Random } from '../ports/clock.js'
import type { PeerClass, PeerId } from '../ports/types.js'
import type { Backoff, BackoffDecision } from './backoff.js'
import { isTrustedClass } from './peer-class.js'

/** A link that lasted this long wipes out the failures before it (the value is hyperswarm's). */
export const STABLE_LINK_MS = 15_000
/** The other side waits for the preferred one at least this long, and at most one second more. */
const OTHER_SIDE_MS = 2_000
/** The preferred side redials a lost link after at least this long, and at most one second more. */
const PREFERRED_REDIAL_MS = 1_000
/** Refusals that will not change soon are waited for as after this many failures. */
const LASTING_FAILURES = 6

/** Why an address is not dialled now. */
export type DialRefusal = 'already-connected' | 'already-dialing' | 'banned' | 'no-transport'

export interface DialQuestion {
  readonly isConnected: boolean
  readonly isDialing: boolean
  readonly isBanned: boolean
  readonly hasTransport: boolean
}

/** Null where nothing speaks against it. */
export function checkDial(question: DialQuestion): DialRefusal | null {
  if (question.isConnected) return 'already-connected'
  if (question.isDialing) return 'already-dialing'
  if (question.isBanned) return 'banned'
  return question.hasTransport ? null : 'no-transport'
}

/** Before the first dial to a peer. Only where the other side will dial too does anybody wait. */
export function firstDialMs(preferred: boolean, bothDial: boolean, random: Random): number {
  return preferred || !bothDial ? 0 : OTHER_SIDE_MS + 1_000 * random.float()
}

/** Before the first redial to a trusted peer whose link was lost. */
function firstRedialMs(preferred: boolean, random: Random): number {
  return (preferred ? PREFERRED_REDIAL_MS : OTHER_SIDE_MS) + 1_000 * random.float()
}

/** Dials to trusted peers at once, for that many of them; all others together have 16. */
export function trustedDialsMax(trusted: number): number {
  return Math.max(16, Math.ceil(trusted / 4))
}
export const OTHER_DIALS_MAX = 16

const LASTING: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'wrong-network',
  'wrong-chain',
  'wrong-version',
  'not-allowed',
  'banned',
  'garbage',
  'wrong-identity',
  'self',
  'no-transport',
  // Another process has taken this one's place: two hosts with one key must not fight.
  'superseded',
])

/** Of those: whoever is there is somebody else, which says nothing of where else a peer may be. */
const NOBODY_HERE: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  'wrong-network',
  'wrong-chain',
  'wrong-version',
  'garbage',
  'wrong-identity',
  'self',
])

/** Somebody else was there than whom we dialled: which key it was is what tells a new one from an attack. */
export function answeredBy(peerId: PeerId): Reason {
  return { code: 'wrong-identity', fault: 'remote', cause: `answered by ${peerId}` }
}

export interface FailureQuestion {
  readonly reason: Reason
  readonly peerClass: PeerClass
  /** In a row, before this one. */
  readonly failures: number
  /** We found it ourselves; else somebody said so, who may not have signed it. */
  readonly judged: boolean
  /** The operator lists it at another address, too, which is dialled next. */
  readonly isElsewhere: boolean
}

/** What follows: the failures in a row that it now makes, and what to do. */
export type FailurePlan = { readonly failures: number; readonly next: BackoffDecision }

/** After a dial or handshake of ours came to nothing, or a link ended before it was stable. */
export function planAfterFailure(
  { reason, peerClass, failures, judged, isElsewhere }: FailureQuestion,
  backoff: Backoff,
  random: Random,
): FailurePlan {
  const trusted = isTrustedClass(peerClass)
  // Anybody can say that we have dialled ourselves; and what the operator listed is never given up for a word.
  if (reason.code === 'self' && judged && !trusted) return { failures, next: { kind: 'give-up' } }
  // Being one link too many says nothing against the peer.
  const counted = reason.code === 'duplicate' ? failures : failures + 1
  const next =
    LASTING.has(reason.code) && !(isElsewhere && NOBODY_HERE.has(reason.code))
      ? postponed(backoff.next(peerClass, counted, random), trusted ? peerClass : 'regular', counted, backoff, random)
      : backoff.next(peerClass, counted, random)
  const { retryAfterMs } = reason
  if (retryAfterMs === undefined) return { failures: counted, next }
  // Whatever else is decided, nobody comes back before the time that the other side named.
  const delayMs = next.kind === 'retry' ? Math.max(next.delayMs, retryAfterMs) : retryAfterMs
  return { failures: counted, next: { kind: 'retry', delayMs, alarm: next.kind === 'retry' && next.alarm } }
}

/** What will not change soon is tried again as late as after many failures, but counts as no more than one. */
function postponed(
  next: BackoffDecision,
  asClass: PeerClass,
  failures: number,
  backoff: Backoff,
  random: Random,
): BackoffDecision {
  if (next.kind !== 'retry') return next
  const late = backoff.next(asClass, Math.max(failures, LASTING_FAILURES), random)
  return late.kind === 'retry' ? { ...next, delayMs: Math.max(next.delayMs, late.delayMs) } : next
}

export interface LossQuestion extends Omit<FailureQuestion, 'isElsewhere'> {
  /** The link had lasted long enough to wipe out what went before. */
  readonly stable: boolean
  /** This side dials first. */
  readonly preferred: boolean
}

/** After a link was lost: a trusted peer is redialled almost at once, one that said when it will be back not before. */
export function planAfterLoss(question: LossQuestion, backoff: Backoff, random: Random): FailurePlan {
  const { reason, peerClass, stable, preferred } = question
  const failures = stable ? 0 : question.failures
  const soon = (delayMs: number): FailurePlan => ({ failures, next: { kind: 'retry', delayMs, alarm: false } })
  if (reason.code === 'shutdown' && reason.retryAfterMs !== undefined)
    return soon(reason.retryAfterMs + 1_000 * random.float())
  const trusted = isTrustedClass(peerClass)
  if (stable && trusted) return soon(firstRedialMs(preferred, random))
  return planAfterFailure({ ...question, failures, isElsewhere: false }, backoff, random)
}
