/**
 * Inbound links before anybody knows who they are. A small pool, a deadline over the whole handshake, and a reason for whoever
 * is turned away at the door: it is told in sixteen bytes, and nothing of it stays.
 */
import type { Reason } from '../errors.js'
import { PendingPool, pendingMaxFor } from '../policy/admission.js'
import type { Blacklist } from '../policy/blacklist.js'
import type { Link } from '../ports/transport.js'
import { responderPreamble } from '../protocol/preamble.js'
import type { Agenda } from './agenda.js'
import type { Connection } from './connection.js'
import type { Roster } from './roster.js'

export interface GateSetup {
  readonly agenda: Agenda
  readonly blacklist: Blacklist
  readonly roster: Roster
  readonly perIpLimits: boolean
  readonly networkId: Uint8Array
  readonly adopt: (link: Link) => Connection
  readonly refused: (link: Link, reason: Reason) => void
}

type DoorCode = 'banned' | 'busy' | 'rate-limit'

/** How long a link that was turned away may take to read why. */
const FAREWELL_MS = 2_000
/** Links turned away that may still be reading; beyond it they are simply cut. */
const FAREWELLS_MAX = 64
/** Handshakes under way from one listed IP: who shares it with a trusted peer must not fill the pool. */
const LISTED_PER_IP_MAX = 4

export class Gate {
  readonly #setup: GateSetup
  readonly #pool: PendingPool
  // Bound: the pool's.
  readonly #pending = new Map<string, Connection>()
  // Bound: FAREWELLS_MAX.
  readonly #farewells = new Set<Link>()
  #count = 0

  constructor(setup: GateSetup) {
    this.#setup = setup
    this.#pool = new PendingPool({
      pendingMax: pendingMaxFor(setup.roster.count('masternode')),
      perIpLimits: setup.perIpLimits,
      listedPerBucketMax: LISTED_PER_IP_MAX,
    })
  }

  /** The operator's lists have changed. */
  resize(): void {
    this.#pool.resize(pendingMaxFor(this.#setup.roster.count('masternode')))
  }

  /** Handshakes of inbound links under way. */
  get pending(): number {
    return this.#pool.size
  }

  /** Links that were turned away at the door and are not closed. */
  get leaving(): number {
    return this.#farewells.size
  }

  /** A stranger at the door. */
  accept(link: Link): void {
    const { agenda, blacklist, roster, perIpLimits, adopt } = this.#setup
    const ip = link.remote?.host ?? null
    const sharers = ip === null ? 0 : roster.listedAt(ip)
    const listed = sharers > 0
    // Who shares an address with a trusted peer may be that peer: its identity decides, later.
    if (perIpLimits && !listed && blacklist.check({ ip }, agenda.now()) !== null) {
      this.#turnAway(link, 'banned')
      return
    }
    const key = String(this.#count++)
    this.#noteProgress()
    const decision = this.#pool.admit(key, ip, listed, agenda.now(), sharers)
    if (decision.kind === 'refuse') {
      this.#turnAway(link, decision.code)
      return
    }
    if (decision.evict !== null) {
      const evicted = this.#pending.get(decision.evict)
      this.#pending.delete(decision.evict)
      evicted?.close('busy')
    }
    const connection = adopt(link)
    if (connection.isEnding) this.#pool.remove(key)
    else this.#pending.set(key, connection)
  }

  /** The handshake of an inbound connection is over, well or badly. */
  done(connection: Connection): void {
    for (const [key, pending] of this.#pending) {
      if (pending !== connection) continue
      this.#pending.delete(key)
      this.#pool.remove(key)
      return
    }
  }

  stop(): void {
    for (const link of this.#farewells) link.destroy()
    this.#farewells.clear()
  }

  /** Who has said something since the last stranger came. */
  #noteProgress(): void {
    for (const [key, { answeredAt }] of this.#pending) if (answeredAt !== null) this.#pool.spoke(key, answeredAt)
  }

  #turnAway(link: Link, code: DoorCode): void {
    this.#bid(link, code)
    // Last: the host may stop the swarm there.
    this.#setup.refused(link, { code, fault: 'local' })
  }

  #bid(link: Link, code: DoorCode): void {
    const { agenda, networkId } = this.#setup
    if (this.#farewells.size >= FAREWELLS_MAX) {
      link.open({ data: ignore, drained: ignore, ended: ignore, closed: ignore })
      link.destroy()
      return
    }
    this.#farewells.add(link)
    const deadline = agenda.in(FAREWELL_MS, () => {
      link.destroy()
    })
    link.open({
      // Read and dropped: closing on unread bytes would send a reset, and destroy the reason on its way.
      data: ignore,
      drained: ignore,
      ended: () => {
        link.end()
      },
      closed: () => {
        deadline.cancel()
        this.#farewells.delete(link)
      },
    })
    link.write([responderPreamble(networkId, code)])
    link.end()
  }
}

function ignore(): void {
  // Nothing more is wanted of this link.
}
