/**
 * The slots as they are: who holds one, whether there is one more, and who goes when there is not. A slot is taken from the
 * moment it is granted, and free from the moment its connection begins to end.
 */
import { ipBucket, isLoopback, networkGroup } from '../policy/address.js'
import { pickEviction } from '../policy/eviction.js'
import type { Memory } from '../policy/memory.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { SlotCounts, SlotDecision, SlotLimits, SlotVictim } from '../policy/slots.js'
import { checkSlot, reserveFor } from '../policy/slots.js'
import type { Direction, PeerClass, PeerId } from '../ports/types.js'
import { hex, utf8 } from '../protocol/bytes.js'
import type { Connection } from './connection.js'
import type { Settings } from './options.js'
import type { Roster } from './roster.js'

export interface SeatingSetup {
  readonly settings: Settings
  readonly roster: Roster
  readonly memory: Memory
  /** Every link of the swarm. */
  readonly links: () => ReadonlySet<Connection>
}

/** `network`: too many from one address already. `short`: of memory. */
export type SeatAnswer = 'granted' | 'full' | 'network' | 'short'

export class Seating {
  readonly #setup: SeatingSetup
  /** Makes the order of networks one that nobody can know. Drawn when first needed. */
  #secret: Uint8Array | null = null

  constructor(setup: SeatingSetup) {
    this.#setup = setup
  }

  /** Whether a proven peer may have a slot; who makes way for it is asked again once it has said hello. */
  ask(connection: Connection, peerId: PeerId, judgedAs: PeerClass): SeatAnswer {
    const peerClass = this.#seatOf(peerId, judgedAs)
    if (this.#isRoomyFor(peerClass)) return 'granted'
    const holders = this.#holders(connection)
    const others = holders.filter(({ identity }) => identity?.peerId !== peerId)
    if (this.#perIpIsFull(connection, peerClass, others)) return 'network'
    // A second link to a peer needs no second slot: one of the two is about to go.
    if (others.length < holders.length) return 'granted'
    if (!isTrustedClass(peerClass) && !this.#setup.memory.fits(peerClass, 0)) return 'short'
    const decision = this.#decide(peerClass, connection.direction, holders)
    if (decision.kind === 'refuse') return 'full'
    const isVain = decision.kind === 'exchange' && this.#victimOf(decision, connection, holders) === null
    return isVain ? 'full' : 'granted'
  }

  /** Every link of who must go now that this one is in, maybe itself: the slots may have filled while it said hello. */
  pickVictims(connection: Connection): readonly Connection[] {
    return this.#linksOf(this.#pickVictim(connection))
  }

  #pickVictim(connection: Connection): Connection | null {
    const { identity, direction } = connection
    if (identity === null) return null
    const peerClass = this.#seatOf(identity.peerId, identity.peerClass)
    if (this.#isRoomyFor(peerClass)) return null
    const holders = this.#holders(connection)
    if (holders.some((other) => other.identity?.peerId === identity.peerId)) return null
    const decision = this.#decide(peerClass, direction, holders)
    if (decision.kind === 'admit') return null
    return this.#victimOf(decision, connection, holders) ?? connection
  }

  /** Somebody has become a common peer, or the reserve has shrunk: every link of one who must go. */
  pickSurplus(): readonly Connection[] {
    return this.#linksOf(this.#pickSurplus())
  }

  #pickSurplus(): Connection | null {
    const holders = this.#holders(null)
    const counts = this.#countSlots(holders)
    const { reserve, regularMax, unknownInboundMax } = this.#limits()
    const inbound = counts.regularInbound + counts.unknownInbound
    const common = inbound + counts.regularOutbound + counts.unknownOutbound
    const isOver = common > regularMax || counts.masternode + counts.persistent + common > reserve + regularMax
    if (isOver && common > 0) return this.#pick(inbound > 0 ? 'inbound' : 'outbound', holders, true, null)
    return counts.unknownInbound > unknownInboundMax ? this.#pick('unknown-inbound', holders, true, null) : null
  }

  /** The last first: none is to take the place of another that goes. */
  #linksOf(one: Connection | null): readonly Connection[] {
    if (one === null) return []
    const links = [...this.#setup.links()].filter(
      ({ identity, isEnding }) => !isEnding && identity?.peerId === one.identity?.peerId,
    )
    return links.reverse()
  }

  #victimOf(decision: SlotDecision, newcomer: Connection, holders: readonly Connection[]): Connection | null {
    if (decision.kind === 'evict') return this.#pick(decision.victim, holders, true, null)
    return decision.kind === 'exchange' ? this.#pick(decision.victim, holders, false, groupOf(newcomer)) : null
  }

