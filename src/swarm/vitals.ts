/** Keeps watch over one open link: pings it when it is idle, and says when it is suspect and when its time is up. */
import type { LivenessRule } from '../policy/liveness.js'
import { Liveness } from '../policy/liveness.js'
import { EMPTY, sameBytes } from '../protocol/bytes.js'
import type { Random } from '../ports/clock.js'
import type { Agenda } from './agenda.js'
import type { Beating, Pulse } from './pulse.js'

export interface VitalsSetup {
  /** As the peer's class has it now. */
  readonly rule: () => LivenessRule
  readonly agenda: Agenda
  readonly pulse: Pulse
  readonly random: Random
  readonly sendPing: (payload: Uint8Array) => void
  readonly suspected: () => void
  /** A suspect link has brought something after all. */
  readonly cleared: () => void
  readonly silent: () => void
}

const PING_BYTES = 6
const MEASURE_EVERY_MS = 60_000
/** A record in pieces counts as life at this rate, bytes a millisecond. */
const PARTIAL_RATE_MIN = 1.024

export class Vitals implements Beating {
  dueAt: number
  beatAt: number = Number.POSITIVE_INFINITY
  readonly #setup: VitalsSetup
  readonly #liveness: Liveness
  #asked: Uint8Array = EMPTY
  #pingSentAt = 0
  #partialBytes = 0
  // Bound: one for each duplicate of this link under judgement.
  readonly #answered = new Set<() => void>()

  constructor(setup: VitalsSetup) {
    this.#setup = setup
    this.#liveness = new Liveness(setup.rule(), setup.agenda.now())
    this.dueAt = setup.agenda.now() + this.#liveness.rule.idlePingMs
    setup.pulse.join(this)
  }

  /** Measures the link for the first time. */
  begin(): void {
    this.#send()
  }

  /** The peer's class has changed, and how long it may be silent with it. */
  reclassify(): void {
    this.#liveness.rule = this.#setup.rule()
    this.dueAt = Math.min(this.dueAt, this.heardAt + this.#liveness.rule.idlePingMs)
    this.#setup.pulse.expect(this)
  }

  get rttMs(): number | null {
    return this.#liveness.rttMs
  }

  get heardAt(): number {
    return this.#liveness.heardAt
  }

  get suspect(): boolean {
    return this.#liveness.suspect
  }

  get probeTimeoutMs(): number {
    return this.#liveness.probeTimeoutMs(this.#setup.agenda.lagMs)
  }

  /** Bytes arrived; `opened` when they completed at least one record. */
  arrived(bytes: number, opened: boolean): void {
    const now = this.#setup.agenda.now()
    this.#partialBytes += bytes
    if (!opened && this.#partialBytes < (now - this.#liveness.heardAt) * PARTIAL_RATE_MIN) return
    this.#partialBytes = 0
    if (!this.#liveness.heard(now)) return
    this.dueAt = now + this.#liveness.rule.idlePingMs
    this.#setup.pulse.expect(this)
    this.#setup.cleared()
  }

  /** Sends a ping now; `answered` is called if the peer answers this one or a later one. @returns calls that off */
  ping(answered: () => void): () => void {
    this.#answered.add(answered)
    this.#send()
    return () => this.#answered.delete(answered)
  }

  /** @returns false where it answers nothing */
  pong(payload: Uint8Array): boolean {
    if (this.#asked.length === 0 || !sameBytes(payload, this.#asked)) return false
    this.#asked = EMPTY
    this.#liveness.measured(this.#setup.agenda.now() - this.#pingSentAt)
    if (this.#answered.size === 0) return true
    const answered = [...this.#answered]
    this.#answered.clear()
    for (const run of answered) run()
    return true
  }

  stop(): void {
    this.#setup.pulse.leave(this)
    this.#answered.clear()
  }

  beat(at: number): void {
    const { agenda, suspected, silent } = this.#setup
    const wasSuspect = this.#liveness.suspect
    const check = this.#liveness.check(at, agenda.lagMs)
    if (check.kind === 'close') {
      silent()
      return
    }
    this.dueAt = check.nextAt
    // A link that is never idle would otherwise never be measured again.
    if (check.kind === 'ping' || at - this.#pingSentAt >= MEASURE_EVERY_MS) this.#send()
    if (check.kind === 'ping' && check.suspect && !wasSuspect) suspected()
  }

  #send(): void {
    // What could be guessed could be answered before it is asked.
    this.#asked = this.#setup.random.bytes(PING_BYTES)
    this.#pingSentAt = this.#setup.agenda.now()
    this.#setup.sendPing(this.#asked)
  }
}
