/**
 * What is known of each peer, by id: where it may be reached, how long it has behaved, when it was last seen. Bounded:
 * hearsay makes way first, then strangers, then regulars; pinned and connected peers never do.
 */
import { addressKey, formatAddress, isPeerIdText, readAddress } from './address.js'
import { BoundedMap } from './bounded-map.js'
import { checkLimit } from './limit.js'
import { isRecord, someOf, within } from './stored.js'
import type { Address, PeerId } from '../ports/types.js'

const PINNED_ADDRESSES_MAX = 4096
const SOURCES: readonly PeerSource[] = ['configured', 'hello', 'exchange', 'inbound']

/** Who told us of a peer first: the operator, the peer itself, another peer, or the peer by dialing us. */
export type PeerSource = 'configured' | 'hello' | 'exchange' | 'inbound'

/** Options of {@link PeerStore}. */
export interface PeerStoreOptions {
  /** Peers known at once, 1 to 2^20; default 8,192. */
  readonly peersMax?: number
  /** Addresses of one peer, 1 to 64; default 8. */
  readonly addressesMax?: number
  /** Penalty-free link time that makes a peer regular, 1 ms to 30 days; default 10 min. */
  readonly regularAfterMs?: number
}

/** What is known of one peer, as it was when asked for. */
export interface PeerRecord {
  readonly id: PeerId
  /** Preferred first; each names the peer's id, no place twice. */
  readonly addresses: readonly Address[]
  /** Never evicted. */
  readonly pinned: boolean
  /** Link time since the last penalty, over all links that have ended. */
  readonly linkedMs: number
  /** Wall instant at which the present link began, or null. */
  readonly connectedAt: number | null
  /** Wall instant of the last link's beginning or end, or null. */
  readonly lastSeenAt: number | null
  readonly source: PeerSource
  /** Whether the peer has ever dialled us. */
  readonly dialedUs: boolean
  /** Failed dials since the last success. */
  readonly failures: number
}

interface Entry {
  /** Its addresses are at most `addressesMax`. */
  record: PeerRecord
  /** Monotonic. While linked: when the present penalty-free run began. */
  runsSince: number | null
  /** Keys of the operator's own addresses: no peer's word displaces them. Bound: `addressesMax`. */
  configured: readonly string[]
}

/** The address book. `now` is monotonic, `wall` wall-clock milliseconds. Methods for an id that is not known do nothing. */
export class PeerStore {
  readonly #peersMax: number
  readonly #addressesMax: number
  readonly #regularAfterMs: number
  /** Bound: `peersMax`. */
  readonly #entries = new Map<PeerId, Entry>()
  /** Who may be evicted: the first shelf first, on each the least recently seen first. Bound: `peersMax`. */
  readonly #shelves: Readonly<Record<'unseen' | 'unknown' | 'regular', BoundedMap<PeerId>>>
  /** Bound: 4,096; more are refused. */
  readonly #pinnedIds = new Map<string, PeerId>()

  /** @throws HoldfastError `invalid-option` for a number outside its bounds */
  constructor({ peersMax = 8192, addressesMax = 8, regularAfterMs = 600_000 }: PeerStoreOptions = {}) {
    this.#peersMax = checkLimit('peersMax', peersMax, 1, 2 ** 20)
    this.#addressesMax = checkLimit('addressesMax', addressesMax, 1, 64)
    this.#regularAfterMs = checkLimit('regularAfterMs', regularAfterMs, 1, 30 * 86_400_000)
    const shelf = (): BoundedMap<PeerId> => new BoundedMap(peersMax)
    this.#shelves = { unseen: shelf(), unknown: shelf(), regular: shelf() }
  }

  /** Peers known. */
  get size(): number {
    return this.#entries.size
  }

