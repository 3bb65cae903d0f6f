/**
 * One process of a simulated network under watch: what must hold whenever it has just run, and whenever it tells its host
 * something. The first thing that does not hold is kept, and thrown outside of the swarm, which would catch it.
 */
import type { Blacklist } from '../../policy/blacklist.js'
import { addressKey } from '../../policy/address.js'
import { trustedDialsMax } from '../../policy/dial.js'
import { pendingMaxFor } from '../../policy/admission.js'
import type { Address, PeerId } from '../../ports/types.js'
import type { DialFailure, SwarmEventName } from '../../swarm/events.js'
import type { Peer } from '../../swarm/peer.js'
import type { Swarm } from '../../swarm/swarm.js'
import { InvariantError } from '../invariants.js'
import type { WatchedClock } from './watched-clock.js'
import type { WatchedTransport } from './watched-transport.js'

/** What a watch knows of its process. */
export interface Watched {
  readonly swarm: Swarm
  readonly clock: WatchedClock
  readonly transport: WatchedTransport
  readonly blacklist: Blacklist
  /** Who is on its whitelist. */
  readonly listed: ReadonlySet<PeerId>
  /** Bytes that may wait for one peer, and of its unfinished messages. */
  readonly bufferedMax: number
}

const EVENTS: readonly SwarmEventName[] = [
  'listening',
  'peer:connect',
  'peer:disconnect',
  'peer:suspect',
  'peer:slow',
  'peer:conflict',
  'peer:quarantine',
  'dial:failed',
  'inbound:refused',
  'ban',
  'partition:suspected',
  'partition:healed',
  'recovered',
  'error',
]
const COMMON_MAX = 75
const UNKNOWN_INBOUND_MAX = 19
const RESERVE_MIN = 50
const OTHER_DIALS_MAX = 16
/** Instants are sums of fractions. */
const ROUNDING_MS = 0.01
/** A recovery that was asked for too soon after another comes within so long. */
const AGAIN_MS = 30_000 + ROUNDING_MS
/** A process that runs does something at least so often: maintenance is every five seconds. */
const BUSY_MS = 5_000 + ROUNDING_MS

export class SwarmWatch {
  #watched: Watched | null = null
  #fault: InvariantError | null = null
  #stopped = false
  /** Who is connected, as the host was told. Bound: the peers of the network. */
  readonly #connected = new Set<PeerId>()
  /** No dial before that instant. Bound: the peers of the network. */
  readonly #notBefore = new Map<PeerId, { readonly at: number; readonly handshakes: number }>()
  /** Whom we dialled: a link of its own that takes over needs no second place. Bound: as above. */
  readonly #dialled = new Set<PeerId>()
  #shaken = 0
  #shakenAt = Number.NEGATIVE_INFINITY
  #checkedAt = Number.NEGATIVE_INFINITY
  /** Who was lost in the present event. Bound: the peers of the network. */
  readonly #lost = new Set<PeerId>()
  readonly #name: string

  /** @param name how the process is called where something does not hold */
  constructor(name: string) {
    this.#name = name
  }

  /** Links that are open beside those to the peers that are connected. */
  get spareLinks(): number {
    const { transport, swarm } = this.#known()
    return transport.open - swarm.peers.size
  }

  begin(watched: Watched): void {
    this.#watched = watched
    const { swarm } = watched
    for (const name of EVENTS)
      swarm.on(name, () => {
        this.#check(!this.#stopped, 'S8', () => `${name} after stop`)
      })
    swarm.on('error', (error) => {
      this.fail(
        'S8',
        `${error.code}: ${error.message} ${error.cause instanceof Error ? String(error.cause.stack) : ''}`,
      )
    })
    swarm.on('peer:connect', (peer) => {
      this.#came(peer)
    })
    swarm.on('peer:disconnect', (peer, { code }) => {
      this.#check(this.#connected.delete(peer.id), 'S8', () => `${peer.id} left without having come`)
      const evicted = peer.class === 'masternode' && code === 'too-many-peers'
      this.#check(!evicted, 'S4', () => `${peer.id} had to make way`)
      // A loss is planned for anew, whatever was planned while the link was only doubted.
      this.#notBefore.delete(peer.id)
      this.#lost.add(peer.id)
    })
    swarm.on('dial:failed', (failure) => {
      this.#postponed(failure)
    })
  }

  /** The host dials by hand, at once. */
  dialsByHand(peerId: PeerId): void {
    this.#notBefore.delete(peerId)
  }

  /** `stop()` has resolved. */
  stopped(): void {
    this.#stopped = true
    const { clock, transport, swarm } = this.#known()
    this.#check(clock.armed === 0, 'S14', () => `${String(clock.armed)} timers after stop`)
    this.#check(transport.open === 0, 'S8', () => `${String(transport.open)} links after stop`)
    this.#check(transport.dials.size === 0, 'S8', () => `${String(transport.dials.size)} dials after stop`)
    this.#check(this.#connected.size === 0, 'S8', () => `${String(this.#connected.size)} peers never left`)
    this.#check(swarm.status().state === 'stopped', 'S8', () => swarm.status().state)
  }

