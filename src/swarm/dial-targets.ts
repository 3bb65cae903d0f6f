/** Whom we want to reach: one target for each peer, or for each address whose peer is not known yet. */
import { addressKey } from '../policy/address.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
import type { Deadline } from './agenda.js'
import type { Connection } from './connection.js'

export type TargetState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'queued' }
  | { readonly kind: 'dialing'; readonly address: Address; readonly cancel: () => void; readonly deadline: Deadline }
  | { readonly kind: 'handshaking'; readonly address: Address; readonly connection: Connection }
  | { readonly kind: 'connected'; readonly sinceAt: number }
  | { readonly kind: 'backing-off'; readonly deadline: Deadline }
  /** No more attempts of ours, unless somebody asks. */
  | { readonly kind: 'cold' }

export interface Waiter {
  readonly resolve: (peerId: PeerId) => void
  readonly reject: (error: Error) => void
}

export interface Target {
  peerId: PeerId | null
  peerClass: PeerClass
  // Bound: eight, as in the book.
  addresses: readonly Address[]
  /** In a row. */
  failures: number
  state: TargetState
  /** Wanted for itself, and so redialled; else it was dialled once, because somebody asked. */
  kept: boolean
  // Bound: the host's own calls.
  waiters: Waiter[]
}

/** Addresses of one target, as in the book. */
const ADDRESSES_MAX = 8

export class DialTargets {
  // Bound: the operator's lists, and what the host dials by hand.
  readonly #all = new Set<Target>()

  all(): Iterable<Target> {
    return this.#all.values()
  }

  /** The target of this peer, or of one of these addresses; made where there is none. */
  provide(peerId: PeerId | null, peerClass: PeerClass, addresses: readonly Address[]): Target {
    const known = this.find(peerId, addresses)
    if (known !== null) {
      const keys = new Set(known.addresses.map(addressKey))
      const added = addresses.filter((address) => !keys.has(addressKey(address)))
      known.addresses = [...known.addresses, ...added].slice(0, ADDRESSES_MAX)
      return known
    }
    const target: Target = {
      peerId,
      peerClass,
      addresses,
      failures: 0,
      state: { kind: 'idle' },
      kept: false,
      waiters: [],
    }
    this.#all.add(target)
    return target
  }

  find(peerId: PeerId | null, addresses: readonly Address[] = []): Target | null {
    const keys = peerId === null ? addresses.map(addressKey) : []
    for (const target of this.#all) {
      if (peerId !== null && target.peerId === peerId) return target
      if (target.addresses.some((address) => keys.includes(addressKey(address)))) return target
    }
    return null
  }

  /** An address turned out to lead to a peer: that peer's own target, if there is one, takes it over. */
  merge(dialled: Target | undefined, peerId: PeerId): Target | null {
    const own = this.find(peerId)
    if (dialled === undefined || dialled === own) return own
    if (own === null) {
      dialled.peerId = peerId
      return dialled
    }
    this.#all.delete(dialled)
    own.waiters.push(...dialled.waiters)
    own.kept ||= dialled.kept
    return own
  }

  delete(target: Target): void {
    this.#all.delete(target)
  }

  clear(): void {
    this.#all.clear()
  }
}
