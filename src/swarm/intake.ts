/**
 * The receiving half of an open connection: what the peer has used of its quota, and the credit that goes back to it. Credit
 * returns when a message is done with; a peer that owes something waits for it, and nothing else happens to it.
 */
import type { ReceiveCredit } from '../protocol/credit.js'
import type { Agenda, Deadline } from './agenda.js'
import type { Quota } from './quota.js'

export interface IntakeSetup {
  readonly agenda: Agenda
  readonly credit: ReceiveCredit
  /** What the link draws on, by the class that the peer has now. */
  readonly openQuota: () => Quota
  readonly sendGrant: (bytes: number) => void
  /** The peer goes on sending frames of the protocol that nobody asked for. */
  readonly flooded: () => void
}

export class Intake {
  readonly #setup: IntakeSetup
  #quota: Quota
  #deadline: Deadline | null = null
  #stopped = false

  constructor(setup: IntakeSetup) {
    this.#setup = setup
    this.#quota = setup.openQuota()
  }

  countBytes(bytes: number): void {
    this.#quota.countBytes(bytes, this.#setup.agenda.now())
  }

  /** A broadcast nobody had brought before, a direct message or a request. @returns false where it must wait */
  takeFirstCopy(): boolean {
    return this.#quota.takeFirstCopy(this.#setup.agenda.now())
  }

  /** How long until there may be room for one. */
  get firstCopyWaitMs(): number {
    return this.#quota.firstCopyWaitMs(this.#setup.agenda.now())
  }

  countInvalid(): void {
    this.#quota.countInvalid(this.#setup.agenda.now())
  }

  /** A frame of the protocol itself, for which no credit is needed. @returns false where it is one too many, and best ignored */
  takeControl(): boolean {
    const counted = this.#quota.countControl(this.#setup.agenda.now())
    if (counted === 'flood') this.#setup.flooded()
    return counted === 'needed'
  }

  /** A message is done with: its credit returns, as soon as the quota allows. */
  release(bytes: number): void {
    this.#setup.credit.release(bytes)
    this.#grant()
  }

  /** The peer's class has changed, and its quota with it. */
  reclassify(): void {
    this.#quota = this.#setup.openQuota()
  }

  stop(): void {
    this.#stopped = true
    this.#deadline?.cancel()
  }

  #grant(): void {
    if (this.#deadline !== null || this.#stopped) return
    const { agenda, credit, sendGrant } = this.#setup
    const waitMs = this.#quota.waitMs(agenda.now())
    if (waitMs > 0) {
      this.#deadline = agenda.in(waitMs, () => {
        this.#deadline = null
        this.#grant()
      })
      return
    }
    const grant = credit.pickGrant()
    if (grant > 0) sendGrant(grant)
  }
}
