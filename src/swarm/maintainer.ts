/**
 * Keeps the node attached: enough links, to good peers, in different networks, and now and then to somebody long given up, who
 * may be on the other side of a split that nobody else has noticed. Asks the policies, and has the dialer do it.
 */
import { networkGroup } from '../policy/address.js'
import type { Candidate } from '../policy/candidates.js'
import { pickCandidates } from '../policy/candidates.js'
import { isTrustedClass } from '../policy/peer-class.js'
import { SCORE_AVOIDED } from '../policy/score.js'
import type { Deadline } from './agenda.js'
import { Bridges } from './bridges.js'
import type { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { SwarmContext } from './context.js'
import { Demand } from './demand.js'
import type { Dialer } from './dialer.js'
import type { Exchange } from './exchange.js'
import { Hearsay } from './hearsay.js'
import type { Peer } from './peer.js'
import type { Watch } from './watch.js'

const TICK_MS = 5_000
const FAILOVER_MS = 500
const EXCHANGE_MS = 30_000
/** Above the minimum a new link is asked for others no more often than this. */
const ASK_EVERY_MS = 5_000
const COLD_MS = 30_000
const FEELER_MS = 120_000
const LINKS_MIN = 8
/** A large book is not read from end to end each time: those drawn by lot are as good. */
const CANDIDATES_MAX = 64
const LOOKS_MAX = 512
const AGGRESSIVE_PICKS = 10
const CALM_PICKS = 3
/** A poor link is replaced at most this often. */
const REPLACE_MS = 60_000

export class Maintainer {
  readonly bridges: Bridges
  readonly #context: SwarmContext
  readonly #connections: Connections<Peer>
  readonly #dialer: Dialer
  readonly #exchange: Exchange
  readonly #watch: Watch
  readonly #demand: Demand
  readonly #hearsay: Hearsay
  #deadlines: Deadline[] = []
  #failover: Deadline | null = null
  #replacedAt = 0
  #seeksSeeds = false
  #askedAt = Number.NEGATIVE_INFINITY
  #running = false

  constructor(context: SwarmContext, connections: Connections<Peer>, dialer: Dialer, exchange: Exchange, watch: Watch) {
    this.#context = context
    this.#connections = connections
    this.#dialer = dialer
    this.#exchange = exchange
    this.#watch = watch
    this.#demand = new Demand(connections, dialer, context.settings.slots.outboundTarget)
    this.#hearsay = new Hearsay(context.roster, context.settings.peerStore)
    this.bridges = new Bridges(context, connections, dialer, exchange, this.#demand, this.#hearsay)
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
      this.#review()
      this.bridges.tryCold()
    })
    this.#repeat(3, FEELER_MS * random.float(), FEELER_MS, () => {
      this.#feel()
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
    const { peerId, remoteIp } = connection
    const target = peerId === null ? null : this.#dialer.targets.find(peerId)
    if (peerId !== null && remoteIp !== null) this.#hearsay.linked(peerId, remoteIp)
    if (target?.isFelt === true) {
      target.isFelt = false
      // Whoever comes by itself meanwhile is a guest like any other.
      if (connection.direction === 'outbound') {
        connection.close('useless')
        return
      }
    }
    this.bridges.linked(connection)
    const pressing = this.#connections.size <= LINKS_MIN || now - this.#askedAt >= ASK_EVERY_MS
    if (!this.#running || !pressing || this.#demand.wanted() <= 0) return
    this.#askedAt = now
    this.#exchange.ask(connection)
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
    this.bridges.expire()
    this.#replacePoorest()
    this.#watch.tick()
  }

  #maintain(): void {
    const { settings, roster } = this.#context
    const { peerStore, seeds, random } = settings
    if (seeds.length === 0 && !this.#knowsStrangers()) return
    const wanted = this.#demand.wanted()
    if (wanted <= 0 && !this.#seeksSeeds) return
    const known = Math.max(peerStore.size, roster.count('masternode') + roster.count('persistent'))
    const aggressive = this.#demand.usable() < Math.min(LINKS_MIN, known) || known === 0
    this.#seeksSeeds = aggressive || (wanted > 0 && known < LINKS_MIN)
    for (const seed of seeds) {
      if (this.#seeksSeeds) this.#dialer.wishes.wantSeed(seed)
      else this.#dialer.wishes.leaveSeed(seed)
    }
    if (wanted <= 0) return
    const candidates = this.#candidates()
    if (candidates.length === 0) return
    const count = Math.min(aggressive ? AGGRESSIVE_PICKS : CALM_PICKS, wanted)
    for (const { peerId, peerClass } of pickCandidates(candidates, count, this.#groups(), random)) {
      this.#dialer.wishes.want(peerId, peerClass, peerStore.get(peerId)?.addresses ?? [])
    }
  }

  /** A book that holds the operator's own peers and nobody else has nobody to offer. */
  #knowsStrangers(): boolean {
    const { settings, roster } = this.#context
    return settings.peerStore.size > roster.count('masternode') + roster.count('persistent')
  }

  #candidates(): readonly Candidate[] {
    const { settings, agenda, roster, scores } = this.#context
    const { peerStore, blacklist, clock, random, transports } = settings
    if (!this.#knowsStrangers()) return []
    const now = agenda.now()
    const wall = clock.wall()
    const candidates: Candidate[] = []
    let looks = 0
    for (const peerId of peerStore.drawn(random)) {
      if (looks++ >= LOOKS_MAX || candidates.length >= CANDIDATES_MAX) break
      const record = peerStore.get(peerId)
      const address = record?.addresses.find(({ scheme }) => transports.has(scheme))
      if (record === null || address === undefined || this.#connections.current(peerId) !== null) continue
      // Who has a target has its own time to be dialled.
      if (this.#dialer.targets.find(peerId) !== null || roster.classOf(peerId) !== null) continue
      if (blacklist.check({ peerId }, now) !== null) continue
      if (!this.#hearsay.isPlausible(peerId, address)) continue
      candidates.push({
        peerId,
        peerClass: peerStore.classOf(peerId, now),
        score: scores.score(peerId, null, blacklist.points(peerId, now), now).total,
        group: networkGroup(address.host),
        ageMs: record.lastSeenAt === null ? null : wall - record.lastSeenAt,
        isAnchor: record.anchor,
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

  /** With all places taken an untried address is dialled now and then, and left again: the book knows who is really there. */
  #feel(): void {
    if (this.#demand.wanted() > 0) return
    const untried = this.#candidates().find(({ ageMs }) => ageMs === null)
    if (untried === undefined) return
    const { peerId, peerClass } = untried
    this.#dialer.wishes.feel(peerId, peerClass, this.#context.settings.peerStore.get(peerId)?.addresses ?? [])
  }

  #askSomebody(): void {
    if (this.#demand.wanted() <= 0) return
    const open = [...this.#connections.currents()].filter(({ vitals }) => vitals?.suspect === false)
    const one = open[Math.floor(this.#context.settings.random.float() * open.length)]
    if (one !== undefined) this.#exchange.ask(one)
  }

  /** What peers are, and what they may use, follows how they have been. */
  #review(): void {
    for (const connection of this.#connections.currents()) {
      if (this.#context.settings.authorize === null) this.#reclassify(connection)
      this.#throttle(connection)
    }
  }

  /** A stranger that has behaved for long enough is a regular, and a link of its own proves it. */
  #reclassify(connection: Connection): void {
    const { settings, agenda, roster } = this.#context
    const { identity } = connection
    if (identity === null) return
    const { peerId } = identity
    const next = roster.classOf(peerId) ?? settings.peerStore.classOf(peerId, agenda.now())
    if (next !== identity.peerClass) connection.reclassify(next, settings.limits[next])
  }

  /** Strangers who have been poor peers have a quarter of their quota, until they are better. */
  #throttle({ identity, intake, vitals }: Connection): void {
    if (identity === null || isTrustedClass(identity.peerClass)) return
    const { agenda, scores, settings } = this.#context
    const now = agenda.now()
    const points = settings.blacklist.points(identity.peerId, now)
    intake?.throttle(scores.score(identity.peerId, vitals?.rttMs ?? null, points, now).total <= SCORE_AVOIDED)
  }

  /** With all places taken, the worst of our own common links makes way for somebody better, where there is one. */
  #replacePoorest(): void {
    const { agenda, roster, scores, settings } = this.#context
    const now = agenda.now()
    if (now - this.#replacedAt < REPLACE_MS || !this.#knowsStrangers() || this.#demand.wanted() > 0) return
    let poorest: { readonly connection: Connection; readonly total: number } | null = null
    for (const connection of this.#connections.currents()) {
      const { identity, direction, vitals } = connection
      if (identity === null || direction !== 'outbound' || isTrustedClass(identity.peerClass)) continue
      // Bridges have a time of their own, and who is listed would be dialled again.
      if (this.bridges.has(identity.peerId) || roster.classOf(identity.peerId) !== null) continue
      const points = settings.blacklist.points(identity.peerId, now)
      const { total } = scores.score(identity.peerId, vitals?.rttMs ?? null, points, now)
      if (total < (poorest?.total ?? SCORE_AVOIDED)) poorest = { connection, total }
    }
    if (poorest === null || !this.#candidates().some(({ score }) => score > SCORE_AVOIDED)) return
    this.#replacedAt = now
    poorest.connection.close('useless')
  }
}
