/**
 * Who comes in, once it is known who it is: bans, the host's own say, clocks, then a slot. Everybody who does not is told why.
 */
import type { ReasonCode, WireCode } from '../errors.js'
import { HoldfastError } from '../errors.js'
import { formatAddress, ipBucket, isLoopback } from '../policy/address.js'
import type { SlotCounts, SlotDecision, SlotVictim } from '../policy/slots.js'
import { checkSlot, reserveFor } from '../policy/slots.js'
import type { Address, Direction, PeerClass, PeerId } from '../ports/types.js'
import type { Hello } from '../protocol/hello.js'
import type { Connection } from './connection.js'
import type { CloseOptions } from './connection-owner.js'
import type { Settings } from './options.js'
import type { ClassLimits } from './profile.js'
import { windowBytesFor } from './profile.js'
import type { Roster } from './roster.js'

export interface ReceptionSetup {
  readonly settings: Settings
  readonly roster: Roster
  /** Every link of the swarm. */
  readonly links: () => Iterable<Connection>
  readonly failed: (error: HoldfastError) => void
  readonly clockSkew: (peerId: PeerId, skewMs: number) => void
}

export type Admission =
  | { readonly kind: 'admit'; readonly peerClass: PeerClass; readonly limits: ClassLimits }
  | { readonly kind: 'refuse'; readonly code: WireCode; readonly options: CloseOptions }

const CLASSES: readonly PeerClass[] = ['masternode', 'persistent', 'regular', 'unknown']
const REGULAR_MAX = 75
const UNKNOWN_INBOUND_MAX = 19
/** Tells a peer without a slot when to ask again. */
const RETRY_FULL_MS = 60_000
/** A trusted peer's clock may be this wrong: its delegation then only raises `clock:skew`. */
const TRUSTED_SKEW_MAX_MS = 31 * 86_400_000

export class Reception {
  readonly #setup: ReceptionSetup

  constructor(setup: ReceptionSetup) {
    this.#setup = setup
  }

