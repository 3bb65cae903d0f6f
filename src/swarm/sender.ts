/**
 * The sending half of an open connection: the outbox, the credit the peer gave, and the link's own patience. Seals a record
 * only when the link takes it; a saturated link keeps its own outbox waiting, and nobody else's.
 */
import type { Memory } from '../policy/memory.js'
import type { PeerClass } from '../ports/types.js'
import { EMPTY } from '../protocol/bytes.js'
import { SendCredit } from '../protocol/credit.js'
import { encodeFrame, FRAME } from '../protocol/frame.js'
import type { Priority } from '../protocol/message.js'
import type { Deadline } from './agenda.js'
import type { Batch } from './batch.js'
import type { Flusher } from './flusher.js'
import type { Leftover, Outgoing } from './outgoing.js'
import { Outbox } from './outbox.js'
import type { RecordSlab } from './record-parts.js'
import { RECORD_TARGET } from './record-parts.js'

export interface SenderSetup {
  readonly outboxBytesMax: () => number
  readonly memory: Memory
  /** What the peer is now. */
  readonly peerClass: () => PeerClass
  /** The credit the peer's hello gave. */
  readonly creditBytes: number
  readonly slab: RecordSlab
  readonly flusher: Flusher
  readonly now: () => number
  readonly later: (delayMs: number, run: () => void) => Deadline
  /** Seals the parts as one record and writes it. @returns false when the link is saturated */
  readonly write: (parts: readonly Uint8Array[]) => boolean
}

/** Between two words of what was dropped on a link that drains at once: it may be short of memory, and its peer counts what it says. */
const GAP_PAUSE_MS = 500
/** A link that stays busy is told no later than this of what was dropped after the last word. */
const GAP_EVERY_MS = 30_000
/** A grant of at least so much is part of the traffic that it answers. */
const GRANT_BYTES_MIN = 1_024

export class Sender {
  readonly outbox: Outbox
  /** The credit that the peer gives in all. */
  windowBytes: number
  readonly #setup: SenderSetup
  readonly #credit: SendCredit
  #saturated = false
  #waitsForTurnEnd = false
  /** Of messages, what the last flush left behind. */
  #leftBytes = 0
  #stopped = false
  /**
   * `noted`: the frame waits, and tells of all that is dropped until it leaves. `told`: it has left. `again`: more was dropped since.
   * `paused`: more was dropped right after, and is told after a pause.
   */
  #gap: 'none' | 'noted' | 'told' | 'again' | 'paused' = 'none'
  #gapToldAt = Number.NEGATIVE_INFINITY
  #pause: Deadline | null = null
  // Bound: one for each drain that the host awaits.
  readonly #drained = new Set<() => void>()

