/**
 * Whom the operator trusts: masternodes and persistent peers, by id, or by address alone, which means whom the pins know there. The
 * list may change while the node runs: by the host's word, or by a directory that the operator named. Nothing a peer says ever adds
 * to it.
 */
import { addressKey, canonicalIp } from '../policy/address.js'
import type { AddressPins } from '../policy/address-pins.js'
import type { Address, PeerId } from '../ports/types.js'
import type { Listing, Places, Said, TrustedClass } from './listings.js'
import { linesAt, listingOf, NOTHING, placesOf, saidOf } from './listings.js'
import type { Moved } from './moves.js'
import { Moves } from './moves.js'

export interface RosterSetup {
  readonly ownId: PeerId
  readonly masternodes: readonly Address[]
  readonly persistent: readonly Address[]
  readonly pins: Pick<AddressPins, 'idAt' | 'isFoundAt' | 'isSavedAt' | 'entries'>
  /** Who is banned is not taken for the one of an address, but where it was listed before. */
  readonly isBanned: (peerId: PeerId) => boolean
}

/** One trusted peer, or one address whose peer is not known yet. */
export interface Trusted {
  readonly peerId: PeerId | null
  readonly peerClass: TrustedClass
  readonly addresses: readonly Address[]
}

/** A masternode has two addresses, of two families, or moves. */
const SEEN_MAX = 4
/** Whom the host has struck off, whatever a directory says. */
const STRUCK_MAX = 4_096

export class Roster {
  readonly #setup: RosterSetup
  // Bound: the operator's lists, and DIRECTORY_MAX of the directory's.
  #listings: readonly Listing[] = []
  readonly #moves = new Moves()
  #said: ReadonlyMap<string, Said> = new Map()
  #byKey: ReadonlyMap<string, readonly Listing[]> = new Map()
  #places: Places = new Map()
  /** Whether also as a persistent peer. Bound: STRUCK_MAX; the oldest is forgotten. */
  readonly #struck = new Map<PeerId, boolean>()
  /** Where each has come from, when that is not where it is listed: the latest last. Bound: the trusted, and SEEN_MAX of each. */
  readonly #seenAt = new Map<PeerId, readonly string[]>()
  // Below: what follows from the above, and the pins. Bound: the same.
  readonly #byId = new Map<PeerId, Trusted>()
  readonly #byAddress = new Map<string, Trusted>()
  readonly #ips = new Map<string, Set<string>>()
  readonly #counts: Record<TrustedClass, number> = { masternode: 0, persistent: 0 }

  constructor(setup: RosterSetup) {
    this.#setup = setup
    const list = (peerClass: TrustedClass, addresses: readonly Address[]): Listing[] =>
      addresses.map((address) => listingOf('host', peerClass, address))
    this.#set([...list('persistent', setup.persistent), ...list('masternode', setup.masternodes)])
  }

  /** Adds a masternode; one that was struck off is trusted again. This node's own entry is left out, so that a fleet can share one list. */
  add(address: Address): void {
    if (address.peerId !== null) this.#struck.delete(address.peerId)
    this.#set([...this.#listings, listingOf('host', 'masternode', address)])
  }