  /** @param dialled the address of an outbound connection */
  receive(connection: Connection, peerId: PeerId, dialled: Address | null, skewMs: number): Admission {
    const { settings, roster, clockSkew } = this.#setup
    const now = settings.clock.monotonic()
    const listed = roster.classOf(peerId)
    const ban = listed !== null ? null : settings.blacklist.check({ peerId, ip: this.#bannableIp(connection) }, now)
    if (ban !== null) {
      const retryAfterMs = ban.untilAt === 'permanent' ? undefined : ban.untilAt - now
      return refuse('banned', { text: ban.cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
    }
    if (skewMs > (listed !== null ? TRUSTED_SKEW_MAX_MS : 0)) {
      return refuse('expired', { text: `our clock says ${String(settings.clock.wall())}` })
    }
    const peerClass = this.#classOf(connection, peerId, dialled)
    if (peerClass === false) return refuse('not-allowed')
    if (skewMs > 0) clockSkew(peerId, skewMs)
    return this.#slot(connection, peerId, peerClass)
  }

  /** Who must go now that this one is in: the slots may have filled while it said hello. Null where there is room. */
  pickVictim(connection: Connection): Connection | null {
    const { identity, direction } = connection
    if (identity === null || holds(identity.peerId, this.#holders(connection))) return null
    const decision = this.#decide(identity.peerClass, direction, this.#holders(connection))
    return decision.kind === 'evict' ? this.#youngest(decision.victim) : null
  }

  /** What this side says of itself to a peer of this class. */
  hello(limits: ClassLimits, epoch: Uint8Array, own: Pick<Hello, 'names' | 'addresses' | 'supersedes'>): Hello {
    const { protocol, agent, clock } = this.#setup.settings
    return {
      ...own,
      ...protocol,
      epoch,
      agent,
      wallMs: clock.wall(),
      limits: {
        messageBytesMax: limits.messageBytesMax,
        requestsMax: limits.requestsMax,
        windowBytes: windowBytesFor(limits),
      },
    }
  }

  #classOf(connection: Connection, peerId: PeerId, dialled: Address | null): PeerClass | false {
    const { settings, roster } = this.#setup
    const { remote } = connection.link
    const address =
      dialled === null ? (remote === null ? null : `${remote.host}:${String(remote.port)}`) : formatAddress(dialled)
    const own = roster.classOf(peerId) ?? settings.peerStore.classOf(peerId, settings.clock.monotonic())
    if (settings.authorize === null) return own
    try {
      const answer: unknown = settings.authorize({ peerId, direction: connection.direction, address })
      if (answer === false || CLASSES.includes(answer as PeerClass)) return answer as PeerClass | false
      throw new TypeError(`authorize must answer with a class or false, at once, and not with ${typeof answer}`)
    } catch (cause) {
      this.#setup.failed(new HoldfastError('handler-failed', 'authorize failed: the peer was refused', { cause }))
      return false
    }
  }

  #slot(connection: Connection, peerId: PeerId, peerClass: PeerClass): Admission {
    const limits = this.#setup.settings.limits[peerClass]
    const admit = { kind: 'admit', peerClass, limits } as const
    // A second link to a peer needs no second slot: one of the two is about to go.
    const holders = this.#holders(connection)
    if (holds(peerId, holders)) return admit
    if (this.#perIpIsFull(connection, peerClass, limits.connectionsPerIpMax, holders))
      return refuse('too-many-peers', { retryAfterMs: RETRY_FULL_MS, text: 'from this address' })
    const decision = this.#decide(peerClass, connection.direction, holders)
    return decision.kind === 'refuse' ? refuse(decision.code, { retryAfterMs: RETRY_FULL_MS }) : admit
  }

  #decide(peerClass: PeerClass, direction: Direction, holders: readonly Connection[]): SlotDecision {
    const { roster } = this.#setup
    const reserve = reserveFor(roster.count('masternode'), roster.count('persistent'))
    const limits = { reserve, regularMax: REGULAR_MAX, unknownInboundMax: UNKNOWN_INBOUND_MAX }
    return checkSlot(countSlots(holders), limits, { peerClass, direction })
  }

  /** Those who were let in and are not on their way out, each peer once; a slot is taken from the moment it is granted. */
  #holders(but: Connection | null): readonly Connection[] {
    const holders = new Map<PeerId, Connection>()
    for (const connection of this.#setup.links()) {
      const { identity } = connection
      if (connection === but || identity === null || connection.isEnding || holders.has(identity.peerId)) continue
      holders.set(identity.peerId, connection)
    }
    return [...holders.values()]
  }

  #perIpIsFull(connection: Connection, peerClass: PeerClass, max: number, holders: readonly Connection[]): boolean {
    const ip = this.#bannableIp(connection)
    if (ip === null || isLoopback(ip) || peerClass === 'masternode' || peerClass === 'persistent') return false
    const bucket = ipBucket(ip)
    let count = 0
    for (const { identity, link } of holders) {
      if (identity?.peerClass !== 'regular' && identity?.peerClass !== 'unknown') continue
      if (link.remote !== null && ipBucket(link.remote.host) === bucket) count++
    }
    return count >= max
  }

  #bannableIp({ direction, link }: Connection): string | null {
    return this.#setup.settings.perIpLimits && direction === 'inbound' ? (link.remote?.host ?? null) : null
  }

  /** The youngest of those who may go. */
  #youngest(victim: SlotVictim): Connection | null {
    let youngest: Connection | null = null
    for (const connection of this.#holders(null)) {
      const peerClass = connection.identity?.peerClass
      const common = peerClass === 'regular' || peerClass === 'unknown'
      const inbound = connection.direction === 'inbound'
      const fits = common && (victim === 'outbound' || (inbound && (victim === 'inbound' || peerClass === 'unknown')))
      if (fits && connection.openedAt >= (youngest?.openedAt ?? Number.NEGATIVE_INFINITY)) youngest = connection
    }
    return youngest
  }
}

function holds(peerId: PeerId, holders: readonly Connection[]): boolean {
  return holders.some(({ identity }) => identity?.peerId === peerId)
}

function countSlots(holders: readonly Connection[]): SlotCounts {
  const counts = {
    masternode: 0,
    persistent: 0,
    regularInbound: 0,
    regularOutbound: 0,
    unknownInbound: 0,
    unknownOutbound: 0,
  }
  for (const { identity, direction } of holders) {
    const peerClass = identity?.peerClass
    if (peerClass === 'masternode' || peerClass === 'persistent') counts[peerClass]++
    else if (peerClass !== undefined) counts[`${peerClass}${direction === 'inbound' ? 'Inbound' : 'Outbound'}`]++
  }
  return counts
}

/** Found by us in a handshake: what no honest peer does by accident. */
export function isHandshakeViolation(code: ReasonCode): code is 'garbage' | 'bad-handshake' | 'protocol-error' {
  return code === 'garbage' || code === 'bad-handshake' || code === 'protocol-error'
}

function refuse(code: WireCode, options: CloseOptions = {}): Admission {
  return { kind: 'refuse', code, options }
}
