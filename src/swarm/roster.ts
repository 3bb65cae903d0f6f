/**
 * Whom the operator trusts: masternodes and persistent peers, by id, or by address alone, which pins the first id that our own
 * authenticated dial finds there. The list may change while the node runs: by the host's word, or by a directory that the
 * operator named. Nothing a peer says ever adds to it.
 */
import { addressKey, canonicalIp } from '../policy/address.js'
import type { Address, PeerId } from '../ports/types.js'

export type TrustedClass = 'masternode' | 'persistent'

/** One trusted peer, or one address whose peer is not known yet. */
export interface Trusted {
  readonly peerId: PeerId | null
  readonly peerClass: TrustedClass
  readonly addresses: readonly Address[]
}

/** One line of the list. `host`: the options, or a call. What a directory says replaces only what it said before. */
export interface Listing {
  readonly origin: 'host' | 'directory'
  readonly peerClass: TrustedClass
  /** Names nobody where it was listed by address alone and nobody has been found there. */
  readonly address: Address
  /** Whether it names that id itself, or another line of the host's does for that address. */
  readonly isNamed: boolean
  /** Whether our own dial has found that one there. Who is neither named nor found was named there before. */
  readonly isFound: boolean
}

/** An address that is another's again. */
export interface Repinned {
  readonly key: string
  readonly gone: PeerId
  readonly peerId: PeerId
}

/** A masternode has two addresses, of two families, or moves. */
const SEEN_MAX = 4
/** Whom the host has struck off, whatever a directory says. */
const STRUCK_MAX = 4_096

export class Roster {
  readonly #ownId: PeerId
  // Bound: the operator's lists, and DIRECTORY_MAX of the directory's.
  #listings: readonly Listing[] = []
  /** Whether also as a persistent peer. Bound: STRUCK_MAX; the oldest is forgotten. */
  readonly #struck = new Map<PeerId, boolean>()
  /** Where each has come from, when that is not where it is listed: the latest last. Bound: the trusted, and SEEN_MAX of each. */
  readonly #seenAt = new Map<PeerId, readonly string[]>()
  // Below: what follows from the above. Bound: the same.
  readonly #byId = new Map<PeerId, Trusted>()
  readonly #byAddress = new Map<string, Trusted>()
  readonly #ips = new Map<string, Set<string>>()
  readonly #counts: Record<TrustedClass, number> = { masternode: 0, persistent: 0 }

  constructor(ownId: PeerId, masternodes: readonly Address[], persistent: readonly Address[]) {
    this.#ownId = ownId
    const list = (peerClass: TrustedClass, addresses: readonly Address[]): Listing[] =>
      addresses.map((address) => listingOf('host', peerClass, address))
    this.#set([...list('persistent', persistent), ...list('masternode', masternodes)])
  }

  /** Adds a masternode; one that was struck off is trusted again. This node's own entry is left out, so that a fleet can share one list. */
  add(address: Address): void {
    if (address.peerId !== null) this.#struck.delete(address.peerId)
    this.#set([...this.#listings, listingOf('host', 'masternode', address)])
  }

  /** Who is known to be at an address that is listed; null where nobody is. */
  idAt(address: Address): PeerId | null {
    const key = addressKey(address)
    return this.#listings.find((listing) => addressKey(listing.address) === key)?.address.peerId ?? null
  }

