/**
 * What is large and was asked for goes out one body at a time, those of trusted peers first, and rests between: a block that a
 * hundred peers ask for in one moment would else stand before everything that came after it, on each link and in this node.
 * Who comes first has the whole of it sooner, and can pass it on, than if all got a little at a time.
 */
import type { Agenda, Deadline } from './agenda.js'
import type { PeerIdentity } from './connection-owner.js'
import { isTrustedClass } from './dial-slots.js'

/** Bodies from this size on wait for each other. */
export const SERVED_ALONE_BYTES: number = 64 * 1024
/** So much time at once, in ms, and then a rest of so many times what was used: others have their turn, in this process and beside it. */
const SLICE_MS = 1
const REST = 3

interface Receiver {
  readonly identity: PeerIdentity | null
}

export interface ServingsSetup<Link extends Receiver> {
  readonly agenda: Agenda
  /** Writes it down and hands it to the link, as far as that takes it. @returns false where it is gone, or cannot be sent */
  readonly send: (link: Link, key: string) => boolean
  readonly failed: (link: Link, key: string) => void
}

interface Serving<Link> {
  readonly link: Link
  /** And not the body: what the shelf has let go is not held here. */
  readonly key: string
}

export class Servings<Link extends Receiver> {
  readonly #setup: ServingsSetup<Link>
  // Bound: for each open link, what the shelf holds of such bodies.
  #trusted: Serving<Link>[] = []
  // Bound: the same.
  #strangers: Serving<Link>[] = []
  #rest: Deadline | null = null
  /** Since the last rest. */
  #usedMs = 0
  #endedAt = Number.NEGATIVE_INFINITY

  constructor(setup: ServingsSetup<Link>) {
    this.#setup = setup
  }

  /** Sends it now or when its turn comes. */
  add(link: Link, key: string): void {
    const isTrusted = isTrustedClass(link.identity?.peerClass ?? 'unknown')
    const line = isTrusted ? this.#trusted : this.#strangers
    line.push({ link, key })
    if (this.#rest === null) this.#serve()
  }

  /** Nobody is there to take it. */
  lost(link: Link): void {
    this.#trusted = this.#trusted.filter((serving) => serving.link !== link)
    this.#strangers = this.#strangers.filter((serving) => serving.link !== link)
  }

  stop(): void {
    this.#rest?.cancel()
    this.#trusted = []
    this.#strangers = []
  }

  #serve(): void {
    const { agenda, send, failed } = this.#setup
    let now = agenda.now()
    if (now - this.#endedAt >= REST * this.#usedMs) this.#usedMs = 0
    while (this.#usedMs < SLICE_MS) {
      const next = this.#trusted.shift() ?? this.#strangers.shift()
      if (next === undefined) return
      if (!send(next.link, next.key)) failed(next.link, next.key)
      this.#endedAt = agenda.now()
      this.#usedMs += this.#endedAt - now
      now = this.#endedAt
    }
    // Even where nobody waits: who asks next does.
    this.#rest = agenda.in(REST * this.#usedMs, () => {
      this.#rest = null
      this.#usedMs = 0
      this.#serve()
    })
  }
}
