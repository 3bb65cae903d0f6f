/**
 * Broadcasts: encoded once by their origin, relayed as the bytes that came, processed once. An id is the hash of name and
 * body, so a copy of what is verified is dropped before anything is looked at, and a false id is found out by hashing.
 */
import type { LocalCode } from '../errors.js'
import { DedupCache } from '../policy/dedup.js'
import { copyBytes, hex, joinBytes, keyOf, sameBytes } from '../protocol/bytes.js'
import type { MessageDefinition } from '../protocol/message.js'
import { BROADCAST_ID_BYTES, broadcastId, NONCE_BYTES, withNonce } from '../protocol/message.js'
import { AppIds } from './app-ids.js'
import type { Connection } from './connection.js'
import type { Delivery } from './delivery.js'
import { inherit, isFromTrusted, release, sourceOf } from './delivery.js'
import type { BroadcastResult } from './fan-out.js'
import { FanOut } from './fan-out.js'
import type { GossipSetup } from './gossip-setup.js'
import { HandlerCall } from './handler-call.js'
import type { Peer } from './peer.js'
import type { Decoded } from './payload.js'
import type { ReceivedMessage } from './registry.js'
import { decodePayload, encodePayload, whenDecoded } from './payload.js'
import { toVerdict } from './registry.js'

const REJECTED_MAX = 16_384
const TRIES_MAX = 2

export class Gossip {
  readonly #setup: GossipSetup
  readonly #rejected = new DedupCache({ idsMax: REJECTED_MAX })
  readonly #appIds: AppIds<Delivery>
  readonly #fanOut: FanOut
  // Bound: the in-flight bound of the DedupCache; what comes beyond waits in #held.
  readonly #inFlight = new Map<string, Delivery>()
  // Bound: the credit of all peers together: none of it returns before the verdict.
  #held: Delivery[] = []

  constructor(setup: GossipSetup) {
    this.#setup = setup
    this.#appIds = new AppIds(setup.crypto)
    this.#fanOut = new FanOut(setup.connections, setup.counters)
  }

  /** Broadcasts being judged or waiting for it. */
  get inFlight(): number {
    return this.#inFlight.size + this.#held.length
  }

  broadcast<T>(
    definition: MessageDefinition<T>,
    payload: T,
    to: ((connection: Connection) => boolean) | null,
  ): BroadcastResult {
    const { crypto, random, dedup, agenda } = this.#setup
    const encoded = encodePayload(definition.name, definition.format, payload)
    const body = definition.nameKind === 'repeat' ? withNonce(random.bytes(NONCE_BYTES), encoded) : encoded
    const id = broadcastId(definition.name, body, crypto)
    dedup.add(keyOf(id), agenda.now())
    if (definition.id !== null)
      this.#appIds.accept(this.#appIds.keyOf(definition.name, definition.id(payload)), agenda.now())
    return {
      id: hex(id),
      ...this.#fanOut.send(definition, joinBytes([id, body]), (connection) => to === null || to(connection)),
    }
  }

