/**
 * Links on their way out. Each was told why and half-closed, and may take a moment to read it; closing on unread bytes would
 * send a reset, and destroy the reason on its way. There is a bound: beyond it the one that has had the longest goes at once.
 * Strangers who never said hello have a bound of their own, so that a flood of them cuts nobody else short.
 */
import { isTrustedClass } from '../policy/peer-class.js'
import type { Link } from '../ports/transport.js'
import type { PeerClass, PeerId } from '../ports/types.js'
import type { ReasonCode } from '../errors.js'
import type { Agenda, Deadline } from './agenda.js'
import type { Roster } from './roster.js'

/** How long the other side may take to close after a goodbye; and where another link of a trusted peer has taken over, to read what is on its way. */
const LINGER_MS = 2_000
const READ_OUT_MS = 30_000
/** Of one peer: it dials once, and we do. */
const READ_OUT_MAX = 2
const STRANGERS_MAX = 64
/** Links that were open. Never fewer than two for each trusted peer: a node that stops says goodbye to all of them at once. */
const OPENED_MAX = 1_024

interface Leaving {
  readonly link: Link
  /** Whose, where it is read out. */
  readonly readOutOf: PeerId | null
  readonly deadline: Deadline
}

/** Who was at the other end of a link that was open. */
export interface OpenedBy {
  readonly peerId: PeerId
  readonly peerClass: PeerClass
}

export class Lingering {
  readonly #agenda: Agenda
  readonly #roster: Roster
  // The first has had the longest. Bound: STRANGERS_MAX.
  readonly #strangers = new Set<Leaving>()
  // Bound: OPENED_MAX, or two for each trusted peer.
  readonly #opened = new Set<Leaving>()

  constructor(agenda: Agenda, roster: Roster) {
    this.#agenda = agenda
    this.#roster = roster
  }

  /** Links that have been told to go and are not closed. */
  get size(): number {
    return this.#strangers.size + this.#opened.size
  }

  /**
   * The link was ended politely; it is destroyed unless it closes by itself in time.
   * @param opened who was at the other end of a link that was open
   * @returns to be cancelled once it has closed
   */
  begin(link: Link, opened: OpenedBy | null, code: ReasonCode): Deadline {
    const wasOpen = opened !== null
    // Of trusted peers alone: what is read of a link that ends is bounded by its credit only.
    const readOutOf = code === 'duplicate' && wasOpen && isTrustedClass(opened.peerClass) ? opened.peerId : null
    const among = wasOpen ? this.#opened : this.#strangers
    const trusted = this.#roster.count('masternode') + this.#roster.count('persistent')
    if (among.size >= (wasOpen ? Math.max(OPENED_MAX, 2 * trusted) : STRANGERS_MAX)) cutFirst(among)
    const own = readOutOf === null ? [] : [...among].filter((other) => other.readOutOf === readOutOf)
    if (own.length >= READ_OUT_MAX) cutFirst(among, readOutOf)
    const deadline = this.#agenda.in(readOutOf === null ? LINGER_MS : READ_OUT_MS, () => {
      among.delete(leaving)
      link.destroy()
    })
    const leaving = { link, readOutOf, deadline }
    among.add(leaving)
    return {
      at: deadline.at,
      cancel: () => {
        among.delete(leaving)
        deadline.cancel()
      },
    }
  }
}

/** @param of left out: whosoever it is */
function cutFirst(among: Set<Leaving>, of: PeerId | null = null): void {
  for (const leaving of among) {
    if (of !== null && leaving.readOutOf !== of) continue
    among.delete(leaving)
    leaving.deadline.cancel()
    leaving.link.destroy()
    return
  }
}
