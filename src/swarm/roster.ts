/**
 * Whom the operator trusts: masternodes and persistent peers, by id, or by address alone, which pins the first id that our own
 * authenticated dial finds there. Nothing a peer says ever adds to it.
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

export class Roster {
  readonly #ownId: PeerId
  // Bound: the operator's own list.
  readonly #byId = new Map<PeerId, Trusted>()
  // Bound: the operator's own list.
  readonly #byAddress = new Map<string, Trusted>()
  /** By IP, where the host is one, the addresses there. Bound: the operator's own list. */
  readonly #ips = new Map<string, Set<string>>()
  readonly #counts: Record<TrustedClass, number> = { masternode: 0, persistent: 0 }

  constructor(ownId: PeerId, masternodes: readonly Address[], persistent: readonly Address[]) {
    this.#ownId = ownId
    // Masternodes last: where both lists name a peer, the higher class holds.
    for (const address of persistent) this.add('persistent', address)
    for (const address of masternodes) this.add('masternode', address)
  }

  /** Adds one entry; this node's own is left out, so that a fleet can share one list. */
  add(peerClass: TrustedClass, address: Address): Trusted | null {
    const { peerId } = address
    if (peerId === this.#ownId) return null
    const ip = canonicalIp(address.host)
    if (ip !== null) this.#ips.set(ip, (this.#ips.get(ip) ?? new Set()).add(addressKey(address)))
    if (peerId === null) {
      const entry = { peerId, peerClass, addresses: [address] }
      this.#byAddress.set(addressKey(address), entry)
      this.#recount()
      return entry
    }
    const known = this.#byId.get(peerId)
    const others = known?.addresses.filter((other) => addressKey(other) !== addressKey(address)) ?? []
    const entry = { peerId, peerClass, addresses: [...others, address] }
    this.#byId.set(peerId, entry)
    this.#recount()
    return entry
  }

  classOf(peerId: PeerId): TrustedClass | null {
    return this.#byId.get(peerId)?.peerClass ?? null
  }

  /** Our own dial to an address-only entry has proven who is there. */
  pin(address: Address, peerId: PeerId): void {
    const entry = this.#byAddress.get(addressKey(address))
    if (entry === undefined) return
    this.#byAddress.delete(addressKey(address))
    this.add(entry.peerClass, { ...address, peerId })
  }

  /** How many trusted addresses there are at this IP: an inbound link from there may be from any of them. */
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

  #recount(): void {
    this.#counts.masternode = 0
    this.#counts.persistent = 0
    for (const { peerClass } of this.entries()) this.#counts[peerClass]++
  }
}
