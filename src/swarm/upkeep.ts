/**
 * What follows when peers come and go: scores, the journal, the book, the watch over the whitelist, peers told to peers, and
 * maintenance. Membership says what happened; this file sees to everything that somebody may want to know of it later.
 */
import type { Reason } from '../errors.js'
import { addressKey } from '../policy/address.js'
import type { Score } from '../policy/score.js'
import type { Address, PeerId } from '../ports/types.js'
import type { Connection } from './connection.js'
import type { OwnersEvent } from './connection-owner.js'
import type { Connections } from './connections.js'
import type { SwarmContext } from './context.js'
import type { Dialer } from './dialer.js'
import type { DialFailure } from './events.js'
import { Exchange } from './exchange.js'
import { Maintainer } from './maintainer.js'
import type { Peer } from './peer.js'
import { Watch } from './watch.js'

export interface UpkeepSetup {
  readonly connections: Connections<Peer>
  readonly dialer: Dialer
}

export class Upkeep {
  readonly watch: Watch
  readonly maintainer: Maintainer
  readonly #context: SwarmContext
  readonly #exchange: Exchange
  readonly #dialer: Dialer
  readonly #connections: Connections<Peer>

  constructor(context: SwarmContext, { connections, dialer }: UpkeepSetup) {
    const { clock, random, crypto, peerStore, identity, isProxied } = context.settings
    this.#context = context
    this.#dialer = dialer
    this.#connections = connections
    this.watch = new Watch(context, connections)
    this.#exchange = new Exchange({
      clock,
      random,
      crypto,
      peerStore,
      ownId: identity.id,
      isProxied,
      listedAt: (host) => context.roster.listedAt(host) > 0,
      learned: () => {
        this.maintainer.soon()
      },
    })
    this.maintainer = new Maintainer(context, connections, dialer, this.#exchange, this.watch)
  }

  connected(peer: Peer, connection: Connection, dialled: Address | null): void {
    const { agenda, settings, scores, journal } = this.#context
    const now = agenda.now()
    settings.peerStore.linked(peer.id, dialled, now, settings.clock.wall())
    scores.outcome(peer.id, true, now)
    scores.linked(peer.id, now)
    journal.note(peer.id, `connected, ${peer.direction}`, now)
    this.#exchange.introduced(connection)
    if (dialled !== null) settings.peerStore.succeeded(peer.id, addressKey(dialled))
    this.#dialer.wishes.met(peer.id, settings.peerStore.get(peer.id)?.addresses ?? [])
    this.watch.connected(peer.id)
  }

  /** @param gone false where another process of the same peer took the place */
  disconnected(peer: Peer, connection: Connection, reason: Reason, gone: boolean): void {
    const { agenda, settings, scores, journal } = this.#context
    const now = agenda.now()
    settings.peerStore.unlinked(peer.id, now, settings.clock.wall(), { penalty: false })
    scores.unlinked(peer.id, connection.vitals?.rttMs ?? null, now)
    if (reason.fault !== 'local' && reason.code !== 'shutdown') scores.outcome(peer.id, false, now)
    journal.note(peer.id, `disconnected: ${reason.code} (${reason.fault})`, now)
    const heardAt = connection.vitals?.heardAt ?? now
    this.watch.disconnected(peer, heardAt, reason.code === 'shutdown' ? reason.retryAfterMs : undefined)
    if (gone) this.maintainer.soon()
  }

  /** One link took the place of another. @param silentSince from when on its messages may be lost; null where all of them come */
  swapped({ peerId }: Connection, silentSince: number | null): void {
    const { agenda, emitter, journal } = this.#context
    if (peerId === null) return
    this.watch.look(peerId)
    if (silentSince === null) return
    journal.note(peerId, 'its link was replaced', agenda.now())
    emitter.emit('recovered', { peerId, cause: 'replaced', gapMs: agenda.now() - silentSince })
  }

  /** Whether another link to its process is in use. */
  isSpare(connection: Connection): boolean {
    const current = connection.peerId === null ? null : this.#connections.current(connection.peerId)
    return connection.hello !== null && current !== connection && current?.epoch === connection.epoch
  }

  /** A link beside another broke before all had come that was on its way. */
  torn(connection: Connection): void {
    this.swapped(connection, connection.vitals?.heardAt ?? connection.openedAt)
  }

  suspected(peerId: PeerId): void {
    this.#context.journal.note(peerId, 'silent: suspect', this.#context.agenda.now())
    this.watch.look(peerId)
    this.maintainer.soon()
  }

  cleared(peerId: PeerId): void {
    this.#context.journal.note(peerId, 'heard again', this.#context.agenda.now())
    this.watch.look(peerId)
  }

  dialFailed({ peerId, reason, retryInMs }: DialFailure): void {
    const { agenda, scores, journal, roster } = this.#context
    if (peerId === null) return
    const next = retryInMs === null ? 'no retry' : `next in ${String(Math.round(retryInMs))} ms`
    journal.note(peerId, `dial failed: ${reason.code}, ${next}`, agenda.now())
    scores.outcome(peerId, false, agenda.now())
    // Somebody else must take the place; a trusted peer's is taken by nobody.
    if (roster.classOf(peerId) === null) this.maintainer.soon()
  }

  refused(peerId: PeerId, reason: Reason): void {
    this.#context.journal.note(peerId, `refused: ${reason.code}`, this.#context.agenda.now())
  }

  /** @returns false where the event is none of peer exchange */
  control(connection: Connection, event: OwnersEvent): boolean {
    if (event.kind === 'get-peers') this.#exchange.answer(connection)
    else if (event.kind === 'peers') this.#exchange.heard(connection, event.hints)
    else return false
    return true
  }

  /** What somebody who finds no room here is told before the goodbye. */
  farewell(connection: Connection): readonly Uint8Array[] {
    return [this.#exchange.farewell(connection)]
  }

  score(peerId: PeerId, rttMs: number | null): Score {
    const { agenda, settings, scores } = this.#context
    const now = agenda.now()
    return scores.score(peerId, rttMs, settings.blacklist.points(peerId, now), now)
  }
}