  /** Who is named at an address, or known there where it is listed alone. */
  idsAt(address: Address): ReadonlySet<PeerId> {
    const there = this.#byKey.get(addressKey(address)) ?? []
    return new Set(there.map((listing) => this.#peerOf(listing)).filter((peerId) => peerId !== null))
  }

  /** Strikes a masternode off, whoever listed it; `everywhere`: as a persistent peer, too. @returns whether it was listed */
  strike(peerId: PeerId, everywhere = false): boolean {
    // As long as it is still taken for the one of an address.
    const its = new Set(this.#listings.filter((listing) => this.#peerOf(listing) === peerId))
    const isRevoked = everywhere || this.#isStruck(peerId, 'persistent')
    this.#struck.delete(peerId)
    this.#struck.set(peerId, isRevoked)
    const [oldest] = this.#struck.keys()
    if (this.#struck.size > STRUCK_MAX && oldest !== undefined) this.#struck.delete(oldest)
    return this.#drop((listing) => its.has(listing), everywhere)
  }

  /** Takes one address off the list, with the peer where it was its last. @returns whether it was listed */
  remove(address: Address): boolean {
    const isIt = (listing: Listing): boolean => address.peerId === null || address.peerId === this.#peerOf(listing)
    const key = addressKey(address)
    return this.#drop((listing) => listing.key === key && isIt(listing))
  }

  /**
   * What the directory says now, in place of what it said before. Whoever was struck off stays so.
   * @returns who has moved, and from where
   */
  setDirectory(addresses: readonly Address[]): readonly Moved[] {
    const own = this.#listings.filter(({ origin }) => origin === 'host')
    const listed = addresses.map((address) => listingOf('directory', 'masternode', address))
    this.#set([...own, ...listed])
    return this.#movedFrom(this.#moves.heard(addresses), () => true)
  }

  /** What the directory had said to an earlier process, read after it has said more. */
  saidBefore(addresses: readonly Address[]): void {
    this.#moves.heardBefore(addresses)
  }

  /** Where those are known to be who have moved since, as far as an earlier process knew it. */
  movedSaved(): readonly Moved[] {
    return this.#movedFrom(this.#moves.ids, (key) => this.#setup.pins.isSavedAt(key))
  }

  /**
   * Where those who moved are still known to be, and the directory lists the address alone. Of one that was only named there before, a
   * bare line says nothing once it is named elsewhere, and nothing need be done.
   */
  #movedFrom(movedIds: ReadonlySet<PeerId>, isMeant: (key: string) => boolean): readonly Moved[] {
    const moved: Moved[] = []
    for (const { key, id: peerId } of this.#setup.pins.entries()) {
      const isAway = movedIds.has(peerId) && this.#places.get(peerId)?.has(key) === false
      const isBare = this.#said.get(key)?.bareBy.has('directory') === true
      if (isAway && isBare && isMeant(key) && !this.#isOwn(key)) moved.push({ key, peerId })
    }
    return moved
  }

  #isOwn(key: string): boolean {
    return this.#byKey.get(key)?.some(({ origin }) => origin === 'host') === true
  }

  /** What is said of each address, by its key. */
  said(): ReadonlyMap<string, Said> {
    return this.#said
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

  /** Who is meant by a line: whom it names, or whom the pins know there. */
  #peerOf({ origin, peerClass, address, key }: Listing): PeerId | null {
    if (address.peerId !== null) return address.peerId
    const { pins, ownId, isBanned } = this.#setup
    const peerId = pins.idAt(key)
    const isFound = pins.isFoundAt(key)
    const { bareBy, by } = this.#said.get(key) ?? NOTHING
    const { host: hosts, directory } = by
    const named = [...hosts].filter((other) => !this.#isStruck(other, peerClass))
    const [first] = named
    // The host knows better than a directory that names nobody there, unless it leaves that open itself.
    if (origin === 'directory' && first !== undefined && !(isFound && bareBy.has('host')))
      return peerId !== null && named.includes(peerId) ? peerId : first
    if (peerId === null || peerId === ownId || this.#isStruck(peerId, peerClass)) return null
    // One that was only named there is not meant by the host, nor by who names it elsewhere alone, or here as well.
    const isElsewhere = this.#places.get(peerId)?.has(key) === false
    if (!isFound && (origin === 'host' || isElsewhere || directory.has(peerId))) return null
    return this.#byId.has(peerId) || !isBanned(peerId) ? peerId : null
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

  #set(listings: readonly Listing[]): void {
    const known = new Map<string, Listing>()
    for (const listing of listings) {
      const { origin, peerClass, key } = listing
      const { peerId } = listing.address
      if (peerId === this.#setup.ownId || (peerId !== null && this.#isStruck(peerId, peerClass))) continue
      known.set(`${origin} ${peerClass} ${peerId ?? ''} ${key}`, listing)
    }
    this.#listings = [...known.values()]
    this.#said = saidOf(this.#listings)
    this.#byKey = linesAt(this.#listings)
    this.#places = placesOf(this.#listings.map(({ address }) => address))
    this.refresh()
  }

  /** The pins and bans are as they were saved: nobody has been listed before, so that the order in which they were read decides nothing. */
  begin(): void {
    this.#byId.clear()
    this.refresh()
  }

  /** The pins may have changed. Where two lines name a peer, the higher class holds, and the addresses of all of them. */
  refresh(): void {
    const listings = this.#listings.map((listing) => {
      const { peerClass, key, address } = listing
      return { peerClass, key, isBare: address.peerId === null, address: { ...address, peerId: this.#peerOf(listing) } }
    })
    this.#byId.clear()
    this.#byAddress.clear()
    this.#ips.clear()
    // Of two lines that name nobody, one may mean somebody, and the other not, who was struck off as that.
    const meant = listings.filter(({ isBare, address }) => isBare && address.peerId !== null)
    const taken = new Set(meant.map(({ key }) => key))
    for (const { peerClass, key, address } of listings) {
      const { peerId } = address
      if (peerId === null && taken.has(key)) continue
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
