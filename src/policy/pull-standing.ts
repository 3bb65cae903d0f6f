/**
 * How each peer has kept what it announced: who is asked first for a broadcast, and who last. Who let a deadline pass is a
 * defaulter for ten minutes; who did not have what it had announced is lacking for one, since an honest one lets things go for
 * want of room. Who is trusted and may be waiting for credit is neither: a node whose handlers are slow must not think the worse of
 * its masternodes. Strangers could bring that about.
 */
import type { PeerClass, PeerId } from '../ports/types.js'
import { BoundedMap } from './bounded-map.js'

/** Lower is asked sooner. */
export const RANK: Readonly<Record<PeerClass | 'lacking' | 'defaulter', number>> = {
  masternode: 0,
  persistent: 0,
  regular: 1,
  unknown: 2,
  lacking: 3,
  defaulter: 4,
}
/** What must come of a large one for every millisecond: 256 KiB/s. */
export const BYTES_PER_MS: number = 256 * 1.024

const DEFAULTED_MS = 600_000
const LACKING_MS = 60_000
/** As long as it may take for credit to come back, and what was kept for want of it to arrive. */
const WAITING_MS = 5_000
const PEERS_MAX = 4_096

/** Whether a peer lacks the credit to send so many bytes. */
export type Stalled = (peerId: PeerId, bytes: number) => boolean

/** What somebody was asked for. */
export interface Owed {
  readonly from: PeerId
  readonly rank: number
  /** As it says itself. */
  readonly size: number
}

export class PullStanding {
  /** Until when each counts as a defaulter. */
  readonly #defaulters = new BoundedMap<number>(PEERS_MAX)
  /** Until when each counts as one that says more than it has. */
  readonly #lacking = new BoundedMap<number>(PEERS_MAX)
  /** Until when each may be waiting for credit. */
  readonly #waiting = new BoundedMap<number>(PEERS_MAX)
  /** Until when each has brought fragments of anything as fast as it should. */
  readonly #movedAt = new BoundedMap<number>(PEERS_MAX)

  rankOf(peerId: PeerId, peerClass: PeerClass, now: number): number {
    if (this.isDefaulter(peerId, now)) return RANK.defaulter
    return (this.#lacking.get(peerId) ?? 0) > now ? RANK.lacking : RANK[peerClass]
  }

  /** Something that it sent has no place yet. */
  waits(peerId: PeerId, now: number): void {
    this.#waiting.set(peerId, now + WAITING_MS)
  }

  /** Whether a peer let a deadline pass within the last ten minutes. */
  isDefaulter(peerId: PeerId, now: number): boolean {
    return (this.#defaulters.get(peerId) ?? 0) > now
  }

  /** The deadline of who was asked has passed: it is a defaulter, unless it is trusted and may be waiting for credit. */
  missed({ from, rank, size }: Owed, now: number, isStalled: Stalled): void {
    if (isStalled(from, size)) this.waits(from, now)
    const isExcused = rank === RANK.masternode && (this.#waiting.get(from) ?? 0) > now
    if (!isExcused) this.#defaulters.set(from, now + DEFAULTED_MS)
  }

  lacked(peerId: PeerId, now: number): void {
    this.#lacking.set(peerId, now + LACKING_MS)
  }

  /** Part of something large has come: that buys as much time as it should have taken, and no more than `earliest` is forgiven. */
  moved(peerId: PeerId, bytes: number, earliest: number, now: number): void {
    this.#movedAt.set(peerId, Math.min(now, Math.max(this.movedAt(peerId), earliest) + bytes / BYTES_PER_MS))
  }

  /** Until when it has brought fragments as fast as it should; −∞ where it has brought none. */
  movedAt(peerId: PeerId): number {
    return this.#movedAt.get(peerId) ?? Number.NEGATIVE_INFINITY
  }

  /** It is linked no more: its next link begins anew, what it failed stays. */
  lost(peerId: PeerId): void {
    this.#movedAt.delete(peerId)
  }
}
