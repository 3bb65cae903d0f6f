/**
 * Tells peers which broadcasts are here. Some are told at the end of the turn; the others after a while, each link at a moment
 * of its own, and only of what its peer is not known to have by then: so nobody who is linked to an honest node misses anything,
 * and most are told nothing. A link that is new hears of the last seconds.
 */
import { Dependence } from '../policy/dependence.js'
import { OFFER_LATER_MS } from '../policy/propagation.js'
import type { Clock, Random } from '../ports/clock.js'
import { FRAME } from '../protocol/frame.js'
import type { Announced } from '../protocol/inventory.js'
import { encodeInventory, IDS_MAX } from '../protocol/inventory.js'
import { BROADCAST_ID_BYTES } from '../protocol/message.js'
import type { Agenda, Deadline } from './agenda.js'
import type { Connection } from './connection.js'
import { LinkMarks, LinkSlots } from './marks.js'
import { Queue } from './queue.js'
import type { Kept, Shelf } from './shelf.js'
import { CATCH_UP, KEPT_MAX } from './shelf.js'

export interface AnnouncerSetup {
  readonly agenda: Agenda
  readonly clock: Clock
  readonly random: Random
  readonly shelf: Shelf
}

interface Listener {
  // Bound: IDS_MAX.
  now: Kept[]
  readonly marks: LinkMarks
  /** The number that it has been told up to. */
  toldTo: number
  readonly dependence: Dependence
  /** Of how many messages it has been told, and not asked for them: KEPT_MAX at most. */
  mayAsk: number
  /** The oldest that it is still to be told: it may be gone when its moment comes. Infinity: none. */
  dueFrom: number
  /** What it was chosen to be told of, and others were not. Bound: KEPT_MAX. */
  readonly chosen: Queue<Pick<Kept, 'key' | 'number'>>
  deadline: Deadline | null
}

export class Announcer {
  readonly #setup: AnnouncerSetup
  // Bound: open links.
  readonly #listeners = new Map<Connection, Listener>()
  readonly #slots = new LinkSlots()
  // Bound: open links.
  #hurried: Connection[] = []

  constructor(setup: AnnouncerSetup) {
    this.#setup = setup
  }

  /** A link takes its place: nothing is broadcast between the two. */
  joined(connection: Connection): void {
    if (!connection.isOpen || this.#listeners.has(connection)) return
    const { agenda, shelf } = this.#setup
    shelf.expire(agenda.now())
    const toldTo = Math.max(0, shelf.next - CATCH_UP)
    const listener: Listener = {
      now: [],
      marks: new LinkMarks(this.#slots.take(), shelf.next),
      toldTo,
      dependence: new Dependence(),
      mayAsk: 0,
      dueFrom: Number.POSITIVE_INFINITY,
      chosen: new Queue(),
      deadline: null,
    }
    this.#listeners.set(connection, listener)
    // What goes before its moment comes is nothing that it was promised.
    if (toldTo < shelf.next) this.#tellLater(connection, listener)
  }

  /** @param heir another link to the same process, which owes what this one did; null: there is none. @returns whether it had a place */
  lost(connection: Connection, heir: Connection | null = null): boolean {
    const listener = this.#listeners.get(connection)
    if (listener === undefined) return false
    listener.deadline?.cancel()
    this.#slots.giveBack(listener.marks.slot)
    this.#listeners.delete(connection)
    if (heir !== null) this.#inherit(heir, listener)
    return true
  }

  #inherit(heir: Connection, { toldTo, dueFrom, chosen, now }: Listener): void {
    this.joined(heir)
    const listener = this.#listeners.get(heir)
    if (listener === undefined) return
    // What has been moved here need not be sent again. Of what had left nobody knows whether it is read.
    const moved: ReadonlySet<unknown> = heir.sender?.outbox.shared() ?? new Set()
    if (moved.size > 0) for (const kept of this.#setup.shelf.since(0)) if (moved.has(kept)) this.served(heir, kept)
    listener.toldTo = Math.min(listener.toldTo, toldTo)
    const untold = now.filter(({ audience }) => audience === 'some')
    for (const one of [...untold, ...chosen.takeAll()]) this.#choose(heir, listener, one)
    listener.dueFrom = Math.min(listener.dueFrom, dueFrom)
    const isOwed = dueFrom < Number.POSITIVE_INFINITY || listener.chosen.length > 0
    if (isOwed) this.#tellLater(heir, listener)
  }

  /** A peer has a message, or has been told of it on this link: what was said on one that is dead was said to nobody. */
  noteTold(connection: Connection, kept: Kept): void {
    const listener = this.#listeners.get(connection)
    if (listener !== undefined && !wasSent(listener, kept)) listener.marks.add('told', kept)
  }

  /** Whether a message may be sent on a link for its asking: once. */
  mayServe(connection: Connection, kept: Kept): boolean {
    return this.#listeners.get(connection)?.marks.has('sent', kept) === false
  }

  /** Whether it has been sent on that link for its asking, or is about to be. */
  wasServed(connection: Connection, kept: Kept): boolean {
    return this.#listeners.get(connection)?.marks.has('sent', kept) === true
  }

  served(connection: Connection, kept: Kept): void {
    const marks = this.#listeners.get(connection)?.marks
    marks?.add('sent', kept)
    marks?.add('told', kept)
  }

  /** A peer has asked for what it was told. */
  asked(connection: Connection, asked: readonly Kept[]): void {
    if (asked.length > 0) this.#listeners.get(connection)?.dependence.asked(asked.length, newestOf(asked))
  }

  /** Whether a peer is to be sent what others are told of. */
  isDependent(connection: Connection): boolean {
    return this.#listeners.get(connection)?.dependence.isDependent === true
  }

  /** A peer asks for so many. @returns whether it has been told of as many, and has not asked for them */
  takeAsking(connection: Connection, count: number): boolean {
    const listener = this.#listeners.get(connection)
    if (listener === undefined || listener.mayAsk < count) return false
    listener.mayAsk -= count
    return true
  }

  /** Tells it at the end of the turn; one that reads nothing, when it reads again. @returns false where it has no place yet */
  atOnce(connection: Connection, kept: Kept): boolean {
    const listener = this.#listeners.get(connection)
    if (listener === undefined) return false
    // More than one frame of a turn waits, too: so much at once would look as if it read nothing.
    if (isBackedUp(connection) || listener.now.length >= IDS_MAX) this.#owe(connection, listener, kept)
    else {
      listener.marks.add('told', kept)
      if (listener.now.push(kept) === 1 && this.#hurried.push(connection) === 1)
        this.#setup.clock.atTurnEnd(this.#hurry)
    }
    return true
  }

  /** Tells it of this, and of whatever else it does not have, when its moment comes. */
  later(connection: Connection, kept: Kept): void {
    const listener = this.#listeners.get(connection)
    if (listener !== undefined) this.#owe(connection, listener, kept)
  }

  /** Not the body: what the shelf has let go is not held here. */
  #choose(connection: Connection, { chosen }: Listener, { key, number }: Pick<Kept, 'key' | 'number'>): void {
    if (chosen.length >= KEPT_MAX) connection.sender?.noteGap()
    else chosen.push({ key, number })
  }

  #owe(connection: Connection, listener: Listener, kept: Kept): void {
    if (kept.audience === 'some') this.#choose(connection, listener, kept)
    else listener.dueFrom = Math.min(listener.dueFrom, kept.number)
    this.#tellLater(connection, listener)
  }

  #tellLater(connection: Connection, listener: Listener): void {
    if (listener.deadline !== null) return
    const { agenda, random } = this.#setup
    const [least, greatest] = OFFER_LATER_MS
    listener.deadline = agenda.in(least + random.float() * (greatest - least), () => {
      listener.deadline = null
      this.#tellRest(connection, listener)
    })
  }

