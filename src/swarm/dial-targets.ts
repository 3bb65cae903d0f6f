/**
 * Whom we want to reach: one target for each peer, or for each address whose peer is not known yet. How we stand with it is one
 * tagged union, and the attempt under way, if any, another: a suspect peer is linked and dialled at the same time.
 */
import { addressKey } from '../policy/address.js'
import { STABLE_LINK_MS } from '../policy/dial.js'
import { isTrustedClass } from '../policy/peer-class.js'
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
/** Strangers who are remembered as given up; one more, and the oldest may be dialled again like one never heard of. */
const GIVEN_UP_MAX = 2_048

export class DialTargets {
  // Bound: the operator's lists, what the host dials by hand, and the strangers that maintenance keeps: COLD_MAX, GIVEN_UP_MAX, its slots, and those backing off.
  readonly #all = new Set<Target>()
  // Bound: GIVEN_UP_MAX strangers, the oldest first; some may have been taken up again.
  readonly #givenUp = new Set<Target>()
  readonly #byId = new Map<PeerId, Target>()
  #isOver = false

  all(): Iterable<Target> {
    return this.#all
  }

  /** Suspect peers that are dialled beside their links. */
  get suspectDials(): number {
    let count = 0
    for (const { standing, attempt } of this.#all) if (standing.kind === 'suspect' && attempt !== null) count++
    return count
  }

  get size(): number {
    return this.#all.size
  }

  /** The target of this peer, or of one of these addresses; made where there is none. */
  provide(peerId: PeerId | null, peerClass: PeerClass, addresses: readonly Address[]): Target {
    const known = this.find(peerId) ?? this.#findByAddress(peerId, addresses)
    if (known !== null) {
      const keys = new Set(known.addresses.map(addressKey))
      const added = addresses.filter((address) => !keys.has(addressKey(address)))
      // Whoever names a stranger now knows more than whoever told of it before; of others the operator knows.
      const all = isTrustedClass(known.peerClass) ? [...known.addresses, ...added] : [...added, ...known.addresses]
      if (added.length > 0) known.addresses = all.slice(0, ADDRESSES_MAX)
      return known
    }
    const target: Target = {
      peerId,
      peerClass,
      addresses: addresses.slice(0, ADDRESSES_MAX),
      failures: 0,
      idleFailures: 0,
      inVain: 0,
      isAlarming: false,
      standing: { kind: 'idle' },
      attempt: null,
      kept: false,
      isSeed: false,
      isNamed: false,
      isFelt: false,
      waiters: [],
    }
    // A host that ends all may hear of it in the midst of something that goes on.
    if (this.#isOver) return target
    this.#all.add(target)
    if (peerId !== null) this.#byId.set(peerId, target)
    return target
  }

  has(target: Target): boolean {
    return this.#all.has(target)
  }

  find(peerId: PeerId | null): Target | null {
    return peerId === null ? null : (this.#byId.get(peerId) ?? null)
  }

  findAddress(address: Address): Target | null {
    return this.find(address.peerId) ?? this.#findByAddress(null, [address])
  }

  /** Every target of a seed's address: its own, and that of whoever was found there. */
  atSeed(address: Address): readonly Target[] {
    const key = addressKey(address)
    return [...this.#all].filter(
      ({ peerId, isNamed, addresses }) =>
        (address.peerId === null || peerId === address.peerId) &&
        (isNamed || peerId === null) &&
        addresses.some((other) => addressKey(other) === key),
    )
  }

  /** Our own dial has proven who is at a target's address: that peer's own target takes it over, or it becomes that peer's. */
  merge(dialled: Target | undefined, address: Address | null, peerId: PeerId): Target | null {
    const own = this.find(peerId)
    if (dialled === undefined || dialled === own) return own
    // A target that is another peer's stays so, whoever happened to answer.
    if (dialled.peerId !== null) return own
    // A name may stand for many: only whoever was found there last is a seed.
    if (dialled.isNamed && address !== null)
      for (const other of this.atSeed(address)) if (other !== own && other !== dialled) leaveSeed(other)
    if (own === null) {
      dialled.peerId = peerId
      const key = address === null ? null : addressKey(address)
      dialled.addresses = dialled.addresses.map((other) => (addressKey(other) === key ? { ...other, peerId } : other))
      this.#byId.set(peerId, dialled)
      return dialled
    }
    this.delete(dialled)
    for (const waiter of dialled.waiters) waiter.at = own
    own.waiters.push(...dialled.waiters)
    own.kept ||= dialled.kept
    if (isTrustedClass(dialled.peerClass)) {
      if (!isTrustedClass(own.peerClass)) {
        own.addresses = []
        leaveSeed(own)
      }
      own.peerClass = dialled.peerClass
    }
    own.isSeed ||= dialled.isSeed
    own.isNamed ||= dialled.isNamed
    own.isFelt &&= dialled.isFelt
    // What a seed's address leads to is looked for there again.
    const isKnown = address === null || own.addresses.some((other) => addressKey(other) === addressKey(address))
    if (!isKnown) own.addresses = [{ ...address, peerId }, ...own.addresses].slice(0, ADDRESSES_MAX)
    return own
  }

  /** No attempts of its own any more. */
  giveUp(target: Target, sinceAt: number): void {
    target.standing = { kind: 'given-up', sinceAt }
    if (isTrustedClass(target.peerClass) || target.isNamed) return
    this.#givenUp.delete(target)
    this.#givenUp.add(target)
    const [oldest] = this.#givenUp
    if (oldest === undefined || this.#givenUp.size <= GIVEN_UP_MAX) return
    this.#givenUp.delete(oldest)
    if (oldest.standing.kind === 'given-up' && oldest.attempt === null && !oldest.isNamed) this.delete(oldest)
  }

  delete(target: Target): void {
    this.#givenUp.delete(target)
    this.#all.delete(target)
    if (target.peerId !== null && this.#byId.get(target.peerId) === target) this.#byId.delete(target.peerId)
  }

  /** Holds nobody any more, whoever is provided. */
  end(): void {
    this.#isOver = true
    this.#all.clear()
    this.#givenUp.clear()
    this.#byId.clear()
  }

  /** Only a target without an id is known by its address: a peer's address may be shared, its id may not. */
  #findByAddress(peerId: PeerId | null, addresses: readonly Address[]): Target | null {
    if (peerId !== null) return null
    const keys = addresses.map(addressKey)
    for (const target of this.#all)
      if (target.peerId === null && target.addresses.some((address) => keys.includes(addressKey(address))))
        return target
    return null
  }
}

/** The operator's list has an address, and nobody's key for it. */
export function isListedAlone({ peerId, peerClass, kept }: Target): boolean {
  return peerId === null && kept && isTrustedClass(peerClass)
}

/** Somebody else, or nobody but ourselves, is where others say that a stranger is. @returns whether it may still be elsewhere */
export function leaveAddress(target: Target, address: Address | null, { code }: Reason): boolean {
  const { addresses, isNamed, peerClass } = target
  if ((code !== 'self' && code !== 'wrong-identity') || isNamed || isTrustedClass(peerClass) || address === null)
    return false
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