  /** Strikes a masternode off, whoever listed it; `everywhere`: as a persistent peer, too. @returns whether it was listed */
  strike(peerId: PeerId, everywhere = false): boolean {
    const isRevoked = everywhere || this.#isStruck(peerId, 'persistent')
    this.#struck.delete(peerId)
    this.#struck.set(peerId, isRevoked)
    const [oldest] = this.#struck.keys()
    if (this.#struck.size > STRUCK_MAX && oldest !== undefined) this.#struck.delete(oldest)
    return this.#drop(({ address }) => address.peerId === peerId, everywhere)
  }

  /** Takes one address off the list, with the peer where it was its last. @returns whether it was listed */
  remove(address: Address): boolean {
    const key = addressKey(address)
    return this.#drop((listing) => {
      const { peerId } = listing.address
      return addressKey(listing.address) === key && (address.peerId === null || address.peerId === peerId)
    })
  }

  /**
   * What the directory says now, in place of what it said before. Whoever was struck off stays so. Whom it had named at an address that
   * it now names nobody for is taken to be there, unless it names that one elsewhere.
   */
  setDirectory(addresses: readonly Address[]): void {
    const own = this.#listings.filter(({ origin }) => origin === 'host')
    const named = new Set(addresses.map(({ peerId }) => peerId))
    const isStill = ({ isFound, address: { peerId } }: Listing): boolean => isFound || !named.has(peerId)
    const old = this.#listings.filter((listing) => listing.origin === 'directory' && isStill(listing))
    const known = new Map<string, Listing>()
    for (const listing of [...old, ...own])
      if (listing.address.peerId !== null) known.set(addressKey(listing.address), listing)
    const listed = addresses.map((address): Listing => {
      const listing = listingOf('directory', 'masternode', address)
      const there = address.peerId === null ? known.get(addressKey(address)) : undefined
      if (there === undefined) return listing
      const { origin, isNamed, isFound } = there
      return { ...listing, address: there.address, isNamed: origin === 'host' && isNamed, isFound }
    })
    this.#set([...own, ...listed])
  }

  classOf(peerId: PeerId): TrustedClass | null {
    return this.#byId.get(peerId)?.peerClass ?? null
  }

  find(peerId: PeerId): Trusted | null {
    return this.#byId.get(peerId) ?? null
  }

  /** Whether an address is listed, and nobody's key for it. */
  isAlone(key: string): boolean {
    return this.#byAddress.has(key)
  }

  /** Whether the address is listed alone, and may turn out to be this peer's. */
  isOpenTo(address: Address, peerId: PeerId): boolean {
    const alone = this.#byAddress.get(addressKey(address))
    return alone !== undefined && !this.#isStruck(peerId, alone.peerClass)
  }

  /** Addresses where somebody was found are whose `idAt` says, unless that one is struck off. @returns who has lost one */
  repin(idAt: (key: string) => PeerId | null): readonly Repinned[] {
    const repinned: Repinned[] = []
    const listings = this.#listings.map((listing) => {
      const { address, peerClass, isNamed, isFound } = listing
      const key = addressKey(address)
      const peerId = isFound && !isNamed ? idAt(key) : null
      if (address.peerId === null || peerId === null || address.peerId === peerId) return listing
      if (peerId === this.#ownId || this.#isStruck(peerId, peerClass)) return listing
      repinned.push({ key, gone: address.peerId, peerId })
      return { ...listing, address: { ...address, peerId } }
    })
    if (repinned.length > 0) this.#set(listings)
    return repinned
  }

  /** Our own dial to an address-only entry has proven who is there. @returns false where there is no such entry */
  pin(address: Address, peerId: PeerId): boolean {
    if (!this.isOpenTo(address, peerId)) return false
    this.#set(this.#with(address, null, () => ({ peerId, isFound: true })))
    return true
  }

  /** Our own dial has found another than was named there before: nobody is known to be there now, but for who is named, or was found. */
  doubt(address: Address, peerId: PeerId): void {
    this.#set(this.#with(address, peerId, ({ isNamed, isFound }) => (isNamed || isFound ? null : { peerId: null })))
  }

  /** Our own dial has found one where it had been named before, and is no more. @returns whether that is news */
  found(address: Address, peerId: PeerId): boolean {
    const before = this.#listings
    this.#listings = this.#with(address, peerId, ({ isNamed, isFound }) =>
      isNamed || isFound ? null : { peerId, isFound: true },
    )
    return this.#listings.some((listing, i) => listing !== before[i])
  }

  /** A trusted peer has come from there. Whoever shares that IP, a ban earned there keeps this one's next link out no more. */
  sawAt(peerId: PeerId, ip: string): void {
    const canonical = canonicalIp(ip)
    const trusted = this.#byId.get(peerId)
    const seen = this.#seenAt.get(peerId) ?? []
    if (trusted === undefined || canonical === null || seen.at(-1) === canonical) return
    if (trusted.addresses.some(({ host }) => canonicalIp(host) === canonical)) return
    const latest = [...seen.filter((other) => other !== canonical), canonical]
    const [oldest] = latest
    if (latest.length > SEEN_MAX && oldest !== undefined) this.#forget(oldest, peerId)
    this.#seenAt.set(peerId, latest.slice(-SEEN_MAX))
    this.#note(canonical, peerId)
  }

  /** IPs that trusted peers are listed at, or have come from lately. */
  get ipCount(): number {
    return this.#ips.size
  }

  /** How many trusted peers there are at this IP: an inbound link from there may be from any of them. */
  listedAt(ip: string): number {
    const canonical = canonicalIp(ip)
    return canonical === null ? 0 : (this.#ips.get(canonical)?.size ?? 0)
  }

  /** Trusted peers of a class; this node itself is not among them. */
  count(peerClass: TrustedClass): number {
    return this.#counts[peerClass]
  }

  *entries(): Iterable<Trusted> {
    yield* this.#byId.values()
    yield* this.#byAddress.values()
  }

  /** All lines, those of that address that are this one's, or nobody's, with what `change` says; null: as they are. */
  #with(
    address: Address,
    peerId: PeerId | null,
    change: (listing: Listing) => { readonly peerId: PeerId | null; readonly isFound?: true } | null,
  ): readonly Listing[] {
    const key = addressKey(address)
    return this.#listings.map((listing) => {
      const isThere = listing.address.peerId === peerId && addressKey(listing.address) === key
      const changed = isThere ? change(listing) : null
      if (changed === null) return listing
      const { isFound = listing.isFound } = changed
      return { ...listing, address: { ...listing.address, peerId: changed.peerId }, isFound }
    })
  }

  /** Who is no masternode any more may be persistent all the same, but for one that was revoked. */
  #isStruck(peerId: PeerId, peerClass: TrustedClass): boolean {
    const isRevoked = this.#struck.get(peerId)
    return isRevoked === true || (isRevoked === false && peerClass === 'masternode')
  }

  #drop(gone: (listing: Listing) => boolean, everywhere = false): boolean {
    const left = this.#listings.filter(
      (listing) => !gone(listing) || (!everywhere && listing.peerClass !== 'masternode'),
    )
    const some = left.length < this.#listings.length
    if (some) this.#set(left)
    return some
  }

  /** Where two lines name a peer, the higher class holds, and the addresses of all of them. */
  #set(listings: readonly Listing[]): void {
    const known = new Map<string, Listing>()
    for (const listing of listings) {
      const { origin, peerClass, address, isNamed, isFound } = listing
      const { peerId } = address
      if (peerId === this.#ownId || (peerId !== null && this.#isStruck(peerId, peerClass))) continue
      const key = `${origin} ${peerClass} ${peerId ?? ''} ${addressKey(address)}`
      const same = known.get(key)
      // Of two lines that say the same, one may say more.
      const all = { isNamed: isNamed || same?.isNamed === true, isFound: isFound || same?.isFound === true }
      known.set(key, same === undefined ? listing : { ...same, ...all })
    }
    this.#listings = [...known.values()]
    this.#index()
  }

  #index(): void {
    this.#byId.clear()
    this.#byAddress.clear()
    this.#ips.clear()
    for (const { peerClass, address } of this.#listings) {
      const key = addressKey(address)
      const { peerId } = address
      const old = peerId === null ? this.#byAddress.get(key) : this.#byId.get(peerId)
      const others = old?.addresses.filter((other) => addressKey(other) !== key) ?? []
      const highest = old?.peerClass === 'masternode' ? 'masternode' : peerClass
      const entry: Trusted = { peerId, peerClass: highest, addresses: [...others, address] }
      if (peerId === null) this.#byAddress.set(key, entry)
      else this.#byId.set(peerId, entry)
      const ip = canonicalIp(address.host)
      if (ip !== null) this.#note(ip, key)
    }
    for (const [peerId, ips] of this.#seenAt) {
      if (this.#byId.has(peerId)) for (const ip of ips) this.#note(ip, peerId)
      else this.#seenAt.delete(peerId)
    }
    this.#counts.masternode = 0
    this.#counts.persistent = 0
    for (const { peerClass } of this.entries()) this.#counts[peerClass]++
  }

  #forget(ip: string, what: string): void {
    const there = this.#ips.get(ip)
    there?.delete(what)
    // A masternode that comes from everywhere must leave nothing behind.
    if (there?.size === 0) this.#ips.delete(ip)
  }

  #note(ip: string, what: string): void {
    const there = this.#ips.get(ip)
    if (there === undefined) this.#ips.set(ip, new Set([what]))
    else there.add(what)
  }
}

function listingOf(origin: Listing['origin'], peerClass: TrustedClass, address: Address): Listing {
  return { origin, peerClass, address, isNamed: address.peerId !== null, isFound: false }
}
