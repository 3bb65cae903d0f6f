/**
 * One budget for everything a node holds on behalf of its peers: what waits to be sent, what has come and is not done with,
 * messages that are not whole, broadcasts kept for others, and the book. A peer may add to it only while all of it together is within the share of the
 * peer's class: strangers are shed first, then regulars, persistent peers, and masternodes last. Control frames, handshakes and
 * records that are not whole are not refused: they have small bounds of their own.
 */
import type { PeerClass } from '../ports/types.js'

/** How much of the budget may be in use where a class still adds to it; and of what may be in flight, where it still gets credit. */
const SHARES: Readonly<Record<PeerClass, number>> = { masternode: 1, persistent: 0.875, regular: 0.75, unknown: 0.5 }
/** Of its class's share, what a message may use that waits to be sent. */
const SHARES_OF_SHARE = { urgent: 1, normal: 0.9375, bulk: 0.875 }
/** Messages that have come and are not done with, over all links: beyond, credit stops. A quarter of a small budget. */
const IN_FLIGHT_MAX = 32 * 1024 * 1024
/** What a message costs beside its body, in work and in an outbox, and a peer in the book: estimates. */
const ITEM_BYTES = 512
const QUEUED_BYTES = 160
const BOOK_ENTRY_BYTES = 1_024

/** What a message that has come counts for until it is done with. */
export function heldBytes(bytes: number): number {
  return bytes + ITEM_BYTES
}

/** A body that waits in several outboxes and is held once. */
export interface SharedBody {
  /** Outboxes it waits in. */
  holders: number
}

/** What waits in an outbox. */
export interface Queued {
  readonly bodyBytes: number
  readonly shared?: SharedBody | undefined
}

/** Bytes held on behalf of peers, by kind, at one instant. Estimates: what a message costs beside its bytes is counted by its kind. */
export interface MemoryStatus {
  /** The budget: the option `memoryMaxMiB`. */
  readonly maxBytes: number
  /** All of the following together. */
  readonly usedBytes: number
  /** Messages waiting to be sent; a broadcast that waits on many links counts once. */
  readonly outboxBytes: number
  /** Messages that have come and are not done with. */
  readonly inFlightBytes: number
  /** Messages that have come in part. */
  readonly partialBytes: number
  /** Broadcasts kept for a minute for who asks for them. */
  readonly keptBytes: number
  /** The peers in the book. */
  readonly bookBytes: number
}

export class Memory {
  /** Kept by the links: what each holds of messages that are not whole. */
  partialBytes = 0
  /** Kept by gossip: broadcasts that others may ask for. The oldest go first, so they stand in nobody's way. */
  keptBytes = 0
  readonly maxBytes: number
  readonly #book: { readonly size: number }
  #outboxBytes = 0
  #inFlightBytes = 0

  constructor(maxBytes: number, book: { readonly size: number }) {
    this.maxBytes = maxBytes
    this.#book = book
  }

  /** Whether so many bytes more may be held for a peer of this class. */
  fits(peerClass: PeerClass, bytes: number): boolean {
    return this.#used + bytes <= this.maxBytes * SHARES[peerClass]
  }

  /** Whether a peer of this class must wait for credit: too much is in flight. */
  isBusy(peerClass: PeerClass): boolean {
    return this.#inFlightBytes > Math.min(IN_FLIGHT_MAX, this.maxBytes / 4) * SHARES[peerClass]
  }

  /** A message has come. @returns false where there is no room for it, and nothing was counted */
  arrived(peerClass: PeerClass, bytes: number): boolean {
    if (!this.fits(peerClass, heldBytes(bytes))) return false
    this.#inFlightBytes += heldBytes(bytes)
    return true
  }

  /** It is done with. */
  done(bytes: number): void {
    this.#inFlightBytes -= heldBytes(bytes)
  }

  /** Something begins to wait in an outbox. @returns false where there is no room for it, and nothing was counted */
  queue(peerClass: PeerClass, priority: keyof typeof SHARES_OF_SHARE, { bodyBytes, shared }: Queued): boolean {
    const bytes = QUEUED_BYTES + (shared === undefined || shared.holders === 0 ? bodyBytes : 0)
    if (this.#used + bytes > this.maxBytes * SHARES[peerClass] * SHARES_OF_SHARE[priority]) return false
    this.#outboxBytes += bytes
    if (shared !== undefined) shared.holders++
    return true
  }

  /** It waits there no more. */
  unqueue({ bodyBytes, shared }: Queued): void {
    if (shared !== undefined) shared.holders--
    this.#outboxBytes -= QUEUED_BYTES + (shared === undefined || shared.holders === 0 ? bodyBytes : 0)
  }

  status(): MemoryStatus {
    return {
      maxBytes: this.maxBytes,
      usedBytes: this.#used,
      outboxBytes: this.#outboxBytes,
      inFlightBytes: this.#inFlightBytes,
      partialBytes: this.partialBytes,
      keptBytes: this.keptBytes,
      bookBytes: this.#book.size * BOOK_ENTRY_BYTES,
    }
  }

  get #used(): number {
    return (
      this.#outboxBytes + this.#inFlightBytes + this.partialBytes + this.keptBytes + this.#book.size * BOOK_ENTRY_BYTES
    )
  }
}
