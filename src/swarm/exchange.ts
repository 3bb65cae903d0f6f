/**
 * Peers told to peers: asked for, bounded, and hearsay. What is heard is only ever dialled with its id, never believed
 * otherwise; an address passes only between peers for whom it means the same; and nothing heard here whitelists anybody.
 */
import type { Reach } from '../policy/address.js'
import { addressKey, canonicalIp, networkGroup, reachOf, REACHES, readAddress } from '../policy/address.js'
import type { PeerRecord } from '../policy/peer-record.js'
import type { PeerStore } from '../policy/peer-store.js'
import type { Clock, Random } from '../ports/clock.js'
import type { Crypto } from '../ports/crypto.js'
import type { Address, PeerId } from '../ports/types.js'
import { EMPTY } from '../protocol/bytes.js'
import { encodeFrame, FRAME } from '../protocol/frame.js'
import { formatPeerId, peerIdKey } from '../protocol/peer-id.js'
import type { PeerHint, PeerTelling } from '../protocol/peers.js'
import { encodeAddresses, encodePeers, PEERS_MAX } from '../protocol/peers.js'
import type { Connection } from './connection.js'

export interface ExchangeSetup {
  readonly clock: Clock
  readonly random: Random
  readonly crypto: Crypto
  readonly peerStore: PeerStore
  readonly ownId: PeerId
  /** Whether links come in through somebody else's address, so that theirs is not known. */
  readonly isProxied: boolean
  /** Whether the operator lists somebody at that host. */
  readonly listedAt: (host: string) => boolean
  /** There are new candidates. */
  readonly learned: () => void
}

/** A peer may ask this often; more is not answered. */
const ANSWER_EVERY_MS = 10_000
/** At least this many, where there are so many, and else this share of the book: nobody learns all of it at once. */
const SHARE_MIN = 32
const SHARE = 0.23
/** Refusing must stay cheap. */
const FAREWELL_MAX = 12
const ADDRESS_LENGTH_MAX = 255

interface Exchanged {
  asked: boolean
  answeredAt: number
}

/** A peer as it is told; without an address it is not. */
interface Told {
  readonly publicKey: Uint8Array
  /** By who is told. */
  readonly addresses: Readonly<Record<Reach, Uint8Array | null>>
}

export class Exchange {
  readonly #setup: ExchangeSetup
  readonly #exchanged = new WeakMap<Connection, Exchanged>()
  /** Worked out once for as long as the addresses stay the same. */
  readonly #told = new WeakMap<readonly Address[], Told>()

  constructor(setup: ExchangeSetup) {
    this.#setup = setup
  }

  /** Asks one peer for others. */
  ask(connection: Connection): void {
    this.#with(connection).asked = true
    connection.sendControl(FRAME.getPeers, EMPTY)
  }

