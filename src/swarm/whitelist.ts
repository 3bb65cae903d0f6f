/**
 * What follows when the operator's list changes while the node runs: slots, pins, bans, dials and the class of links that are
 * open. A peer that is listed from now on is a masternode at once; one that is not is a stranger like any other.
 */
import { addressKey } from '../policy/address.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { SwarmContext } from './context.js'
import type { Dialer } from './dialer.js'
import type { Gate } from './gate.js'
import type { Peer } from './peer.js'
import type { Seating } from './seating.js'
import type { Upkeep } from './upkeep.js'
import type { Trusted } from './roster.js'
import { Whereabouts } from './whereabouts.js'

/** A peer listed a moment ago may take this long to be linked before it counts as missing. */
const ARRIVAL_MS = 60_000

/**
 * What a peer that is no longer listed is: `regular` for its past, or a stranger whose past counts for nothing; `dropped` by a directory, it is
 * regular, too. Where the operator has said nothing: `displaced`, since somebody else is known at its address, or `doubted`, since somebody
 * else was found there.
 */
export type Leaving = 'regular' | 'stranger' | 'dropped' | 'displaced' | 'doubted'

/** What a change of the list reaches. */
export interface WhitelistOwner {
  readonly dialer: Dialer
  readonly gate: Gate
  readonly seating: Seating
  readonly upkeep: Upkeep
  readonly connections: Pick<Connections<Peer>, 'current'>
  /** The peer's links, or everybody's, are of the class they should have from now on. */
  reclassify(only: PeerId | null): void
}

interface View {
  readonly byId: ReadonlyMap<PeerId, Trusted>
  readonly byAddress: ReadonlyMap<string, Trusted>
}

/** What becomes of one that is listed. */
interface Entering {
  /** As it was listed before. */
  readonly old: Trusted | undefined
  readonly isNews: boolean
  readonly leaving: Leaving
}

const NEWCOMER: Entering = { old: undefined, isNews: false, leaving: 'regular' }

export class Whitelist {
  readonly #context: SwarmContext
  readonly #owner: WhitelistOwner
  readonly #whereabouts: Whereabouts
  #running = false

