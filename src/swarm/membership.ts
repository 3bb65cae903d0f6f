/**
 * Who comes and who goes: links become connections, connections become peers, and what is lost is dialled again. Every link
 * enters by the same door, whoever opened it, and leaves by the same, with one reason.
 */
import type { Reason } from '../errors.js'
import { endpointText, formatAddress } from '../policy/address.js'
import type { Endpoint, Link } from '../ports/transport.js'
import type { Address, Direction, PeerId } from '../ports/types.js'
import { FRAME } from '../protocol/frame.js'
import { encodeNames } from '../protocol/hello.js'
import { formatPeerId, peerIdKey } from '../protocol/peer-id.js'
import { Connection } from './connection.js'
import type { ConnectionOwner, ConnectionWorld } from './connection-owner.js'
import { createConnectionWorld } from './connection-world.js'
import { Connections } from './connections.js'
import type { SwarmContext } from './context.js'
import { Credentials } from './credentials.js'
import type { Dialer } from './dialer.js'
import { createDialer } from './dialer-wiring.js'
import { Gate } from './gate.js'
import type { Peer } from './peer.js'
import { createPresence } from './presence.js'
import { handshakeViolation, isAbandoned, Reception } from './reception.js'
import { Seating } from './seating.js'
import { Traffic } from './traffic.js'
import { Upkeep } from './upkeep.js'
import { Whitelist } from './whitelist.js'

/** Who was evicted is asked to stay away this long. */
const EVICTED_RETRY_MS = 60_000

export class Membership implements ConnectionOwner<Connection> {
  readonly connections: Connections<Peer>
  readonly traffic: Traffic
  readonly dialer: Dialer
  readonly upkeep: Upkeep
  readonly gate: Gate
  readonly seating: Seating
  readonly credentials: Credentials
  readonly whitelist: Whitelist
  /** What peers are told of where to find us. */
  announced: readonly string[] = []
  /** Called each time a link below is closed. */
  linkGone: (() => void) | null = null
  readonly #context: SwarmContext
  readonly #world: ConnectionWorld
  readonly #reception: Reception
  // Bound: pending handshakes, slots and lingering links.
  readonly #links = new Set<Connection>()
  // Bound: dials, and links that we dialled.
  readonly #dialled = new Map<Connection, Address>()

  constructor(context: SwarmContext) {
    this.#context = context
    const { settings, agenda, emitter, roster } = context
    const { crypto, publicKey, healing } = settings
    this.#world = createConnectionWorld(context)
    this.connections = new Connections(createPresence(context, this), agenda, crypto, publicKey, healing.supersede)
    this.traffic = new Traffic(context, this.connections)
    this.credentials = new Credentials({
      ...settings,
      agenda,
      failed: (error) => {
        emitter.emit('error', error)
      },
    })
    this.whitelist = new Whitelist(context, this)
    this.seating = new Seating({ ...context, links: () => this.#links })
    this.#reception = new Reception({
      settings,
      roster,
      seating: this.seating,
      failed: (error) => {
        emitter.emit('error', error)
      },
      clockSkew: (peerId, skewMs) => {
        emitter.emit('clock:skew', { peerId, skewMs })
      },
    })
    this.dialer = createDialer(context, {
      connections: this.connections,
      maintenance: () => this.upkeep.maintainer.bridges,
      adopt: (link, address) => this.adopt(link, address),
      upkeep: () => this.upkeep,
      whitelist: () => this.whitelist,
    })
    this.upkeep = new Upkeep(context, { connections: this.connections, dialer: this.dialer })
    this.gate = new Gate({
      ...settings,
      agenda,
      roster,
      adopt: (link) => this.adopt(link, null),
      refused: (link, reason) => {
        this.refusedInbound(null, link.remote, reason)
      },
    })
  }

  /** Every link, from its first byte to its last. */
  get links(): ReadonlySet<Connection> {
    return this.#links
  }

