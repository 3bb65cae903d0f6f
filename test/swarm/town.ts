/** One node at home, and neighbours that come, go, move house and share names, while its host changes its mind, also from within events. */
import { HoldfastError } from '../../src/errors.js'
import type { PeerId } from '../../src/ports/types.js'
import type { Clock } from '../../src/ports/clock.js'
import type { SwarmEventName } from '../../src/swarm/events.js'
import type { Identity } from '../../src/swarm/identity.js'
import { identityFromSeed } from '../../src/swarm/identity.js'
import type { Peer } from '../../src/swarm/peer.js'
import { Swarm } from '../../src/swarm/swarm.js'
import type { SimHost } from '../../src/testing/index.js'
import { memoryStorage } from '../../src/storage/memory.js'
import { nullCrypto, SeededRandom, SimClock, SimNetwork, SimTime, Trace } from '../../src/testing/index.js'

const PORT = 24_100
export const HOUSES = 6
const NAMES = 5
export const EVENTS: readonly SwarmEventName[] = [
  'peer:connect',
  'peer:disconnect',
  'peer:suspect',
  'peer:conflict',
  'dial:failed',
  'inbound:refused',
  'ban',
  'recovered',
]

/** What the host does. */
export type Deed =
  | { readonly kind: 'list'; readonly who: number; readonly how: 'both' | 'address'; readonly house: number }
  | { readonly kind: 'unlist'; readonly who: number; readonly revoked: boolean }
  | { readonly kind: 'strike'; readonly house: number; readonly who: number | null }
  | { readonly kind: 'rotate'; readonly who: number; readonly to: number; readonly house: number }
  | { readonly kind: 'ban'; readonly who: number; readonly forMs: number | 'permanent' }
  | { readonly kind: 'unban'; readonly who: number }
  | { readonly kind: 'dial'; readonly who: number | null; readonly house: number; readonly isCalledOff: boolean }
  | { readonly kind: 'close'; readonly who: number }
  | { readonly kind: 'deny'; readonly who: number }
  | { readonly kind: 'allow'; readonly who: number }
  | { readonly kind: 'publish'; readonly entries: readonly { readonly house: number; readonly who: number | null }[] }
  | { readonly kind: 'banHouse'; readonly house: number }
  | { readonly kind: 'unbanHouse'; readonly house: number }
  | { readonly kind: 'stop' }

/** What kind of host lives at home. */
export interface TownOptions {
  /** It is asked about everybody. */
  readonly hasSay: boolean
  /** It has places for three strangers. */
  readonly isSmall: boolean
  /** It begins with the address of the last house as its seed, or as a persistent peer's. */
  readonly begins: 'alone' | 'seed' | 'persistent'
}

interface Reaction {
  readonly on: SwarmEventName
  readonly deed: Deed
}

/** Counts what is due of one process. */
class CountedClock implements Clock {
  readonly clock: SimClock
  due = 0

  constructor(clock: SimClock) {
    this.clock = clock
  }

  monotonic(): number {
    return this.clock.monotonic()
  }

  wall(): number {
    return this.clock.wall()
  }

  wakeAt(atMs: number, run: () => void): () => void {
    this.due++
    let isOver = false
    const over = (): void => {
      if (!isOver) this.due--
      isOver = true
    }
    const cancel = this.clock.wakeAt(atMs, () => {
      over()
      run()
    })
    return () => {
      over()
      cancel()
    }
  }

  atTurnEnd(run: () => void): void {
    this.clock.atTurnEnd(run)
  }
}

interface House {
  readonly host: SimHost
  clock: SimClock | null
  swarm: Swarm | null
  name: number
}

export class Town {
  readonly time: SimTime = new SimTime()
  readonly network: SimNetwork
  /** The ids that the host holds for connected, by what it was told, and what it was told that cannot be. */
  readonly told: Map<PeerId, Peer> = new Map<PeerId, Peer>()
  readonly wrong: string[] = []
  /** Dials of the host's that are not settled. */
  open = 0
  isStopped = false
  /** How often the home has dialled. */
  dials = 0
  readonly #random: SeededRandom
  readonly #identities: readonly Identity[]
  readonly #houses: readonly House[]
  readonly #homeHost: SimHost
  readonly #denied = new Set<PeerId>()
  readonly #reactions: Reaction[]
  readonly #options: TownOptions
  readonly #storage = memoryStorage()
  #page: readonly string[] = []
  #depth = 0
  #clock: CountedClock
  #home: Swarm

