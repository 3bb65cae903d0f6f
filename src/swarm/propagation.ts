/**
 * Carries a broadcast further, as `policy/propagation` says: whole to everybody, or its id, and then the whole to who asks.
 * Nobody is sent or told what it is known to have.
 */
import { Probes } from '../policy/dependence.js'
import type { Memory } from '../policy/memory.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { PropagationMode } from '../policy/propagation.js'
import { OFFER_AT_ONCE, reachOf } from '../policy/propagation.js'
import type { Clock, Random } from '../ports/clock.js'
import type { PeerId } from '../ports/types.js'
import { bytesOfKey, keyOf } from '../protocol/bytes.js'
import { FRAME } from '../protocol/frame.js'
import type { Announced } from '../protocol/inventory.js'
import { encodeIds } from '../protocol/inventory.js'
import type { Agenda } from './agenda.js'
import { Announcer } from './announcer.js'
import type { Connection } from './connection.js'
import type { Counters } from './counters.js'
import type { FanOutResult } from './fan-out.js'
import { FanOut, fits } from './fan-out.js'
import { Flusher } from './flusher.js'
import { Puller } from './puller.js'
import { SERVED_ALONE_BYTES, Servings } from './servings.js'
import type { Audience, Kept, Sendable } from './shelf.js'
import { Shelf } from './shelf.js'

export interface PropagationSetup {
  readonly mode: PropagationMode
  readonly agenda: Agenda
  readonly clock: Clock
  readonly random: Random
  readonly memory: Memory
  readonly counters: Counters
  /** The one connection to send on, for each peer. */
  readonly connections: () => readonly Connection[]
  readonly peers: () => number
  readonly connectionTo: (peerId: PeerId) => Connection | null
  /** Something that this peer announced was not to be had. */
  readonly missed: (connection: Connection) => void
}

/** A broadcast to be carried further. */
export interface Spread {
  readonly definition: Sendable
  readonly key: string
  /** id ‖ body; what is large must not change any more. */
  readonly bytes: Uint8Array
  /** Who has it. */
  readonly informed: ReadonlySet<PeerId>
}

export class Propagation {
  readonly #setup: PropagationSetup
  readonly #fanOut: FanOut
  readonly #shelf: Shelf
  readonly #announcer: Announcer
  readonly #puller: Puller
  readonly #servings: Servings<Connection>
  readonly #probes = new Probes()