  constructor(context: SwarmContext, owner: WhitelistOwner) {
    this.#context = context
    this.#owner = owner
    const { peerStore } = context.settings
    this.#whereabouts = new Whereabouts(context.roster, peerStore.pins, {
      metAt: (peerId) =>
        owner.connections.current(peerId) !== null
          ? Number.POSITIVE_INFINITY
          : (peerStore.get(peerId)?.lastSeenAt ?? null),
    })
  }

  /** From now on the list is acted upon, and so is what a host that hears of it changes at once. */
  start(): void {
    this.#running = true
    this.#whereabouts.heard()
    this.#context.roster.begin()
    this.#follow(null, 'regular')
    // Who was let in while the listeners opened may have been struck off since.
    this.#owner.reclassify(null)
  }

  stop(): void {
    this.#running = false
  }

  /**
   * Our own dial has proven who is there. Where the address was listed alone, it is that peer's from now on, unless it is banned.
   * @param isWelcome asks the host, who may refuse it, and change anything meanwhile
   */
  found(dialled: Address | null, connection: Connection, isWelcome: () => boolean = () => true): void {
    const { peerId } = connection
    if (dialled === null || peerId === null) return
    this.#whereabouts.confirm(dialled, peerId)
    if (!this.#isOpenTo(dialled, peerId) || !isWelcome() || !this.#isOpenTo(dialled, peerId)) return
    // First, or the dial would be called off as one to an address that is looked for no more.
    this.#owner.dialer.found(peerId, connection)
    this.#revise(() => {
      this.#whereabouts.found(dialled, peerId)
    })
  }

  #isOpenTo(address: Address, peerId: PeerId): boolean {
    const { roster, settings, agenda } = this.#context
    return roster.isOpenTo(address, peerId) && settings.blacklist.check({ peerId }, agenda.now()) === null
  }

  /** Our own dial has found another there. One who has been met is only away; one whom nobody has ever met was never there. */
  notAt(address: Address, peerId: PeerId): void {
    if (this.#whereabouts.doubt(address, peerId)) this.#revise(() => undefined, 'doubted')
  }

  /** Somebody is linked, and trusted by the list or by the host's say, or not. */
  linked({ direction, remoteIp }: Connection, peerId: PeerId, peerClass: PeerClass): void {
    const { settings, roster } = this.#context
    this.judged(peerId, peerClass)
    if (!isTrustedClass(peerClass)) return
    const trusted = roster.find(peerId)
    if (trusted !== null) settings.peerStore.pin(peerId)
    this.#whereabouts.met(peerId, trusted?.addresses ?? [])
    if (direction === 'inbound' && remoteIp !== null) roster.sawAt(peerId, remoteIp)
  }

  /** Only who is trusted now is spared bans. */
  judged(peerId: PeerId, peerClass: PeerClass): void {
    const { settings, roster } = this.#context
    if (isTrustedClass(peerClass)) settings.blacklist.exempt(peerId)
    else if (roster.classOf(peerId) === null) settings.blacklist.unexempt(peerId)
  }

  /** Pins have been read that could not be at the start: whoever was found meanwhile where another lives is a stranger. */
  readLate(): void {
    const { log, roster } = this.#context
    const before = [...roster.entries()]
    this.#revise(() => {
      this.#whereabouts.moved(roster.movedSaved())
      this.#whereabouts.heard()
      roster.refresh()
      // Who is banned or struck off has lost the place before it was known to have it.
      for (const { peerId: there, addresses } of before)
        for (const address of addresses)
          if (there !== null && roster.idsAt(address).size === 0) this.#whereabouts.found(address, there)
      for (const { peerId: gone, addresses } of before)
        for (const address of addresses)
          for (const peerId of roster.idsAt(address))
            if (gone !== null && gone !== peerId && !roster.idsAt(address).has(gone))
              log(
                'warn',
                `${addressKey(address)} is ${peerId}'s, as was saved, and not ${gone}'s, who was found there since`,
              )
    }, 'displaced')
  }

  /** Changes the list, and everything that hangs on it. */
  change<T>(edit: () => T, leaving: Leaving = 'regular'): T {
    return this.#revise(() => {
      const result = edit()
      // What is saved is read before the start: until then nothing is known of anybody.
      if (this.#running) this.#whereabouts.heard()
      return result
    }, leaving)
  }

  /** A key is trusted no more, wherever it was. */
  revoked(peerId: PeerId): void {
    this.#whereabouts.revoked(peerId)
  }

  /** The directory's answer. */
  setDirectory(addresses: readonly Address[]): void {
    this.change(() => {
      this.#whereabouts.moved(this.#context.roster.setDirectory(addresses))
    }, 'dropped')
  }

  /** What the directory had said to an earlier process, read late: who has moved since is where it was no more. */
  saidBefore(addresses: readonly Address[]): void {
    const { roster } = this.#context
    roster.saidBefore(addresses)
    this.#revise(() => {
      this.#whereabouts.moved(roster.movedSaved())
    })
  }

  /** Changes who is known where, and what hangs on it. */
  #revise<T>(edit: () => T, leaving: Leaving = 'regular'): T {
    const before = this.#view()
    const result = edit()
    this.#context.roster.refresh()
    if (this.#running) this.#follow(before, leaving)
    return result
  }

  /** @param before null at the start, where nobody comes or goes */
  #follow(before: View | null, leaving: Leaving): void {
    const after = this.#view()
    const { gate, seating, upkeep } = this.#owner
    // Links may end below, and a host that hears of it change the list: what is true no more is not acted upon.
    const { roster } = this.#context
    for (const [peerId, old] of before?.byId ?? [])
      if (!after.byId.has(peerId) && roster.classOf(peerId) === null) this.#leave(old, leaving)
    for (const [key, old] of before?.byAddress ?? []) if (!after.byAddress.has(key)) this.#forget(old)
    for (const peerId of after.byId.keys()) {
      const trusted = roster.find(peerId)
      const old = before?.byId.get(peerId)
      if (trusted === null || !this.#running) continue
      if (old?.peerClass !== trusted.peerClass || !sameAddresses(old, trusted))
        this.#enter(trusted, { old, isNews: before !== null, leaving })
    }
    for (const [key, trusted] of after.byAddress)
      if (before?.byAddress.get(key)?.peerClass !== trusted.peerClass && roster.isAlone(key) && this.#running)
        this.#enter(trusted)
    gate.resize()
    if (before === null) return
    // Each turn ends a peer's links, so there are no more turns than peers.
    for (let surplus = seating.pickSurplus(); surplus.length > 0; surplus = seating.pickSurplus())
      for (const link of surplus) link.close('too-many-peers', { retryAfterMs: ARRIVAL_MS, text: 'evicted' })
    upkeep.watch.update()
  }

  #enter({ peerId, peerClass, addresses }: Trusted, { old, isNews, leaving }: Entering = NEWCOMER): void {
    const { settings, agenda, journal, log } = this.#context
    const { dialer, upkeep } = this.#owner
    if (peerId === null) {
      dialer.wishes.promote(null, peerClass, addresses)
      return
    }
    settings.peerStore.pin(peerId)
    settings.blacklist.exempt(peerId)
    const kept = new Set(addresses.map(addressKey))
    const gone = old?.addresses.filter((address) => !kept.has(addressKey(address))) ?? []
    this.#left(peerId, gone, leaving)
    if (isNews && old === undefined) {
      log('info', `${peerId} is listed: ${peerClass}`)
      journal.note(peerId, `listed: ${peerClass}`, agenda.now())
      upkeep.watch.expect(peerId, ARRIVAL_MS)
    }
    // Last: the host may hear of a dial that fails at once, and strike it off.
    dialer.wishes.promote(peerId, peerClass, addresses, gone)
    this.#owner.reclassify(peerId)
  }

  #leave({ peerId, addresses }: Trusted, leaving: Leaving): void {
    const { settings, agenda, journal, log } = this.#context
    const { dialer, upkeep } = this.#owner
    if (peerId === null) return
    const what = leaving === 'stranger' ? 'revoked' : 'listed no longer'
    log('info', `${peerId} is ${what}`)
    journal.note(peerId, what, agenda.now())
    settings.peerStore.unpin(peerId)
    this.#left(peerId, addresses, leaving)
    settings.blacklist.unexempt(peerId)
    if (leaving === 'regular' || leaving === 'dropped') settings.peerStore.vouch(peerId)
    else if (leaving !== 'doubted') settings.peerStore.penalized(peerId, agenda.now())
    upkeep.watch.forget(peerId)
    // First: a link that ends for it is that of a stranger, and the host may list the peer again.
    this.#owner.reclassify(peerId)
    const target = this.#context.roster.classOf(peerId) === null ? dialer.targets.find(peerId) : null
    if (target !== null) dialer.wishes.demote(target, settings.peerStore.classOf(peerId, agenda.now()))
  }

  /** Only what the operator has said is known of where it is. */
  #left(peerId: PeerId, addresses: readonly Address[], leaving: Leaving): void {
    if (leaving === 'dropped') this.#whereabouts.dropped(peerId, addresses)
    else if (leaving === 'regular' || leaving === 'stranger') this.#whereabouts.left(peerId, addresses)
  }

  /** An address whose peer was never found is not looked for any more. */
  #forget({ addresses }: Trusted): void {
    const { dialer } = this.#owner
    for (const address of addresses) {
      this.#whereabouts.closed(address)
      const target = dialer.targets.findAddress(address)
      if (target?.peerId === null) dialer.forget(target)
    }
  }

  #view(): View {
    const byId = new Map<PeerId, Trusted>()
    const byAddress = new Map<string, Trusted>()
    for (const trusted of this.#context.roster.entries()) {
      const [address] = trusted.addresses
      if (trusted.peerId !== null) byId.set(trusted.peerId, trusted)
      else if (address !== undefined) byAddress.set(addressKey(address), trusted)
    }
    return { byId, byAddress }
  }
}

function sameAddresses(a: Trusted, b: Trusted): boolean {
  const keys = new Set(a.addresses.map(addressKey))
  return keys.size === b.addresses.length && b.addresses.every((address) => keys.has(addressKey(address)))
}
