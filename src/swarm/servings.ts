/**
 * What is large and was asked for goes out one body at a time, to those that are trusted first, then to regular peers, to each in
 * turn, and rests between: a block that a
 * hundred peers ask for in one moment would else stand before everything that came after it, on each link and in this node.
 * Who comes first has the whole of it sooner, and can pass it on, than if all got a little at a time.
 */
import type { PeerClass, PeerId } from '../ports/types.js'
import type { Agenda, Deadline } from './agenda.js'
import type { PeerIdentity } from './connection-owner.js'
import { Turns } from './turns.js'

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
  link: Link
  /** Whose turn it takes. */
  readonly senders: readonly [PeerId]
  /** And not the body: what the shelf has let go is not held here. */
  readonly key: string
}

export class Servings<Link extends Receiver> {
  readonly #setup: ServingsSetup<Link>
  // Bound: for each open link, what the shelf holds of such bodies.
  readonly #lines: Readonly<Record<'trusted' | 'regular' | 'unknown', Turns<Serving<Link>>>> = {
    trusted: new Turns(),
    regular: new Turns(),
    unknown: new Turns(),
  }
  #rest: Deadline | null = null
  /** Since the last rest. */
  #usedMs = 0
  #endedAt = Number.NEGATIVE_INFINITY

  constructor(setup: ServingsSetup<Link>) {
    this.#setup = setup
  }

  /** Sends it now or when its turn comes. */
  add(link: Link, key: string): void {
    const { peerClass, peerId } = link.identity ?? { peerClass: 'unknown', peerId: '' as PeerId }
    this.#lines[lineOf(peerClass)].join({ link, senders: [peerId], key })
    if (this.#rest === null) this.#serve()
  }

  /** Nobody is there to take it, or another link of the same process is: that one is not asked for it again. @returns what that one gets */
  lost(link: Link, heir: Link | null): readonly string[] {
    const isOwn = (serving: Serving<Link>): boolean => serving.link === link
    const lines = Object.values(this.#lines)
    if (heir === null) {
      for (const line of lines) line.leave(isOwn)
      return []
    }
    const own = lines.flatMap((line) => [...line.items()].filter(isOwn))
    for (const serving of own) serving.link = heir
    return own.map(({ key }) => key)
  }

  stop(): void {
    this.#rest?.cancel()
    for (const line of Object.values(this.#lines)) line.leave(() => true)
  }

  #serve(): void {
    const { agenda, send, failed } = this.#setup
    let now = agenda.now()
    if (now - this.#endedAt >= REST * this.#usedMs) this.#usedMs = 0
    while (this.#usedMs < SLICE_MS) {
      const { trusted, regular, unknown } = this.#lines
      const next = trusted.next() ?? regular.next() ?? unknown.next()
      if (next === null) return
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

function lineOf(peerClass: PeerClass): 'trusted' | 'regular' | 'unknown' {
  return peerClass === 'regular' || peerClass === 'unknown' ? peerClass : 'trusted'
}
