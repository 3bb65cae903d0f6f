/** One ban: whom it keeps out, and until when. */
import { canonicalNetwork, isPeerIdText } from './address.js'

/** A ban. It holds until `untilAt`, exclusively, on the monotonic clock. */
export interface Ban {
  /** A peer id, an IPv4 address, or an IPv6 /64 or /48. */
  readonly key: string
  readonly untilAt: number | 'permanent'
  readonly cause: string
  /** The host's own bans are never forgotten to make room for others. */
  readonly by: 'strikes' | 'host'
}

/** -Infinity where there is none. */
export function endOf(ban: Ban | undefined): number {
  return ban?.untilAt === 'permanent' ? Infinity : (ban?.untilAt ?? -Infinity)
}

export function isLive(ban: Ban, now: number): boolean {
  return now < endOf(ban)
}

/** The form in which a key is kept; null for what is neither an id nor a network. */
export function canonicalKey(key: string): string | null {
  const given: unknown = key
  if (typeof given !== 'string') return null
  return isPeerIdText(given) ? given : canonicalNetwork(given)
}
