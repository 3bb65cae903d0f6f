/**
 * Broadcasts: encoded once by their origin, relayed as the bytes that came, processed once. An id is the hash of name and
 * body, so a copy of what is verified is dropped before anything is looked at, and a false id is found out by hashing.
 */
import type { LocalCode } from '../errors.js'
import { DedupCache } from '../policy/dedup.js'
import { isTrusted } from '../policy/peer-class.js'
import { hex, idKeyOf, keyOf } from '../protocol/bytes.js'
import type { PeerId } from '../ports/types.js'
import type { MessageDefinition } from '../protocol/message.js'
import { BROADCAST_ID_BYTES, broadcastKey } from '../protocol/message.js'
import { AppIds } from './app-ids.js'
import type { Connection } from './connection.js'
import type { DeliveryOwner } from './delivery.js'
import { Delivery, headBytes, inherit, isHere, linksOf, passOn, release, sourceOf } from './delivery.js'
import type { BroadcastResult } from './fan-out.js'
import type { GossipSetup } from './gossip-setup.js'
import { InFlight } from './in-flight.js'
import type { InventoryEvent } from './inventories.js'
import { Inventories } from './inventories.js'
import { Judge } from './judge.js'
import type { Peer } from './peer.js'
import { encodeBroadcast } from './payload.js'
import { Propagation } from './propagation.js'
import type { ReceivedMessage, Verdict } from './registry.js'

const REJECTED_MAX = 16_384
const COUNTED = { accept: 'verdict-accept', ignore: 'verdict-ignore', reject: 'verdict-reject' }

const NOBODY: ReadonlySet<never> = new Set<never>()

export class Gossip implements DeliveryOwner {
  readonly propagation: Propagation
  readonly #setup: GossipSetup
  readonly #rejected: DedupCache
  readonly #appIds: AppIds<Delivery>
  readonly #judge: Judge
  readonly #inventories: Inventories
  readonly #inFlight: InFlight
  #stopped = false

