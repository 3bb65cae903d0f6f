/** The operator's hand on the whitelist while the node runs. */
import { checkNames, invalidOption } from '../errors.js'
import { formatAddress, isPeerIdText } from '../policy/address.js'
import type { Crypto } from '../ports/crypto.js'
import type { Address, PeerId } from '../ports/types.js'
import { parsePeerId } from '../protocol/peer-id.js'
import { checkFlag, checkReachable } from './option-checks.js'
import { parseTrusted } from './options.js'
import type { Roster } from './roster.js'
import type { Whitelist } from './whitelist.js'

/** How a masternode is taken off the list. */
export interface RemoveOptions {
  /** Its key is not to be trusted: what it did so far counts for nothing, and it is a stranger. Default false: it stays a regular peer. */
  readonly revoked?: boolean
}

/** The whitelist of masternodes. Every change holds at once, for open links too; it lasts as long as the swarm. */
export class Masternodes {
  readonly #roster: Roster
  readonly #whitelist: Whitelist
  readonly #crypto: Crypto

  constructor(roster: Roster, whitelist: Whitelist, crypto: Crypto) {
    this.#roster = roster
    this.#whitelist = whitelist
    this.#crypto = crypto
  }

  /** How many are listed, this node itself not among them. */
  get size(): number {
    return this.#roster.count('masternode')
  }

  /** Where each may be reached, with its id where that is known. */
  list(): readonly string[] {
    return [...this.#roster.entries()]
      .filter(({ peerClass }) => peerClass === 'masternode')
      .flatMap(({ addresses }) => addresses.map(formatAddress))
  }

  has(peerId: PeerId): boolean {
    return this.#roster.classOf(peerId) === 'masternode'
  }

  /**
   * Lists a masternode, or one more address of it. It is dialled at once; bans of it are lifted, and an open link to it is a
   * masternode's from now on. With an address alone, the first id that our own dial proves there is the one.
   * @throws HoldfastError `invalid-address`, `invalid-peer-id`, `invalid-option` for an address nobody can be dialled at
   */
  add(address: string): void {
    const parsed = this.#parse(address)
    this.#whitelist.change(() => {
      this.#roster.add(parsed)
    })
  }

  /**
   * Takes a masternode off the list, by its id, or one address of it, and the masternode with its last. Its links stay, with
   * the limits of the class it has then. By id, no directory puts it back; only {@link add} does.
   * @returns whether it was listed
   * @throws HoldfastError `invalid-address`, `invalid-peer-id`
   */
  remove(who: string, options: RemoveOptions = {}): boolean {
    checkNames('remove', options, ['revoked'])
    const revoked = checkFlag('revoked', options.revoked ?? false)
    const byId = isPeerIdText(who)
    if (byId) parsePeerId(who, this.#crypto)
    const address = byId ? null : parseTrusted(who, this.#crypto)
    return this.#whitelist.change(
      () => {
        if (address === null) return byId && (revoked ? this.#revoke(who) : this.#roster.strike(who))
        const revokedIds = revoked ? this.#idsOf(address) : []
        const isStruck = revokedIds.map((peerId) => this.#revoke(peerId)).includes(true)
        return this.#roster.remove(address) || isStruck
      },
      revoked ? 'stranger' : 'regular',
    )
  }

  /**
   * A masternode has a new key, or another takes its place: the one comes off the list as revoked, the other goes on it, in
   * one step, so that neither slots nor the partition signal notice.
   * @throws HoldfastError `invalid-option` where `peerId` is not listed; `invalid-address`, `invalid-peer-id`
   */
  replace(peerId: PeerId, address: string): void {
    const parsed = this.#parse(address)
    if (!this.has(peerId)) throw invalidOption('peerId', peerId, 'a listed masternode')
    this.#whitelist.change(() => {
      this.#revoke(peerId)
      this.#roster.add(parsed)
    }, 'stranger')
  }

  #revoke(peerId: PeerId): boolean {
    const wasListed = this.#roster.strike(peerId, true)
    this.#whitelist.revoked(peerId)
    return wasListed
  }

  #idsOf(address: Address): readonly PeerId[] {
    return address.peerId === null ? [...this.#roster.idsAt(address)] : [address.peerId]
  }

  #parse(text: string): Address {
    const address = parseTrusted(text, this.#crypto)
    checkReachable('address', [address])
    return address
  }
}
