/**
 * What is known of each peer, by id: where it may be reached, how long it has behaved, when it was last seen. Bounded: who
 * makes way, and who may fill it, is `peer-shelves`' to say.
 */
import { checkNames } from '../errors.js'
import { addressKey, formatAddress, networkGroup } from './address.js'
import { AddressPins } from './address-pins.js'
import { pickAnchors } from './anchors.js'
import { checkLimit } from './limit.js'
import type { PeerRecord, PeerSource } from './peer-record.js'
import { PeerShelves } from './peer-shelves.js'
import type { StoredPeer } from './peer-snapshot.js'
import { readBook, storedPins } from './peer-snapshot.js'
import { Pool } from './pool.js'
import type { Random } from '../ports/clock.js'
import type { Address, PeerId } from '../ports/types.js'

/** Options of {@link PeerStore}. */
export interface PeerStoreOptions {
  /** Peers known at once, 1 to 2^20; default 8,192. */
  readonly peersMax?: number
  /** Addresses of one peer, 1 to 64; default 8. */
  readonly addressesMax?: number
  /** Penalty-free link time that makes a peer regular, 1 ms to 30 days; default 10 min. */
  readonly regularAfterMs?: number
}

interface Entry {
  /** Its addresses are at most `addressesMax`. */
  record: PeerRecord
  /** Monotonic. While linked: when the present penalty-free run began. */
  runsSince: number | null
  /** Monotonic. While a link of ours to it lasts: when the first began. */
  dialledSince: number | null
  /** Keys of the operator's own addresses: no peer's word displaces them. Bound: `addressesMax`. */
  configured: readonly string[]
}

/** The address book. `now` is monotonic, `wall` wall-clock milliseconds. Methods for an id that is not known do nothing. */
export class PeerStore {
  /** Whose the addresses are that were listed without an id. */
  readonly pins: AddressPins = new AddressPins()
  readonly #peersMax: number
  readonly #addressesMax: number
  readonly #regularAfterMs: number
  /** Bound: `peersMax`. */
  readonly #entries = new Map<PeerId, Entry>()
  /** Bound: `peersMax`. */
  readonly #pool = new Pool<PeerId>()
  readonly #shelves: PeerShelves

  /** @throws HoldfastError `invalid-option` for a number outside its bounds */
  constructor(options: PeerStoreOptions = {}) {
    checkNames('peerStore', options, ['peersMax', 'addressesMax', 'regularAfterMs'])
    const { peersMax = 8192, addressesMax = 8, regularAfterMs = 600_000 } = options
    this.#peersMax = checkLimit('peersMax', peersMax, 1, 2 ** 20)
    this.#addressesMax = checkLimit('addressesMax', addressesMax, 1, 64)
    this.#regularAfterMs = checkLimit('regularAfterMs', regularAfterMs, 1, 30 * 86_400_000)
    this.#shelves = new PeerShelves(peersMax)
  }

  /** Peers known. */
  get size(): number {
    return this.#entries.size
  }

