/** Swarms on scheduled links and a manual clock: nothing happens that the test did not let happen. */
import type { Crypto } from '../../src/ports/crypto.js'
import type { Random } from '../../src/ports/clock.js'
import type { SwarmEventName, SwarmEvents } from '../../src/swarm/events.js'
import type { Identity } from '../../src/swarm/identity.js'
import { identityFromSeed } from '../../src/swarm/identity.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import { Swarm } from '../../src/swarm/swarm.js'
import { ManualClock } from './manual-clock.js'
import type { Channel } from './scheduled-network.js'
import { ScheduledNetwork } from './scheduled-network.js'
import { seeded } from './seeded.js'
import { toyCrypto, toyIdentity } from './toy-crypto.js'

const EVENTS: readonly SwarmEventName[] = [
  'peer:connect',
  'peer:disconnect',
  'peer:suspect',
  'peer:slow',
  'peer:conflict',
  'peer:quarantine',
  'dial:failed',
  'inbound:refused',
  'ban',
  'recovered',
  'clock:skew',
  'error',
]

type Told = { readonly [K in SwarmEventName]: { readonly name: K; readonly args: SwarmEvents[K] } }[SwarmEventName]

/** A swarm, and everything it has told its host. */
export class Node {
  readonly name: string
  readonly swarm: Swarm
  readonly identity: Identity
  readonly told: Told[] = []

  constructor(name: string, identity: Identity, swarm: Swarm) {
    this.name = name
    this.identity = identity
    this.swarm = swarm
    for (const event of EVENTS)
      swarm.on(event, (...args: unknown[]) => {
        this.told.push({ name: event, args } as unknown as Told)
      })
  }

  get address(): string {
    return `memory://${this.swarm.id}@${this.name}:1`
  }

  /** What was told under one name, in order. */
  heard<K extends SwarmEventName>(name: K): SwarmEvents[K][] {
    return this.told.filter((told) => told.name === name).map(({ args }) => args as SwarmEvents[K])
  }

  /** The names of everything told, in order. */
  get names(): readonly SwarmEventName[] {
    return this.told.map(({ name }) => name)
  }
}

/** Lets promises that are due settle; no time passes. */
export async function settlePromises(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve()
}

export class World {
  readonly clock: ManualClock = new ManualClock()
  readonly network: ScheduledNetwork
  readonly random: Random
  readonly crypto: Crypto
  readonly nodes: Node[] = []

  constructor(seed = 1, crypto: Crypto = toyCrypto) {
    this.random = seeded(seed)
    this.crypto = crypto
    this.network = new ScheduledNetwork(() => this.clock.monotonic())
  }

  /** A node that is not started yet. */
  node(name: string, options: Partial<SwarmOptions> = {}): Node {
    const identity = options.identity ?? this.identity()
    const swarm = new Swarm(
      {
        network: 'TEST',
        identity,
        transports: [this.network.transport(name)],
        listen: [`memory://${name}:1`],
        ...options,
      },
      { crypto: this.crypto, clock: this.clock, random: this.random },
    )
    const node = new Node(name, identity, swarm)
    this.nodes.push(node)
    return node
  }

  /** A new identity of this world's suite. */
  identity(): Identity {
    const seed = this.random.bytes(32)
    return this.crypto === toyCrypto ? toyIdentity(seed) : identityFromSeed(seed, this.crypto)
  }

  async started(name: string, options: Partial<SwarmOptions> = {}): Promise<Node> {
    const node = this.node(name, options)
    await node.swarm.start()
    return node
  }

  /** Delivers everything that can be delivered now, by default in the order in which it was sent. */
  deliverAll(pick: (channels: readonly Channel[]) => Channel | undefined = ([first]) => first): void {
    for (let steps = 0; ; steps++) {
      if (steps > 100_000) throw new Error('the nodes never fall silent')
      this.clock.endTurn()
      this.network.openDials()
      this.clock.endTurn()
      const channel = pick(this.network.channels)
      if (channel === undefined) return
      this.network.deliver(channel)
    }
  }

  /** Delivers all there is, and lets promises follow, until nothing more happens at this instant. */
  async settle(): Promise<void> {
    do {
      this.deliverAll()
      await settlePromises()
    } while (this.clock.endTurn() || this.network.channels.length > 0 || this.network.dialling > 0)
  }

  /** Lets time pass, with everything that happens in it. */
  async run(ms: number): Promise<void> {
    const untilAt = this.clock.monotonic() + ms
    for (;;) {
      await this.settle()
      const next = Math.min(this.clock.nextAt ?? Infinity, this.network.nextAt ?? Infinity)
      if (next > untilAt) break
      this.clock.advanceTo(Math.max(next, this.clock.monotonic()))
    }
    this.clock.advanceTo(untilAt)
    await this.settle()
  }

  /** Two started nodes, the second connected to the first. */
  async pair(
    first: Partial<SwarmOptions> = {},
    second: Partial<SwarmOptions> = {},
  ): Promise<{ readonly a: Node; readonly b: Node }> {
    const a = await this.started('a', first)
    const b = await this.started('b', second)
    await this.connect(b, a)
    return { a, b }
  }

  async connect(from: Node, to: Node): Promise<void> {
    const dialled = from.swarm.dial(to.address)
    await this.settle()
    await dialled
  }

  /** Stops everybody, and lets the time pass that this needs. */
  async stop(): Promise<void> {
    const stopping = Promise.all(this.nodes.map(async ({ swarm }) => swarm.stop()))
    await this.run(3_000)
    await stopping
  }
}