  /** A peer asks. */
  answer(connection: Connection): void {
    const now = this.#setup.clock.monotonic()
    const exchanged = this.#with(connection)
    if (now - exchanged.answeredAt < ANSWER_EVERY_MS) return
    exchanged.answeredAt = now
    connection.sendControl(FRAME.peers, encodePeers(this.#pick(connection, PEERS_MAX)))
  }

  /** A frame that names others to somebody who finds no room here. */
  farewell(connection: Connection): Uint8Array {
    return encodeFrame(FRAME.peers, encodePeers(this.#pick(connection, FAREWELL_MAX)))
  }

  /** A peer answers, or says goodbye with it. */
  heard(connection: Connection, hints: readonly PeerHint[]): void {
    const { crypto, peerStore, ownId, learned } = this.#setup
    const exchanged = this.#with(connection)
    // Nobody's fault: whoever delays answers on their way lets several of ours come at once.
    if (connection.hello !== null && !exchanged.asked) return
    exchanged.asked = false
    const reach = this.#reachOf(connection)
    const teller = tellerOf(connection)
    let news = false
    for (const { publicKey, addresses } of hints) {
      const peerId = formatPeerId(publicKey, crypto)
      if (peerId === ownId) continue
      for (const text of addresses) {
        // Most of what is heard is known, and not worth reading.
        if (peerStore.reaches(peerId, text)) continue
        const address = readHint(text)
        if (address === null || !passes(address, reach)) continue
        news = peerStore.learn(peerId, { ...address, peerId }, 'exchange', teller) === 'added' || news
      }
    }
    if (news) learned()
  }

  /** What the peer says of itself in its hello. */
  introduced(connection: Connection): void {
    const { peerId, hello } = connection
    if (peerId === null || hello === null) return
    const reach = this.#reachOf(connection)
    // Of several the first is the first in the book.
    for (const text of hello.addresses.toReversed()) {
      const address = readHint(text)
      if (address === null || !passes(address, reach)) continue
      // Nobody but who lives there has this node knock at the door of a listed peer, or its attempts there would be used up.
      if (address.host !== connection.remoteIp && this.#setup.listedAt(address.host)) continue
      if (address.peerId === null || address.peerId === peerId)
        this.#setup.peerStore.learn(peerId, { ...address, peerId }, 'hello')
    }
  }

  /** Some of those we have been linked to, drawn by lot. */
  #pick(connection: Connection, most: number): readonly PeerTelling[] {
    const { peerStore, random, clock } = this.#setup
    const reach = this.#reachOf(connection)
    const wall = clock.wall()
    const count = Math.min(most, Math.max(SHARE_MIN, Math.floor(SHARE * peerStore.size)))
    const tellings: PeerTelling[] = []
    for (const id of peerStore.drawn(random)) {
      if (tellings.length >= count) break
      const record = peerStore.get(id)
      if (record === null || record.lastSeenAt === null || id === connection.peerId) continue
      const { publicKey, addresses: byReach } = this.#tell(record)
      const addresses = byReach[reach]
      if (addresses !== null)
        tellings.push({ publicKey, ageS: Math.max(0, wall - record.lastSeenAt) / 1_000, addresses })
    }
    return tellings
  }

  #tell({ id, addresses }: PeerRecord): Told {
    let told = this.#told.get(addresses)
    if (told === undefined) {
      const toldTo = (reach: Reach): Uint8Array | null => {
        const passing = addresses.filter((address) => passes(address, reach)).map(addressKey)
        return passing.length === 0 ? null : encodeAddresses(passing)
      }
      const byReach = { here: toldTo('here'), nearby: toldTo('nearby'), everywhere: toldTo('everywhere') }
      told = { publicKey: peerIdKey(id), addresses: byReach }
      this.#told.set(addresses, told)
    }
    return told
  }

  /** Where the peer is, as seen from here. */
  #reachOf({ remoteIp, direction }: Connection): Reach {
    if (remoteIp === null) return 'here'
    return this.#setup.isProxied && direction === 'inbound' ? 'everywhere' : reachOf(remoteIp)
  }

  #with(connection: Connection): Exchanged {
    let exchanged = this.#exchanged.get(connection)
    if (exchanged === undefined) {
      exchanged = { asked: false, answeredAt: Number.NEGATIVE_INFINITY }
      this.#exchanged.set(connection, exchanged)
    }
    return exchanged
  }
}

/** An address that somebody else names: none so long that it would crowd out others, none that cannot be dialled. */
function readHint(text: string): Address | null {
  // A path may be a proxy's; what looks like a question to some web server is for nobody to have us ask.
  const address = text.length > ADDRESS_LENGTH_MAX || /[?#%]/.test(text) ? null : readAddress(text)
  if (address === null || address.port === 0) return null
  // A name may stand for a place that its teller cannot reach, such as our own machine; with TLS it must prove its name.
  const isNamed = (address.scheme === 'tcp' || address.scheme === 'ws') && canonicalIp(address.host) === null
  return isNamed ? null : address
}

/** Whether an address means the same to a peer that is there. */
function passes({ host }: Address, reach: Reach): boolean {
  return REACHES.indexOf(reachOf(host)) >= REACHES.indexOf(reach)
}

/** A peer is answerable for its whole network, where it has one. */
function tellerOf({ remoteIp, peerId }: Connection): string {
  return remoteIp === null ? (peerId ?? '') : networkGroup(remoteIp)
}