  constructor(setup: PropagationSetup) {
    this.#setup = setup
    this.#fanOut = new FanOut({ ...setup, flusher: new Flusher(setup.clock) })
    this.#shelf = new Shelf(setup.memory)
    this.#announcer = new Announcer({ ...setup, shelf: this.#shelf })
    this.#puller = new Puller(setup)
    this.#servings = new Servings({
      agenda: setup.agenda,
      send: (connection, key) => {
        const kept = this.#shelf.get(key)
        const queued = kept !== null && this.#fanOut.sendOn(connection, kept)
        connection.sender?.flush()
        return queued
      },
      failed: (connection, key) => {
        connection.sendControl(FRAME.notFound, encodeIds([bytesOfKey(key)]))
      },
    })
  }

  /** A message of this node's own. @param chosen whom it is for at first; null: everybody */
  publish(spread: Spread, chosen: ((connection: Connection) => boolean) | null): FanOutResult {
    if (chosen === null) return this.#spread(spread, true)
    if (this.#reach(spread, true) === 'push')
      return this.#fanOut.send(spread, { chosen, informed: spread.informed }, null)
    // Those that were not chosen are not told: that is for relays to do.
    return this.#announce(spread, chosen, 'some')
  }

  /** A message that has been accepted. */
  relay(spread: Spread): void {
    this.#spread(spread, false)
  }

  /** A link has taken its place. */
  joined(connection: Connection): void {
    this.#announcer.joined(connection)
  }

  /** @param isGone whether its peer is linked no more */
  lost(connection: Connection, isGone: boolean): void {
    const inUse = connection.peerId === null ? null : this.#setup.connectionTo(connection.peerId)
    const heir = inUse?.epoch === connection.epoch && inUse !== connection ? inUse : null
    const wasSeated = this.#announcer.lost(connection, heir)
    for (const key of this.#servings.lost(connection, heir)) {
      const kept = this.#shelf.get(key)
      if (heir !== null && kept !== null) this.#announcer.served(heir, kept)
    }
    const { peerId } = connection
    // Who had no place had announced nothing that another link of its peer does not stand for, but what it was asked for itself.
    const wasAsked = this.#puller.leave(connection)
    if (peerId === null || !(wasSeated || wasAsked)) return
    if (isGone) this.#puller.lost(peerId)
    else this.#puller.relinked(peerId)
  }

  /** A peer has announced what is new here. */
  announced(connection: Connection, news: readonly Announced[]): void {
    this.#puller.announced(connection, news)
  }

  /** A peer has it, as it says itself. */
  has(key: string, peerId: PeerId): void {
    const kept = this.#shelf.get(key)
    const connection = kept === null ? null : this.#setup.connectionTo(peerId)
    if (kept !== null && connection !== null) this.#announcer.noteTold(connection, kept)
  }

  /** A broadcast has come. @returns who else is known to have it */
  arrived(key: string, from: PeerId): readonly PeerId[] {
    return this.#puller.arrived(key, from)
  }

  /** It has come, and there is no place for it yet. */
  brought(key: string, from: PeerId): void {
    this.#puller.brought(key, from)
  }

  /** Part of something large has come. */
  moved(from: PeerId, key: string, bytes: number): void {
    this.#puller.moved(from, key, bytes)
  }

  /** A peer asks for so many messages. @returns whether it has been told of as many on this link, and not asked for them */
  takeAsking(connection: Connection, count: number): boolean {
    return this.#announcer.takeAsking(connection, count)
  }

  /** A peer does not have what it was asked for. */
  refused(from: PeerId, ids: readonly Uint8Array[]): void {
    this.#puller.refused(from, ids)
  }

  /** A peer asks for what it was told of: each message once on each link. */
  serve(connection: Connection, ids: readonly Uint8Array[]): void {
    this.#shelf.expire(this.#setup.agenda.now())
    // Of two links of a process, what was told on the one in use counts; that one answers, too, where the other is read to its end.
    const { peerId } = connection
    const inUse = peerId === null ? null : this.#setup.connectionTo(peerId)
    const teller = inUse?.epoch === connection.epoch ? inUse : connection
    const link = connection.isOpen ? connection : teller
    // Bound: IDS_MAX.
    const missing: Uint8Array[] = []
    const served: Kept[] = []
    for (const id of ids) {
      const kept = this.#shelf.get(keyOf(id))
      // It is on its way: a peer whose link is another asks again for all that it was still to get.
      if (kept !== null && this.#announcer.wasServed(teller, kept)) continue
      if (kept !== null && this.#supply(link, teller, kept)) served.push(kept)
      else missing.push(id)
    }
    this.#announcer.asked(teller, served)
    if (missing.length > 0) link.sendControl(FRAME.notFound, encodeIds(missing))
  }

  stop(): void {
    this.#announcer.stop()
    this.#puller.stop()
    this.#servings.stop()
  }

  #reach({ bytes }: Spread, isOrigin: boolean): ReturnType<typeof reachOf> {
    return reachOf({ mode: this.#setup.mode, bytes: bytes.length, links: this.#setup.peers(), isOrigin })
  }

  #spread(spread: Spread, isOrigin: boolean): FanOutResult {
    switch (this.#reach(spread, isOrigin)) {
      case 'push':
        return this.#push(spread)
      case 'announce':
        return this.#announce(spread, (connection) => !spread.informed.has(peerOf(connection)))
      case 'offer':
        return this.#offer(spread)
    }
  }

  /** Whoever had no room for it hears of it later. A relay's own neighbours have it from others. */
  #push(spread: Spread): FanOutResult {
    const { informed } = spread
    // Bound: the peers.
    const without: Connection[] = []
    const result = this.#fanOut.send(spread, { chosen: null, informed }, (connection) => without.push(connection))
    if (this.#setup.mode === 'flood') return result
    // Kept whether it is its own or not, or whoever asks or comes later would learn which.
    const isPushed = without.length === 0
    const kept = this.#shelf.keep(spread, isPushed ? 'newer' : 'all', this.#setup.agenda.now())
    // By peer, not by link: one that was full may have ended, and another be in its place.
    const behind = new Set(without.map(peerOf))
    if (!isPushed)
      for (const connection of this.#setup.connections())
        if (behind.has(peerOf(connection))) this.#announcer.later(connection, kept)
        else this.#announcer.noteTold(connection, kept)
    return result
  }

  #announce(spread: Spread, wanted: (connection: Connection) => boolean, audience: Audience = 'all'): FanOutResult {
    const kept = this.#keep(spread, audience)
    let queued = 0
    let shed = 0
    for (const connection of this.#receivers(spread)) {
      if (!wanted(connection)) continue
      const isQueued = fits(connection, spread.bytes) && this.#announcer.atOnce(connection, kept)
      if (isQueued) queued++
      else shed++
    }
    return { queued, shed }
  }

  #offer(spread: Spread): FanOutResult {
    const receivers = this.#receivers(spread).filter((connection) => !spread.informed.has(peerOf(connection)))
    const depends = (connection: Connection): boolean => this.#announcer.isDependent(connection)
    const isProbe = receivers.some(depends) && this.#probes.next(this.#setup.agenda.now())
    if (!isProbe && receivers.every(depends)) return this.#push(spread)
    const kept = this.#keep(spread, 'all')
    // A window of them, begun anywhere: cheaper than a draw for each, and as even over time.
    const from = Math.floor(this.#setup.random.float() * receivers.length)
    for (const [index, connection] of receivers.entries()) {
      const place = (index - from + receivers.length) % receivers.length
      const isDependent = depends(connection)
      if (isDependent && !isProbe && this.#serve(connection, connection, kept)) continue
      if (isDependent || place < OFFER_AT_ONCE) this.#announcer.atOnce(connection, kept)
      else this.#announcer.later(connection, kept)
    }
    return { queued: receivers.length, shed: 0 }
  }

  /** For who asks; those who have it need not be told. */
  #keep(spread: Spread, audience: Audience): Kept {
    const kept = this.#shelf.keep(spread, audience, this.#setup.agenda.now())
    for (const peerId of spread.informed) {
      const connection = this.#setup.connectionTo(peerId)
      if (connection !== null) this.#announcer.noteTold(connection, kept)
    }
    return kept
  }

  #receivers({ definition: { name, nameKind } }: Spread): readonly Connection[] {
    const receivers: Connection[] = []
    for (const connection of this.#setup.connections())
      if (connection.remoteType(nameKind, name) !== null) receivers.push(connection)
    return receivers
  }

  /** For who asks: at once or, where it is large, in its turn. Strangers get as much as they may bring: others have it, too. */
  #supply(link: Connection, teller: Connection, kept: Kept): boolean {
    if (!this.#announcer.mayServe(teller, kept) || !mayHave(link, kept)) return false
    if (kept.bytes.length < SERVED_ALONE_BYTES) return this.#serve(link, teller, kept)
    this.#announcer.served(teller, kept)
    this.#servings.add(link, kept.key)
    return true
  }

  #serve(link: Connection, teller: Connection, kept: Kept): boolean {
    if (!this.#announcer.mayServe(teller, kept) || !this.#fanOut.sendOn(link, kept)) return false
    this.#announcer.served(teller, kept)
    return true
  }
}

function mayHave({ identity, intake }: Connection, { bytes }: Kept): boolean {
  return identity !== null && (isTrustedClass(identity.peerClass) || intake?.takeServed(bytes.length) === true)
}

function peerOf(connection: Connection): PeerId {
  return connection.identity?.peerId ?? ('' as PeerId)
}
