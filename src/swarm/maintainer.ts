/**
 * Keeps the node attached: enough links, to good peers, in different networks, and now and then to somebody long given up, who
 * may be on the other side of a split that nobody else has noticed. Asks the policies, and has the dialer do it.
 */
import { networkGroup } from '../policy/address.js'
import type { Candidate } from '../policy/candidates.js'
import { pickCandidates, pickCold } from '../policy/candidates.js'
import { SCORE_AVOIDED } from '../policy/score.js'
import type { PeerClass, PeerId } from '../ports/types.js'
import type { Deadline } from './agenda.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { SwarmContext } from './context.js'
import { isTrustedClass } from './dial-slots.js'
import type { Target } from './dial-targets.js'
import type { Dialer } from './dialer.js'
import type { Exchange } from './exchange.js'
import type { Peer } from './peer.js'
import type { Watch } from './watch.js'

const TICK_MS = 5_000
const FAILOVER_MS = 500
const EXCHANGE_MS = 30_000
/** Above the minimum a new link is asked for others no more often than this. */
const ASK_EVERY_MS = 5_000
const COLD_MS = 30_000
const COLD_MAX = 256
/** How long a stranger that was forgotten stays so, whoever names it. */
const FORGOTTEN_MS = 3_600_000
const LINKS_MIN = 8
const OUTBOUND_TARGET = 12
const AGGRESSIVE_PICKS = 10
const CALM_PICKS = 3
const BRIDGE_MS = 600_000
const BRIDGES_MAX = 4
/** Recently lost regulars that are tried again at once when a bridge is found. */
const BRIDGE_RETRIES = 16
const BRIDGE_SPREAD_MS = 5_000
/** A poor link is replaced at most this often. */
const REPLACE_MS = 60_000

export class Maintainer {
  readonly #context: SwarmContext
  readonly #connections: Connections<Peer>
  readonly #dialer: Dialer
  readonly #exchange: Exchange
  readonly #watch: Watch
  // Bound: BRIDGES_MAX above the target; until when each is kept.
  readonly #bridges = new Map<PeerId, number>()
  #deadlines: Deadline[] = []
  #failover: Deadline | null = null
  #replacedAt = 0
  #askedAt = Number.NEGATIVE_INFINITY
  #running = false

  constructor(context: SwarmContext, connections: Connections<Peer>, dialer: Dialer, exchange: Exchange, watch: Watch) {
    this.#context = context
    this.#connections = connections
    this.#dialer = dialer
    this.#exchange = exchange
    this.#watch = watch
  }