  /** The ids of all known peers. */
  ids(): PeerId[] {
    return [...this.#entries.keys()]
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
   * (`exchange`) evicts no regular peer and displaces no address.
   * @returns `full` where there is no room, for the peer or for the address
   */
  learn(id: PeerId, address: Address, source: PeerSource): 'added' | 'known' | 'full' {
    const entry = this.#entries.get(id) ?? this.#create(id, source)
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
    this.#change(entry, { connectedAt: connectedAt ?? wall, lastSeenAt: wall, dialedUs: dialedUs || address === null })
    if (address === null) return true
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
    this.#change(entry, { linkedMs, connectedAt: null, lastSeenAt: wall })
  }

  /** The peer earned a strike: its penalty-free time starts anew. */
  penalized(id: PeerId, now: number): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    if (entry.runsSince !== null) entry.runsSince = now
    this.#change(entry, { linkedMs: 0 })
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
    const [failing, others] = split(entry.record.addresses, key)
    entry.record = { ...entry.record, failures: entry.record.failures + 1, addresses: [...others, ...failing] }
  }

  /** A dial succeeded: its address is preferred from now on. */
  succeeded(id: PeerId, key: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    const [working, others] = split(entry.record.addresses, key)
    entry.record = { ...entry.record, failures: 0, addresses: [...working, ...others] }
  }

  /** Ties an address that was whitelisted without an id to the first id that we authenticated there. */
  pinAddress(key: string, id: PeerId): 'pinned' | 'taken' | 'full' {
    const pinned = this.#pinnedIds.get(key)
    if (pinned !== undefined) return pinned === id ? 'pinned' : 'taken'
    if (this.#pinnedIds.size >= PINNED_ADDRESSES_MAX) return 'full'
    this.#pinnedIds.set(key, id)
    return 'pinned'
  }

  pinnedId(key: string): PeerId | null {
    return this.#pinnedIds.get(key) ?? null
  }

  /** Forgets all about the peer, pinned or not. */
  forget(id: PeerId): void {
    for (const shelf of Object.values(this.#shelves)) shelf.delete(id)
    this.#entries.delete(id)
  }

  /** Everything worth keeping over a restart, as JSON-able values. Pins of peers are the operator's to repeat. */
  snapshot(now: number): unknown {
    const peers = Array.from(this.#entries.values(), (entry) => {
      const { id, addresses, lastSeenAt, source, dialedUs, failures } = entry.record
      const linkedMs = penaltyFreeMs(entry, now)
      const texts = addresses.map(formatAddress)
      return { id, addresses: texts, configured: entry.configured, linkedMs, lastSeenAt, source, dialedUs, failures }
    })
    return { version: 1, peers, pinnedAddresses: [...this.#pinnedIds] }
  }

  /**
   * Adds what a snapshot holds to what is known; a peer that is known already stays as it is. Never throws: what does not
   * make sense is left out, and instants in the future become `wall`.
   */
  restore(snapshot: unknown, wall: number): void {
    if (!isRecord(snapshot) || snapshot['version'] !== 1) return
    const peers = someOf(snapshot['peers'], this.#peersMax).filter(isRecord)
    peers.sort((a, b) => within(a['lastSeenAt'], wall, -1) - within(b['lastSeenAt'], wall, -1))
    for (const peer of peers) this.#restorePeer(peer, wall)
    for (const pair of someOf(snapshot['pinnedAddresses'], PINNED_ADDRESSES_MAX)) {
      const [text, id] = someOf(pair, 2)
      const address = readAddress(text)
      if (address !== null && typeof id === 'string' && isPeerIdText(id)) this.pinAddress(addressKey(address), id)
    }
  }

  #create(id: PeerId, source: PeerSource): Entry | null {
    if (this.#entries.size >= this.#peersMax && !this.#evict(source)) return null
    const times = { linkedMs: 0, connectedAt: null, lastSeenAt: null }
    const record = { id, addresses: [], pinned: false, ...times, source, dialedUs: false, failures: 0 }
    const entry: Entry = { record, runsSince: null, configured: [] }
    this.#entries.set(id, entry)
    this.#change(entry, {})
    return entry
  }

  #evict(source: PeerSource): boolean {
    const { unseen, unknown, regular } = this.#shelves
    const victim = unseen.oldest() ?? unknown.oldest() ?? (source === 'exchange' ? undefined : regular.oldest())
    if (victim !== undefined) this.forget(victim[1])
    return victim !== undefined
  }

  /** Changes the record, and puts the peer where its next eviction would find it. */
  #change(entry: Entry, changes: Partial<PeerRecord>): void {
    const record = { ...entry.record, ...changes }
    const shelf = this.#shelfOf(record, entry.runsSince !== null)
    entry.record = record
    for (const other of Object.values(this.#shelves)) if (other !== shelf) other.delete(record.id)
    if (shelf?.get(record.id) === undefined) shelf?.set(record.id, record.id)
  }

  #shelfOf({ pinned, lastSeenAt, linkedMs }: PeerRecord, isLinked: boolean): BoundedMap<PeerId> | null {
    if (pinned || isLinked) return null
    if (lastSeenAt === null) return this.#shelves.unseen
    return linkedMs >= this.#regularAfterMs ? this.#shelves.regular : this.#shelves.unknown
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
    if (source === 'configured' && !entry.configured.includes(key)) entry.configured = [...entry.configured, key]
    return isKnown ? 'known' : 'added'
  }

  #restorePeer(peer: Record<string, unknown>, wall: number): void {
    const id = peer['id']
    const source = SOURCES.find((name) => name === peer['source'])
    if (typeof id !== 'string' || !isPeerIdText(id) || source === undefined || this.#entries.has(id)) return
    const entry = this.#entries.size < this.#peersMax ? this.#create(id, source) : null
    if (entry === null) return
    const configured = someOf(peer['configured'], this.#addressesMax)
    for (const text of someOf(peer['addresses'], this.#addressesMax)) {
      const address = readAddress(text)
      if (address === null) continue
      this.#addAddress(entry, address, configured.includes(addressKey(address)) ? 'configured' : 'hello')
    }
    this.#change(entry, {
      linkedMs: within(peer['linkedMs'], Number.MAX_SAFE_INTEGER, 0),
      lastSeenAt: peer['lastSeenAt'] === null ? null : within(peer['lastSeenAt'], wall, 0),
      dialedUs: peer['dialedUs'] === true,
      failures: Math.floor(within(peer['failures'], Number.MAX_SAFE_INTEGER, 0)),
    })
  }
}

function penaltyFreeMs({ record, runsSince }: Entry, now: number): number {
  return record.linkedMs + (runsSince === null ? 0 : Math.max(0, now - runsSince))
}

function split(addresses: readonly Address[], key: string): [Address[], Address[]] {
  const isIt = (address: Address): boolean => addressKey(address) === key
  return [addresses.filter(isIt), addresses.filter((address) => !isIt(address))]
}
