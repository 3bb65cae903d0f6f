/**
 * Penalty points and bans, by peer id, IPv4 address and IPv6 /64. Points decay, so that honest accidents are forgotten.
 * Bans of IPs are short, because others live behind the same address; exempt ids are never banned at all.
 */
import { ipBucket, ipPrefix, isPeerIdText } from './address.js'
import type { Ban } from './ban.js'
import { canonicalKey, endOf, isLive } from './ban.js'
import { BoundedMap } from './bounded-map.js'
import { checkLimit } from './limit.js'
import { isRecord, someOf } from './stored.js'
import { checkNames, invalidOption } from '../errors.js'
import type { PeerId } from '../ports/types.js'

const DAY_MS = 86_400_000
const POINTS_MAX = 1000

/** Options of {@link Blacklist}. Durations are 1 ms to 30 days, points 1 to 1,000. */
export interface BlacklistOptions {
  /** Points of one strike; default 20. */
  readonly strikePoints?: number
  /** Points that ban; default 50. */
  readonly banAt?: number
  /** Points halve in this time; default 10 min. */
  readonly halfLifeMs?: number
  /** How long a ban lasts; default 5 min. */
  readonly banMs?: number
  /** How long the third ban within 24 h lasts; default 24 h. */
  readonly longBanMs?: number
  /** The longest ban of an IP that strikes can earn; default 5 min. */
  readonly ipBanMaxMs?: number
  /** Banned /64 networks of one IPv6 /48 that get all of it banned, 2 to 64; default 8. */
  readonly subnetsMax?: number
  /** Keys with points, keys banned by strikes, and keys banned by the host: each at most this, 1 to 2^20; default 65,536. */
  readonly keysMax?: number
}

/** Who is meant: an authenticated peer, the IP of its link, or both. */
export interface Offender {
  readonly peerId?: PeerId | null
  readonly ip?: string | null
}

/** What a strike led to. `points` is the peer id's new total, or the IP's where no id is given. */
export interface StrikeAnswer {
  readonly points: number
  /** Bans that this strike began; empty for an exempt id, however many points it has. */
  readonly banned: readonly Ban[]
}

/** The form that {@link Blacklist.toJSON} stores. Remaining times, not instants: clocks differ after a restart. */
export interface BlacklistSnapshot {
  readonly version: 1
  readonly savedAt: number
  readonly bans: readonly (Omit<Ban, 'untilAt'> & { readonly remainingMs: number | 'permanent' })[]
  readonly scores: readonly { readonly key: string; readonly points: number; readonly bansAgoMs: readonly number[] }[]
}

interface Score {
  points: number
  at: number
  /** When the last two bans began; the third needs no older ones. */
  bannedAt: readonly number[]
  /** Of a /48: networks in it that were banned. Bound: twice `subnetsMax`; whose ban ends first is forgotten. */
  subnets: readonly string[]
}

const TIMES = ['halfLifeMs', 'banMs', 'longBanMs', 'ipBanMaxMs'] as const
const OPTIONS = ['strikePoints', 'banAt', ...TIMES, 'subnetsMax', 'keysMax'] as const

/** Strikes in, bans out. All instants are monotonic milliseconds unless they are called wall. */
export class Blacklist {
  readonly #options: Required<BlacklistOptions>
  /** Bound: `keysMax`; the least recently struck is forgotten. */
  readonly #scores: BoundedMap<Score>
  /** Bans by strikes. Bound: `keysMax`; the oldest is forgotten. */
  readonly #struck: BoundedMap<Ban>
  /** Bans by the host. Bound: `keysMax`; more are refused. */
  readonly #ordered = new Map<string, Ban>()
  /** Bound: the host's own list; no peer can add to it. */
  readonly #exempt = new Set<PeerId>()
  /** Whom the host has pardoned: what is read after that is older than its word. Bound: `keysMax`; the oldest is forgotten. */
  readonly #pardoned: BoundedMap<string>

