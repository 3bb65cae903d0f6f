/**
 * Strangers that were given up may be all that is left of the other side of a split that nobody else has noticed. Those that
 * were linked once are kept as cold, and one is tried now and then; one that answers is a bridge, and others on its side are
 * tried again.
 */
import { pickCold } from '../policy/candidates.js'
import { isTrusted, isTrustedClass } from '../policy/peer-class.js'
import type { Address, PeerId } from '../ports/types.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { SwarmContext } from './context.js'
import type { Demand } from './demand.js'
import type { Target } from './dial-target.js'
import type { Dialer } from './dialer.js'
import type { Maintenance, Need } from './dialer-setup.js'
import type { Exchange } from './exchange.js'
import type { Hearsay } from './hearsay.js'
import type { Peer } from './peer.js'

const COLD_MAX = 256
/** How long a stranger that was forgotten stays so, whoever names it. */
const FORGOTTEN_MS = 3_600_000
const BRIDGE_MS = 600_000
/** Bridges beyond the links that are wanted anyway. */
const BRIDGES_MAX = 4
/** Recently lost regulars that are tried again at once when a bridge is found. */
const BRIDGE_RETRIES = 16
const BRIDGE_SPREAD_MS = 5_000

export class Bridges implements Maintenance {
  readonly #context: SwarmContext
  readonly #connections: Connections<Peer>
  readonly #dialer: Dialer
  readonly #exchange: Exchange
  readonly #demand: Demand
  readonly #hearsay: Hearsay
  // Bound: BRIDGES_MAX; until when each is kept.
  readonly #untilAt = new Map<PeerId, number>()

  constructor(
    context: SwarmContext,
    connections: Connections<Peer>,
    dialer: Dialer,
    exchange: Exchange,
    demand: Demand,
    hearsay: Hearsay,
  ) {
    this.#context = context
    this.#connections = connections
    this.#dialer = dialer
    this.#exchange = exchange
    this.#demand = demand
    this.#hearsay = hearsay
  }

  has(peerId: PeerId): boolean {
    return this.#untilAt.has(peerId)
  }

  need(target: Target, isBridging: boolean): Need {
    return this.#demand.wanted() > (isBridging ? -BRIDGES_MAX : 0) ? 'dial' : this.#otherwise(target)
  }

  choose(target: Target): Address | Exclude<Need, 'dial'> {
    const { agenda, settings } = this.#context
    const now = agenda.now()
    const open = target.addresses.find(
      (address) => settings.transports.has(address.scheme) && this.#hearsay.mayTry(target.peerId, address, now),
    )
    return open ?? this.#otherwise(target)
  }

  bridged(peerId: PeerId, connection: Connection): void {
    const { agenda, settings } = this.#context
    this.#keep(peerId)
    this.#exchange.ask(connection)
    const lost = [...this.#dialer.targets.all()]
      .filter(({ standing, peerClass, attempt }) => !isTrustedClass(peerClass) && attempt === null && waits(standing))
      .map((target) => ({ target, ageMs: this.#ageMs(target, agenda.now()) }))
      .sort((a, b) => a.ageMs - b.ageMs)
    for (const { target } of lost.slice(0, BRIDGE_RETRIES))
      this.#dialer.wishes.retryIn(target, BRIDGE_SPREAD_MS * settings.random.float())
  }

  /** A new link that maintenance dialled and that is one too many lasts as long as a bridge, where there is room for one. */
  linked({ identity, direction }: Connection): void {
    if (identity === null || direction !== 'outbound' || isTrustedClass(identity.peerClass)) return
    const { peerId } = identity
    // Whatever the host says of its class, it is dialled as one that is listed.
    if (this.#context.roster.classOf(peerId) !== null) return
    const target = this.#dialer.targets.find(peerId)
    // Seeds are dialled all at once, and what the host dialled itself is the host's.
    if (target?.kept !== true || target.isSeed) return
    if (!this.has(peerId) && this.#demand.wanted() < 0 && !this.#keep(peerId))
      this.#connections.current(peerId)?.close('useless')
  }

  /** Bridges whose time is up make way, unless they are needed as links. */
  expire(): void {
    const now = this.#context.agenda.now()
    for (const [peerId, untilAt] of this.#untilAt) {
      if (now < untilAt) continue
      this.#untilAt.delete(peerId)
      const connection = this.#connections.current(peerId)
      const isListed = this.#context.roster.classOf(peerId) !== null
      if (connection === null || isListed || isTrusted(connection)) continue
      if (this.#demand.wanted() < 0) connection.close('useless')
    }
  }

  /** Tries one of those given up. */
  tryCold(): void {
    const now = this.#context.agenda.now()
    const targets = [...this.#dialer.targets.all()].filter(({ attempt }) => attempt === null)
    const cold = targets
      .filter(({ standing }) => standing.kind === 'cold')
      .map((target) => ({ target, ageMs: this.#ageMs(target, now) }))
      .sort((a, b) => a.ageMs - b.ageMs)
    for (const { target } of cold.slice(COLD_MAX)) this.#dialer.forget(target)
    for (const target of targets) if (isSomebodyNew(target, now)) this.#dialer.forget(target)
    if (this.#demand.wanted() <= -BRIDGES_MAX) return
    const drawn = pickCold(cold.slice(0, COLD_MAX), this.#context.settings.random)
    if (drawn !== null) this.#dialer.wishes.retryIn(drawn.target, 0)
  }

  #otherwise({ peerId }: Target): Exclude<Need, 'dial'> {
    return peerId !== null && this.#lastSeenAt(peerId) !== null ? 'cool' : 'forget'
  }

  /** @returns false where there are as many as there may be */
  #keep(peerId: PeerId): boolean {
    for (const known of this.#untilAt.keys()) if (this.#connections.current(known) === null) this.#untilAt.delete(known)
    if (this.#untilAt.size >= BRIDGES_MAX) return false
    this.#untilAt.set(peerId, this.#context.agenda.now() + BRIDGE_MS)
    return true
  }

  /** Since it was last seen, or else since it was given up. */
  #ageMs({ peerId, standing }: Target, now: number): number {
    const seenAt = peerId === null ? null : this.#lastSeenAt(peerId)
    if (seenAt !== null) return Math.max(0, this.#context.settings.clock.wall() - seenAt)
    return standing.kind === 'cold' ? now - standing.sinceAt : 0
  }

  #lastSeenAt(peerId: PeerId): number | null {
    return this.#context.settings.peerStore.get(peerId)?.lastSeenAt ?? null
  }
}

/** A stranger given up long ago may be dialled as one that was never heard of; a peer of the operator's stays given up. */
function isSomebodyNew({ standing, peerClass }: Target, now: number): boolean {
  return !isTrustedClass(peerClass) && standing.kind === 'given-up' && now - standing.sinceAt >= FORGOTTEN_MS
}

function waits(standing: Target['standing']): boolean {
  return standing.kind === 'backing-off' || standing.kind === 'cold'
}
