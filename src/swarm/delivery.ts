/** One broadcast on its way through this node. */
import { isTrusted } from '../policy/peer-class.js'
import type { PeerId } from '../ports/types.js'
import { BytePool, copyPooled, POOLED_MAX } from '../protocol/bytes.js'
import { BROADCAST_ID_BYTES, NONCE_BYTES } from '../protocol/message.js'
import type { Connection } from './connection.js'
import { HANDLER_MS } from './handler-call.js'
import type { HandlerJob } from './handler-queue.js'
import type { Peer } from './peer.js'
import type { ReceivedMessage } from './registry.js'

/** Who sees a delivery through. */
export interface DeliveryOwner {
  /** Its turn has come; `done` is called once its place in the queue is free. */
  judge(delivery: Delivery, done: () => void): void
  /** Whoever brought it is gone. @returns whether it is judged all the same */
  staysFor(delivery: Delivery): boolean
  /** Whoever brought it is gone, or nobody is judged any more. */
  abandoned(delivery: Delivery): void
}

/** What came. */
export interface Arrival {
  readonly key: string
  readonly received: ReceivedMessage
  readonly connection: Connection
  readonly peer: Peer
  /** id ‖ body; need not stay. */
  readonly bytes: Uint8Array
  /** The credit it holds. */
  readonly size: number
}

/** Where small ones wait: not beside what the host is given, which it may keep. */
const waiting = new BytePool(8_192)

/** A broadcast between its arrival and its verdict. */
export class Delivery implements HandlerJob {
  readonly key: string
  readonly received: ReceivedMessage
  readonly size: number
  /** Who answers for it: whoever brought it first, or is left of those who did. */
  connection: Connection
  peer: Peer
  /** Whether its credit has gone back already, to whoever brought it first and is gone. */
  isInherited = false
  /** Who has it already, of those that are here. Bound: the peers. */
  readonly sources: Set<PeerId> = new Set()
  /** Whether a trusted peer is among them. */
  isBacked = false
  /** Trusted peers that wait for it, or for what waits for it; null where none does. Bound: the trusted peers. */
  #vouchers: Set<PeerId> | null = null
  /** Null where it does not compete for one. */
  appKey: string | null = null
  /** Set once it is decoded. */
  payload: { readonly value: unknown } | null = null
  tries = 0
  /** What its handlers may take in all, where only strangers have it. */
  leftMs: number = HANDLER_MS
  #bytes: Uint8Array
  #isKept = false
  readonly #owner: DeliveryOwner

  constructor({ key, received, connection, peer, bytes, size }: Arrival, owner: DeliveryOwner) {
    this.key = key
    this.received = received
    this.size = size
    this.connection = connection
    this.peer = peer
    this.#bytes = bytes
    this.#owner = owner
    this.heldBy(connection)
  }

  get source(): Connection {
    return this.connection
  }

  /** Never nobody: whoever brought it last, where all have left. */
  get senders(): ReadonlySet<PeerId> {
    return this.#vouchers ?? (this.sources.size > 0 ? this.sources : new Set([this.peer.id]))
  }

  get isTrusted(): boolean {
    return this.#vouchers !== null
  }

  /** This peer has it. */
  heldBy(connection: Connection): void {
    this.sources.add(sourceOf(connection))
    if (!isTrusted(connection)) return
    if (!this.isBacked) this.#back()
    this.vouchedBy(sourceOf(connection))
  }

