/**
 * What a peer brings beyond its quota waits here, in the order in which it came, and passes as the quota refills. Its credit waits
 * with it. The line is the peer's, not the link's: it does not get shorter by another link.
 */
import { isTrustedClass } from '../policy/peer-class.js'
import type { PeerId } from '../ports/types.js'
import type { Agenda, Deadline } from './agenda.js'
import type { Connection } from './connection.js'
import type { PeerIdentity } from './connection-owner.js'
import { messagesMaxFor, windowBytesFor } from './profile.js'
import { Queue } from './queue.js'

interface Arrival {
  readonly connection: Connection
  readonly size: number
  readonly isStranger: boolean
  /** @returns false where it must still wait */
  readonly pass: () => boolean
}

interface Line {
  // Bound: `messagesMaxFor` its class and TRUSTED_MIN, STRANGERS_MAX, and WINDOWS_MAX of bytes.
  readonly arrivals: Queue<Arrival>
  bytes: number
  /** What was turned away because the line was full: its credit returns only once nobody waits. Bound: the peer's links. */
  readonly turnedAway: Map<Connection, number>
  moving: boolean
  deadline: Deadline | null
}

/** Messages of one trusted peer that may wait, however little its credit. */
const TRUSTED_MIN = 8_192
/** Messages of all strangers together that may wait, before each has no more than its even share of as many. */
const STRANGERS_MAX = 4_096
/** One link brings at most one window and a message in each lane; the rest is for what links that were replaced have left. */
const WINDOWS_MAX = 3

export class Turnstile {
  readonly #agenda: Agenda
  // Bound: peers that have brought something, each while its quota is used up.
  readonly #lines = new Map<PeerId, Line>()
  /** Messages that wait, of peers that are not trusted. */
  #strangers = 0

  constructor(agenda: Agenda) {
    this.#agenda = agenda
  }

  /** Whether a message of this peer may be handled now: nothing of it waits, and its quota has room, which is taken. */
  mayPass({ peerId, intake }: Connection): boolean {
    const line = this.#lines.size === 0 || peerId === null ? undefined : this.#lines.get(peerId)
    return (line === undefined || line.moving) && intake?.takeFirstCopy() === true
  }

  /** @returns false where too much of this peer waits already: it is as if it had not come */
  wait(connection: Connection, size: number, pass: () => boolean): boolean {
    const { peerId, identity } = connection
    if (peerId === null || identity === null) return false
    let line = this.#lines.get(peerId)
    if (line === undefined) {
      line = { arrivals: new Queue(), bytes: 0, turnedAway: new Map(), moving: false, deadline: null }
      this.#lines.set(peerId, line)
    }
    if (this.#isFull(line, identity) || line.bytes + size > WINDOWS_MAX * windowBytesFor(identity.limits)) {
      connection.intake?.dropped(size)
      line.turnedAway.set(connection, (line.turnedAway.get(connection) ?? 0) + size)
      return false
    }
    const isStranger = !isTrustedClass(identity.peerClass)
    line.arrivals.push({ connection, size, isStranger, pass })
    line.bytes += size
    if (isStranger) this.#strangers++
    if (line.deadline === null) this.#moveLater(peerId, line, connection)
    return true
  }

  /** A link is gone, or its peer is: what it brought and still waits has never come. */
  lost(connection: Connection, isPeerGone: boolean): void {
    const { peerId } = connection
    const line = peerId === null ? undefined : this.#lines.get(peerId)
    if (peerId === null || line === undefined) return
    for (const arrival of line.arrivals.takeAll()) {
      if (isPeerGone || arrival.connection === connection) this.#drop(line, arrival)
      else line.arrivals.push(arrival)
    }
    line.turnedAway.delete(connection)
    if (line.arrivals.length === 0 && !line.moving) this.#disband(peerId, line)
  }

  /** The same process has another link: what it brought waits on, but credit is of no use to a link that is gone. */
  replaced(connection: Connection): void {
    if (connection.peerId !== null) this.#lines.get(connection.peerId)?.turnedAway.delete(connection)
  }

  stop(): void {
    for (const [peerId, line] of this.#lines) this.#disband(peerId, line)
  }

  #isFull({ arrivals }: Line, { peerClass, limits }: PeerIdentity): boolean {
    if (isTrustedClass(peerClass)) return arrivals.length >= Math.max(TRUSTED_MIN, messagesMaxFor(limits))
    return this.#strangers >= STRANGERS_MAX && arrivals.length >= STRANGERS_MAX / this.#lines.size
  }

  #drop(line: Line, arrival: Arrival): void {
    this.#left(line, arrival)
    arrival.connection.intake?.dropped(arrival.size)
  }

  #left(line: Line, { size, isStranger }: Arrival): void {
    line.bytes -= size
    if (isStranger) this.#strangers--
  }

  #moveLater(peerId: PeerId, line: Line, { intake }: Connection): void {
    line.deadline = this.#agenda.in(Math.max(1, intake?.firstCopyWaitMs ?? 0), () => {
      this.#move(peerId, line)
    })
  }

  #move(peerId: PeerId, line: Line): void {
    line.deadline = null
    line.moving = true
    for (let next = line.arrivals.first; next !== undefined; next = line.arrivals.first) {
      line.arrivals.shift()
      this.#left(line, next)
      if (next.pass()) continue
      line.arrivals.putBack(next)
      line.bytes += next.size
      if (next.isStranger) this.#strangers++
      this.#moveLater(peerId, line, next.connection)
      break
    }
    line.moving = false
    if (line.arrivals.length === 0) this.#disband(peerId, line)
  }

  #disband(peerId: PeerId, line: Line): void {
    line.deadline?.cancel()
    for (const arrival of line.arrivals.takeAll()) this.#drop(line, arrival)
    this.#lines.delete(peerId)
    for (const [{ intake }, bytes] of line.turnedAway) intake?.returned(bytes)
    line.turnedAway.clear()
  }
}