  constructor(setup: SenderSetup) {
    this.#setup = setup
    this.windowBytes = setup.creditBytes
    this.#credit = new SendCredit(setup.creditBytes)
    this.outbox = new Outbox({ ...setup, bytesMax: setup.outboxBytesMax, credit: this.#credit })
  }

  get isIdle(): boolean {
    return this.outbox.isEmpty && !this.#saturated
  }

  /** @returns false where the outbox is full, and nothing was added */
  enqueue(priority: Priority, outgoing: Outgoing): boolean {
    this.leave()
    if (this.#stopped || !this.outbox.push(priority, outgoing)) return false
    if (this.#isWorthRecord && !this.#saturated) this.flush()
    else this.#flushLater()
    return true
  }

  /** More would not make a fuller record, what could not leave before not counted; or room runs out for what may leave behind it. */
  get #isWorthRecord(): boolean {
    return this.outbox.isHigh || this.outbox.bytes - this.#leftBytes >= RECORD_TARGET
  }

  /** To send with others what they all send. @returns false where that cannot be now */
  board(batch: Batch): boolean {
    if (this.#stopped || this.#saturated || !this.outbox.board(batch)) return false
    this.#flushLater()
    return true
  }

  /** No longer with the others. */
  leave(): void {
    if (this.outbox.leave() > 0) this.noteGap()
  }

  /** @returns false where the peer has let too many control frames pile up */
  enqueueControl(type: number, body: Uint8Array): boolean {
    if (this.#stopped) return true
    if (!this.outbox.pushControl(encodeFrame(type, body))) return false
    this.#flushLater()
    return true
  }

  /**
   * Gossip was dropped: the peer is told at once, which overtakes what waits, and of what was dropped after that when all has left, or
   * it has been told for long: a host that asks again on the first word could not have been given what was dropped later.
   */
  noteGap(): void {
    const agoMs = this.#setup.now() - this.#gapToldAt
    if (this.#gap === 'paused' || this.#stopped) return
    if (this.#gap === 'none' && agoMs < GAP_PAUSE_MS) {
      this.#noteLater(GAP_PAUSE_MS - agoMs)
      return
    }
    const isKnown = this.#gap !== 'none'
    const isStale = this.#gap !== 'noted' && agoMs >= GAP_EVERY_MS
    if (this.#gap === 'told') this.#gap = 'again'
    if (isKnown && !isStale) return
    if (!this.enqueueControl(FRAME.gap, EMPTY)) {
      if (!isKnown) this.#noteLater(GAP_PAUSE_MS)
      return
    }
    this.#gap = 'noted'
    if (isKnown) return
    this.whenDrained(() => {
      // What has not been told by then is for the link that takes over.
      if (this.#stopped) return
      const isAgain = this.#gap === 'again'
      this.#gap = 'none'
      if (isAgain) this.noteGap()
    })
  }

  #noteLater(delayMs: number): void {
    this.#gap = 'paused'
    this.#pause = this.#setup.later(delayMs, () => {
      this.#gap = 'none'
      this.noteGap()
    })
  }

  /** @returns false where this was hardly worth a frame: next to nothing, or more than had been used */
  credited(bytes: number): boolean {
    const wanted = bytes >= GRANT_BYTES_MIN && this.#credit.left < this.windowBytes
    this.#credit.grant(bytes)
    this.#flushLater()
    return wanted
  }

  /** {@link Outbox.withdraw}. */
  withdraw(requestId: number, type: number, body: Uint8Array): ReturnType<Outbox['withdraw']> {
    const withdrawn = this.outbox.withdraw(requestId, encodeFrame(type, body))
    if (withdrawn !== 'unsent') return withdrawn
    if (this.isIdle) this.#callDrained()
    // What waited behind it for credit may need less.
    else this.#flushLater()
    return withdrawn
  }

  /** Everything that was not sent, to be moved to the link that takes over. */
  takeUnsent(): Leftover {
    const isUntold = this.outbox.holdsControl(FRAME.inventory)
    const owesGap = this.outbox.leave() > 0 || isUntold || (this.#gap !== 'none' && this.#gap !== 'told')
    return { unsent: this.outbox.takeUnsent(), owesGap }
  }

  linkDrained(): void {
    this.#saturated = false
    this.flush()
  }

  /** Calls back once everything queued so far has been handed to the link, or nothing more will be. @returns calls that off */
  whenDrained(run: () => void): () => void {
    if (this.#stopped || this.isIdle) run()
    else this.#drained.add(run)
    return () => this.#drained.delete(run)
  }

  /** Sends what waits, for as long as the link takes it and the credit lasts. */
  flush(): void {
    this.#waitsForTurnEnd = false
    while (!this.#saturated && !this.#stopped && !this.outbox.isEmpty) {
      const parts = this.outbox.pickRecord()
      if (parts.length === 0) break
      if (this.#gap === 'noted' && !this.outbox.holdsControl(FRAME.gap)) {
        this.#gap = 'told'
        this.#gapToldAt = this.#setup.now()
      }
      this.#saturated = !this.#setup.write(parts)
    }
    // The others are not to wait for a link that takes no more, nor is their batch to grow for it.
    if (this.#saturated) this.leave()
    this.outbox.stay()
    this.#leftBytes = this.outbox.bytes
    if (this.isIdle) this.#callDrained()
  }

  stop(): void {
    this.#stopped = true
    this.#pause?.cancel()
    this.#callDrained()
  }

  #flushLater(): void {
    if (this.#waitsForTurnEnd) return
    this.#waitsForTurnEnd = true
    this.#setup.flusher.add(this)
  }

  #callDrained(): void {
    if (this.#drained.size === 0) return
    const drained = [...this.#drained]
    this.#drained.clear()
    for (const run of drained) run()
  }
}
