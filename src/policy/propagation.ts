/**
 * How far a broadcast is pushed and how far only announced. Few links: everything is pushed to all of them. Many: whoever made
 * a small message pushes it to all, and relays announce it, to a few at once and to the rest a little later, since most of
 * them will have it by then; whoever depends on the relay is pushed to. What is large is announced, and sent to who asks.
 */

/** `hybrid` is the default; `flood` pushes everything to everybody, whatever it weighs. */
export type PropagationMode = 'hybrid' | 'flood'

export type Reach =
  /** Whole, to all. */
  | 'push'
  /** Its id, to all at once. */
  | 'announce'
  /** Its id, to some at once, and to the others unless they are heard to have it. */
  | 'offer'

/** Id and body up to this are pushed: a transaction, a vote. */
const PUSH_BYTES_MAX = 4_096
/** Relays with more links than this do not push. */
const PUSH_LINKS_MAX = 8
/** Peers that a relay tells at once. */
export const OFFER_AT_ONCE = 16
/** The others are told within this time, each after a while of its own. */
export const OFFER_LATER_MS: readonly [least: number, greatest: number] = [500, 1_500]

export interface ReachQuestion {
  readonly mode: PropagationMode
  /** Of id and body. */
  readonly bytes: number
  /** Peers that receive its name and are not known to have it. */
  readonly links: number
  /** Whether this node made it. */
  readonly isOrigin: boolean
}

export function reachOf({ mode, bytes, links, isOrigin }: ReachQuestion): Reach {
  if (mode === 'flood') return 'push'
  if (bytes > PUSH_BYTES_MAX) return 'announce'
  return isOrigin || links <= PUSH_LINKS_MAX ? 'push' : 'offer'
}
