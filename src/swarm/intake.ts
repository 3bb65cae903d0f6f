/**
 * The receiving half of an open connection: what the peer has used of its quota, and the credit that goes back to it. Credit
 * returns when a message is done with; a peer over its quota waits for it, and nothing else happens to it.
 */
import type { ReceiveCredit } from '../protocol/credit.js'
import type { Agenda, Deadline } from './agenda.js'
import type { ClassLimits } from './profile.js'
import { Quota } from './quota.js'

export class Intake {
  readonly #agenda: Agenda
  #quota: Quota
  readonly #credit: ReceiveCredit
  readonly #sendGrant: (bytes: number) => void
  #deadline: Deadline | null = null
  #stopped = false

  constructor(limits: ClassLimits, credit: ReceiveCredit, agenda: Agenda, sendGrant: (bytes: number) => void) {
    this.#agenda = agenda
    this.#quota = new Quota(limits)
    this.#credit = credit
    this.#sendGrant = sendGrant
  }

  countBytes(bytes: number): void {
    this.#quota.countBytes(bytes, this.#agenda.now())
  }

  /** A broadcast nobody had brought before, a direct message, a request, or something invalid. */
  countFirstCopy(): void {
    this.#quota.countFirstCopy(this.#agenda.now())
  }

  /** A message is done with: its credit returns, as soon as the quota allows. */
  release(bytes: number): void {
    this.#credit.release(bytes)
    this.#grant()
  }

  /** The peer's quota from now on. */
  reclassify(limits: ClassLimits): void {
    this.#quota = new Quota(limits)
  }

  stop(): void {
    this.#stopped = true
    this.#deadline?.cancel()
  }

  #grant(): void {
    if (this.#deadline !== null || this.#stopped) return
    const waitMs = this.#quota.waitMs(this.#agenda.now())
    if (waitMs > 0) {
      this.#deadline = this.#agenda.in(waitMs, () => {
        this.#deadline = null
        this.#grant()
      })
      return
    }
    const grant = this.#credit.pickGrant()
    if (grant > 0) this.#sendGrant(grant)
  }
}