  stop(): void {
    for (const connection of [...this.#listeners.keys()]) this.lost(connection)
  }

  readonly #hurry = (): void => {
    const hurried = this.#hurried
    this.#hurried = []
    for (const connection of hurried) {
      const listener = this.#listeners.get(connection)
      if (listener === undefined) continue
      const told = listener.now
      listener.now = []
      this.#tell(connection, listener, told)
    }
  }

  #tellRest(connection: Connection, listener: Listener): void {
    const { shelf } = this.#setup
    if (isBackedUp(connection)) {
      this.#tellLater(connection, listener)
      return
    }
    shelf.expire(this.#setup.agenda.now())
    if (shelf.oldest > listener.dueFrom) {
      listener.dueFrom = shelf.oldest
      connection.sender?.noteGap()
    }
    if (!this.#tellChosen(connection, listener)) return
    const rest: Kept[] = []
    for (const kept of shelf.since(listener.toldTo)) {
      const { name, nameKind } = kept.definition
      const isNews = kept.audience !== 'some' && !wasSent(listener, kept) && !listener.marks.has('told', kept)
      if (!isNews || connection.remoteType(nameKind, name) === null) continue
      listener.marks.add('told', kept)
      rest.push(kept)
      if (rest.length < IDS_MAX) continue
      listener.toldTo = kept.number + 1
      this.#tell(connection, listener, rest.splice(0))
      if (!isBackedUp(connection)) continue
      listener.dueFrom = listener.toldTo
      this.#tellLater(connection, listener)
      return
    }
    listener.toldTo = shelf.next
    listener.dueFrom = Number.POSITIVE_INFINITY
    this.#tell(connection, listener, rest)
  }

  /** @returns false where it reads no more for now */
  #tellChosen(connection: Connection, listener: Listener): boolean {
    const { shelf } = this.#setup
    while (listener.chosen.length > 0) {
      const told: Kept[] = []
      for (let one = listener.chosen.first; one !== undefined && told.length < IDS_MAX; one = listener.chosen.first) {
        listener.chosen.shift()
        const kept = shelf.get(one.key)
        if (kept?.number !== one.number) connection.sender?.noteGap()
        else if (!listener.marks.has('told', kept)) told.push(kept)
      }
      for (const kept of told) listener.marks.add('told', kept)
      this.#tell(connection, listener, told)
      if (!isBackedUp(connection)) continue
      this.#tellLater(connection, listener)
      return false
    }
    return true
  }

  /** @param told IDS_MAX at most */
  #tell(connection: Connection, listener: Listener, told: readonly Kept[]): void {
    if (told.length === 0) return
    // No more than the shelf holds can be had.
    listener.mayAsk = Math.min(listener.mayAsk + told.length, KEPT_MAX)
    listener.dependence.told(told.length, newestOf(told), this.#setup.agenda.now())
    const announced = told.map(
      ({ bytes }): Announced => ({ id: bytes.subarray(0, BROADCAST_ID_BYTES), size: bytes.length }),
    )
    connection.sendControl(FRAME.inventory, encodeInventory(announced))
  }
}

/** Whether more would only wait with what waits already. */
function isBackedUp({ sender }: Connection): boolean {
  return sender?.outbox.isControlHigh === true
}

/** Whether it was among those that all got it: no mark is needed to know. */
function wasSent({ marks }: Listener, { audience, number }: Kept): boolean {
  return audience === 'newer' && number >= marks.since
}

const newestOf = (told: readonly Kept[]): number => told.reduce((newest, { number }) => Math.max(newest, number), 0)
