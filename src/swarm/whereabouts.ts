/**
 * Who is where: what the list says of its addresses, and what our dials and links find, as pins. Those of one that is named hold when its
 * address is listed alone later; what our own dial found at an address listed alone holds until the operator says otherwise.
 */
import { addressKey } from '../policy/address.js'
import type { AddressPins } from '../policy/address-pins.js'
import type { Address, PeerId } from '../ports/types.js'
import type { Said } from './listings.js'
import type { Roster } from './roster.js'

export interface WhereaboutsOwner {
  readonly isLinked: (peerId: PeerId) => boolean
  /** Whether it was ever linked, as far as is known. */
  readonly wasMet: (peerId: PeerId) => boolean
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
    for (const [key, said] of this.#roster.said()) this.#hear(key, said)
  }

  /** Whose address it is from now on: our own dial found it there. */
  found(address: Address, peerId: PeerId): void {
    this.#pins.pin(addressKey(address), peerId)
  }

  /** Our own dial has found one where it may have been known to be. */
  confirm(address: Address, peerId: PeerId): void {
    const key = addressKey(address)
    if (this.#isBare(key) && this.#pins.idAt(key) === peerId) this.#pins.pin(key, peerId)
    this.met(peerId, [address])
  }

  /** It lives: of several who are named at one of these, it is the one. */
  met(peerId: PeerId, addresses: readonly Address[]): void {
    for (const key of addresses.map(addressKey)) {
      if (this.#isNamed(key, peerId) && !this.#isBare(key)) this.#pins.name(key, peerId)
      this.#pins.meet(key, peerId)
    }
  }

  /** Our own dial has found another there. @returns whether it is known there no more, and the address listed alone may be anybody's */
  doubt(address: Address, peerId: PeerId): boolean {
    const key = addressKey(address)
    this.#recall(key, peerId)
    return this.#isBare(key) && this.#pins.doubt(key, peerId, this.#isNamed(key, peerId))
  }

  /** It is listed there no longer. Where nobody is, nobody is known there. */
  left(peerId: PeerId, addresses: readonly Address[]): void {
    for (const key of addresses.map(addressKey))
      if (this.#roster.said().has(key)) this.#pins.unpin(key, peerId)
      else this.#pins.unpin(key)
  }

  /** An address of which nobody was known is listed no longer, or is somebody's now. */
  closed(address: Address): void {
    if (this.#roster.idsAt(address).size === 0) this.#pins.unpin(addressKey(address))
  }

  #hear(key: string, { named, by, bareBy }: Said): void {
    const known = this.#pins.idAt(key)
    const [host] = by.host
    if (known !== null && named.has(known) && (bareBy.size === 0 || named.size === 1)) this.#pins.name(key, known)
    else if (bareBy.size > 0) {
      // The host knows better than a directory that names nobody there; but it need not mean whom a directory does.
      if (!bareBy.has('host') && host !== undefined && by.host.size === 1) this.#pins.suppose(key, host)
    } else {
      const one = this.#oneOf([...named])
      if (one === null) this.#pins.unpin(key)
      else this.#pins.name(key, one)
    }
    const there = this.#pins.idAt(key)
    if (there !== null) this.#recall(key, there)
  }

  /** Of several who are named at one address, whoever is linked, or was ever met; null: nobody knows. */
  #oneOf(named: readonly PeerId[]): PeerId | null {
    const { isLinked, wasMet } = this.#owner
    return (named.length === 1 ? named[0] : (named.find(isLinked) ?? named.find(wasMet))) ?? null
  }

  /** Whoever is known there may have been met elsewhere, or before it was named there. */
  #recall(key: string, peerId: PeerId): void {
    if (this.#owner.wasMet(peerId) || this.#owner.isLinked(peerId)) this.#pins.meet(key, peerId)
  }

  #isBare(key: string): boolean {
    return (this.#roster.said().get(key)?.bareBy.size ?? 0) > 0
  }

  #isNamed(key: string, peerId: PeerId): boolean {
    return this.#roster.said().get(key)?.named.has(peerId) === true
  }
}