  #pick(
    victim: SlotVictim,
    holders: readonly Connection[],
    isForced: boolean,
    newcomer: string | null,
  ): Connection | null {
    const candidates = holders
      .filter((connection) => this.#fits(victim, connection))
      .map((connection) => ({
        key: connection,
        group: groupOf(connection),
        rttMs: connection.vitals?.rttMs ?? null,
        novelAt: connection.novelAt,
        openedAt: connection.openedAt,
      }))
    return pickEviction(candidates, (group) => this.#orderOf(group), isForced, newcomer)
  }

  #orderOf(group: string): string {
    const { crypto, random } = this.#setup.settings
    this.#secret ??= random.bytes(16)
    return hex(crypto.sha256([this.#secret, utf8(group)]))
  }

  #limits(): SlotLimits {
    const { roster, settings } = this.#setup
    return { ...settings.slots, reserve: reserveFor(roster.count('masternode'), roster.count('persistent')) }
  }

  #decide(peerClass: PeerClass, direction: Direction, holders: readonly Connection[]): SlotDecision {
    return checkSlot(this.#countSlots(holders), this.#limits(), { peerClass, direction })
  }

  /** Whether nobody need be counted: a trusted peer may have any slot, and all links together are fewer. */
  #isRoomyFor(peerClass: PeerClass): boolean {
    const { reserve, regularMax } = this.#limits()
    return isTrustedClass(peerClass) && this.#setup.links().size <= reserve + regularMax
  }

  /** Those who were let in and are not on their way out, each peer once. */
  #holders(but: Connection | null): readonly Connection[] {
    const holders = new Map<PeerId, Connection>()
    for (const connection of this.#setup.links()) {
      const { identity } = connection
      if (connection === but || identity === null || connection.isEnding || holders.has(identity.peerId)) continue
      holders.set(identity.peerId, connection)
    }
    return [...holders.values()]
  }

  #perIpIsFull({ direction, remoteIp }: Connection, peerClass: PeerClass, holders: readonly Connection[]): boolean {
    const { perIpLimits, limits } = this.#setup.settings
    if (!perIpLimits || direction === 'outbound' || remoteIp === null) return false
    if (isLoopback(remoteIp) || isTrustedClass(peerClass)) return false
    const bucket = ipBucket(remoteIp)
    let count = 0
    for (const { identity, remoteIp: other } of holders) {
      if (identity === null || isTrustedClass(this.#seatOf(identity.peerId, identity.peerClass))) continue
      if (other !== null && ipBucket(other) === bucket) count++
    }
    return count >= limits[peerClass].connectionsPerIpMax
  }

  /** Whose slot it has: the list decides, whatever the host says of its class. */
  #seatOf(peerId: PeerId, peerClass: PeerClass): PeerClass {
    return this.#setup.roster.classOf(peerId) ?? peerClass
  }

  #fits(victim: SlotVictim, { identity, direction }: Connection): boolean {
    if (identity === null) return false
    const seat = this.#seatOf(identity.peerId, identity.peerClass)
    if (isTrustedClass(seat)) return false
    if (victim === 'outbound') return direction === 'outbound'
    return direction === 'inbound' && (victim === 'inbound' || seat === 'unknown')
  }

  #countSlots(holders: readonly Connection[]): SlotCounts {
    const counts = {
      masternode: 0,
      persistent: 0,
      regularInbound: 0,
      regularOutbound: 0,
      unknownInbound: 0,
      unknownOutbound: 0,
    }
    for (const { identity, direction } of holders) {
      if (identity === null) continue
      const seat = this.#seatOf(identity.peerId, identity.peerClass)
      if (isTrustedClass(seat)) counts[seat]++
      else counts[`${seat}${direction === 'inbound' ? 'Inbound' : 'Outbound'}`]++
    }
    return counts
  }
}

function groupOf({ remoteIp }: Connection): string {
  return remoteIp === null ? '' : networkGroup(remoteIp)
}