  /** Whatever strangers have had of its tries and of its time, they are had anew. */
  #back(): void {
    this.isBacked = true
    this.tries = 0
    this.leftMs = HANDLER_MS
  }

  /** A trusted peer waits for it: it waits for no stranger. Whoever brought it first goes on answering for it. */
  vouchedBy(peerId: PeerId): void {
    this.#vouchers ??= new Set()
    this.#vouchers.add(peerId)
  }

  /** The payload as it was written. */
  get written(): Uint8Array {
    return this.#bytes.subarray(headBytes(this.received))
  }

  /** id ‖ body, in memory of its own from now on: a record may be large, and a message in it small. */
  keepBytes(): Uint8Array {
    if (!this.#isKept) this.#bytes = copyPooled(this.#bytes, 0, waiting)
    this.#isKept = true
    return this.#bytes
  }

  /** id ‖ body, to be kept for others: what is large has memory of its own. */
  get keepable(): Uint8Array {
    return this.#bytes.length > POOLED_MAX ? this.keepBytes() : this.#bytes
  }

  run(done: () => void): void {
    this.#owner.judge(this, done)
  }

  outlives(): boolean {
    return this.#owner.staysFor(this)
  }

  drop(): void {
    this.#owner.abandoned(this)
  }
}

/** What stands before the payload: the id and, where each is a message of its own, a nonce. */
export function headBytes({ definition: { nameKind } }: ReceivedMessage): number {
  return nameKind === 'repeat' ? BROADCAST_ID_BYTES + NONCE_BYTES : BROADCAST_ID_BYTES
}

/** Who brought it, whichever of its links that was. */
export function sourceOf(connection: Connection): PeerId {
  return connection.identity?.peerId ?? ('' as PeerId)
}

/** Whether the process is still there that brought something on this link. */
export function isHere(connection: Connection, connectionTo: (peerId: PeerId) => Connection | null): boolean {
  return connection.isOpen || connectionTo(sourceOf(connection))?.epoch === connection.epoch
}

/** The links in use of those that are here. */
export function linksOf(
  peers: Iterable<PeerId>,
  connectionTo: (peerId: PeerId) => Connection | null,
): readonly Connection[] {
  const links: Connection[] = []
  for (const peerId of peers) {
    const link = connectionTo(peerId)
    if (link !== null) links.push(link)
  }
  return links
}

/** The delivery is over: what it held goes back. */
export function release({ connection, size, isInherited }: Delivery): void {
  if (isInherited) connection.intake?.dropped(size)
  else connection.intake?.release(size)
}

/**
 * Whoever answered for it has left before it was judged. Somebody else who brought it takes it over, so that nobody makes a
 * message vanish by bringing it first.
 * @returns false where nobody is left, or there is no memory for it
 */
export function inherit(
  delivery: Delivery,
  connections: Iterable<Connection>,
  peerOf: (connection: Connection) => Peer | null,
): boolean {
  delivery.sources.delete(sourceOf(delivery.connection))
  return moveTo(connections, delivery, peerOf)
}

/**
 * Another who has it answers for it from now on, and is whom a handler may ask: a trusted one where there is one. For one that is
 * trusted and here no stranger does, and another that is trusted only once it has been asked in vain.
 */
export function passOn(
  delivery: Delivery,
  holders: readonly Connection[],
  peerOf: (connection: Connection) => Peer | null,
): void {
  const { connection, tries } = delivery
  const others = holders.filter((holder) => sourceOf(holder) !== sourceOf(connection))
  const isGood = isTrusted(connection) && connection.isOpen
  if (!isGood) moveTo([...others.filter(isTrusted), ...holders.filter(isTrusted), ...others], delivery, peerOf)
  else if (tries > 0) moveTo(others.filter(isTrusted), delivery, peerOf)
}

/** To the first of these that has it, is open and has memory for it. @returns false where none is */
function moveTo(
  connections: Iterable<Connection>,
  delivery: Delivery,
  peerOf: (connection: Connection) => Peer | null,
): boolean {
  const { sources, size } = delivery
  for (const connection of connections) {
    const source = sourceOf(connection)
    const peer =
      connection !== delivery.connection && sources.has(source) && connection.isOpen ? peerOf(connection) : null
    if (peer === null || connection.intake?.takeOver(size) !== true) continue
    release(delivery)
    delivery.connection = connection
    delivery.peer = peer
    delivery.isInherited = true
    delivery.heldBy(connection)
    return true
  }
  return false
}
