/** Asks for what was announced, as `policy/pulls` says: carries its answers to the links. */
import { Pulls } from '../policy/pulls.js'
import type { Pull } from '../policy/pulls.js'
import type { PeerId } from '../ports/types.js'
import { bytesOfKey, keyOf } from '../protocol/bytes.js'
import { FRAME } from '../protocol/frame.js'
import type { Announced } from '../protocol/inventory.js'
import { encodeIds, IDS_MAX } from '../protocol/inventory.js'
import type { Agenda, Deadline } from './agenda.js'
import type { Connection } from './connection.js'

export interface PullerSetup {
  readonly agenda: Agenda
  /** The connection to send on. */
  readonly connectionTo: (peerId: PeerId) => Connection | null
  /** Something that this peer announced was not to be had. */
  readonly missed: (connection: Connection) => void
}

export class Puller {
  readonly #setup: PullerSetup
  readonly #pulls = new Pulls()
  /** Links that were asked on while another of their peer was in use. Bound: open links. */
  readonly #elsewhere = new Set<Connection>()
  #deadline: Deadline | null = null
  #isStopped = false

  constructor(setup: PullerSetup) {
    this.#setup = setup
  }

  /** Broadcasts that are awaited. */
  get size(): number {
    return this.#pulls.size
  }

  /** A peer has announced what is new here. */
  announced(connection: Connection, news: readonly Announced[]): void {
    const { identity } = connection
    if (identity === null) return
    const { peerId, peerClass } = identity
    const now = this.#setup.agenda.now()
    const wanted = news.filter(({ id, size }) => this.#pulls.announced(keyOf(id), size, peerId, peerClass, now))
    const inUse = this.#setup.connectionTo(peerId)
    const asked = connection.isOpen ? connection : (inUse ?? connection)
    if (asked !== inUse && asked.isOpen && wanted.length > 0) this.#elsewhere.add(asked)
    ask(
      asked,
      wanted.map(({ id }) => id),
    )
    this.#reportMissed()
    this.#arm()
  }

  /** @returns who else is known to have it */
  arrived(key: string, from: PeerId): readonly PeerId[] {
    return this.#pulls.arrived(key, from)
  }

  /** It has come, and there is no place for it yet. */
  brought(key: string, from: PeerId): void {
    this.#pulls.brought(key, from, this.#setup.agenda.seenAt)
  }

  /** Part of something large has come. */
  moved(from: PeerId, key: string, bytes: number): void {
    this.#pulls.moved(key, from, bytes, this.#setup.agenda.now())
  }

  /** A peer was asked, and does not have it. */
  refused(from: PeerId, ids: readonly Uint8Array[]): void {
    const now = this.#setup.agenda.now()
    const pulls = ids.map((id) => this.#pulls.refused(keyOf(id), from, now))
    this.#carryOut(pulls.filter((pull) => pull !== null))
  }

  /** A link is gone. @returns whether it was asked on while another was in use, which does not stand for it */
  leave(connection: Connection): boolean {
    return this.#elsewhere.delete(connection)
  }

  /** Another link of a peer has taken the place of the one on which it was asked. */
  relinked(from: PeerId): void {
    this.#carryOut(this.#pulls.relinked(from))
  }

  /** A peer is linked no more. */
  lost(from: PeerId): void {
    this.#carryOut(this.#pulls.lost(from, this.#setup.agenda.now()))
  }

  /** Links may still be lost, and nobody is asked for what they owed. */
  stop(): void {
    this.#isStopped = true
    this.#deadline?.cancel()
  }

  #carryOut(pulls: readonly Pull[]): void {
    // Bound: the pulls, by whom they ask.
    const byPeer = new Map<PeerId, Uint8Array[]>()
    for (const { key, from } of pulls) {
      const ids = byPeer.get(from)
      if (ids === undefined) byPeer.set(from, [bytesOfKey(key)])
      else ids.push(bytesOfKey(key))
    }
    for (const [peerId, ids] of byPeer) {
      const connection = this.#setup.connectionTo(peerId)
      if (connection !== null) ask(connection, ids)
    }
    this.#reportMissed()
    this.#arm()
  }

  #reportMissed(): void {
    for (const peerId of this.#pulls.takeGivenUp()) {
      const connection = this.#setup.connectionTo(peerId)
      if (connection !== null) this.#setup.missed(connection)
    }
  }

  #arm(): void {
    const { nextAt } = this.#pulls
    if (this.#isStopped || this.#deadline !== null || nextAt === Number.POSITIVE_INFINITY) return
    this.#deadline = this.#setup.agenda.at(nextAt, () => {
      this.#deadline = null
      const isStalled = (from: PeerId, bytes: number): boolean =>
        this.#setup.connectionTo(from)?.intake?.hasCredit(bytes) === false
      this.#carryOut(this.#pulls.due(this.#setup.agenda.now(), isStalled))
    })
  }
}

function ask(connection: Connection, ids: readonly Uint8Array[]): void {
  // Beyond that it would be called slow for what others had promised: it is as if it kept silent.
  for (let at = 0; at < ids.length && connection.sender?.outbox.isControlHigh !== true; at += IDS_MAX)
    connection.sendControl(FRAME.get, encodeIds(ids.slice(at, at + IDS_MAX)))
}
