/**
 * Who may hold a half-open connection: the inbound links whose handshake is not done. Part of the pool is kept for listed
 * (whitelisted or persistent) addresses. A full pool lets go of whoever keeps silent first, and then of the crowd from one
 * network, so that a flood of silent connections keeps nobody else out.
 */
import { ipBucket, ipPrefix, isLoopback } from './address.js'
import { checkLimit } from './limit.js'
import { invalidOption } from '../errors.js'
import { KeyedRateLimit } from './rate-limit.js'

/** Options of {@link PendingPool}. */
export interface PendingPoolOptions {
  /** Handshakes under way at once, 1 to 65,536: {@link pendingMaxFor}. */
  readonly pendingMax: number
  /** The share that only listed addresses may use, 0 to 1; default a half. */
  readonly listedShare?: number
  /** Strangers under way from one IPv4 address or IPv6 /64, 1 to 65,536; default 4. */
  readonly perBucketMax?: number
  /** The same for links from a listed address, 1 to 65,536; default `pendingMax`. A swarm uses 4. */
  readonly listedPerBucketMax?: number
  /** Whether anything is counted by IP; default true. Off where many nodes share one machine. */
  readonly perIpLimits?: boolean
  /** Attempts per minute from one IPv4 address or IPv6 /64, 1 to 65,536; default 10. */
  readonly attemptsPerMin?: number
  /** The same for all strangers of one IPv4 /24 or IPv6 /48; default 120. */
  readonly prefixAttemptsPerMin?: number
  /** The same for listed addresses; default 60. */
  readonly listedAttemptsPerMin?: number
}

/** `rate-limit`: too many attempts within a minute. `busy`: too many under way, from there or in all. */
export type AdmissionDecision =
  | { readonly kind: 'admit'; readonly evict: string | null }
  | { readonly kind: 'refuse'; readonly code: 'busy' | 'rate-limit' }

interface Pending {
  readonly key: string
  /** Null where per-IP limits do not apply. */
  readonly bucket: string | null
  readonly group: string
  /** Whether its first handshake message is complete. */
  spoke: boolean
  /** When it last got further: it was admitted, or it spoke. */
  movedAt: number
}

/** An initiator speaks first, and at once: with a round trip of 250 ms its message is here within that of its connection. */
const SILENT_GRACE_MS = 300
/** Its last message takes one more round trip, and some arithmetic. */
const STALLED_GRACE_MS = 500

/** The pool's size for that many whitelisted peers: max(64, ⌈whitelisted / 2⌉). */
export function pendingMaxFor(whitelisted: number): number {
  return Math.max(64, Math.ceil(checkLimit('whitelisted', whitelisted, 0, 2 ** 17) / 2))
}

/** The pre-authentication pool. `key` names a link; the owner removes it when the handshake ends, either way. */
export class PendingPool {
  readonly #listedShare: number
  #pendingMax: number
  #openMax: number
  readonly #perBucketMax: number
  readonly #listedPerBucketMax: number
  readonly #perIpLimits: boolean
  readonly #attempts: KeyedRateLimit
  readonly #prefixAttempts: KeyedRateLimit
  readonly #listedAttempts: KeyedRateLimit
  /** In order of arrival. Bound: the open share of `pendingMax`. */
  readonly #strangers = new Map<string, Pending>()
  /** Bound: `pendingMax`, less the strangers. */
  readonly #listed = new Map<string, Pending>()

  /** @throws HoldfastError `invalid-option` for a number outside its bounds */
  constructor(options: PendingPoolOptions) {
    const { pendingMax, listedShare = 0.5, perBucketMax = 4, perIpLimits = true } = options
    const { attemptsPerMin = 10, listedAttemptsPerMin = 60, listedPerBucketMax = pendingMax } = options
    const { prefixAttemptsPerMin = 120 } = options
    if (!(listedShare >= 0 && listedShare <= 1)) throw invalidOption('listedShare', listedShare, 'a number from 0 to 1')
    this.#listedShare = listedShare
    this.#pendingMax = checkLimit('pendingMax', pendingMax, 1, 65_536)
    this.#openMax = Math.floor(pendingMax * (1 - listedShare))
    this.#perBucketMax = checkLimit('perBucketMax', perBucketMax, 1, 65_536)
    this.#listedPerBucketMax = checkLimit('listedPerBucketMax', listedPerBucketMax, 1, 65_536)
    this.#perIpLimits = perIpLimits
    this.#attempts = perMinute('attemptsPerMin', attemptsPerMin)
    this.#prefixAttempts = perMinute('prefixAttemptsPerMin', prefixAttemptsPerMin)
    this.#listedAttempts = perMinute('listedAttemptsPerMin', listedAttemptsPerMin)
  }

  /** Handshakes under way. */
  get size(): number {
    return this.#strangers.size + this.#listed.size
  }

