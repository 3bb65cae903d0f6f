/**
 * What waits on a link in one priority. Frames are written beside those of other links, since most leave at once; the few that stay would
 * keep all that memory, so they are moved to where nothing lies but what stays as well.
 */
import { copyBytes } from '../protocol/bytes.js'
import type { Fragmenter } from '../protocol/fragment.js'
import type { WrittenFrame } from '../protocol/frame-slab.js'
import { FrameSlab } from '../protocol/frame-slab.js'
import type { Outgoing, Shared } from './outgoing.js'
import { NO_PARTS } from './outgoing.js'
import { Queue } from './queue.js'

/** Where this share of some memory stays, it may as well stay where it is. */
const DENSE_SHARE = 0.25

export class Lane {
  /** What is leaving: the first in the queue. */
  fragments: Fragmenter | null = null
  /** A control frame that is to follow what is leaving in fragments. */
  word: Uint8Array | null = null
  // Bound: the outbox's.
  readonly #queue = new Queue<Outgoing>()
  readonly #staying = new FrameSlab(null)
  /** How many came last, and may have to be moved. */
  #fresh = 0

  get first(): Outgoing | undefined {
    return this.#queue.first
  }

  push(outgoing: Outgoing): void {
    this.#queue.push(outgoing)
    this.#fresh++
  }

  shift(): void {
    this.#queue.shift()
    if (this.#queue.length === 0) this.#staying.rest()
  }

  /** @returns the question with this number, which waits no more; null where it does not wait */
  remove(requestId: number): Outgoing | null {
    return this.#queue.remove((outgoing) => outgoing.requestId === requestId)
  }

  /** All that waits. */
  all(): readonly Outgoing[] {
    return this.#queue.last(Number.POSITIVE_INFINITY)
  }

  takeAll(): readonly Outgoing[] {
    this.fragments = null
    this.word = null
    this.#staying.rest()
    return this.#queue.takeAll()
  }

  /** The link takes no more for now: what is here stays. */
  stay(): void {
    const fresh = this.#fresh === 0 ? [] : this.#queue.last(this.#fresh)
    this.#fresh = 0
    const sparse = sparseOf(fresh)
    const isToMove = (outgoing: Outgoing): boolean =>
      outgoing.frame !== undefined && (isSeverals(outgoing) || sparse.has(outgoing.frame.bytes))
    if (sparse.size > 0 || fresh.some(isSeverals))
      this.#queue.replaceLast(fresh.map((outgoing) => (isToMove(outgoing) ? this.#moved(outgoing) : outgoing)))
  }

  #moved(outgoing: Outgoing): Outgoing {
    const { type, bodyBytes, counted, frame, shared, requestId } = outgoing
    if (frame === undefined) return outgoing
    // One body for all links on which it stays: its frame is not the same on each.
    if (isSeverals(outgoing))
      return { type, parts: [ownBody(outgoing.shared, bodyBytes, frame)], bodyBytes, counted, shared, requestId }
    return { type, parts: NO_PARTS, bodyBytes, counted, frame: this.#staying.copy(frame), shared, requestId }
  }
}

/** Memory of which these take but a little. */
function sparseOf(outgoings: readonly Outgoing[]): ReadonlySet<Uint8Array> {
  const sparse = new Set<Uint8Array>()
  let memory: Uint8Array | null = null
  let used = 0
  const end = (): void => {
    if (memory !== null && used < memory.buffer.byteLength * DENSE_SHARE) sparse.add(memory)
  }
  for (const { frame } of outgoings) {
    if (frame === undefined) continue
    if (frame.bytes !== memory) {
      end()
      memory = frame.bytes
      used = 0
    }
    used += frame.to - frame.from
  }
  end()
  return sparse
}

function isSeverals(outgoing: Outgoing): outgoing is Outgoing & { readonly shared: Shared } {
  return outgoing.shared !== undefined && outgoing.shared.holders > 1
}

function ownBody(shared: Shared, bodyBytes: number, { bytes, to }: WrittenFrame): Uint8Array {
  shared.own ??= copyBytes(bytes, to - bodyBytes, to)
  return shared.own
}
