/** What waits to be sent. */
import type { SharedBody } from '../policy/memory.js'
import type { WrittenFrame } from '../protocol/frame-slab.js'

/** One message or answer. */
export interface Outgoing {
  readonly type: number
  /** The body. Where it is too large for a frame it is shared between links and must not change; else it need not stay. */
  readonly parts: readonly Uint8Array[]
  readonly bodyBytes: number
  /** Whether it needs the receiver's credit. */
  readonly counted: boolean
  /** Where the same body waits in other outboxes, too. */
  readonly shared?: SharedBody | undefined
  /** Of a question of ours, which may be withdrawn. */
  readonly requestId?: number | undefined
  /** All of it as a frame, where somebody has written that: it must not change. */
  readonly frame?: WrittenFrame
}
