/** Whom we want to reach: one target for each peer, or for each address whose peer is not known yet. */
import { addressKey } from '../policy/address.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
import type { Target } from './dial-target.js'
import { ADDRESSES_MAX, leaveSeed } from './dial-target.js'

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
      if (known.isListed) return known
      const keys = new Set(known.addresses.map(addressKey))
      const added = addresses.filter((address) => !keys.has(addressKey(address)))
      // Whoever names it now knows more than whoever told of it before.
      if (added.length > 0) known.addresses = [...added, ...known.addresses].slice(0, ADDRESSES_MAX)
      return known
    }
    const target: Target = {
      peerId,
      peerClass,
      addresses: addresses.slice(0, ADDRESSES_MAX),
      isListed: false,
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

  /** The operator has said that it may be found there, too, as far as there is room for it. */
  include(target: Target, address: Address): void {
    const key = addressKey(address)
    const isKnown = target.addresses.some((other) => addressKey(other) === key)
    if (!isKnown && target.addresses.length < ADDRESSES_MAX) target.addresses = [...target.addresses, address]
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
    if (dialled.isListed) {
      if (!own.isListed) {
        own.addresses = []
        leaveSeed(own)
      }
      own.isListed = true
      own.peerClass = dialled.peerClass
    }
    own.isSeed ||= dialled.isSeed
    own.isNamed ||= dialled.isNamed
    own.isFelt &&= dialled.isFelt
    // What a seed's address leads to is looked for there again, and whoever is listed where it is listed alone: those are the operator's words.
    const isSaid = !own.isListed || dialled.isListed || dialled.isNamed
    const isKnown =
      address === null || !isSaid || own.addresses.some((other) => addressKey(other) === addressKey(address))
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