  /** @throws HoldfastError `invalid-option` for a number outside the bounds that {@link BlacklistOptions} states */
  constructor(options: BlacklistOptions = {}) {
    checkNames('blacklist', options, OPTIONS)
    this.#options = {
      strikePoints: checkLimit('strikePoints', options.strikePoints ?? 20, 1, POINTS_MAX),
      banAt: checkLimit('banAt', options.banAt ?? 50, 1, POINTS_MAX),
      halfLifeMs: checkLimit('halfLifeMs', options.halfLifeMs ?? 600_000, 1, 30 * DAY_MS),
      banMs: checkLimit('banMs', options.banMs ?? 300_000, 1, 30 * DAY_MS),
      longBanMs: checkLimit('longBanMs', options.longBanMs ?? DAY_MS, 1, 30 * DAY_MS),
      ipBanMaxMs: checkLimit('ipBanMaxMs', options.ipBanMaxMs ?? 300_000, 1, 30 * DAY_MS),
      subnetsMax: checkLimit('subnetsMax', options.subnetsMax ?? 8, 2, 64),
      keysMax: checkLimit('keysMax', options.keysMax ?? 65_536, 1, 2 ** 20),
    }
    this.#scores = new BoundedMap(this.#options.keysMax)
    this.#struck = new BoundedMap(this.#options.keysMax)
    this.#pardoned = new BoundedMap(this.#options.keysMax)
  }

  /** Keys with points, and bans, held now. */
  get size(): { readonly scores: number; readonly bans: number } {
    return { scores: this.#scores.size, bans: this.#struck.size + this.#ordered.size }
  }

  /**
   * Adds points to the id and to the IP, and bans what has reached the limit. Points that are not above 0 change
   * nothing; a key holds at most 1,000. A key that is banned gets points, but no second ban. An exempt id has points,
   * for its host to look at, and nothing else; its IP is spared.
   */
  strike(offender: Offender & { readonly points?: number }, now: number): StrikeAnswer {
    const { peerId = null, ip = null, points = this.#options.strikePoints } = offender
    const isExempt = peerId !== null && this.#exempt.has(peerId)
    const keys = [peerId, ip === null || isExempt ? null : ipBucket(ip)].filter((key) => key !== null)
    const banned: Ban[] = []
    for (const key of points > 0 ? keys : []) {
      const score = this.#addPoints(key, points, now)
      if (!isExempt && score.points >= this.#options.banAt && this.#live(key, now) === null) {
        banned.push(...this.#banStruck(key, key === peerId, score, now))
      }
    }
    return { points: keys[0] === undefined ? 0 : this.points(keys[0], now), banned }
  }

  /**
   * Bans a key by the host's wish: a peer id, an IP (IPv6 by its /64) or an IPv6 /48. Repeating never shortens a ban.
   * @returns `full` where the host has ordered too many already
   * @throws HoldfastError `invalid-option` for a key of no such form, or an instant that is not a number
   */
  ban(key: string, untilAt: number | 'permanent', cause: string, now: number): 'banned' | 'exempt' | 'full' {
    const canonical = canonicalKey(key)
    if (canonical === null) throw invalidOption('key', key, 'a peer id, an IP address, or an IPv6 /64 or /48')
    if (untilAt !== 'permanent' && !Number.isFinite(untilAt))
      throw invalidOption('untilAt', untilAt, "finite or 'permanent'")
    if (this.#exempt.has(canonical as PeerId)) return 'exempt'
    return this.#order({ key: canonical, untilAt, cause, by: 'host' }, now) ? 'banned' : 'full'
  }

  /** Lifts a ban and forgives the points that led to it, also those of a later `restore`. @returns whether there was anything to lift */
  unban(key: string): boolean {
    const canonical = canonicalKey(key) ?? key
    this.#pardoned.set(canonical, canonical)
    const had = [this.#ordered.delete(canonical), this.#struck.delete(canonical), this.#scores.delete(canonical)]
    return had.includes(true)
  }

  /** Lifts a ban by strikes, and leaves the points: whoever asked for it thinks better of it, and does not forgive. */
  lift(key: string): void {
    this.#struck.delete(canonicalKey(key) ?? key)
  }

  /** The ban that keeps a peer out, its id's before its IP's; null for exempt ids, wherever they come from. */
  check({ peerId = null, ip = null }: Offender, now: number): Ban | null {
    if (peerId !== null && this.#exempt.has(peerId)) return null
    const byId = peerId === null ? null : this.#live(peerId, now)
    if (byId !== null || ip === null) return byId
    const bucket = ipBucket(ip)
    return this.#live(bucket, now) ?? (bucket.endsWith('/64') ? this.#live(ipPrefix(ip, 32, 48), now) : null)
  }

  /** From now on the id cannot be banned, and is not. Its points stay. */
  exempt(peerId: PeerId): void {
    this.#exempt.add(peerId)
    this.#struck.delete(peerId)
    this.#ordered.delete(peerId)
  }

  /** The id is like any other again. */
  unexempt(peerId: PeerId): void {
    this.#exempt.delete(peerId)
  }

  /** What the key's points have decayed to. */
  points(key: string, now: number): number {
    const score = this.#scores.get(canonicalKey(key) ?? key)
    return score === undefined ? 0 : this.#decayed(score, now)
  }

  /** All bans that hold. */
  list(now: number): Ban[] {
    const all = [...this.#ordered.values(), ...Array.from(this.#struck.entries(), ([, ban]) => ban)]
    return all.filter((ban) => isLive(ban, now))
  }

  /** Bans and points, in a form that survives JSON. Exemptions are the host's to repeat. */
  toJSON(now: number, wallNow: number): BlacklistSnapshot {
    const bans = this.list(now).map(({ untilAt, ...ban }) => ({
      ...ban,
      remainingMs: untilAt === 'permanent' ? untilAt : untilAt - now,
    }))
    const scores = Array.from(this.#scores.entries(), ([key, score]) => ({
      key,
      points: this.#decayed(score, now),
      bansAgoMs: score.bannedAt.map((at) => Math.max(0, now - at)),
    }))
    return { version: 1, savedAt: wallNow, bans, scores }
  }

  /**
   * Takes over what a snapshot holds, less the wall time that has passed since; a wall clock that went back counts as no
   * time. Never throws: what does not make sense is left out.
   */
  restore(json: unknown, now: number, wallNow: number): void {
    if (!isRecord(json) || json['version'] !== 1 || typeof json['savedAt'] !== 'number') return
    const passedMs = Math.max(0, wallNow - json['savedAt']) || 0
    for (const item of someOf(json['bans'], 2 * this.#options.keysMax)) this.#restoreBan(item, passedMs, now)
    for (const item of someOf(json['scores'], this.#options.keysMax)) this.#restoreScore(item, passedMs, now)
  }

  #addPoints(key: string, points: number, now: number): Score {
    const old = this.#scores.get(key)
    const sum = (old === undefined ? 0 : this.#decayed(old, now)) + points
    const at = Math.max(now, old?.at ?? now)
    const score: Score = { bannedAt: [], subnets: [], ...old, points: Math.min(POINTS_MAX, sum), at }
    this.#scores.set(key, score)
    return score
  }

  #decayed(score: Score, now: number): number {
    return score.points * 0.5 ** (Math.max(0, now - score.at) / this.#options.halfLifeMs)
  }

  #banStruck(key: string, isId: boolean, score: Score, now: number): Ban[] {
    const recent = score.bannedAt.filter((at) => now - at < DAY_MS)
    score.bannedAt = [...recent, now].slice(-2)
    const longestMs = this.#longestMs(isId)
    const untilAt = now + (recent.length >= 2 ? longestMs : Math.min(longestMs, this.#options.banMs))
    const ban: Ban = { key, untilAt, cause: 'strikes', by: 'strikes' }
    this.#struck.set(ban.key, ban)
    return isId || !key.endsWith('/64') ? [ban] : [ban, ...this.#escalate(key, untilAt, now)]
  }

  #longestMs(isId: boolean): number {
    const { banMs, longBanMs, ipBanMaxMs } = this.#options
    return Math.min(Math.max(banMs, longBanMs), isId ? Infinity : ipBanMaxMs)
  }

  /** Whoever has one /64 often has the /48 around it. */
  #escalate(subnet: string, untilAt: number, now: number): Ban[] {
    const key = ipPrefix(subnet.slice(0, -'/64'.length), 32, 48)
    const score = this.#scores.get(key) ?? { points: 0, at: now, bannedAt: [], subnets: [] }
    const others = score.subnets.filter((other) => other !== subnet && this.#live(other, now) !== null)
    const endsAt = (one: string): number => endOf(this.#live(one, now) ?? undefined)
    score.subnets = [...others, subnet].sort((a, b) => endsAt(a) - endsAt(b)).slice(-2 * this.#options.subnetsMax)
    this.#scores.set(key, score)
    if (score.subnets.length < this.#options.subnetsMax || this.#live(key, now) !== null) return []
    const ban: Ban = { key, untilAt, cause: `${String(score.subnets.length)} networks in it are banned`, by: 'strikes' }
    this.#struck.set(ban.key, ban)
    return [ban]
  }

  #order(ban: Ban, now: number): boolean {
    const old = this.#ordered.get(ban.key)
    if (old === undefined && this.#ordered.size >= this.#options.keysMax) {
      for (const [key, other] of this.#ordered) if (!isLive(other, now)) this.#ordered.delete(key)
      if (this.#ordered.size >= this.#options.keysMax) return false
    }
    if (endOf(old) <= endOf(ban)) this.#ordered.set(ban.key, ban)
    return true
  }

  /** Of the host's ban and the one by strikes, whichever holds longer. */
  #live(key: string, now: number): Ban | null {
    const ordered = this.#ordered.get(key)
    const struck = this.#struck.get(key)
    const longer = endOf(ordered) >= endOf(struck) ? ordered : struck
    return longer !== undefined && isLive(longer, now) ? longer : null
  }

  /** Whether no ban that was saved holds of it. */
  #isFree(key: string): boolean {
    return this.#exempt.has(key as PeerId) || this.#pardoned.get(key) !== undefined
  }

  #restoreBan(item: unknown, passedMs: number, now: number): void {
    if (!isRecord(item) || typeof item['key'] !== 'string' || typeof item['cause'] !== 'string') return
    const { remainingMs, by } = item
    const key = canonicalKey(item['key'])
    if (key === null || this.#isFree(key) || (by !== 'host' && by !== 'strikes')) return
    const leftMs = remainingMs === 'permanent' ? Infinity : typeof remainingMs === 'number' ? remainingMs - passedMs : 0
    if (!(leftMs > 0)) return
    const cause = item['cause'].slice(0, 200)
    const untilAt = now + Math.min(leftMs, this.#longestMs(isPeerIdText(key)))
    if (by === 'host') this.#order({ key, untilAt: leftMs === Infinity ? 'permanent' : now + leftMs, cause, by }, now)
    else if (endOf(this.#struck.get(key)) < untilAt) this.#struck.set(key, { key, untilAt, cause, by })
  }

  #restoreScore(item: unknown, passedMs: number, now: number): void {
    if (!isRecord(item) || typeof item['key'] !== 'string') return
    const key = canonicalKey(item['key'])
    const points = item['points']
    if (key === null || typeof points !== 'number' || !(points >= 0)) return
    if (this.#scores.get(key) !== undefined || this.#pardoned.get(key) !== undefined) return
    const bannedAt = someOf(item['bansAgoMs'], 2)
      .filter((agoMs) => typeof agoMs === 'number' && agoMs >= 0)
      .map((agoMs) => now - passedMs - Number(agoMs))
    this.#scores.set(key, { points: Math.min(POINTS_MAX, points), at: now - passedMs, bannedAt, subnets: [] })
  }
}
