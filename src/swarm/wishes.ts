/**
 * Whom we want to reach, and on whose account: the operator's lists, maintenance, the seeds. What becomes of a wish, how it is
 * dialled and when again, is the dialer's.
 */
import { addressKey } from '../policy/address.js'
import { firstDialMs } from '../policy/dial.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
import type { DialerSetup } from './dialer-setup.js'
import type { Target } from './dial-target.js'
import type { DialTargets } from './dial-targets.js'
import { ADDRESSES_MAX, clearStanding, leaveSeed } from './dial-target.js'

export interface WishActions {
  /** Dials now, whatever the backoff says. */
  readonly start: (target: Target) => void
  /** @param isBridging also where no more links are wanted */
  readonly dialIn: (target: Target, delayMs: number, isBridging: boolean) => void
  /** Dials beside a link that is silent, where not too many are dialled so. */
  readonly beside: (target: Target) => void
  /** Calls off a dial whose socket is not open yet. */
  readonly cancel: (target: Target) => void
  /** A dial that waits for a slot waits with those of its class. */
  readonly raise: (target: Target) => void
  /** Calls off whatever is under way, and knows the target no more. */
  readonly forget: (target: Target) => void
}

/** A seed that was given up is tried again when so much time has passed since. */
const GIVEN_UP_SEED_RETRY_MS = 30_000

export class Wishes {
  readonly #setup: DialerSetup
  readonly #targets: DialTargets
  readonly #actions: WishActions
  /** The host's, but for those at which whom it names there is listed no more. */
  #seeds: readonly Address[]

  constructor(setup: DialerSetup, targets: DialTargets, actions: WishActions) {
    this.#setup = setup
    this.#seeds = setup.seeds
    this.#targets = targets
    this.#actions = actions
  }

  /** Wants a peer from now on. The first dial is at once, or a little later where the other side goes first. */
  want(peerId: PeerId | null, peerClass: PeerClass, addresses: readonly Address[]): void {
    this.#want(this.#targets.provide(peerId, peerClass, addresses), peerClass)
  }

  #want(target: Target, peerClass: PeerClass): void {
    const { isPreferred, isConnected, random, healing } = this.#setup
    const { peerId } = target
    const isPromoted = !isTrustedClass(target.peerClass) && isTrustedClass(peerClass)
    target.kept = true
    target.isFelt = false
    target.peerClass = peerClass
    // An address that was dialled before it was listed, by itself, has been a stranger's.
    if (isPromoted) this.#hurry(target)
    if (!this.#targets.has(target)) return
    if (target.standing.kind !== 'idle' || target.attempt !== null) return
    if (peerId !== null && isConnected(peerId)) {
      this.#linked(target)
      return
    }
    const preferred = peerId === null || isPreferred(peerId)
    // The experiment that loses pairs for ever: the other side never dials at all.
    if (!preferred && !healing.bothSidesDial) return
    this.#actions.dialIn(target, firstDialMs(preferred, isTrustedClass(peerClass) && peerId !== null, random), false)
  }

  /**
   * The operator lists it from now on: whatever it waited for as a stranger, it waits no more.
   * @param peerId null: an address alone
   * @param gone addresses at which it is no longer listed
   */
  promote(
    peerId: PeerId | null,
    peerClass: PeerClass,
    addresses: readonly Address[],
    gone: readonly Address[] = [],
  ): void {
    const target = this.#targets.find(peerId)
    const left = new Set(gone.map(addressKey))
    this.#seeds = this.#seeds.filter((seed) => seed.peerId !== peerId || peerId === null || !left.has(addressKey(seed)))
    if (target !== null) {
      const wasListed = target.isListed
      const hasMoved = this.#relist(
        target,
        addresses,
        (key) => wasListed && !left.has(key) && this.#isSeed(key, peerId),
      )
      if (!wasListed) {
        leaveSeed(target)
        target.inVain = 0
      }
      // Whoever is dialled from now on is dialled as that.
      target.peerClass = peerClass
      target.kept = true
      if (!wasListed || hasMoved) this.#hurry(target)
      // Whoever was dialled in its place may have failed at once, and the host have struck this one off.
      if (!this.#targets.has(target)) return
    }
    const listed = this.#targets.provide(peerId, peerClass, addresses)
    listed.isListed = true
    for (const seed of peerId === null ? [] : this.#seeds)
      if (seed.peerId === peerId) this.#targets.include(listed, seed)
    this.#want(listed, peerClass)
  }

  /**
   * What others have told of a stranger may be false: it is looked for where the operator says, and nowhere else. Where it is now goes
   * first, and that is where its link leads, or what has not failed yet.
   * @returns whether it is listed anywhere new
   */
  #relist(target: Target, addresses: readonly Address[], isKept: (key: string) => boolean): boolean {
    const listed = new Set(addresses.map(addressKey))
    const known = target.addresses.filter((address) => {
      const key = addressKey(address)
      return listed.has(key) || isKept(key)
    })
    const keys = new Set(known.map(addressKey))
    const fresh = addresses.filter((address) => !keys.has(addressKey(address)))
    const isListedHere = known.some((address) => listed.has(addressKey(address)))
    const room = ADDRESSES_MAX - (isListedHere ? 1 : 0)
    const isHere = target.standing.kind === 'connected' && !this.#setup.isSuspect(target.peerId)
    const all = isHere ? [...known, ...fresh] : [...fresh.slice(0, room), ...known]
    const seeds = all.filter((address) => !listed.has(addressKey(address)))
    const spared = new Set(seeds.slice(0, Math.max(0, ADDRESSES_MAX - (all.length - seeds.length))))
    // Where there is no room for all, it is the list's.
    target.addresses = all
      .filter((address) => listed.has(addressKey(address)) || spared.has(address))
      .slice(0, ADDRESSES_MAX)
    return fresh.length > 0
  }