  start(): void {
    this.#running = true
    const { random } = this.#context.settings
    this.#repeat(0, TICK_MS * random.float(), TICK_MS, () => {
      this.#tick()
    })
    this.#repeat(1, EXCHANGE_MS * random.float(), EXCHANGE_MS, () => {
      this.#askSomebody()
    })
    this.#repeat(2, COLD_MS * random.float(), COLD_MS, () => {
      this.#reclassify()
      this.#tryCold()
    })
    this.#maintain()
  }

  stop(): void {
    this.#running = false
    for (const deadline of this.#deadlines) deadline.cancel()
    this.#deadlines = []
    this.#failover?.cancel()
  }

  /** Something was lost, or learned: maintenance runs within half a second. */
  soon(): void {
    if (this.#failover !== null || !this.#running) return
    const { agenda, settings } = this.#context
    this.#failover = agenda.in(FAILOVER_MS * settings.random.float(), () => {
      this.#failover = null
      this.#maintain()
    })
  }

  /** A new link: where candidates are few, it is asked for others at once. */
  linked(connection: Connection): void {
    const now = this.#context.agenda.now()
    const pressing = this.#connections.size <= LINKS_MIN || now - this.#askedAt >= ASK_EVERY_MS
    if (!this.#running || !pressing || this.#wanted() <= 0) return
    this.#askedAt = now
    this.#exchange.ask(connection)
  }

  /** One that had been given up is back: others on its side may be, too. */
  bridged(peerId: PeerId): void {
    const { agenda, settings } = this.#context
    if (this.#bridges.size < BRIDGES_MAX) this.#bridges.set(peerId, agenda.now() + BRIDGE_MS)
    const connection = this.#connections.current(peerId)
    if (connection !== null) this.#exchange.ask(connection)
    const lost = [...this.#dialer.targets()]
      .filter(({ standing, peerClass, attempt }) => !isTrustedClass(peerClass) && attempt === null && waits(standing))
      .sort((a, b) => sinceOf(b) - sinceOf(a))
    for (const target of lost.slice(0, BRIDGE_RETRIES))
      this.#dialer.retryIn(target, BRIDGE_SPREAD_MS * settings.random.float())
  }

  #repeat(slot: number, firstMs: number, everyMs: number, run: () => void): void {
    const { agenda } = this.#context
    this.#deadlines[slot] = agenda.in(firstMs, () => {
      if (!this.#running) return
      this.#repeat(slot, everyMs, everyMs, run)
      run()
    })
  }

  #tick(): void {
    this.#maintain()
    this.#endBridges()
    this.#replacePoorest()
    this.#watch.tick()
  }

  /** Common links of ours that are missing, counting those under way. */
  #wanted(): number {
    let have = 0
    for (const { direction, identity, vitals } of this.#connections.currents())
      if (
        direction === 'outbound' &&
        identity !== null &&
        !isTrustedClass(identity.peerClass) &&
        vitals?.suspect === false
      )
        have++
    for (const { attempt, peerClass } of this.#dialer.targets())
      if (attempt !== null && !isTrustedClass(peerClass)) have++
    return OUTBOUND_TARGET - have
  }

  #usable(): number {
    let usable = 0
    for (const { vitals } of this.#connections.currents()) if (vitals?.suspect === false) usable++
    return usable
  }

  #maintain(): void {
    const { settings, roster } = this.#context
    const { peerStore, seeds, random } = settings
    if (seeds.length === 0 && !this.#knowsStrangers()) return
    const known = Math.max(peerStore.size, roster.count('masternode') + roster.count('persistent'))
    const aggressive = this.#usable() < Math.min(LINKS_MIN, known) || known === 0
    const wanted = this.#wanted()
    for (const seed of seeds) {
      if (aggressive || (wanted > 0 && known < LINKS_MIN)) this.#dialer.wantSeed(seed)
      else this.#dialer.leaveSeed(seed)
    }
    if (wanted <= 0) return
    const candidates = this.#candidates()
    if (candidates.length === 0) return
    const count = Math.min(aggressive ? AGGRESSIVE_PICKS : CALM_PICKS, wanted)
    for (const { peerId, peerClass } of pickCandidates(candidates, count, this.#groups(), random))
      this.#dialer.want(peerId, peerClass, peerStore.get(peerId)?.addresses ?? [])
  }

  /** A book that holds the operator's own peers and nobody else has nobody to offer. */
  #knowsStrangers(): boolean {
    const { settings, roster } = this.#context
    return settings.peerStore.size > roster.count('masternode') + roster.count('persistent')
  }

  #candidates(): readonly Candidate[] {
    const { settings, agenda, roster, scores } = this.#context
    const { peerStore, blacklist, clock } = settings
    if (!this.#knowsStrangers()) return []
    const now = agenda.now()
    const wall = clock.wall()
    const candidates: Candidate[] = []
    for (const peerId of peerStore.ids()) {
      const record = peerStore.get(peerId)
      const [address] = record?.addresses ?? []
      if (record === null || address === undefined || this.#connections.current(peerId) !== null) continue
      // Who has a target has its own time to be dialled.
      if (this.#dialer.target(peerId) !== null || roster.classOf(peerId) !== null) continue
      if (blacklist.check({ peerId }, now) !== null) continue
      candidates.push({
        peerId,
        peerClass: peerStore.classOf(peerId, now),
        score: scores.score(peerId, null, blacklist.points(peerId, now), now).total,
        group: networkGroup(address.host),
        ageMs: record.lastSeenAt === null ? null : wall - record.lastSeenAt,
      })
    }
    return candidates
  }

  #groups(): ReadonlyMap<string, number> {
    const groups = new Map<string, number>()
    for (const { remoteIp } of this.#connections.currents()) {
      if (remoteIp === null) continue
      const group = networkGroup(remoteIp)
      groups.set(group, (groups.get(group) ?? 0) + 1)
    }
    return groups
  }

  #askSomebody(): void {
    const open = [...this.#connections.currents()].filter(({ vitals }) => vitals?.suspect === false)
    const one = open[Math.floor(this.#context.settings.random.float() * open.length)]
    if (one !== undefined && this.#wanted() > 0) this.#exchange.ask(one)
  }

  #tryCold(): void {
    const { agenda, settings } = this.#context
    const cold = [...this.#dialer.targets()]
      .filter((target) => target.standing.kind === 'cold' && target.attempt === null)
      .map((target) => ({ target, ageMs: agenda.now() - sinceOf(target) }))
      .sort((a, b) => a.ageMs - b.ageMs)
    for (const { target } of cold.slice(COLD_MAX)) this.#dialer.forget(target)
    for (const target of [...this.#dialer.targets()])
      if (target.standing.kind === 'given-up' && this.#isSomebodyNew(target)) this.#dialer.forget(target)
    const drawn = pickCold(cold.slice(0, COLD_MAX), settings.random)
    if (drawn !== null) this.#dialer.retryIn(drawn.target, 0)
  }

  /** A stranger given up long ago may be dialled as one that was never heard of; a peer of the operator's stays given up. */
  #isSomebodyNew({ standing, peerClass }: Target): boolean {
    const { agenda } = this.#context
    return !isTrustedClass(peerClass) && standing.kind === 'given-up' && agenda.now() - standing.sinceAt >= FORGOTTEN_MS
  }

  /** A stranger that has behaved for long enough is a regular, and a link of its own proves it. */
  #reclassify(): void {
    const { settings, agenda, roster } = this.#context
    if (settings.authorize !== null) return
    for (const connection of this.#connections.currents()) {
      const { identity } = connection
      if (identity === null) continue
      const peerClass: PeerClass =
        roster.classOf(identity.peerId) ?? settings.peerStore.classOf(identity.peerId, agenda.now())
      if (peerClass !== identity.peerClass) connection.reclassify(peerClass, settings.limits[peerClass])
    }
  }

  #endBridges(): void {
    const now = this.#context.agenda.now()
    for (const [peerId, untilAt] of this.#bridges) {
      if (now < untilAt) continue
      this.#bridges.delete(peerId)
      if (this.#wanted() < 0) this.#connections.current(peerId)?.close('useless')
    }
  }

  /** With all places taken, the worst of our own common links makes way for somebody better, where there is one. */
  #replacePoorest(): void {
    const { agenda, scores, settings } = this.#context
    const now = agenda.now()
    if (now - this.#replacedAt < REPLACE_MS || !this.#knowsStrangers() || this.#wanted() > 0) return
    let poorest: { readonly connection: Connection; readonly total: number } | null = null
    for (const connection of this.#connections.currents()) {
      const { identity, direction, vitals } = connection
      if (identity === null || direction !== 'outbound' || isTrustedClass(identity.peerClass)) continue
      const points = settings.blacklist.points(identity.peerId, now)
      const { total } = scores.score(identity.peerId, vitals?.rttMs ?? null, points, now)
      if (total < (poorest?.total ?? SCORE_AVOIDED)) poorest = { connection, total }
    }
    if (poorest === null || !this.#candidates().some(({ score }) => score > SCORE_AVOIDED)) return
    this.#replacedAt = now
    poorest.connection.close('useless')
  }
}

function waits(standing: Target['standing']): boolean {
  return standing.kind === 'backing-off' || standing.kind === 'cold'
}

/** When the peer was given up, or is due; later means lost more recently. */
function sinceOf({ standing }: Target): number {
  if (standing.kind === 'cold' || standing.kind === 'given-up') return standing.sinceAt
  return standing.kind === 'backing-off' ? Number.MAX_SAFE_INTEGER : 0
}