  constructor(setup: GossipSetup) {
    this.#setup = setup
    this.#inFlight = new InFlight(setup.dedup)
    this.propagation = new Propagation(setup)
    this.#inventories = new Inventories({
      propagation: this.propagation,
      missed: setup.missed,
      isNew: (key) => setup.dedup.check(key, setup.agenda.seenAt) === 'new',
      isRejected: (key) => this.#rejected.check(key, setup.agenda.seenAt) === 'seen',
      has: this.#noteHolder.bind(this),
    })
    this.#rejected = new DedupCache({ idsMax: REJECTED_MAX, seed: setup.seed })
    this.#appIds = new AppIds(setup.crypto, setup.seed)
    this.#judge = new Judge({
      ...setup,
      appIds: this.#appIds,
      unheard: this.#unheard.bind(this),
      passOn: (delivery) => {
        passOn(delivery, this.#linksOf(delivery.sources), setup.peerOf)
      },
      waits: (delivery) => {
        const { isTrusted, senders } = delivery
        // Whoever brought it may have left while it was decoded.
        if (!isTrusted && this.#linksOf(senders).length === 0) this.#lostRival(delivery)
        else for (const sender of senders) this.#alsoFrom(delivery, sender, isTrusted)
      },
      settled: this.#settle.bind(this),
    })
  }

  /** Broadcasts being judged or waiting for it. */
  get inFlight(): number {
    return this.#inFlight.size
  }

  broadcast<T>(
    definition: MessageDefinition<T>,
    payload: T,
    to: ((connection: Connection) => boolean) | null,
  ): BroadcastResult {
    const { dedup, agenda } = this.#setup
    const { id, bytes, appId } = encodeBroadcast(definition, payload, this.#setup)
    const key = keyOf(id)
    dedup.add(key, agenda.now())
    if (appId !== null) this.#appIds.accept(this.#appIds.keyOf(definition.name, appId), agenda.now())
    return { id: hex(id), ...this.propagation.publish({ definition, key, bytes, informed: NOBODY }, to) }
  }

  /**
   * A broadcast frame from a peer. `body` need not stay; `size` is the credit it holds.
   * @returns false where it must wait for its sender's quota, and nothing was done
   */
  receive(connection: Connection, peer: Peer, received: ReceivedMessage, body: Uint8Array, size: number): boolean {
    const { dedup, agenda, counters, crypto } = this.#setup
    const now = agenda.seenAt
    if (body.length < headBytes(received)) {
      this.#refuse(connection, 'undecodable', size)
      return true
    }
    const key = idKeyOf(body)
    const state = dedup.check(key, now)
    if (state === 'seen' || state === 'in-flight') {
      counters.count('duplicate-dropped')
      this.#noteHolder(connection, key)
      this.propagation.arrived(key, peer.id)
      connection.intake?.release(size)
      return true
    }
    if (this.#rejected.check(key, now) === 'seen') {
      this.#refuse(connection, 'rejected', size)
      return true
    }
    if (!this.#setup.mayPass(connection)) {
      this.propagation.brought(key, peer.id)
      return false
    }
    if (broadcastKey(received.definition.name, body.subarray(BROADCAST_ID_BYTES), crypto) !== key) {
      this.#refuse(connection, 'id-mismatch', size)
      return true
    }
    const delivery = new Delivery({ key, received, connection, peer, bytes: body, size }, this)
    for (const holder of this.#linksOf(this.propagation.arrived(key, peer.id))) delivery.heldBy(holder)
    if (!isHere(connection, this.#setup.connectionTo)) delivery.sources.delete(peer.id)
    this.#begin(delivery, now)
    if (this.#inFlight.get(key) !== undefined) delivery.keepBytes()
    return true
  }

  /** There is no memory for a frame, which may be a broadcast. @returns whether it brings what has been brought before */
  shed(connection: Connection, body: Uint8Array): boolean {
    const key = idKeyOf(body)
    this.propagation.brought(key, sourceOf(connection))
    if (this.#setup.dedup.check(key, this.#setup.agenda.seenAt) === 'new') return false
    // Who brought it first may leave.
    this.#noteHolder(connection, key)
    return true
  }

  /** What a peer has, wants, or lacks. */
  inventory(connection: Connection, peerId: PeerId, event: InventoryEvent): void {
    this.#inventories.handle(connection, peerId, event)
  }

  /** A link is gone, and maybe its peer with it: what those alone brought has never come. */
  lost(connection: Connection, gone: PeerId | null): void {
    const isItsOwn = ({ connection: own }: Delivery): boolean => own === connection || own.peerId === gone
    for (const delivery of this.#inFlight.leave((held) => isItsOwn(held) && !this.staysFor(held))) release(delivery)
    for (const delivery of this.#inFlight.begun()) if (isItsOwn(delivery)) this.#lostRival(delivery)
    if (gone !== null) this.#inFlight.disband(gone)
  }

  /** A peer's process is gone, and whatever it had: it may be back, with nothing. */
  forgot(peerId: PeerId): void {
    for (const { sources } of this.#inFlight.all()) sources.delete(peerId)
  }

  /** A peer is trusted from now on: what it has sent goes before what strangers have, and before what it sends next. */
  risen(connection: Connection): void {
    const sender = sourceOf(connection)
    for (const delivery of this.#inFlight.all()) {
      // Who is back may have nothing of what it brought.
      if (delivery.sources.has(sender)) delivery.heldBy(connection)
      else if (delivery.peer.id !== sender) continue
      this.#inFlight.broughtBy(delivery, sender, true)
      this.#alsoFrom(delivery, sender, true)
    }
    // There may be places for it that were not for strangers.
    this.#nextHeld()
  }

  stop(): void {
    this.#stopped = true
    for (const delivery of this.#inFlight.leave(() => true)) release(delivery)
    this.propagation.stop()
  }

  judge(delivery: Delivery, done: () => void): void {
    this.#judge.judge(delivery, done)
  }

  abandoned(delivery: Delivery): void {
    if (!this.#stopped && this.staysFor(delivery)) this.#submit(delivery)
    else {
      if (!this.#stopped) this.#unheard(delivery)
      this.#settle(delivery, null, null)
    }
  }

  /** Whoever comes and goes must not fill the places of those that wait for another of their application id. */
  #lostRival(delivery: Delivery): void {
    const { appKey, key } = delivery
    // It may have been judged meanwhile.
    if (this.#inFlight.get(key) !== delivery) return
    if (appKey === null || this.#appIds.current(appKey) === delivery || this.staysFor(delivery)) return
    this.#appIds.withdraw(appKey, delivery)
    delivery.appKey = null
    this.#settle(delivery, null, null)
  }

  /** Nobody judges it: whoever has it may be asked again. */
  #unheard({ sources }: Delivery): void {
    for (const connection of this.#linksOf(sources)) this.#setup.missed(connection)
  }

  #linksOf(peers: Iterable<PeerId>): readonly Connection[] {
    return linksOf(peers, this.#setup.connectionTo)
  }

  #noteHolder(connection: Connection, key: string): void {
    const delivery = this.#inFlight.get(key)
    const sender = sourceOf(connection)
    const isLeft = !isHere(connection, this.#setup.connectionTo)
    if (delivery !== undefined) {
      delivery.heldBy(connection)
      if (isLeft) delivery.sources.delete(sender)
      this.#alsoFrom(delivery, sender, isTrusted(connection))
    } else if (!isLeft) this.propagation.has(key, sender)
  }

  /** Who brings first what another has to say must not keep it behind all that it has sent itself, nor behind rivals there. */
  #alsoFrom(delivery: Delivery, sender: PeerId, isTrusted: boolean): void {
    const { appKey, key, received } = delivery
    if (isTrusted) delivery.vouchedBy(sender)
    received.queue.broughtBy(delivery, sender, isTrusted)
    // Its turn may have come there, and be over.
    const current = appKey === null || this.#inFlight.get(key) !== delivery ? null : this.#appIds.current(appKey)
    if (appKey === null || current === null || current === delivery) return
    if (isTrusted) this.#appIds.advance(appKey, delivery, sender)
    if (!this.#overtakes(delivery, current, appKey)) this.#alsoFrom(current, sender, isTrusted)
  }

  /** What a trusted peer has goes before what only strangers do, if that has not begun: those could take the trusted's own places. */
  #overtakes(delivery: Delivery, current: Delivery, appKey: string): boolean {
    const isAhead = delivery.isBacked && !current.isBacked
    if (!isAhead || !current.received.queue.withdraw(current)) return false
    this.#appIds.overtake(appKey, delivery, sourceOf(current.connection))
    this.#submit(delivery)
    return true
  }

  /** Its own turn, or that of any other of its application id that waits for it. */
  #submit(delivery: Delivery): void {
    delivery.received.queue.submit(delivery)
    for (const { senders, isTrusted } of delivery.appKey === null ? [] : this.#appIds.waiting(delivery.appKey))
      for (const sender of senders) this.#alsoFrom(delivery, sender, isTrusted)
  }

  /** Whoever brought it has left. @returns whether it is judged all the same: others have it, or a trusted peer has had it */
  staysFor(delivery: Delivery): boolean {
    return inherit(delivery, this.#setup.connections(), this.#setup.peerOf) || delivery.isBacked
  }

  /** @returns whether it need not wait for a place */
  #begin(delivery: Delivery, now: number): boolean {
    const began = this.#inFlight.begin(delivery, now)
    if (began === 'begun') this.#submit(delivery)
    else if (began === 'known') {
      this.#noteHolder(delivery.connection, delivery.key)
      release(delivery)
    }
    return began !== 'held'
  }

  /** @param verdict null where none was to be had: the message is as if it had never come */
  #settle(delivery: Delivery, verdict: Verdict | null, done: (() => void) | null): void {
    const { dedup, agenda, counters } = this.#setup
    const { key, received, connection, sources, appKey } = delivery
    const now = agenda.now()
    if (verdict !== null) counters.count(COUNTED[verdict])
    if (verdict === 'reject') this.#rejected.add(key, now)
    if (verdict === null || verdict === 'reject') dedup.forget(key)
    else dedup.settle(key, now)
    if (verdict === 'accept') {
      connection.novelAt = now
      if (appKey !== null) this.#appIds.accept(appKey, now)
      this.propagation.relay({ definition: received.definition, key, bytes: delivery.keepable, informed: sources })
    }
    this.#inFlight.over(key)
    release(delivery)
    done?.()
    const rival = appKey === null ? null : this.#appIds.next(appKey)
    if (rival !== null) this.#submit(rival)
    this.#nextHeld()
  }

  #nextHeld(): void {
    for (let next = this.#inFlight.next(); next !== null; next = this.#inFlight.next()) {
      // Of two copies that waited for a place, one may have been rejected.
      if (this.#rejected.check(next.key, this.#setup.agenda.seenAt) === 'seen') release(next)
      else if (!this.#begin(next, this.#setup.agenda.now())) return
    }
  }

  #refuse(connection: Connection, violation: LocalCode, size: number): void {
    this.#setup.strike(connection, violation)
    connection.intake?.release(size)
  }
}
