/**
 * Broadcasts: encoded once by their origin, relayed as the bytes that came, processed once. An id is the hash of name and
 * body, so a copy of what is verified is dropped before anything is looked at, and a false id is found out by hashing.
 */
import type { LocalCode } from '../errors.js'
import type { DedupBegin } from '../policy/dedup.js'
import { DedupCache } from '../policy/dedup.js'
import { isTrusted } from '../policy/peer-class.js'
import { EMPTY, hex, idKeyOf, joinPooled, keyOf } from '../protocol/bytes.js'
import type { PeerId } from '../ports/types.js'
import type { ControlEvent } from '../protocol/control.js'
import type { Announced } from '../protocol/inventory.js'
import type { MessageDefinition } from '../protocol/message.js'
import { BROADCAST_ID_BYTES, broadcastId, broadcastKey, NONCE_BYTES } from '../protocol/message.js'
import { AppIds } from './app-ids.js'
import type { Connection } from './connection.js'
import type { DeliveryOwner } from './delivery.js'
import { Delivery, headBytes, inherit, release, sourceOf } from './delivery.js'
import type { BroadcastResult } from './fan-out.js'
import type { GossipSetup } from './gossip-setup.js'
import { Judge } from './judge.js'
import type { Peer } from './peer.js'
import { appIdOf, encodePayload } from './payload.js'
import { Propagation } from './propagation.js'
import { Turns } from './turns.js'
import type { ReceivedMessage, Verdict } from './registry.js'

type InventoryEvent = Extract<ControlEvent, { kind: 'inventory' | 'get' | 'not-found' }>

const REJECTED_MAX = 16_384
/** Of the ids that may be in flight, those beyond this share are for trusted peers' messages. */
const STRANGERS_SHARE = 0.75
/** Beyond its quota a busy relay may go on telling of a thousand messages a second one by one, or of eight thousand in full frames. */
const INVENTORY_WEIGHT_MIN = 1 / 128
const ID_WEIGHT = 1 / 1_024
const COUNTED = { accept: 'verdict-accept', ignore: 'verdict-ignore', reject: 'verdict-reject' }

/** Where the id goes once the rest is hashed. */
const BLANK_ID = new Uint8Array(BROADCAST_ID_BYTES)
const NOBODY: ReadonlySet<never> = new Set<never>()

export class Gossip implements DeliveryOwner {
  readonly propagation: Propagation
  readonly #setup: GossipSetup
  readonly #rejected: DedupCache
  readonly #appIds: AppIds<Delivery>
  readonly #judge: Judge
  // Bound: the in-flight bound of the DedupCache; what comes beyond waits in #held.
  readonly #inFlight = new Map<string, Delivery>()
  // Bound: the credit of all peers together: none of it returns before the verdict.
  readonly #held = { trusted: new Turns<Delivery>(), strangers: new Turns<Delivery>() }

