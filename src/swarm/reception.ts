/**
 * Who comes in, once it is known who it is: bans, the host's own say, clocks, then a slot. Everybody who does not is told why.
 */
import type { ReasonCode, WireCode } from '../errors.js'
import { formatAddress, ipBucket, isLoopback } from '../policy/address.js'
import type { SlotCounts, SlotVictim } from '../policy/slots.js'
import { checkSlot, reserveFor } from '../policy/slots.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
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
  readonly currents: () => Iterable<Connection>
  readonly isConnected: (peerId: PeerId) => boolean
  readonly clockSkew: (peerId: PeerId, skewMs: number) => void
}

export type Admission =
  | {
      readonly kind: 'admit'
      readonly peerClass: PeerClass
      readonly limits: ClassLimits
      readonly evict: Connection | null
    }
  | { readonly kind: 'refuse'; readonly code: WireCode; readonly options: CloseOptions }

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
    const { settings, clockSkew } = this.#setup
    const now = settings.clock.monotonic()
    const peerClass = this.#classOf(connection, peerId, dialled)
    if (peerClass === false) return refuse('not-allowed')
    const trusted = peerClass === 'masternode' || peerClass === 'persistent'
    const ban = trusted ? null : settings.blacklist.check({ peerId, ip: this.#bannableIp(connection) }, now)
    if (ban !== null) {
      const retryAfterMs = ban.untilAt === 'permanent' ? undefined : ban.untilAt - now
      return refuse('banned', { text: ban.cause, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
    }
    if (skewMs > (trusted ? TRUSTED_SKEW_MAX_MS : 0)) {
      return refuse('expired', { text: `our clock says ${String(settings.clock.wall())}` })
    }
    if (skewMs > 0) clockSkew(peerId, skewMs)
    return this.#slot(connection, peerId, peerClass)
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
    if (settings.authorize !== null) return settings.authorize({ peerId, direction: connection.direction, address })
    return roster.classOf(peerId) ?? settings.peerStore.classOf(peerId, settings.clock.monotonic())
  }

  #slot(connection: Connection, peerId: PeerId, peerClass: PeerClass): Admission {
    const { settings, roster, isConnected } = this.#setup
    const limits = settings.limits[peerClass]
    const admit = { kind: 'admit', peerClass, limits, evict: null } as const
    // A second link to a peer needs no second slot: one of the two is about to go.
    if (isConnected(peerId)) return admit
    if (this.#perIpIsFull(connection, peerClass, limits.connectionsPerIpMax))
      return refuse('too-many-peers', { retryAfterMs: RETRY_FULL_MS, text: 'from this address' })
    const decision = checkSlot(
      this.#counts(),
      {
        reserve: reserveFor(roster.count('masternode'), roster.count('persistent')),
        regularMax: REGULAR_MAX,
        unknownInboundMax: UNKNOWN_INBOUND_MAX,
      },
      { peerClass, direction: connection.direction },
    )
    if (decision.kind === 'refuse') return refuse(decision.code, { retryAfterMs: RETRY_FULL_MS })
    return decision.kind === 'admit' ? admit : { ...admit, evict: this.#pickVictim(decision.victim) }
  }

  #perIpIsFull(connection: Connection, peerClass: PeerClass, max: number): boolean {
    const ip = this.#bannableIp(connection)
    if (ip === null || isLoopback(ip) || peerClass === 'masternode' || peerClass === 'persistent') return false
    const bucket = ipBucket(ip)
    let count = 0
    for (const { identity, link } of this.#setup.currents()) {
      if (identity?.peerClass !== 'regular' && identity?.peerClass !== 'unknown') continue
      if (link.remote !== null && ipBucket(link.remote.host) === bucket) count++
    }
    return count >= max
  }

  #bannableIp({ direction, link }: Connection): string | null {
    return this.#setup.settings.perIpLimits && direction === 'inbound' ? (link.remote?.host ?? null) : null
  }

  #counts(): SlotCounts {
    const counts = {
      masternode: 0,
      persistent: 0,
      regularInbound: 0,
      regularOutbound: 0,
      unknownInbound: 0,
      unknownOutbound: 0,
    }
    for (const { identity, direction } of this.#setup.currents()) {
      const peerClass = identity?.peerClass
      if (peerClass === 'masternode' || peerClass === 'persistent') counts[peerClass]++
      else if (peerClass !== undefined) counts[`${peerClass}${direction === 'inbound' ? 'Inbound' : 'Outbound'}`]++
    }
    return counts
  }

  /** The youngest of those who may go. */
  #pickVictim(victim: SlotVictim): Connection | null {
    let youngest: Connection | null = null
    for (const connection of this.#setup.currents()) {
      const peerClass = connection.identity?.peerClass
      const common = peerClass === 'regular' || peerClass === 'unknown'
      const inbound = connection.direction === 'inbound'
      const fits = common && (victim === 'outbound' || (inbound && (victim === 'inbound' || peerClass === 'unknown')))
      if (fits && connection.openedAt >= (youngest?.openedAt ?? Number.NEGATIVE_INFINITY)) youngest = connection
    }
    return youngest
  }
}

/** Found by us in a handshake: what no honest peer does by accident. */
export function isHandshakeViolation(code: ReasonCode): code is 'garbage' | 'bad-handshake' | 'protocol-error' {
  return code === 'garbage' || code === 'bad-handshake' || code === 'protocol-error'
}

function refuse(code: WireCode, options: CloseOptions = {}): Admission {
  return { kind: 'refuse', code, options }
}