  constructor(seed: number, options: TownOptions, reactions: readonly Reaction[]) {
    this.#random = new SeededRandom(seed)
    this.#options = options
    this.#reactions = [...reactions]
    this.network = new SimNetwork(this.time, this.#random.fork(), new Trace())
    this.#homeHost = this.network.addHost()
    this.#houses = Array.from({ length: HOUSES }, () => ({
      host: this.network.addHost(),
      clock: null,
      swarm: null,
      name: -1,
    }))
    this.#identities = Array.from({ length: NAMES + 1 }, () => identityFromSeed(this.#random.bytes(32), nullCrypto))
    this.#clock = new CountedClock(new SimClock(this.time))
    this.#home = this.#makeHome()
  }

  get home(): Swarm {
    return this.#home
  }

  /** What is due at home. */
  get due(): number {
    return this.#clock.due
  }

  /** The process at home ends, and another begins: what it had stored, and the same options. */
  async restart(): Promise<void> {
    this.network.crash(this.#homeHost, this.#clock.clock, false)
    this.told.clear()
    this.open = 0
    this.isStopped = false
    this.#clock = new CountedClock(new SimClock(this.time, { originMs: this.#random.below(1_000_000) }))
    this.#home = this.#makeHome()
    await this.begin()
  }

  async begin(): Promise<void> {
    const started = this.#home.start()
    this.time.run(10)
    await started
  }

  id(who: number): PeerId {
    return this.#identities[who % NAMES]?.id ?? this.home.id
  }

  address(house: number, who: number | null): string {
    const key = who === null ? '' : `${this.id(who)}@`
    return `tcp://${key}${this.#house(house).host.ip}:${String(PORT)}`
  }

  /** A new process in a house, of that name; it lists the home as a masternode, or begins with it as with a seed, or knows nobody. */
  move(house: number, who: number, knows: 'lists' | 'seed' | 'nobody'): void {
    this.kill(house, false)
    const place = this.#house(house)
    const identity = this.#identities[who % NAMES]
    if (identity === undefined) return
    const home = `tcp://${this.home.id}@${this.#homeHost.ip}:${String(PORT)}`
    place.host.up = true
    place.name = who % NAMES
    this.network.revived()
    place.clock = new SimClock(this.time, { originMs: this.#random.below(1_000_000) })
    place.swarm = new Swarm(
      {
        network: 'TOWN',
        identity,
        transports: [this.network.transport(place.host, place.clock)],
        listen: [`tcp://${place.host.ip}:${String(PORT)}`],
        ...(knows === 'lists' ? { masternodes: [home] } : {}),
        ...(knows === 'seed' ? { seeds: [home] } : {}),
      },
      { crypto: nullCrypto, clock: place.clock, random: this.#random.fork() },
    )
    void place.swarm.start()
  }

  kill(house: number, silent: boolean): void {
    const place = this.#house(house)
    if (place.clock !== null) this.network.crash(place.host, place.clock, silent)
    place.clock = null
    place.swarm = null
    place.name = -1
  }

  /** The host reacts to nothing any more. */
  calm(): void {
    this.#reactions.splice(0)
  }

  freeze(house: number, ms: number): void {
    this.#house(house).clock?.freeze(ms)
  }

  split(houses: readonly number[]): void {
    const off = new Set(houses.map((house) => this.#house(house).host.index))
    this.network.split(
      [...off],
      this.network.hosts.map(({ index }) => index).filter((index) => !off.has(index)),
    )
  }

  silence(house: number): void {
    this.network.silence(this.#homeHost.index, this.#house(house).host.index)
  }

  reset(house: number): void {
    this.network.reset(this.#homeHost.index, this.#house(house).host.index)
  }

  /** Who lives in a house, null where nobody does. */
  neighbour(house: number): Swarm | null {
    return this.#house(house).swarm
  }

  /** Links that are not closed at home. */
  get linksLeft(): number {
    const ends = [...this.network.pipes].flatMap(({ near, far }) => [near, far])
    return ends.filter((end) => end.clock === this.#clock.clock && !end.isClosed).length
  }

  /** @throws whatever the swarm throws that is not its way to say no */
  do(deed: Deed): void {
    try {
      this.#do(deed)
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error
    }
  }

  /** What must be true whenever nothing is going on. */
  check(): readonly string[] {
    const { home } = this
    const wrong = [...this.wrong]
    for (const [id, peer] of home.peers) {
      if (!this.told.has(id)) wrong.push(`${id} is linked, and nobody was told`)
      if (peer.linkId === null) wrong.push(`${id} is linked by no link`)
      const { ban } = home.explain(id)
      const isListed = home.masternodes.has(id)
      if (ban !== null && !isListed) wrong.push(`${id} is linked, and banned`)
      if (peer.class !== 'persistent' && isListed !== (peer.class === 'masternode'))
        wrong.push(`${id} is ${peer.class}, listed: ${String(isListed)}`)
    }
    for (let who = 0; who < NAMES; who++) {
      const id = this.id(who)
      const { state, addresses, ban } = home.explain(id)
      if (home.peers.has(id)) continue
      if (state === 'connected' || state === 'suspect') wrong.push(`${id} is ${state} by no link`)
      const isSought = this.isStopped || ['dialing', 'handshaking', 'backing-off'].includes(state)
      if (home.masternodes.has(id) && addresses.length > 0 && ban === null && !isSought)
        wrong.push(`${id} is listed, and ${state}`)
    }
    for (const [id] of this.told) if (!home.peers.has(id)) wrong.push(`${id} was told to be linked, and is not`)
    return wrong
  }

  #do(deed: Deed): void {
    const { home } = this
    switch (deed.kind) {
      case 'list':
        home.masternodes.add(this.address(deed.house, deed.how === 'both' ? deed.who : null))
        break
      case 'unlist':
        home.masternodes.remove(this.id(deed.who), { revoked: deed.revoked })
        break
      case 'strike':
        home.masternodes.remove(this.address(deed.house, deed.who))
        break
      case 'rotate':
        home.masternodes.replace(this.id(deed.who), this.address(deed.house, deed.to))
        break
      case 'ban':
        home.ban(this.id(deed.who), { forMs: deed.forMs })
        break
      case 'unban':
        home.unban(this.id(deed.who))
        break
      case 'dial':
        this.#dial(this.address(deed.house, deed.who), deed.isCalledOff)
        break
      case 'close':
        home.peer(this.id(deed.who))?.close()
        break
      case 'deny':
        this.#denied.add(this.id(deed.who))
        break
      case 'allow':
        this.#denied.delete(this.id(deed.who))
        break
      case 'publish':
        this.#page = deed.entries.map(({ house, who }) => this.address(house, who))
        break
      case 'banHouse':
        home.ban(this.#house(deed.house).host.ip, { forMs: 60_000 })
        break
      case 'unbanHouse':
        home.unban(this.#house(deed.house).host.ip)
        break
      case 'stop':
        this.isStopped = true
        void home.stop()
    }
  }

  #dial(address: string, isCalledOff: boolean): void {
    this.open++
    const control = new AbortController()
    const { home } = this
    const settled = (): void => {
      if (home === this.home) this.open--
    }
    home.dial(address, { signal: control.signal }).then(settled, settled)
    if (isCalledOff)
      this.time.at(this.time.now + 40, () => {
        control.abort()
      })
  }

  #say(peerId: PeerId): 'masternode' | 'regular' | false {
    if (this.#denied.has(peerId)) return false
    return this.home.masternodes.has(peerId) ? 'masternode' : 'regular'
  }

  #makeHome(): Swarm {
    const own = this.#identities[NAMES]
    if (own === undefined) throw new Error('no identity')
    const { hasSay, isSmall, begins } = this.#options
    const transport = this.network.transport(this.#homeHost, this.#clock.clock)
    const first = [this.address(HOUSES - 1, null)]
    const home = new Swarm(
      {
        network: 'TOWN',
        identity: own,
        transports: [
          {
            ...transport,
            dial: (address, events, isHearsay) => {
              this.dials++
              return transport.dial(address, events, isHearsay)
            },
          },
        ],
        slots: isSmall ? { regularMax: 3, unknownInboundMax: 2, outboundTarget: 1 } : {},
        listen: [`tcp://${this.#homeHost.ip}:${String(PORT)}`],
        storage: this.#storage,
        directory: {
          refreshMs: 20_000,
          list: ({ listed }) => {
            // A list of nobody would be a broken one.
            listed([`tcp://${own.id}@${this.#homeHost.ip}:${String(PORT)}`, ...this.#page])
            return () => undefined
          },
        },
        ...(begins === 'seed' ? { seeds: first } : {}),
        ...(begins === 'persistent' ? { persistent: first } : {}),
        ...(hasSay ? { authorize: ({ peerId }) => this.#say(peerId) } : {}),
      },
      { crypto: nullCrypto, clock: this.#clock, random: this.#random.fork() },
    )
    this.#listen(home)
    return home
  }

  #listen(home: Swarm): void {
    home.on('peer:connect', (peer) => {
      if (this.told.has(peer.id)) this.wrong.push(`${peer.id} came twice`)
      this.told.set(peer.id, peer)
    })
    home.on('peer:disconnect', (peer) => {
      if (this.told.get(peer.id) !== peer) this.wrong.push(`${peer.id} left, and had not come`)
      this.told.delete(peer.id)
    })
    home.on('error', (error) => {
      this.wrong.push(`error: ${error.message} ${String(error.cause)}`)
    })
    for (const name of EVENTS)
      home.on(name, () => {
        for (let count = 0; count < 2; count++) this.#react(name)
      })
  }

  #react(name: SwarmEventName): void {
    const at = this.#reactions.findIndex(({ on }) => on === name)
    const [reaction] = at < 0 || this.#depth > 3 ? [] : this.#reactions.splice(at, 1)
    if (reaction === undefined) return
    this.#depth++
    this.do(reaction.deed)
    this.#depth--
  }

  #house(house: number): House {
    const place = this.#houses[house % HOUSES]
    if (place === undefined) throw new Error('no house')
    return place
  }
}
