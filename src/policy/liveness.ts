/**
 * Whether a link still lives. Any record that opens is proof; only an idle link is pinged. Three probes without an answer make
 * it suspect, which is not closing: a suspect link stays until the class's own deadline, and one byte clears it.
 */

export interface LivenessRule {
  /** Silence after which a ping is sent. */
  readonly idlePingMs: number
  /** A link is closed at this much silence, and not before `missesMax` pings went unanswered. */
  readonly silenceMaxMs: number
  readonly missesMax: number
}

/** Probes that must fail before a link is suspect. */
const PROBES = 3
/** Bounds of one probe's timeout; between them it is srtt + 4·rttvar + lag (RFC 6298 §2, with the loop's lag added). */
const PROBE_TIMEOUT_MIN_MS = 2_000
const PROBE_TIMEOUT_MAX_MS = 10_000
/** A suspect link is pinged this often. */
const SUSPECT_PING_MS = 30_000

export type LivenessCheck =
  | { readonly kind: 'fine'; readonly nextAt: number }
  | { readonly kind: 'ping'; readonly nextAt: number; readonly suspect: boolean }
  | { readonly kind: 'close' }

export class Liveness {
  /** The peer's class may change while it is linked, and this with it. */
  rule: LivenessRule
  #heardAt: number
  /** When the probe under way was sent; null while none is. */
  #probedAt: number | null = null
  #misses = 0
  #srttMs: number | null = null
  #rttvarMs = 0

  constructor(rule: LivenessRule, now: number) {
    this.rule = rule
    this.#heardAt = now
  }

  get heardAt(): number {
    return this.#heardAt
  }

  get suspect(): boolean {
    return this.#misses >= PROBES
  }

  /** Smoothed round trip, null before the first answer. */
  get rttMs(): number | null {
    return this.#srttMs
  }

  /** How long a probe may take before it counts as missed. `lagMs`: how late this process itself runs. */
  probeTimeoutMs(lagMs: number): number {
    const expected = this.#srttMs === null ? PROBE_TIMEOUT_MIN_MS : this.#srttMs + 4 * this.#rttvarMs
    return Math.min(Math.max(expected + lagMs, PROBE_TIMEOUT_MIN_MS), PROBE_TIMEOUT_MAX_MS)
  }

  /** Anything authentic arrived. @returns whether this cleared a suspicion */
  heard(now: number): boolean {
    const cleared = this.suspect
    this.#heardAt = now
    this.#probedAt = null
    this.#misses = 0
    return cleared
  }

  /** A ping sent `rttMs` ago was answered. */
  measured(rttMs: number): void {
    if (this.#srttMs === null) {
      this.#srttMs = rttMs
      this.#rttvarMs = rttMs / 2
      return
    }
    this.#rttvarMs = 0.75 * this.#rttvarMs + 0.25 * Math.abs(this.#srttMs - rttMs)
    this.#srttMs = 0.875 * this.#srttMs + 0.125 * rttMs
  }

  /** What to do now. After `ping` a ping is sent; ask again at `nextAt`. `suspect` tells whether the peer has become so. */
  check(now: number, lagMs: number): LivenessCheck {
    const { idlePingMs, silenceMaxMs, missesMax } = this.rule
    if (this.#probedAt === null) {
      const idleAt = this.#heardAt + idlePingMs
      return now < idleAt ? { kind: 'fine', nextAt: idleAt } : this.#probe(now, lagMs)
    }
    const missedAt = this.#probedAt + this.#waitMs(lagMs)
    if (now >= missedAt) this.#misses++
    if (now - this.#heardAt >= silenceMaxMs && this.#misses >= missesMax) return { kind: 'close' }
    return now >= missedAt ? this.#probe(now, lagMs) : { kind: 'fine', nextAt: this.#orSilenceEnds(missedAt, now) }
  }

  #probe(now: number, lagMs: number): LivenessCheck {
    this.#probedAt = now
    return { kind: 'ping', nextAt: this.#orSilenceEnds(now + this.#waitMs(lagMs), now), suspect: this.suspect }
  }

  #orSilenceEnds(at: number, now: number): number {
    const silenceEndsAt = this.#heardAt + this.rule.silenceMaxMs
    return silenceEndsAt > now ? Math.min(at, silenceEndsAt) : at
  }

  #waitMs(lagMs: number): number {
    return this.suspect ? SUSPECT_PING_MS : this.probeTimeoutMs(lagMs)
  }
}