  /** Something has just run in this process. @throws InvariantError */
  check(): void {
    if (this.#fault !== null) throw this.#fault
    const watched = this.#watched
    if (watched === null) return
    const { clock } = watched
    this.#check(clock.armed <= (this.#stopped ? 0 : 1), 'S14', () => `${String(clock.armed)} timers are armed`)
    if (!this.#stopped) this.#checkStatus(watched)
    this.#reschedule(watched)
    for (const peerId of this.#lost) this.#waits(peerId, watched.swarm.explain(peerId).nextAttemptInMs)
    this.#lost.clear()
    this.rethrow()
  }

  /** @throws InvariantError for the first thing that did not hold */
  rethrow(): void {
    if (this.#fault !== null) throw this.#fault
  }

  /** Before a dial is made. */
  dialling(address: Address): void {
    const { swarm, clock, blacklist, transport, listed } = this.#known()
    const { peerId } = address
    this.#check(!this.#stopped, 'S8', () => 'a dial after stop')
    const underWay = transport.dials.get(addressKey(address)) ?? 0
    this.#check(underWay === 0, 'S5', () => `${addressKey(address)} is dialled already`)
    let dials = 1
    for (const count of transport.dials.values()) dials += count
    this.#check(dials <= OTHER_DIALS_MAX + trustedDialsMax(listed.size), 'S5', () => `${String(dials)} dials`)
    if (peerId === null) return
    this.#dialled.add(peerId)
    this.#check(peerId !== swarm.id, 'S6', () => 'a dial to itself')
    const now = clock.monotonic()
    this.#check(blacklist.check({ peerId }, now) === null, 'S6', () => `a dial to ${peerId}, who is banned`)
    const wait = this.#notBefore.get(peerId)
    if (wait === undefined || now >= wait.at - ROUNDING_MS) return
    // Whoever reaches somebody again tries all the others it trusts, at once or when it may again.
    const isSoon = this.#handshakes() > wait.handshakes || this.#checkedAt - this.#shakenAt <= AGAIN_MS
    const recovers = listed.has(peerId) && isSoon
    this.#check(recovers, 'S6', () => `a dial to ${peerId}, ${String(wait.at - now)} ms too early`)
  }

  fail(invariant: string, seen: string): void {
    this.#fault ??= new InvariantError(invariant, `${this.#name}: ${seen}`)
  }

  #came(peer: Peer): void {
    const { listed, swarm } = this.#known()
    this.#check(!this.#connected.has(peer.id), 'S1', () => `${peer.id} came twice`)
    this.#connected.add(peer.id)
    this.#notBefore.delete(peer.id)
    this.#check(peer.id !== swarm.id, 'S6', () => 'a link to itself')
    const isMasternode = peer.class === 'masternode'
    this.#check(isMasternode === listed.has(peer.id), 'S13', () => `${peer.id} came as ${peer.class}`)
  }

  #postponed({ peerId, retryInMs }: DialFailure): void {
    if (peerId !== null) this.#waits(peerId, retryInMs)
  }

  #waits(peerId: PeerId, retryInMs: number | null): void {
    if (retryInMs !== null)
      this.#notBefore.set(peerId, { at: this.#known().clock.monotonic() + retryInMs, handshakes: this.#handshakes() })
  }

  /** Somebody was reached: that may call others sooner, and the swarm says when. Whoever it has no time for keeps his. */
  #reschedule({ swarm, clock, listed }: Watched): void {
    const handshakes = this.#handshakes()
    const now = clock.monotonic()
    const isNews = handshakes !== this.#shaken
    // While it stood still nothing that was due came about.
    const stillMs = now - this.#checkedAt
    this.#checkedAt = now
    if (isNews) this.#shakenAt = now
    else if (stillMs > BUSY_MS) this.#shakenAt += stillMs
    this.#shaken = handshakes
    if (!isNews && now - this.#shakenAt > AGAIN_MS) return
    for (const peerId of this.#notBefore.keys())
      if (isNews || listed.has(peerId)) this.#waits(peerId, swarm.explain(peerId).nextAttemptInMs)
  }

  #handshakes(): number {
    const { handshakes } = this.#known().swarm.status()
    return (handshakes['inbound'] ?? 0) + (handshakes['outbound'] ?? 0)
  }

  #checkStatus({ swarm, listed, bufferedMax }: Watched): void {
    const { peers, pending } = swarm.status()
    let common = 0
    let guests = 0
    for (const peer of peers) {
      const isCommon = peer.class === 'regular' || peer.class === 'unknown'
      if (isCommon) common++
      if (peer.class === 'unknown' && peer.direction === 'inbound' && !this.#dialled.has(peer.id)) guests++
      if (peer.bufferedBytes > bufferedMax) this.fail('S11', `${String(peer.bufferedBytes)} bytes wait for ${peer.id}`)
      if (!this.#connected.has(peer.id)) this.fail('S8', `${peer.id} is there, and the host was not told`)
    }
    this.#check(peers.length === this.#connected.size, 'S1', () => `${String(peers.length)} peers are there`)
    this.#check(common <= COMMON_MAX && guests <= UNKNOWN_INBOUND_MAX, 'S2', () => `${String(guests)} guests`)
    this.#check(peers.length <= COMMON_MAX + RESERVE_MIN, 'S2', () => `${String(peers.length)} peers`)
    this.#check(pending <= pendingMaxFor(listed.size), 'S2', () => `${String(pending)} handshakes are pending`)
  }

  #check(holds: boolean, invariant: string, seen: () => string): void {
    if (!holds) this.fail(invariant, seen())
  }

  #known(): Watched {
    if (this.#watched === null) throw new TypeError('nothing is watched yet')
    return this.#watched
  }
}
