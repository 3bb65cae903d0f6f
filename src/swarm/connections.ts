/**
 * The open connections, one for each peer, and the short contests between two links to one peer. What a contest comes to is
 * `policy/tie-break`'s to say; this file brings the proofs and carries out the answer. A handle outlives a swap of links
 * within one process of the peer; another process is another handle.
 */
import { isTrusted } from '../policy/peer-class.js'
import type { PeerId } from '../ports/types.js'
import { EpochHistory, isPreferredDialer, judgeDuplicate } from '../policy/tie-break.js'
import type { Reason } from '../errors.js'
import type { Crypto } from '../ports/crypto.js'
import { sameBytes } from '../protocol/bytes.js'
import type { Hello } from '../protocol/hello.js'
import type { Agenda, Deadline } from './agenda.js'
import type { Connection } from './connection.js'
import { PeerSeat } from './peer-seat.js'
import { Places } from './places.js'
import { takeOver } from './take-over.js'

/** What the rest of the swarm must know of it. */
export interface ConnectionsOwner<Handle> {
  makeHandle(seat: PeerSeat): Handle
  connected(handle: Handle, connection: Connection): void
  /** The peer is gone, or its process is. `wasTold`: the host knows of this link, and not only of the process before. */
  disconnected(handle: Handle, connection: Connection, reason: Reason, wasTold: boolean): void
  /** Another link took over; what was asked on the old one fails. `clean`: both lived, and the one that goes is read to its end. */
  swapped(from: Connection, to: Connection, clean: boolean): void
  /** One key on two hosts: the newcomer was refused. */
  conflict(peerId: PeerId): void
}

interface Contest {
  readonly newcomer: Connection
  readonly address: string | null
  readonly beganAt: number
  readonly timeoutMs: number
  deadline: Deadline
  newcomerAnswered: boolean
  incumbentAnswered: boolean
  overdue: boolean
  pings: readonly ((() => void) | undefined)[]
}

interface Place<Handle> {
  seat: PeerSeat
  handle: Handle
  current: Connection
  readonly epochs: EpochHistory
  readonly preferred: boolean
  // Bound: CONTESTS_MAX.
  contests: Contest[]
}

/** How long a newcomer may be busy before it has answered. */
const BUSY_MAX_MS = 30_000
/** Links to one peer beside the current one. More are refused until these are settled. A stranger has one. */
const CONTESTS_MAX = 3

export class Connections<Handle> {
  readonly #owner: ConnectionsOwner<Handle>
  readonly #agenda: Agenda
  readonly #crypto: Crypto
  readonly #ownKey: Uint8Array
  readonly #supersede: boolean
  readonly #places = new Places<Place<Handle>>()
  // Bound: remembered processes of peers that are away, the oldest forgotten first.
  readonly #histories = new Map<PeerId, EpochHistory>()

  /** @param supersede false for the experiment in which whoever is linked stays linked, dead or not */
  constructor(owner: ConnectionsOwner<Handle>, agenda: Agenda, crypto: Crypto, ownKey: Uint8Array, supersede: boolean) {
    this.#supersede = supersede
    this.#owner = owner
    this.#agenda = agenda
    this.#crypto = crypto
    this.#ownKey = ownKey
  }

  get size(): number {
    return this.#places.size
  }

  handle(peerId: PeerId): Handle | null {
    return this.#places.get(peerId)?.handle ?? null
  }

  /** The connection in use, null where the peer is not connected. */
  current(peerId: PeerId): Connection | null {
    return this.#places.get(peerId)?.current ?? null
  }

  /** Every link to a peer, the one in use and those it competes with. */
  linksTo(peerId: PeerId | null): readonly Connection[] {
    const place = peerId === null ? undefined : this.#places.get(peerId)
    return place === undefined ? [] : [...place.contests.map(({ newcomer }) => newcomer), place.current]
  }

