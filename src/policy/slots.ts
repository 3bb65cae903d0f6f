/**
 * Who may have a connection slot. Trusted peers (masternode, persistent) own a reserve and may overflow into the common
 * slots; everybody else shares the common ones, where unknown inbound peers get a small part and go first.
 */
import { invalidOption } from '../errors.js'
import type { Direction, PeerClass } from '../ports/types.js'

/** Authenticated connections by what they are. Those on their way out no longer count. */
export interface SlotCounts {
  readonly masternode: number
  readonly persistent: number
  readonly regularInbound: number
  readonly regularOutbound: number
  readonly unknownInbound: number
  readonly unknownOutbound: number
}

/** `reserve` from {@link reserveFor}; in all there are `reserve + regularMax` slots. */
export interface SlotLimits {
  readonly reserve: number
  /** Regular and unknown peers together, both directions; by default 75. */
  readonly regularMax: number
  /** Unknown inbound peers, a part of `regularMax`; by default 19. */
  readonly unknownInboundMax: number
}

/** Who asks for a slot. */
export interface SlotCandidate {
  readonly peerClass: PeerClass
  readonly direction: Direction
}

/**
 * Whom to evict first: an `unknown-inbound` one, any `inbound` regular or unknown one, or, where trusted peers leave no
 * other choice, an `outbound` regular or unknown one.
 */
export type SlotVictim = 'unknown-inbound' | 'inbound' | 'outbound'

export type SlotDecision =
  | { readonly kind: 'admit' }
  | { readonly kind: 'evict'; readonly victim: SlotVictim }
  | { readonly kind: 'refuse'; readonly code: 'too-many-peers' }

const ADMIT: SlotDecision = { kind: 'admit' }
const REFUSE: SlotDecision = { kind: 'refuse', code: 'too-many-peers' }

/**
 * Slots that only trusted peers may use: max(50, ⌈1.1 · (whitelisted + persistent)⌉).
 * @throws HoldfastError `invalid-option` for a count that is not a whole number from 0 to 2^20
 */
export function reserveFor(whitelisted: number, persistent: number): number {
  checkCount('whitelisted', whitelisted)
  checkCount('persistent', persistent)
  // 11/10 in whole numbers: 1.1 is not a binary fraction, and 1.1 · 100 would round up to 111.
  return Math.max(50, Math.ceil((11 * (whitelisted + persistent)) / 10))
}

/**
 * Whether the candidate gets a slot. A trusted one is refused only when trusted peers hold every slot. Nobody is evicted
 * for an unknown inbound peer, and only an unknown inbound one for anybody else who is not trusted.
 */
export function checkSlot(counts: SlotCounts, limits: SlotLimits, candidate: SlotCandidate): SlotDecision {
  const trusted = counts.masternode + counts.persistent
  const inbound = counts.regularInbound + counts.unknownInbound
  const common = inbound + counts.regularOutbound + counts.unknownOutbound
  const totalIsFull = trusted + common >= limits.reserve + limits.regularMax

  if (candidate.peerClass === 'masternode' || candidate.peerClass === 'persistent') {
    if (!totalIsFull) return ADMIT
    if (common === 0) return REFUSE
    return { kind: 'evict', victim: inbound > 0 ? 'inbound' : 'outbound' }
  }

  const commonIsFull = totalIsFull || common >= limits.regularMax
  if (candidate.peerClass === 'unknown' && candidate.direction === 'inbound') {
    return commonIsFull || counts.unknownInbound >= limits.unknownInboundMax ? REFUSE : ADMIT
  }
  if (!commonIsFull) return ADMIT
  return counts.unknownInbound > 0 ? { kind: 'evict', victim: 'unknown-inbound' } : REFUSE
}

function checkCount(field: string, given: number): void {
  if (Number.isSafeInteger(given) && given >= 0 && given <= 2 ** 20) return
  throw invalidOption(field, given, 'a whole number from 0 to 2^20')
}