  constructor(setup: GossipSetup) {
    this.#setup = setup
    this.propagation = new Propagation(setup)
    this.#rejected = new DedupCache({ idsMax: REJECTED_MAX, seed: setup.seed })
    this.#appIds = new AppIds(setup.crypto, setup.seed)
    this.#judge = new Judge({
      ...setup,
      appIds: this.#appIds,
      crowdedOut: ({ sources }) => {
        for (const connection of this.#linksOf(sources)) setup.missed(connection)
      },
      waits: ({ appKey, isTrusted, senders }) => {
        const current = appKey === null ? null : this.#appIds.current(appKey)
        if (current !== null) for (const sender of senders) this.#alsoFrom(current, sender, isTrusted)
      },
      settled: (delivery, verdict, done) => {
        if (verdict === null) this.#forget(delivery, done)
        else this.#settle(delivery, verdict, done)
      },
    })
  }

  /** Broadcasts being judged or waiting for it. */
  get inFlight(): number {
    return this.#inFlight.size + this.#held.trusted.size + this.#held.strangers.size
  }

  broadcast<T>(
    definition: MessageDefinition<T>,
    payload: T,
    to: ((connection: Connection) => boolean) | null,
  ): BroadcastResult {
    const { crypto, random, dedup, agenda } = this.#setup
    const { name } = definition
    const encoded = encodePayload(name, definition.format, payload)
    const appId = definition.id === null ? null : appIdOf(name, definition.id, payload)
    const nonce = definition.nameKind === 'repeat' ? random.bytes(NONCE_BYTES) : EMPTY
    const bytes = joinPooled([BLANK_ID, nonce, encoded])
    const id = broadcastId(name, bytes.subarray(BROADCAST_ID_BYTES), crypto)
    bytes.set(id)
    const key = keyOf(id)
    dedup.add(key, agenda.now())
    if (appId !== null) this.#appIds.accept(this.#appIds.keyOf(name, appId), agenda.now())
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
      this.#noteHolder(key, connection)
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
    this.#begin(delivery, now)
    if (this.#inFlight.has(key)) delivery.keepBytes()
    return true
  }

  /** There is no memory for a frame, which may be a broadcast. @returns whether it brings what has been brought before */
  shed({ peerId }: Connection, body: Uint8Array): boolean {
    const key = idKeyOf(body)
    if (peerId !== null) this.propagation.brought(key, peerId)
    return this.#setup.dedup.check(key, this.#setup.agenda.seenAt) !== 'new'
  }

  /** What a peer has, wants, or lacks: more than any honest relay would say is not looked at. */
  inventory(connection: Connection, peerId: PeerId, event: InventoryEvent): void {
    const { propagation } = this
    const ids = event.kind === 'inventory' ? event.announced : event.ids
    // Whoever was told of something may ask for it, whatever else it has asked for.
    const isFree = event.kind === 'get' && propagation.takeAsking(connection, ids.length)
    if (!isFree && connection.intake?.takeIds(ids.length) !== true) {
      connection.intake?.takeControl(Math.max(INVENTORY_WEIGHT_MIN, ids.length * ID_WEIGHT))
      // Some of it may be nowhere else.
      if (event.kind === 'inventory') this.#setup.missed(connection)
    } else if (event.kind === 'inventory') this.#announced(connection, event.announced)
    else if (event.kind === 'get') propagation.serve(connection, event.ids)
    else propagation.refused(peerId, event.ids)
  }

  /** A peer says what it has: what is new here is asked for, of the rest it is known to have it. */
  #announced(connection: Connection, announced: readonly Announced[]): void {
    const { dedup, agenda } = this.#setup
    const now = agenda.now()
    const bytesMax = connection.identity?.limits.messageBytesMax ?? 0
    const news = announced.filter(({ id, size }) => {
      const key = keyOf(id)
      if (dedup.check(key, now) === 'new') return size <= bytesMax && this.#rejected.check(key, now) === 'new'
      this.#noteHolder(key, connection)
      return false
    })
    this.propagation.announced(connection, news)
  }

  /** A link is gone: what it alone brought and nobody has begun to judge has never come. */
  lost(connection: Connection): void {
    for (const line of Object.values(this.#held))
      for (const delivery of line.leave((held) => held.connection === connection && !this.#inherit(held)))
        release(delivery)
  }

  judge(delivery: Delivery, done: () => void): void {
    this.#judge.judge(delivery, done)
  }

  abandoned(delivery: Delivery): void {
    if (this.#inherit(delivery)) this.#submit(delivery)
    else this.#forget(delivery, null)
  }

  #linksOf(peers: Iterable<PeerId>): readonly Connection[] {
    return [...peers].flatMap((peerId) => this.#setup.connectionTo(peerId) ?? [])
  }

  #noteHolder(key: string, connection: Connection): void {
    const delivery = this.#inFlight.get(key)
    if (delivery === undefined) this.propagation.has(key, sourceOf(connection))
    else {
      delivery.heldBy(connection)
      this.#alsoFrom(delivery, sourceOf(connection), isTrusted(connection))
    }
  }

  /** Who brings first what another has to say must not keep it behind all that it has sent itself, nor behind rivals there. */
  #alsoFrom(delivery: Delivery, sender: PeerId, isTrusted: boolean): void {
    const { appKey, received } = delivery
    if (isTrusted) delivery.vouchedBy(sender)
    received.queue.broughtBy(delivery, sender, isTrusted)
    const current = appKey === null ? null : this.#appIds.current(appKey)
    if (appKey === null || current === null || current === delivery) return
    if (isTrusted) this.#appIds.advance(appKey, delivery, sender)
    this.#alsoFrom(current, sender, isTrusted)
  }

  /** Its own turn, or that of any other of its application id that waits for it. */
  #submit(delivery: Delivery): void {
    const { appKey, received } = delivery
    received.queue.submit(delivery)
    for (const { senders, isTrusted } of appKey === null ? [] : this.#appIds.waiting(appKey))
      for (const sender of senders) this.#alsoFrom(delivery, sender, isTrusted)
  }

  #inherit(delivery: Delivery): boolean {
    return inherit(delivery, this.#setup.connections(), this.#setup.peerOf)
  }

  #begin(delivery: Delivery, now: number): DedupBegin {
    const begun = this.#hasRoom(delivery.isTrusted) ? this.#setup.dedup.begin(delivery.key, now) : 'full'
    if (begun === 'full') {
      delivery.keepBytes()
      const { trusted, strangers } = this.#held
      ;(delivery.isTrusted ? trusted : strangers).join(delivery)
    } else if (begun === 'begun') {
      this.#inFlight.set(delivery.key, delivery)
      this.#submit(delivery)
    } else {
      this.#noteHolder(delivery.key, delivery.connection)
      release(delivery)
    }
    return begun
  }

  #settle(delivery: Delivery, verdict: Verdict, done: () => void): void {
    const { dedup, agenda, counters } = this.#setup
    const { key, received, connection, sources, appKey } = delivery
    const now = agenda.now()
    counters.count(COUNTED[verdict])
    if (verdict === 'reject') {
      dedup.forget(key)
      this.#rejected.add(key, now)
    } else dedup.settle(key, now)
    if (verdict === 'accept') {
      connection.novelAt = now
      if (appKey !== null) this.#appIds.accept(appKey, now)
      this.propagation.relay({ definition: received.definition, key, bytes: delivery.keepable, informed: sources })
    }
    this.#inFlight.delete(key)
    release(delivery)
    done()
    this.#nextRival(appKey)
    this.#nextHeld()
  }

  /** No verdict was to be had: the message is as if it had never come. */
  #forget(delivery: Delivery, done: (() => void) | null): void {
    this.#setup.dedup.forget(delivery.key)
    this.#inFlight.delete(delivery.key)
    release(delivery)
    done?.()
    this.#nextRival(delivery.appKey)
    this.#nextHeld()
  }

  #nextRival(appKey: string | null): void {
    const next = appKey === null ? null : this.#appIds.next(appKey)
    if (next !== null) this.#submit(next)
  }

  #nextHeld(): void {
    const { trusted, strangers } = this.#held
    for (const line of [trusted, strangers])
      while (line.size > 0 && this.#hasRoom(line === trusted)) {
        const next = line.next()
        if (next === null || this.#begin(next, this.#setup.agenda.now()) === 'full') break
      }
  }

  /** Whether one more may be in flight: strangers' messages never keep those of trusted peers waiting. */
  #hasRoom(isTrusted: boolean): boolean {
    const { inFlight, inFlightMax } = this.#setup.dedup
    return inFlight < inFlightMax * (isTrusted ? 1 : STRANGERS_SHARE)
  }

  #refuse(connection: Connection, violation: LocalCode, size: number): void {
    this.#setup.strike(connection, violation)
    connection.intake?.release(size)
  }
}