  /** The operator's lists have changed. Who is in stays in, though there be too many for a while. */
  resize(pendingMax: number): void {
    this.#pendingMax = checkLimit('pendingMax', pendingMax, 1, 65_536)
    this.#openMax = Math.floor(pendingMax * (1 - this.#listedShare))
  }

  /**
   * Whether a new link may begin its handshake, and whom it displaces. That is the longest silent of those whose first
   * message is overdue (300 ms), else the longest stalled of those whose last one is (500 ms), else the youngest stranger
   * of the busiest IPv4 /24 or IPv6 /48; where its own IP has too many under way, an overdue one of those or nobody.
   * A stranger never displaces a listed link. The displaced key is out of the pool when this returns; destroying its link
   * is the caller's part.
   * @param ip null where the transport has no addresses; then nothing is counted by IP
   * @param listed whether the address is whitelisted or persistent
   * @param sharers how many listed peers share the IP: each of them may have one link under way, whatever the bound per IP
   */
  admit(key: string, ip: string | null, listed: boolean, now: number, sharers = 1): AdmissionDecision {
    this.remove(key)
    const bucket = ip === null || !this.#perIpLimits || isLoopback(ip) ? null : ipBucket(ip)
    const group = ip === null ? '' : ipPrefix(ip, 24, 48)
    if (bucket !== null && !this.#mayTry(bucket, group, listed, now)) return { kind: 'refuse', code: 'rate-limit' }

    const kin = listed ? this.#listed : this.#strangers
    const crowded = this.#isCrowded(
      bucket,
      kin,
      listed ? Math.max(this.#listedPerBucketMax, sharers) : this.#perBucketMax,
    )
    const isFull = this.size >= this.#pendingMax || (!listed && this.#strangers.size >= this.#openMax)
    const evict = crowded ? pickOverdue(kin, bucket, now) : isFull ? this.#pickVictim(listed, now) : null
    if ((crowded || isFull) && evict === null) return { kind: 'refuse', code: 'busy' }

    if (evict !== null) this.remove(evict)
    kin.set(key, { key, bucket, group, spoke: false, movedAt: now })
    return { kind: 'admit', evict }
  }

  /** Its first handshake message came, whole, at that instant. Telling it again changes nothing. */
  spoke(key: string, at: number): void {
    const pending = this.#strangers.get(key) ?? this.#listed.get(key)
    if (pending === undefined || pending.spoke) return
    pending.spoke = true
    pending.movedAt = at
  }

  /** The handshake ended, well or badly. Removing twice does nothing. */
  remove(key: string): void {
    this.#strangers.delete(key)
    this.#listed.delete(key)
  }

  #mayTry(bucket: string, group: string, listed: boolean, now: number): boolean {
    if (listed) return this.#listedAttempts.take(bucket, 1, now)
    return this.#attempts.take(bucket, 1, now) && this.#prefixAttempts.take(group, 1, now)
  }

  #isCrowded(bucket: string | null, kin: ReadonlyMap<string, Pending>, max: number): boolean {
    if (bucket === null) return false
    let count = 0
    for (const pending of kin.values()) if (pending.bucket === bucket) count += 1
    return count >= max
  }

  #pickVictim(listed: boolean, now: number): string | null {
    const overdue = pickOverdue(this.#strangers, null, now) ?? (listed ? pickOverdue(this.#listed, null, now) : null)
    return overdue ?? this.#pickCrowded()
  }

  /** Where groups are equally busy, the one that the youngest stranger belongs to. */
  #pickCrowded(): string | null {
    const counts = new Map<string, number>()
    for (const { group } of this.#strangers.values()) counts.set(group, (counts.get(group) ?? 0) + 1)
    let victim: Pending | null = null
    for (const pending of this.#strangers.values()) {
      if (victim === null || (counts.get(pending.group) ?? 0) >= (counts.get(victim.group) ?? 0)) victim = pending
    }
    return victim?.key ?? null
  }
}

/** Of those who should have got further by now, the silent before the stalled, the longest waited for first. */
function pickOverdue(among: ReadonlyMap<string, Pending>, bucket: string | null, now: number): string | null {
  let worst: Pending | null = null
  for (const pending of among.values()) {
    if (bucket !== null && pending.bucket !== bucket) continue
    if (now - pending.movedAt <= (pending.spoke ? STALLED_GRACE_MS : SILENT_GRACE_MS)) continue
    const sameStage = worst?.spoke === pending.spoke
    if (worst === null || (sameStage ? pending.movedAt < worst.movedAt : worst.spoke)) worst = pending
  }
  return worst?.key ?? null
}

function perMinute(field: string, attempts: number): KeyedRateLimit {
  const burst = checkLimit(field, attempts, 1, 65_536)
  return new KeyedRateLimit({ perSec: burst / 60, burst })
}
