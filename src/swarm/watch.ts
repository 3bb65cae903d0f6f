/**
 * Watches the whitelist: says when it comes apart and when it is whole again, and of each trusted peer that was away, when it
 * is back and for how long its messages may have passed us by.
 */
import { BoundedMap } from '../policy/bounded-map.js'
import { PartitionDetector } from '../policy/partition.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { PeerId } from '../ports/types.js'
import type { Connections } from './connections.js'
import type { SwarmContext } from './context.js'
import type { Peer } from './peer.js'

/** After the time it named, a peer may take this long to be linked again. */
const RETURN_MS = 10_000
const PEERS_MAX = 8_192
const UPDATE_EVERY_MS = 60_000

export class Watch {
  readonly #context: SwarmContext
  readonly #connections: Connections<Peer>
  readonly #partition: PartitionDetector
  /** Bound: PEERS_MAX; the host's own say may make anybody trusted. */
  readonly #lostAt = new BoundedMap<number>(PEERS_MAX)
  /** Who said when it will be back. Bound: PEERS_MAX. */
  readonly #awayUntil = new BoundedMap<number>(PEERS_MAX)
  /** As the last look at them found; null before the first. Bound: the operator's lists. */
  #missing: Set<PeerId> | null = null
  /** Masternodes whose ids are known, as of that look: of an address where nobody was ever found there is nobody to be missed. */
  #listed = 0
  #updatedAt = 0
  #isStopped = false

  constructor(context: SwarmContext, connections: Connections<Peer>) {
    this.#context = context
    this.#connections = connections
    this.#partition = new PartitionDetector(context.agenda.now())
  }

  /** Since when a partition has been suspected; null while there is none. */
  get suspectedAt(): number | null {
    return this.#partition.suspectedAt
  }

  /** A peer is linked: if it had been before, what it sent meanwhile is missing here. */
  connected(peerId: PeerId): void {
    const { agenda, emitter } = this.#context
    const lostAt = this.#lostAt.get(peerId)
    this.#lostAt.delete(peerId)
    this.#awayUntil.delete(peerId)
    this.look(peerId)
    if (lostAt !== undefined) emitter.emit('recovered', { peerId, cause: 'returned', gapMs: agenda.now() - lostAt })
  }

  /**
   * @param heardAt when it was last heard: what it sent from then on is missing
   * @param backInMs what it said itself of its return
   */
  disconnected({ id: peerId, class: peerClass }: Peer, heardAt: number, backInMs: number | undefined): void {
    const { agenda } = this.#context
    if (isTrustedClass(peerClass)) {
      this.#lostAt.set(peerId, heardAt)
      if (backInMs !== undefined) this.#awayUntil.set(peerId, agenda.now() + backInMs + RETURN_MS)
    }
    this.look(peerId)
  }

  /** Nobody is missed by who leaves. */
  stop(): void {
    this.#isStopped = true
  }

  /** Somebody is listed from now on, and not missing before that time has passed. */
  expect(peerId: PeerId, withinMs: number): void {
    this.#awayUntil.set(peerId, this.#context.agenda.now() + withinMs)
  }

  /** Somebody is listed no longer. */
  forget(peerId: PeerId): void {
    this.#lostAt.delete(peerId)
    this.#awayUntil.delete(peerId)
  }

  /** The whole view may have changed. */
  update(): void {
    const missing = new Set<PeerId>()
    this.#listed = 0
    for (const { peerId, peerClass } of this.#context.roster.entries()) {
      if (peerClass !== 'masternode' || peerId === null) continue
      this.#listed++
      if (this.#isMissing(peerId)) missing.add(peerId)
    }
    this.#missing = missing
    this.#updatedAt = this.#context.agenda.now()
    this.#judge(missing)
  }

  /** How one peer stands may have changed. */
  look(peerId: PeerId): void {
    const missing = this.#missing
    if (missing === null || this.#awayUntil.size > 0) {
      this.update()
      return
    }
    if (this.#context.roster.classOf(peerId) === 'masternode' && this.#isMissing(peerId)) missing.add(peerId)
    else missing.delete(peerId)
    this.#judge(missing)
  }

  /** Time has passed. Only who was to be back by now may have changed the view, but nobody is to be missed for ever by mistake. */
  tick(): void {
    const isOld = this.#context.agenda.now() - this.#updatedAt >= UPDATE_EVERY_MS
    if (this.#missing === null || this.#awayUntil.size > 0 || isOld) this.update()
    else this.#judge(this.#missing)
  }

  #isMissing(peerId: PeerId): boolean {
    if (this.#connections.current(peerId)?.vitals?.suspect === false) return false
    return this.#context.agenda.now() >= (this.#awayUntil.get(peerId) ?? 0)
  }

  #judge(missing: ReadonlySet<PeerId>): void {
    if (this.#isStopped) return
    const { agenda, emitter, log } = this.#context
    const change = this.#partition.update({ listed: this.#listed, missing }, agenda.now())
    if (change === null) return
    if (change.kind === 'suspected') {
      log(
        'warn',
        `partition suspected: ${String(change.missing.length)} of ${String(change.listed)} masternodes are missing`,
      )
      emitter.emit('partition:suspected', { missing: change.missing, listed: change.listed })
    } else {
      log('info', `partition healed after ${String(Math.round(change.forMs / 1_000))} s`)
      emitter.emit('partition:healed', { missing: change.missing, forMs: change.forMs })
    }
  }
}