  /** The ids of all known peers. */
  ids(): PeerId[] {
    return [...this.#entries.keys()]
  }

  /** The ids of all known peers in random order, each drawn when it is asked for. The book must not change meanwhile. */
  drawn(random: Random): Iterable<PeerId> {
    return this.#pool.drawn(random)
  }

  get(id: PeerId): PeerRecord | null {
    return this.#entries.get(id)?.record ?? null
  }

  /** Whether this canonical text, without an id, is one of the peer's addresses. */
  reaches(id: PeerId, key: string): boolean {
    return this.#entries.get(id)?.record.addresses.some((address) => addressKey(address) === key) === true
  }

  /**
   * Notes that the peer may be reached at an address; whatever id the address names is replaced by `id`. Hearsay
   * (`exchange`) evicts nobody who was ever linked and displaces no address.
   * @param teller who said so, such as the network of a peer: one teller's hearsay fills an eighth of the book at most
   * @returns `full` where there is no room, for the peer or for the address
   */
  learn(id: PeerId, address: Address, source: PeerSource, teller?: string): 'added' | 'known' | 'full' {
    const entry = this.#entries.get(id) ?? this.#hear(id, source, teller)
    return entry === null ? 'full' : this.#addAddress(entry, address, source)
  }

  /** Keeps the peer whatever happens, known before or not. @returns false when only pinned and connected peers are left */
  pin(id: PeerId): boolean {
    const entry = this.#entries.get(id) ?? this.#create(id, 'configured')
    if (entry !== null) this.#change(entry, { pinned: true })
    return entry !== null
  }

  unpin(id: PeerId): void {
    const entry = this.#entries.get(id)
    if (entry !== undefined) this.#change(entry, { pinned: false })
  }

  /**
   * An authenticated link to the peer began: at that address if we dialled, or null if it did. A second one, while the
   * first is being replaced, does not interrupt the link time.
   * @returns false when the peer is not known and there is no room for it
   */
  linked(id: PeerId, address: Address | null, now: number, wall: number): boolean {
    const entry = this.#entries.get(id) ?? this.#create(id, address === null ? 'inbound' : 'hello')
    if (entry === null) return false
    const { connectedAt, dialedUs } = entry.record
    entry.runsSince ??= now
    const seen = { connectedAt: connectedAt ?? wall, lastSeenAt: wall, anchor: false }
    this.#change(entry, { ...seen, dialedUs: dialedUs || address === null })
    if (address === null) return true
    entry.dialledSince ??= now
    this.#addAddress(entry, address, 'hello')
    this.succeeded(id, addressKey(address))
    return true
  }

  /** The last link to the peer ended; with `penalty`, its penalty-free time starts anew. */
  unlinked(id: PeerId, now: number, wall: number, { penalty }: { readonly penalty: boolean }): void {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.runsSince === null) return
    const linkedMs = penalty ? 0 : penaltyFreeMs(entry, now)
    entry.runsSince = null
    entry.dialledSince = null
    this.#change(entry, { linkedMs, connectedAt: null, lastSeenAt: wall })
  }