  /** Somebody was turned away, before or after saying who it is. */
  refusedInbound(peerId: PeerId | null, remote: Endpoint | null, reason: Reason): void {
    const { counters, emitter } = this.#context
    counters.count(`inbound-${reason.code}`)
    if (peerId !== null) this.upkeep.refused(peerId, reason)
    emitter.emit('inbound:refused', { peerId, address: endpointText(remote), reason })
  }

  /** A link becomes a connection. @param dialled where it leads, null for one that somebody else opened */
  adopt(link: Link, dialled: Address | null): Connection {
    const { settings } = this.#context
    const { crypto, networkId, publicKey, protocol, clock, limits } = settings
    const expected = dialled?.peerId ?? null
    const direction: Direction = dialled === null ? 'inbound' : 'outbound'
    const connection = new Connection(
      link,
      {
        direction,
        networkId,
        crypto,
        protocol,
        staticKeys: this.credentials.staticKeys,
        delegation: this.credentials.delegation,
        ownPublicKey: publicKey,
        ephemeralKeys: () => this.credentials.ephemeralKeys(),
        expectedPublicKey: expected === null ? null : peerIdKey(expected),
        wallMs: clock.wall(),
      },
      limits.unknown.handshakeMs,
      this.#world,
      this,
    )
    this.#links.add(connection)
    if (dialled !== null) this.#dialled.set(connection, dialled)
    return connection
  }

  proven(connection: Connection, publicKey: Uint8Array, skewMs: number): void {
    const peerId = formatPeerId(publicKey, this.#context.settings.crypto)
    const dialled = this.dialledTo(connection)
    connection.peerId = peerId
    this.whitelist.found(dialled, connection, () => this.#reception.isWelcome(connection, peerId, dialled))
    const admission = this.#reception.receive(connection, peerId, dialled, skewMs)
    if (admission.kind === 'refuse') {
      const farewell = admission.code === 'too-many-peers' ? this.upkeep.farewell(connection) : []
      connection.close(admission.code, { ...admission.options, farewell })
      return
    }
    const { peerClass, limits } = admission
    const hello = this.#reception.hello(limits, this.credentials.epoch, {
      names: this.traffic.registry.introduce(connection),
      addresses: this.announced,
      supersedes: this.connections.supersededBy(peerId),
    })
    connection.admit({ peerId, publicKey, peerClass, limits }, hello)
  }