  /**
   * A broadcast frame from a peer. `body` need not stay; `size` is the credit it holds.
   * @returns false where it must wait for its sender's quota, and nothing was done
   */
  receive(connection: Connection, peer: Peer, received: ReceivedMessage, body: Uint8Array, size: number): boolean {
    const { dedup, agenda, counters, crypto } = this.#setup
    const now = agenda.now()
    const isRepeat = received.definition.nameKind === 'repeat'
    if (body.length < BROADCAST_ID_BYTES + (isRepeat ? NONCE_BYTES : 0)) {
      this.#refuse(connection, 'undecodable', size)
      return true
    }
    const id = body.subarray(0, BROADCAST_ID_BYTES)
    const key = keyOf(id)
    const state = dedup.check(key, now)
    if (state === 'seen' || state === 'in-flight') {
      counters.count('duplicate-dropped')
      this.#inFlight.get(key)?.sources.add(sourceOf(connection))
      connection.intake?.release(size)
      return true
    }
    if (this.#rejected.check(key, now) === 'seen') {
      this.#refuse(connection, 'rejected', size)
      return true
    }
    if (!this.#setup.mayPass(connection)) return false
    if (!sameBytes(broadcastId(received.definition.name, body.subarray(BROADCAST_ID_BYTES), crypto), id)) {
      this.#refuse(connection, 'id-mismatch', size)
      return true
    }
    this.#begin({
      key,
      received,
      connection,
      peer,
      bytes: copyBytes(body),
      size,
      isInherited: false,
      sources: new Set([sourceOf(connection)]),
      appKey: null,
      payload: undefined,
      tries: 0,
    })
    return true
  }

  /** Whether a broadcast frame brings what has been brought before. */
  knows(body: Uint8Array): boolean {
    return this.#setup.dedup.check(keyOf(body.subarray(0, BROADCAST_ID_BYTES)), this.#setup.agenda.now()) !== 'new'
  }

  /** A link is gone: what it alone brought and nobody has begun to judge has never come. */
  lost(connection: Connection): void {
    this.#held = this.#held.filter((delivery) => {
      if (delivery.connection !== connection || this.#inherit(delivery)) return true
      release(delivery)
      return false
    })
  }

  #submit(delivery: Delivery, run: (done: () => void) => void): void {
    delivery.received.queue.submit({
      source: delivery.connection,
      isTrusted: isFromTrusted(delivery),
      run,
      drop: () => {
        if (this.#inherit(delivery)) this.#submit(delivery, run)
        else this.#forget(delivery)
      },
    })
  }

  #inherit(delivery: Delivery): boolean {
    return inherit(delivery, this.#setup.connections(), this.#setup.peerOf)
  }

  /** @returns false where it came to nothing: somebody else has brought it meanwhile */
  #begin(delivery: Delivery): boolean {
    const begun = this.#setup.dedup.begin(delivery.key, this.#setup.agenda.now())
    if (begun === 'full') this.#held.push(delivery)
    else if (begun === 'begun') {
      this.#inFlight.set(delivery.key, delivery)
      this.#submit(delivery, (done) => {
        this.#decode(delivery, done)
      })
    } else release(delivery)
    return begun === 'full' || begun === 'begun'
  }

  #decode(delivery: Delivery, done: () => void): void {
    const { definition } = delivery.received
    const skipped = BROADCAST_ID_BYTES + (definition.nameKind === 'repeat' ? NONCE_BYTES : 0)
    const decoded = decodePayload(definition.format, delivery.bytes.subarray(skipped))
    if (decoded instanceof Promise)
      whenDecoded(definition.name, decoded, this.#setup.agenda, (later) => {
        this.#decoded(delivery, later, done)
      })
    else this.#decoded(delivery, decoded, done)
  }

  #decoded(delivery: Delivery, decoded: Decoded, done: () => void): void {
    const { definition } = delivery.received
    if (decoded.kind === 'overdue') {
      this.#setup.failed(decoded.error)
      this.#forget(delivery)
      done()
      return
    }
    if (decoded.kind !== 'value') {
      this.#setup.strike(delivery.connection, decoded.kind, decoded.cause)
      this.#settle(delivery, 'reject', done)
      return
    }
    delivery.payload = decoded.value
    if (definition.id === null) {
      this.#call(delivery, done)
      return
    }
    try {
      delivery.appKey = this.#appIds.keyOf(definition.name, definition.id(decoded.value))
    } catch (cause) {
      this.#setup.strike(delivery.connection, 'undecodable', cause)
      this.#settle(delivery, 'reject', done)
      return
    }
    this.#compete(delivery, delivery.appKey, done)
  }

  /** Of several bodies with one application id, one is judged at a time, and none after one was accepted. */
  #compete(delivery: Delivery, appKey: string, done: () => void): void {
    const from = { source: sourceOf(delivery.connection), isTrusted: isFromTrusted(delivery) }
    switch (this.#appIds.compete(appKey, delivery, from, this.#setup.agenda.now())) {
      case 'accepted':
        delivery.appKey = null
        this.#settle(delivery, 'ignore', done)
        break
      case 'first':
        this.#call(delivery, done)
        break
      case 'crowded':
        delivery.appKey = null
        // It may have been the true one: the host is told that something is missing.
        this.#setup.missed(delivery.connection)
        this.#forget(delivery)
        done()
        break
      case 'waits':
        // The place in the handlers' queue is given up meanwhile, or rivals could fill it and wait for each other.
        done()
    }
  }

  #call(delivery: Delivery, done: () => void): void {
    const { agenda, failed } = this.#setup
    const { handler, definition } = delivery.received
    delivery.tries++
    const call = new HandlerCall(delivery.peer, this.#setup.running)
    call.run(
      definition.name,
      (context) => handler(delivery.payload, context),
      agenda,
      (outcome) => {
        const verdict = toVerdict(outcome)
        if (verdict === 'accept' || verdict === 'ignore' || verdict === 'reject') {
          if (verdict === 'reject') this.#setup.strike(delivery.connection, 'rejected')
          this.#settle(delivery, verdict, done)
          return
        }
        failed(verdict)
        if (delivery.tries < TRIES_MAX && !call.isWithdrawn) this.#call(delivery, done)
        else {
          this.#forget(delivery)
          done()
        }
      },
    )
  }

  #settle(delivery: Delivery, verdict: 'accept' | 'ignore' | 'reject', done: () => void): void {
    const { dedup, agenda, counters } = this.#setup
    const { key, received, connection, bytes, sources, appKey } = delivery
    const now = agenda.now()
    counters.count(`verdict-${verdict}`)
    if (verdict === 'reject') {
      dedup.forget(key)
      this.#rejected.add(key, now)
    } else dedup.settle(key, now)
    if (verdict === 'accept') {
      connection.novelAt = now
      if (appKey !== null) this.#appIds.accept(appKey, now)
      this.#fanOut.send(received.definition, bytes, (other) => !sources.has(sourceOf(other)))
    }
    this.#inFlight.delete(key)
    release(delivery)
    done()
    this.#nextRival(appKey)
    this.#nextHeld()
  }

  /** No verdict was to be had: the message is as if it had never come. */
  #forget(delivery: Delivery): void {
    this.#setup.dedup.forget(delivery.key)
    this.#inFlight.delete(delivery.key)
    release(delivery)
    this.#nextRival(delivery.appKey)
    this.#nextHeld()
  }

  #nextRival(appKey: string | null): void {
    const next = appKey === null ? null : this.#appIds.next(appKey)
    if (appKey === null || next === null) return
    this.#submit(next, (done) => {
      if (this.#appIds.isAccepted(appKey, this.#setup.agenda.now())) this.#settle(next, 'ignore', done)
      else this.#call(next, done)
    })
  }

  #nextHeld(): void {
    for (let next = this.#held.shift(); next !== undefined && !this.#begin(next); next = this.#held.shift());
  }

  #refuse(connection: Connection, violation: LocalCode, size: number): void {
    this.#setup.strike(connection, violation)
    connection.intake?.release(size)
  }
}