  /** The peer earned a strike: its penalty-free time starts anew. */
  penalized(id: PeerId, now: number): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    if (entry.runsSince !== null) entry.runsSince = now
    this.#change(entry, { linkedMs: 0 })
  }

  /** The operator trusted it until now: it counts as one that has behaved for long enough. */
  vouch(id: PeerId): void {
    const entry = this.#entries.get(id)
    if (entry !== undefined) this.#change(entry, { linkedMs: Math.max(entry.record.linkedMs, this.#regularAfterMs) })
  }

  /** What the peer has earned by itself; trust is the operator's to give. */
  classOf(id: PeerId, now: number): 'regular' | 'unknown' {
    const entry = this.#entries.get(id)
    return entry !== undefined && penaltyFreeMs(entry, now) >= this.#regularAfterMs ? 'regular' : 'unknown'
  }

  /** A dial failed: the next one tries another address. */
  failed(id: PeerId, key: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    const { addresses, failures } = entry.record
    const [failing, others] = split(addresses, key)
    // The same list for as long as it says the same: others have made something of it.
    const isSame = failing.length === 0 || others.length === 0
    entry.record = { ...entry.record, failures: failures + 1, addresses: isSame ? addresses : [...others, ...failing] }
  }

  /** A dial succeeded: its address is preferred from now on. */
  succeeded(id: PeerId, key: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    const [working, others] = split(entry.record.addresses, key)
    entry.record = { ...entry.record, failures: 0, addresses: [...working, ...others] }
  }

  /** Forgets all about the peer, pinned or not. */
  forget(id: PeerId): void {
    this.#shelves.forget(id)
    this.#pool.delete(id)
    this.#entries.delete(id)
  }

  /** Everything worth keeping over a restart, as JSON-able values. Pins of peers are the operator's to repeat. */
  snapshot(now: number): unknown {
    const anchors = this.#anchors(now)
    const peers = Array.from(this.#entries.values(), (entry) => {
      const { id, addresses, lastSeenAt, source, dialedUs, failures } = entry.record
      return {
        id,
        addresses: addresses.map(formatAddress),
        configured: entry.configured,
        linkedMs: penaltyFreeMs(entry, now),
        lastSeenAt,
        source,
        dialedUs,
        failures,
        anchor: anchors.has(id),
      }
    })
    return { version: 1, peers, pinnedAddresses: storedPins(this.pins.entries()) }
  }

  /**
   * Adds what a snapshot holds: of a peer that is known already only when it was seen, an address is whose it was. Never throws: what
   * makes no sense is left out, instants in the future become `wall`. `isId` may look closer at ids than at their form.
   */
  restore(snapshot: unknown, wall: number, isId?: (text: string) => text is PeerId): void {
    const bounds = { peersMax: this.#peersMax, addressesMax: this.#addressesMax, pinsMax: AddressPins.pinsMax }
    const { peers, pinnedAddresses } = readBook(snapshot, wall, bounds, isId)
    for (const peer of peers) this.#restorePeer(peer)
    for (const pin of pinnedAddresses) this.pins.restore(pin)
  }

  #hear(id: PeerId, source: PeerSource, teller: string | undefined): Entry | null {
    if (source !== 'exchange' || teller === undefined) return this.#create(id, source)
    if (!this.#shelves.mayTell(teller)) return null
    const entry = this.#create(id, source)
    if (entry !== null) this.#shelves.told(id, teller)
    return entry
  }

  #create(id: PeerId, source: PeerSource): Entry | null {
    if (this.#entries.size >= this.#peersMax) {
      const victim = this.#shelves.victim(source === 'exchange')
      if (victim === null) return null
      this.forget(victim)
    }
    const times = { linkedMs: 0, connectedAt: null, lastSeenAt: null }
    const record = { id, addresses: [], pinned: false, ...times, source, dialedUs: false, failures: 0, anchor: false }
    const entry: Entry = { record, runsSince: null, dialledSince: null, configured: [] }
    this.#entries.set(id, entry)
    this.#pool.add(id)
    this.#change(entry, {})
    return entry
  }

  #change(entry: Entry, changes: Partial<PeerRecord>): void {
    const record = { ...entry.record, ...changes }
    entry.record = record
    this.#shelves.place({
      ...record,
      isLinked: entry.runsSince !== null,
      isRegular: record.linkedMs >= this.#regularAfterMs,
    })
  }

  #anchors(now: number): ReadonlySet<PeerId> {
    return pickAnchors(
      Array.from(this.#entries.values()).flatMap((entry) => {
        const { id, addresses, source } = entry.record
        const [address] = addresses
        const isAnchor = entry.dialledSince !== null && source !== 'configured' && this.classOf(id, now) === 'regular'
        if (!isAnchor || address === undefined || entry.dialledSince === null) return []
        return { id, group: networkGroup(address.host), linkedMs: now - entry.dialledSince }
      }),
    )
  }

  #addAddress(entry: Entry, given: Address, source: PeerSource): 'added' | 'known' | 'full' {
    const address = { ...given, peerId: entry.record.id }
    const key = addressKey(address)
    const known = entry.record.addresses
    const isKnown = known.some((other) => addressKey(other) === key)
    if (!isKnown) {
      const last = known.findLast((other) => !entry.configured.includes(addressKey(other)))
      const isFull = known.length >= this.#addressesMax
      if (isFull && (last === undefined || source === 'exchange')) return 'full'
      const kept = isFull ? known.filter((other) => other !== last) : known
      entry.record = { ...entry.record, addresses: [...kept, address] }
    }
    // What it says itself goes before what others have told, whether they have told that, too, or not.
    if (source === 'hello') {
      const [its, others] = split(entry.record.addresses, key)
      entry.record = { ...entry.record, addresses: [...its, ...others] }
    }
    if (source === 'configured' && !entry.configured.includes(key)) entry.configured = [...entry.configured, key]
    return isKnown ? 'known' : 'added'
  }

  #restorePeer({ id, source, addresses, ...seen }: StoredPeer): void {
    const known = this.#entries.get(id)
    if (known?.record.lastSeenAt === null) this.#change(known, { lastSeenAt: seen.lastSeenAt, linkedMs: seen.linkedMs })
    const entry = known !== undefined || this.#entries.size >= this.#peersMax ? null : this.#create(id, source)
    if (entry === null) return
    for (const { address, isConfigured } of addresses)
      this.#addAddress(entry, address, isConfigured ? 'configured' : 'exchange')
    this.#change(entry, seen)
  }
}

function penaltyFreeMs({ record, runsSince }: Entry, now: number): number {
  return record.linkedMs + (runsSince === null ? 0 : Math.max(0, now - runsSince))
}

function split(addresses: readonly Address[], key: string): [Address[], Address[]] {
  const isIt = (address: Address): boolean => addressKey(address) === key
  return [addresses.filter(isIt), addresses.filter((address) => !isIt(address))]
}
