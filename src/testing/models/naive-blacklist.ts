/**
 * A blacklist as its promises read: points by key that halve in a time, a ban where they reach the limit, the host's own bans
 * beside those by strikes. Nothing is ever forgotten for want of room; what a bound may cost is the caller's to allow for.
 */
import type { BlacklistOptions } from '../../policy/blacklist.js'
import type { PeerId } from '../../ports/types.js'
import type { WrittenIp } from '../arbitraries.js'

/** Options as the model draws them: all of them. */
export type BlacklistModelOptions = Required<BlacklistOptions>

/** Who is struck or asked about. */
export interface Suspect {
  readonly peerId: PeerId | null
  readonly ip: WrittenIp | null
}

/** A ban the model expects. `Infinity`: for ever. */
export interface ExpectedBan {
  readonly key: string
  readonly untilAt: number
}

interface Points {
  sum: number
  at: number
  bannedAt: readonly number[]
}

const DAY_MS = 86_400_000
const POINTS_MAX = 1_000

export class NaiveBlacklist {
  readonly options: BlacklistModelOptions
  readonly exempt: Set<PeerId> = new Set()
  /** By strikes, and by the host: until when each holds. Bound: the keys of the model. */
  readonly struck: Map<string, number> = new Map()
  readonly ordered: Map<string, number> = new Map()
  /** Of those by strikes, the latest that are no more than the list has room for. Bound: `keysMax`. */
  readonly latest: Set<string> = new Set()
  /** By key. Bound: the keys of the model. */
  readonly points: Map<string, Points> = new Map()
  /** By /48: the networks in it that strikes banned. Bound: the keys of the model. */
  readonly subnets: Map<string, Set<string>> = new Map()
  now = 0
  wall = 1_700_000_000_000

  constructor(options: BlacklistModelOptions) {
    this.options = options
  }

  pass(stepMs: number): void {
    this.now += stepMs
    this.wall += stepMs
  }

  pointsOf(key: string): number {
    const points = this.points.get(key)
    return points === undefined ? 0 : points.sum * 0.5 ** ((this.now - points.at) / this.options.halfLifeMs)
  }

  /** Whose points a strike at this one counts for. */
  keysOf({ peerId, ip }: Suspect): string[] {
    const spared = peerId !== null && this.exempt.has(peerId)
    return [...(peerId === null ? [] : [peerId]), ...(ip === null || spared ? [] : [ip.bucket])]
  }

  /** Until when the key is banned; null where it is not. */
  live(key: string): ExpectedBan | null {
    const untilAt = Math.max(this.ordered.get(key) ?? -Infinity, this.struck.get(key) ?? -Infinity)
    return untilAt > this.now ? { key, untilAt } : null
  }

  /** What keeps a peer out. */
  check({ peerId, ip }: Suspect): ExpectedBan | null {
    for (const key of this.barriers({ peerId, ip })) {
      const ban = this.live(key)
      if (ban !== null) return ban
    }
    return null
  }

  /** Which bans would keep a peer out, in the order in which they are looked for. */
  barriers({ peerId, ip }: Suspect): string[] {
    if (peerId !== null && this.exempt.has(peerId)) return []
    return [peerId, ip?.bucket ?? null, ip?.subnet ?? null].filter((key) => key !== null)
  }

  addPoints(key: string, points: number): number {
    const sum = Math.min(POINTS_MAX, this.pointsOf(key) + points)
    this.points.set(key, { sum, at: this.now, bannedAt: this.points.get(key)?.bannedAt ?? [] })
    return sum
  }

  /** Strikes have banned this key: until when, and what follows for the network around it. */
  banned(key: string, isId: boolean, subnet: string | null): ExpectedBan[] {
    const points = this.points.get(key)
    const recent = points?.bannedAt.filter((at) => this.now - at < DAY_MS) ?? []
    if (points !== undefined) points.bannedAt = [...recent, this.now].slice(-2)
    const longestMs = this.#longestMs(isId)
    const untilAt = this.now + (recent.length >= 2 ? longestMs : Math.min(longestMs, this.options.banMs))
    this.strike(key, untilAt)
    return [{ key, untilAt }, ...(subnet === null ? [] : this.#spread(key, subnet, untilAt))]
  }

  /** A ban by strikes, the latest of all. */
  strike(key: string, untilAt: number): void {
    this.struck.set(key, untilAt)
    this.latest.delete(key)
    this.latest.add(key)
    const [oldest] = this.latest
    if (this.latest.size > this.options.keysMax && oldest !== undefined) this.latest.delete(oldest)
  }

  /** The host bans. @returns whether there was room */
  order(key: string, untilAt: number): boolean {
    for (const [other, until] of this.ordered) if (until <= this.now) this.ordered.delete(other)
    if (!this.ordered.has(key) && this.ordered.size >= this.options.keysMax) return false
    this.ordered.set(key, Math.max(untilAt, this.ordered.get(key) ?? -Infinity))
    return true
  }

  lift(key: string): void {
    this.ordered.delete(key)
    this.struck.delete(key)
    this.latest.delete(key)
    this.points.delete(key)
    this.subnets.delete(key)
  }

  makeExempt(peerId: PeerId): void {
    this.exempt.add(peerId)
    this.ordered.delete(peerId)
    this.struck.delete(peerId)
    this.latest.delete(peerId)
  }

  /** Another process goes on, its monotonic clock at `now`, so much later by the wall clock. */
  restart(now: number, passedMs: number): void {
    const shift = now - this.now - Math.max(0, passedMs)
    for (const [key, points] of this.points) {
      const bannedAt = points.bannedAt.map((at) => at + shift)
      this.points.set(key, { sum: this.pointsOf(key), at: this.now + shift, bannedAt })
    }
    for (const bans of [this.struck, this.ordered]) for (const [key, untilAt] of bans) bans.set(key, untilAt + shift)
    this.subnets.clear()
    this.now = now
    this.wall += passedMs
  }

  /** Until when the key is banned at least, by bans that are kept whatever else is struck; null where it may be free. */
  kept(key: string): number | null {
    const struck = this.latest.has(key) ? (this.struck.get(key) ?? -Infinity) : -Infinity
    const untilAt = Math.max(this.ordered.get(key) ?? -Infinity, struck)
    return untilAt > this.now ? untilAt : null
  }

  #longestMs(isId: boolean): number {
    const { banMs, longBanMs, ipBanMaxMs } = this.options
    return isId ? Math.max(banMs, longBanMs) : Math.min(Math.max(banMs, longBanMs), ipBanMaxMs)
  }

  #spread(key: string, subnet: string, untilAt: number): ExpectedBan[] {
    const banned = this.subnets.get(subnet) ?? new Set<string>()
    for (const other of banned) if (this.live(other) === null) banned.delete(other)
    banned.add(key)
    this.subnets.set(subnet, banned)
    // The wider network has an entry of its own, without points.
    if (!this.points.has(subnet)) this.points.set(subnet, { sum: 0, at: this.now, bannedAt: [] })
    if (banned.size < this.options.subnetsMax || this.live(subnet) !== null) return []
    this.strike(subnet, untilAt)
    return [{ key: subnet, untilAt }]
  }
}
