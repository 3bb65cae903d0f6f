/**
 * Who may have a connection slot. Trusted peers (masternode, persistent) own a reserve and may overflow into the common
 * slots; everybody else shares the common ones, where unknown inbound peers get a small part and go first. Which of those
 * who may go is the one that goes is `eviction`'s to say.
 */
import { checkNames, invalidOption } from '../errors.js'
import { checkLimit } from './limit.js'
import type { Direction, PeerClass } from '../ports/types.js'
import { isTrustedClass } from './peer-class.js'

/** Authenticated connections by what they are. Those on their way out no longer count. */
export interface SlotCounts {
  readonly masternode: number
  readonly persistent: number
  readonly regularInbound: number
  readonly regularOutbound: number
  readonly unknownInbound: number
  readonly unknownOutbound: number
}

/** Slots, but for the reserve, which is sized from the operator's lists. Each 0 to 65,536. */
export interface SlotOptions {
  /** Regular and unknown peers together, both directions; default 75. */
  readonly regularMax: number
  /** Unknown inbound peers, a part of `regularMax`; default 19. */
  readonly unknownInboundMax: number
  /** Common links of our own choosing, which inbound ones make way for; default 12. */
  readonly outboundTarget: number
}

/** `reserve` from {@link reserveFor}; in all there are `reserve + regularMax` slots. */
export interface SlotLimits extends SlotOptions {
  readonly reserve: number
}

const DEFAULT_SLOTS: SlotOptions = { regularMax: 75, unknownInboundMax: 19, outboundTarget: 12 }

/** The slots with the host's own numbers in place. @throws HoldfastError `invalid-option` for a number out of bounds */
export function resolveSlots(given: Partial<SlotOptions>): SlotOptions {
  checkNames('slots', given, Object.keys(DEFAULT_SLOTS) as (keyof SlotOptions)[])
  const slots = { ...DEFAULT_SLOTS, ...given }
  for (const [name, value] of Object.entries(slots)) checkLimit(`slots.${name}`, value, 0, 65_536)
  return slots
}

/** Who asks for a slot. */
export interface SlotCandidate {
  readonly peerClass: PeerClass
  readonly direction: Direction
}

/**
 * Among whom: an `unknown-inbound` one, any `inbound` regular or unknown one, or, where trusted peers leave no other choice,
 * an `outbound` regular or unknown one.
 */
export type SlotVictim = 'unknown-inbound' | 'inbound' | 'outbound'

/** `evict`: somebody must go. `exchange`: only where that leaves the node with peers in more networks; else it is a refusal. */
export type SlotDecision =
  | { readonly kind: 'admit' }
  | { readonly kind: 'evict'; readonly victim: SlotVictim }
  | { readonly kind: 'exchange'; readonly victim: SlotVictim }
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
 * Whether the candidate gets a slot. A trusted one is refused only when trusted peers hold every slot. An unknown inbound
 * peer goes first for anybody else, an inbound regular one for a link of our own choosing while there are too few of those; for its
 * like, nobody goes but for the sake of more networks.
 */
export function checkSlot(counts: SlotCounts, limits: SlotLimits, candidate: SlotCandidate): SlotDecision {
  const trusted = counts.masternode + counts.persistent
  const inbound = counts.regularInbound + counts.unknownInbound
  const outbound = counts.regularOutbound + counts.unknownOutbound
  const common = inbound + outbound
  const totalIsFull = trusted + common >= limits.reserve + limits.regularMax

  if (isTrustedClass(candidate.peerClass)) {
    if (!totalIsFull) return ADMIT
    if (common === 0) return REFUSE
    return {
      kind: 'evict',
      victim: counts.unknownInbound > 0 ? 'unknown-inbound' : inbound > 0 ? 'inbound' : 'outbound',
    }
  }

  const commonIsFull = totalIsFull || common >= limits.regularMax
  const isUnknown = candidate.peerClass === 'unknown' && candidate.direction === 'inbound'
  if (isUnknown && (commonIsFull || counts.unknownInbound >= limits.unknownInboundMax))
    return counts.unknownInbound > 0 ? { kind: 'exchange', victim: 'unknown-inbound' } : REFUSE
  if (!commonIsFull) return ADMIT
  if (counts.unknownInbound > 0) return { kind: 'evict', victim: 'unknown-inbound' }
  if (inbound === 0) return REFUSE
  if (candidate.direction === 'inbound') return { kind: 'exchange', victim: 'inbound' }
  return outbound < limits.outboundTarget ? { kind: 'evict', victim: 'inbound' } : REFUSE
}

function checkCount(field: string, given: number): void {
  if (Number.isSafeInteger(given) && given >= 0 && given <= 2 ** 20) return
  throw invalidOption(field, given, 'a whole number from 0 to 2^20')
}