  established(connection: Connection): void {
    // The address may have been listed since the key was proven.
    this.whitelist.found(this.dialledTo(connection), connection)
    const { identity } = connection
    if (identity === null) return
    const { peerId, publicKey, peerClass } = identity
    if (!this.#reception.mayStay(connection, peerId)) return
    const late = this.traffic.registry.since(connection)
    if (late.length > 0) connection.sendControl(FRAME.types, encodeNames(late))
    this.whitelist.linked(connection, peerId, peerClass)
    for (const victim of this.seating.pickVictims(connection))
      victim.close('too-many-peers', {
        retryAfterMs: EVICTED_RETRY_MS,
        text: victim === connection ? 'full' : 'evicted',
      })
    // Whoever heard of the eviction may have ended this one, too.
    if (connection.isEnding) return
    this.gate.done(connection)
    this.#context.counters.count(`handshake-${connection.direction}`)
    const follow = this.dialer.reached(peerId, connection)
    this.connections.add(peerId, publicKey, connection, this.#addressOf(connection))
    follow()
  }

  /** What the operator, the book or the host says of a peer, or of anybody, has changed: links are of that class from now on. */
  reclassify(only: PeerId | null): void {
    // Bound: the links.
    const denied: Connection[] = []
    for (const connection of [...this.#links]) {
      const { peerId, identity } = connection
      // Those in their handshake, too: what was granted then is granted no more.
      if (identity === null || peerId === null || connection.isEnding || (only !== null && peerId !== only)) continue
      const peerClass = this.#reception.classOf(connection, peerId, this.#dialled.get(connection) ?? null)
      if (peerClass === false) denied.push(connection)
      const next = peerClass === false ? 'unknown' : peerClass
      this.whitelist.linked(connection, peerId, next)
      if (next !== identity.peerClass) this.traffic.reclassify(connection, next)
    }
    this.end(denied, (connection) => {
      connection.close('not-allowed')
    })
  }

  application(connection: Connection, index: number, body: Uint8Array, size: number): void {
    this.traffic.arrivals.application(connection, index, body, size)
  }

  control(connection: Connection, event: Parameters<ConnectionOwner<Connection>['control']>[1]): void {
    if (!this.upkeep.control(connection, event)) this.traffic.control(connection, event)
  }

  suspected(connection: Connection): void {
    const peer = this.#peerOf(connection)
    if (peer === null || this.connections.current(peer.id) !== connection) return
    this.#context.log('info', `${peer.id} is silent: suspect`)
    this.dialer.suspected(peer.id)
    this.upkeep.suspected(peer.id)
    this.#context.emitter.emit('peer:suspect', peer)
  }

  cleared(connection: Connection): void {
    const { peerId } = connection
    if (peerId === null || this.connections.current(peerId) !== connection) return
    this.#context.log('info', `${peerId} is heard again`)
    this.dialer.cleared(peerId)
    this.upkeep.cleared(peerId)
  }

  slow(connection: Connection): void {
    const peer = this.#peerOf(connection)
    if (peer !== null) this.#context.emitter.emit('peer:slow', peer)
  }

  lost(connection: Connection, reason: Reason, judged: boolean): void {
    const { counters, log } = this.#context
    const { peerId, direction, link } = connection
    counters.count(`${reason.fault === 'remote' && !judged ? 'told' : 'closed'}-${reason.code}`)
    const isTorn = (reason.fault === 'network' || reason.code === 'timeout') && this.upkeep.isSpare(connection)
    log('debug', `${direction} link to ${peerId ?? link.remote?.host ?? 'a stranger'} ended: ${reason.code}`)
    this.gate.done(connection)
    if (judged && reason.fault === 'remote') this.#punish(connection, reason)
    if (reason.code === 'closed' && reason.fault === 'local') this.#closeHeirs(connection)
    this.traffic.lost(connection, reason)
    if (connection.hello !== null && peerId !== null) this.connections.remove(peerId, connection, reason)
    else if (direction === 'inbound') {
      if (isAbandoned(reason)) this.traffic.abandoned(connection)
      this.refusedInbound(peerId, link.remote, reason)
    }
    this.dialer.ended(connection, reason, judged)
    this.#dialled.delete(connection)
    if (isTorn) this.upkeep.torn(connection)
  }

  gone(connection: Connection, torn: boolean): void {
    connection.intake?.gone()
    if (torn && this.upkeep.isSpare(connection)) this.upkeep.torn(connection)
    this.#links.delete(connection)
    this.linkGone?.()
  }

  /** Those that would take another's place first: else that end would let the peer in once more. */
  end(links: Iterable<Connection>, close: (connection: Connection) => void): void {
    const rank = (link: Connection): number =>
      Number(link.peerId !== null && this.connections.current(link.peerId) === link)
    for (const link of [...links].sort((a, b) => rank(a) - rank(b))) close(link)
  }

  /** Where we dialled it; null where it came to us. */
  dialledTo(connection: Connection): Address | null {
    return this.#dialled.get(connection) ?? null
  }

  /** Before hello only the address: whoever stands between two nodes could make either look guilty. A ban ends the heir, too. */
  #punish(connection: Connection, reason: Reason): void {
    const violation = handshakeViolation(reason)
    if (connection.hello !== null) this.traffic.strike(connection, 'protocol-error')
    else if (connection.direction === 'inbound' && violation !== null) this.traffic.strikeAddress(connection, violation)
  }

  /** The host wants no link to this peer, whichever. */
  #closeHeirs(connection: Connection): void {
    const { peerId } = connection
    if (this.connections.heirOf(connection) !== null)
      for (const link of this.connections.linksTo(peerId)) link.close('closed')
  }

  #addressOf(connection: Connection): string | null {
    const dialled = this.#dialled.get(connection)
    return dialled === undefined ? endpointText(connection.link.remote) : formatAddress(dialled)
  }

  #peerOf({ peerId }: Connection): Peer | null {
    return peerId === null ? null : this.connections.handle(peerId)
  }
}
