/** What waits to be sent. */
import type { SharedBody } from '../policy/memory.js'
import type { Priority } from '../protocol/message.js'
import type { WrittenFrame } from '../protocol/frame-slab.js'

/** A body that may wait in several outboxes, and is held once. */
export interface Shared extends SharedBody {
  /** Where it is small: a copy in memory of its own, while it stays in several of them. */
  own?: Uint8Array | undefined
}

/** What waits on one link, and may on another. */
export interface Unsent {
  readonly priority: Priority
  readonly outgoing: Outgoing
}

/** What one link leaves to the next. */
export interface Leftover {
  readonly unsent: readonly Unsent[]
  /** Whether the peer has yet to be told that something was dropped. */
  readonly owesGap: boolean
}

export const NO_PARTS: readonly Uint8Array[] = []

/** One message or answer. */
export interface Outgoing {
  readonly type: number
  /** The body, where it is not written as a frame. Of what is `shared` it must not change; else it need not stay, but where it is too large for a frame. */
  readonly parts: readonly Uint8Array[]
  readonly bodyBytes: number
  /** Whether it needs the receiver's credit. */
  readonly counted: boolean
  /** Where the same body waits in other outboxes, too. */
  readonly shared?: Shared | undefined
  /** Of a question of ours, which may be withdrawn. */
  readonly requestId?: number | undefined
  /** All of it as a frame, where somebody has written that: it must not change. */
  readonly frame?: WrittenFrame
}
