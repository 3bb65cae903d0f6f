/**
 * Whom we want to reach, as one target: where, how we stand with it, and the attempt under way. How we stand is one tagged union, and
 * the attempt, if any, another: a suspect peer is linked and dialled at the same time.
 */
import { addressKey } from '../policy/address.js'
import { STABLE_LINK_MS } from '../policy/dial.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
import type { Deadline } from './agenda.js'
import type { Reason } from '../errors.js'
import type { Connection } from './connection.js'

export type Standing =
  | { readonly kind: 'idle' }
  | { readonly kind: 'backing-off'; readonly deadline: Deadline }
  | { readonly kind: 'connected'; readonly sinceAt: number }
  /** Linked, but silent: dialled beside the link, now or when the retry is due. */
  | { readonly kind: 'suspect'; readonly sinceAt: number; readonly retry: Deadline | null }
  /** No more attempts of its own; one in a while, drawn by lot. */
  | { readonly kind: 'cold'; readonly sinceAt: number }
  /** Never dialled again, or not until so much time has passed that it may be somebody new. */
  | { readonly kind: 'given-up'; readonly sinceAt: number }

export type Attempt =
  | { readonly kind: 'queued' }
  | {
      readonly kind: 'dialing'
      readonly address: Address
      /** What it was when its slot was taken. */
      readonly peerClass: PeerClass
      readonly startedAt: number
      readonly cancel: () => void
      readonly deadline: Deadline
    }
  | { readonly kind: 'handshaking'; readonly address: Address; readonly connection: Connection }

/** Somebody who called `dial`. */
export interface Waiter {
  /** Where it waits. */
  at: Target
  readonly resolve: (peerId: PeerId) => void
  readonly reject: (error: Error) => void
}

export interface Target {
  peerId: PeerId | null
  peerClass: PeerClass
  // Bound: ADDRESSES_MAX.
  addresses: readonly Address[]
  /** On the operator's list: its addresses are the list's, and the host's seeds but where the list has left them; what others say of it counts for nothing. */
  isListed: boolean
  /** In a row. */
  failures: number
  /** In a row while we were offline: they count for nothing but the delay. */
  idleFailures: number
  /** In a row, whatever a recovery has forgiven: what the operator is told. */
  inVain: number
  /** Whether the operator has been told that it fails for long. */
  isAlarming: boolean
  standing: Standing
  attempt: Attempt | null
  /** Wanted for itself, and so redialled; else it was dialled once, because somebody asked. */
  kept: boolean
  /** Wanted because links are few. */
  isSeed: boolean
  /** The host named it as a seed: never given up for good. */
  isNamed: boolean
  /** Dialled only to see whether somebody is there. */
  isFelt: boolean
  // Bound: the host's own calls.
  waiters: Waiter[]
}

/** Addresses of one target, as in the book. */
export const ADDRESSES_MAX = 8
/** The operator's list has an address, and nobody's key for it. */
export function isListedAlone({ peerId, isListed }: Target): boolean {
  return peerId === null && isListed
}

/** Somebody else, or nobody but ourselves, is where others say that a stranger is. @returns whether it may still be elsewhere */
export function leaveAddress(target: Target, address: Address | null, { code }: Reason): boolean {
  const { addresses, isNamed, isListed } = target
  if ((code !== 'self' && code !== 'wrong-identity') || isNamed || isListed || address === null) return false
  const key = addressKey(address)
  const others = addresses.filter((other) => addressKey(other) !== key)
  if (others.length > 0) target.addresses = others
  return others.length > 0
}

/** Nobody begins with it any more. */
export function leaveSeed(target: Target): void {
  target.isSeed = false
  target.isNamed = false
}

/** Whatever it waited for, it waits no more. */
export function clearStanding(target: Target): void {
  const { standing } = target
  if (standing.kind === 'backing-off') standing.deadline.cancel()
  if (standing.kind === 'suspect') standing.retry?.cancel()
  target.standing = { kind: 'idle' }
}

/** It is linked; the address it was dialled at goes first from now on. */
export function connect(target: Target, dialled: Address | null, now: number): void {
  const { standing } = target
  clearStanding(target)
  target.standing = { kind: 'connected', sinceAt: standing.kind === 'connected' ? standing.sinceAt : now }
  if (dialled !== null) target.addresses = preferAddress(target.addresses, dialled)
}

/** When it is dialled next; null where that is not settled. */
export function nextDialAt({ standing, attempt }: Target): number | null {
  if (attempt !== null) return null
  if (standing.kind === 'backing-off') return standing.deadline.at
  return standing.kind === 'suspect' ? (standing.retry?.at ?? null) : null
}

/** A suspect peer is as good as before. */
export function trust(target: Target, suspect: Extract<Standing, { kind: 'suspect' }>): void {
  suspect.retry?.cancel()
  target.standing = { kind: 'connected', sinceAt: suspect.sinceAt }
}

/** The address that worked goes first. */
function preferAddress(addresses: readonly Address[], worked: Address): readonly Address[] {
  const first = addresses.filter(
    ({ host, port, scheme }) => host === worked.host && port === worked.port && scheme === worked.scheme,
  )
  return [...first, ...addresses.filter((address) => !first.includes(address))]
}

/** The address that failed goes last, so that the next attempt takes another. */
export function postponeAddress(addresses: readonly Address[], failed: Address | null): readonly Address[] {
  if (failed === null || addresses.length < 2) return addresses
  const rest = addresses.filter((address) => address !== failed)
  return rest.length === addresses.length ? addresses : [...rest, failed]
}

/** Whether its link has lasted: what failed before that is over. */
export function isStable({ standing }: Target, now: number): boolean {
  const isLinked = standing.kind === 'connected' || standing.kind === 'suspect'
  return isLinked && now - standing.sinceAt >= STABLE_LINK_MS
}
