/**
 * Who is where: what the list says of its addresses, and what our dials and links find, as pins. Those of one that is named hold when its
 * address is listed alone later; what our own dial found at an address listed alone holds until the operator says otherwise.
 */
import { addressKey } from '../policy/address.js'
import type { AddressPins } from '../policy/address-pins.js'
import type { Address, PeerId } from '../ports/types.js'
import type { Said } from './listings.js'
import { NOTHING } from './listings.js'
import type { Moved } from './moves.js'
import type { Roster } from './roster.js'

export interface WhereaboutsOwner {
  /** When it was linked last, as far as is known: the present, where it is; null: never. */
  readonly metAt: (peerId: PeerId) => number | null
}

export class Whereabouts {
  readonly #roster: Pick<Roster, 'said' | 'idsAt'>
  readonly #pins: AddressPins
  readonly #owner: WhereaboutsOwner

  constructor(roster: Pick<Roster, 'said' | 'idsAt'>, pins: AddressPins, owner: WhereaboutsOwner) {
    this.#roster = roster
    this.#pins = pins
    this.#owner = owner
  }

  /** The operator has spoken. */
  heard(): void {
    for (const key of this.#roster.said().keys()) this.#hear(key)
  }

  /** Whose address it is from now on: our own dial found it there. */
  found(address: Address, peerId: PeerId): void {
    this.#pins.pin(addressKey(address), peerId)
  }

  /** Our own dial has found one where it may have been known to be. */
  confirm(address: Address, peerId: PeerId): void {
    const key = addressKey(address)
    if (this.#said(key).bareBy.size > 0 && this.#pins.idAt(key) === peerId) this.#pins.pin(key, peerId)
    this.met(peerId, [address])
  }

  /** It lives: of several who are named at one of these, it is the one. */
  met(peerId: PeerId, addresses: readonly Address[]): void {
    for (const key of addresses.map(addressKey)) {
      if (this.#namedAt(key)?.has(peerId) === true) this.#pins.name(key, peerId)
      this.#pins.meet(key, peerId)
    }
  }

  /** Our own dial has found another there. @returns whether it is known there no more, and the address listed alone may be anybody's */
  doubt(address: Address, peerId: PeerId): boolean {
    const key = addressKey(address)
    this.#recall(key, peerId)
    return this.#namedAt(key) === null && this.#pins.doubt(key, peerId)
  }

  /** It is listed there no longer. Where nobody is, nobody is known there. */
  left(peerId: PeerId, addresses: readonly Address[]): void {
    for (const key of addresses.map(addressKey))
      if (this.#roster.said().has(key)) this.#pins.unpin(key, peerId)
      else this.#pins.unpin(key)
  }

  /** A directory lists it there no longer. Where the address is listed alone, that is no word of who is there: it may only have not been read yet. */
  dropped(peerId: PeerId, addresses: readonly Address[]): void {
    for (const key of addresses.map(addressKey))
      if (!this.#roster.said().has(key)) this.#pins.unpin(key)
      else if (this.#pins.idAt(key) === peerId) this.#pins.forget(key)
  }

  /** They are known no more where each was. */
  moved(from: readonly Moved[]): void {
    for (const { key, peerId } of from) this.#pins.unpin(key, peerId)
  }

  /** Its key is trusted no more: it is known nowhere. */
  revoked(peerId: PeerId): void {
    this.#pins.revoke(peerId)
  }

  /** An address of which nobody was known is listed no longer, or is somebody's now. */
  closed(address: Address): void {
    if (this.#roster.idsAt(address).size === 0) this.#pins.unpin(addressKey(address))
  }

  #hear(key: string): void {
    const named = this.#namedAt(key)
    const known = this.#pins.idAt(key)
    // The host names there whom it lists alone as well, and who is there: that is a word, too.
    if (known !== null && this.#said(key).by.host.has(known)) this.#pins.name(key, known)
    const one = known !== null && named?.has(known) === true ? known : this.#latest([...(named ?? [])])
    if (one !== null) this.#pins.name(key, one)
    else if (named !== null) this.#pins.forget(key)
    const there = this.#pins.idAt(key)
    if (there !== null) this.#recall(key, there)
  }

  /** Of several who are named at one address, whoever was met last; null: nobody was. */
  #latest(named: readonly PeerId[]): PeerId | null {
    const [only] = named
    if (named.length === 1) return only ?? null
    let latest: PeerId | null = null
    for (const peerId of named) if (this.#metAt(peerId) > this.#metAt(latest)) latest = peerId
    return latest
  }

  #metAt(peerId: PeerId | null): number {
    return (peerId === null ? null : this.#owner.metAt(peerId)) ?? Number.NEGATIVE_INFINITY
  }

  /** Whoever is known there may have been met elsewhere, or before it was named there. */
  #recall(key: string, peerId: PeerId): void {
    if (this.#owner.metAt(peerId) !== null) this.#pins.meet(key, peerId)
  }

  /**
   * Whom the operator names at an address; null where it is listed alone as well, and may be anybody's. The host's names say more than a
   * directory's lines.
   */
  #namedAt(key: string): ReadonlySet<PeerId> | null {
    const { named, bareBy, by } = this.#said(key)
    if (bareBy.size === 0) return named
    return bareBy.has('host') || by.host.size === 0 ? null : by.host
  }

  #said(key: string): Said {
    return this.#roster.said().get(key) ?? NOTHING
  }
}