  /** Whether the host gave it as a seed at which this one may be. */
  #isSeed(key: string, peerId: PeerId | null): boolean {
    return this.#seeds.some((seed) => addressKey(seed) === key && (seed.peerId === null || seed.peerId === peerId))
  }

  /** Whatever it waits for, or is tried at, is not where it is to be looked for now. */
  #hurry(target: Target): void {
    target.failures = 0
    if (waits(target)) clearStanding(target)
    if (target.waiters.length === 0) this.#actions.cancel(target)
    // What somebody waits for goes on, where he said; but not behind the dials of strangers.
    else this.#actions.raise(target)
    if (this.#targets.has(target) && isLinked(target)) this.#linked(target)
  }

  /** A silent link is replaced by one to where its peer is listed; one that had been silent before that is as silent. */
  #linked(target: Target): void {
    const { agenda, isSuspect } = this.#setup
    const { peerId, standing } = target
    if (!isSuspect(peerId) && standing.kind !== 'suspect') {
      if (!isLinked(target)) target.standing = { kind: 'connected', sinceAt: agenda.now() }
      return
    }
    if (standing.kind !== 'suspect')
      target.standing = {
        kind: 'suspect',
        sinceAt: standing.kind === 'connected' ? standing.sinceAt : agenda.now(),
        retry: null,
      }
    this.#actions.beside(target)
  }

  /** A stranger has said itself where it may be found, or has been found: what others told of it is looked for there no more. */
  met(peerId: PeerId, addresses: readonly Address[]): void {
    const target = this.#targets.find(peerId)
    if (target === null || target.isNamed || target.isListed) return
    // Where it cannot be dialled from here is no reason to forget where it can.
    if (!addresses.some(({ scheme }) => this.#setup.transports.has(scheme))) return
    const known = new Set(target.addresses.map(addressKey))
    // What has failed were others' words.
    if (addresses.some((address) => !known.has(addressKey(address)))) target.failures = 0
    target.addresses = addresses
  }

  /** The operator lists it no longer: while it is linked it is wanted as a stranger is, and else not at all. */
  demote(target: Target, peerClass: PeerClass): void {
    target.peerClass = peerClass
    target.isListed = false
    if (!isLinked(target) && target.waiters.length === 0) this.#actions.forget(target)
  }

  /** A cold or waiting target is tried out of its turn, and as a bridge even where no more links are wanted. */
  retryIn(target: Target, delayMs: number): void {
    if (target.attempt === null && target.standing.kind !== 'connected') this.#actions.dialIn(target, delayMs, true)
  }

  /** Dials a stranger once, to see whether it is there. */
  feel(peerId: PeerId, peerClass: PeerClass, addresses: readonly Address[]): void {
    const target = this.#targets.provide(peerId, peerClass, addresses)
    if (target.standing.kind !== 'idle' || target.attempt !== null) return
    target.isFelt = true
    this.#actions.start(target)
  }

  /** A seed is wanted while links are few, again and again and never seldom, also where it was given up as a stranger. */
  wantSeed(address: Address): void {
    // Who is linked need not be looked for; who is not may have given the address up to somebody else.
    const found = this.#targets.atSeed(address).find(isLinked)
    const target = found ?? this.#targets.provide(address.peerId, 'regular', [address])
    this.#targets.include(target, address)
    const { standing } = target
    target.isSeed = true
    target.isNamed = true
    if (target.attempt !== null) return
    if (standing.kind === 'idle') this.want(address.peerId, target.peerClass, [address])
    else if (standing.kind === 'cold' || standing.kind === 'given-up')
      this.#actions.dialIn(target, standing.sinceAt + GIVEN_UP_SEED_RETRY_MS - this.#setup.agenda.now(), false)
  }

  /** The seed is no longer looked after. Its time stays: whoever seeks it again a moment later waits as long as before. */
  leaveSeed(address: Address): void {
    for (const target of this.#targets.atSeed(address)) target.isSeed = false
  }
}

function isLinked({ standing }: Target): boolean {
  return standing.kind === 'connected' || standing.kind === 'suspect'
}

function waits({ standing }: Target): boolean {
  return standing.kind === 'backing-off' || standing.kind === 'cold' || standing.kind === 'given-up'
}