  *handles(): Iterable<readonly [PeerId, Handle]> {
    for (const [peerId, place] of this.#places.entries()) yield [peerId, place.handle]
  }

  currents(): readonly Connection[] {
    return this.#places.currents()
  }

  /** Which link takes the place of this one, should it end now; null where it has none to leave, or leaves it to nobody. */
  heirOf(connection: Connection): Connection | null {
    const place = connection.peerId === null ? undefined : this.#places.get(connection.peerId)
    const heir = place?.current === connection ? place.contests.find(({ newcomer }) => newcomer.isOpen) : undefined
    return heir?.newcomer ?? null
  }

  /** The ids of links to this peer that look dead from here. */
  supersededBy(peerId: PeerId): readonly Uint8Array[] {
    const current = this.current(peerId)
    return current?.vitals?.suspect === true ? [current.id] : []
  }

  /** A connection has been greeted. `address` is where it was dialled or came from. */
  add(peerId: PeerId, peerKey: Uint8Array, connection: Connection, address: string | null): void {
    const place = this.#places.get(peerId)
    if (place === undefined) this.#seat(peerId, peerKey, connection, address)
    else this.#challenge(place, connection, address)
  }

  /** A connection that had been added has ended. */
  remove(peerId: PeerId, connection: Connection, reason: Reason): void {
    const place = this.#places.get(peerId)
    if (place === undefined) return
    const contest = place.contests.find(({ newcomer }) => newcomer === connection)
    if (contest !== undefined) this.#settle(place, contest)
    if (place.current !== connection) return
    const heir = place.contests.find(({ newcomer }) => newcomer.isOpen)
    if (heir === undefined) {
      this.#places.delete(peerId)
      const wasTold = place.seat.connection !== null
      place.seat.leave()
      this.#owner.disconnected(place.handle, connection, reason, wasTold)
      return
    }
    this.#settle(place, heir)
    this.#replace(place, heir, reason)
  }

  #seat(peerId: PeerId, peerKey: Uint8Array, connection: Connection, address: string | null): void {
    const now = this.#agenda.now()
    const epochs = this.#histories.get(peerId) ?? new EpochHistory()
    // Nobody holds the place, so there is nothing to judge; it only counts as history.
    epochs.took(connection.epoch, now)
    this.#remember(peerId, epochs)
    const seat = new PeerSeat(peerId, connection, address)
    const place: Place<Handle> = {
      seat,
      handle: this.#owner.makeHandle(seat),
      current: connection,
      epochs,
      preferred: isPreferredDialer(this.#ownKey, peerKey, this.#crypto),
      contests: [],
    }
    this.#places.set(peerId, place)
    this.#owner.connected(place.handle, connection)
  }

  #challenge(place: Place<Handle>, newcomer: Connection, address: string | null): void {
    const { current } = place
    if (place.contests.length >= (isTrusted(newcomer) ? CONTESTS_MAX : 1) || !this.#supersede) {
      newcomer.close('duplicate')
      return
    }
    const timeoutMs = Math.max(current.vitals?.probeTimeoutMs ?? 0, newcomer.vitals?.probeTimeoutMs ?? 0)
    const contest: Contest = {
      newcomer,
      address,
      beganAt: this.#agenda.now(),
      timeoutMs,
      newcomerAnswered: false,
      incumbentAnswered: false,
      overdue: false,
      pings: [],
      deadline: this.#agenda.in(timeoutMs, () => {
        this.#overdue(place, contest)
      }),
    }
    place.contests.push(contest)
    const ask = ({ vitals }: Connection, note: 'newcomerAnswered' | 'incumbentAnswered'): (() => void) | undefined =>
      vitals?.ping(() => {
        contest[note] = true
        this.#judge(place, contest)
      })
    contest.pings = [ask(newcomer, 'newcomerAnswered'), ask(current, 'incumbentAnswered')]
  }

  /** A trusted newcomer that goes on bringing records is not silent: its answer waits behind them. */
  #overdue(place: Place<Handle>, contest: Contest): void {
    const { newcomer, newcomerAnswered, beganAt, timeoutMs } = contest
    const now = this.#agenda.now()
    const isPatient = isTrusted(newcomer) && !newcomerAnswered
    const isBusy = isPatient && now - (newcomer.vitals?.heardAt ?? 0) < timeoutMs && now - beganAt < BUSY_MAX_MS
    if (isBusy && newcomer.isOpen)
      contest.deadline = this.#agenda.in(timeoutMs, () => {
        this.#overdue(place, contest)
      })
    else {
      contest.overdue = true
      // Its answer may wait behind what it has to say, too.
      contest.incumbentAnswered ||= (place.current.vitals?.heardAt ?? 0) > beganAt
      this.#judge(place, contest)
    }
  }

  #judge(place: Place<Handle>, contest: Contest): void {
    if (!place.contests.includes(contest)) return
    const { newcomer } = contest
    const { current } = place
    const judgement = judgeDuplicate({
      newcomerAnswered: contest.newcomerAnswered,
      incumbentAnswered: contest.incumbentAnswered,
      overdue: contest.overdue,
      sameEpoch: newcomer.epoch === current.epoch,
      returning: place.epochs.isReturning(newcomer.epoch, this.#agenda.now()),
      superseded: current.vitals?.suspect === true || names(newcomer.hello, current.id),
      preferred: place.preferred,
      patient: isTrusted(newcomer),
      incumbentOutbound: current.direction === 'outbound',
      newcomerOutbound: newcomer.direction === 'outbound',
    })
    switch (judgement) {
      case 'wait':
      case 'leave':
        return
      case 'newcomer-silent':
        this.#settle(place, contest)
        newcomer.close('timeout', { text: 'silent' })
        return
      case 'keep-incumbent':
        this.#settle(place, contest)
        newcomer.close('duplicate')
        return
      case 'conflict':
        this.#settle(place, contest)
        newcomer.close('conflict', { retryAfterMs: place.epochs.refuse() })
        this.#owner.conflict(place.seat.peerId)
        return
      case 'keep-newcomer':
        this.#settle(place, contest)
        this.#keepNewcomer(place, contest)
    }
  }

  #keepNewcomer(place: Place<Handle>, contest: Contest): void {
    const { newcomer, incumbentAnswered } = contest
    const { current } = place
    const code = newcomer.epoch === current.epoch && incumbentAnswered ? 'duplicate' : 'superseded'
    this.#replace(place, contest, { code, fault: 'local' })
    current.close(code)
  }

  #settle(place: Place<Handle>, contest: Contest): void {
    contest.deadline.cancel()
    // An incumbent that answers never must not hold all who ever challenged it.
    for (const callOff of contest.pings) callOff?.()
    place.contests = place.contests.filter((other) => other !== contest)
  }

  /** The newcomer takes the place: silently within one process, with a goodbye and a welcome for another. */
  #replace(place: Place<Handle>, { newcomer, address }: Contest, reason: Reason): void {
    const old = place.current
    this.#places.move(place, newcomer)
    // Whoever else is being judged now faces a link that has just answered.
    for (const contest of place.contests) contest.incumbentAnswered = true
    // Where the host knows of neither, the one that came first has never been here.
    const wasTold = place.seat.connection !== null
    if (wasTold && newcomer.epoch === old.epoch) {
      place.seat.move(newcomer, address)
      takeOver(newcomer, old)
      this.#owner.swapped(old, newcomer, reason.code === 'duplicate')
      return
    }
    place.seat.leave()
    this.#owner.disconnected(place.handle, old, reason, wasTold)
    if (!newcomer.isOpen) return
    place.epochs.took(newcomer.epoch, this.#agenda.now())
    place.seat = new PeerSeat(place.seat.peerId, newcomer, address)
    place.handle = this.#owner.makeHandle(place.seat)
    this.#owner.connected(place.handle, newcomer)
  }

  #remember(peerId: PeerId, epochs: EpochHistory): void {
    this.#histories.delete(peerId)
    this.#histories.set(peerId, epochs)
    if (this.#histories.size <= HISTORIES_MAX) return
    const [oldest] = this.#histories.keys()
    if (oldest !== undefined) this.#histories.delete(oldest)
  }
}

/** Whether a hello names this link as one that looked dead. */
function names(hello: Hello | null, id: Uint8Array): boolean {
  return hello?.supersedes.some((other) => sameBytes(other, id)) === true
}

const HISTORIES_MAX = 4_096
