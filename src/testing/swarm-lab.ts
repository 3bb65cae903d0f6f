/**
 * A whole network of real swarms in virtual time: the code that runs in production, on a clock that waits for nobody. The same
 * seed is the same run, event for event; a failure is its seed.
 */
import { checkNames, invalidOption } from '../errors.js'
import { formatPeerId } from '../protocol/peer-id.js'
import type { PeerId } from '../ports/types.js'
import { identityFromSeed } from '../swarm/identity.js'
import type { SwarmOptions } from '../swarm/options.js'
import { Swarm } from '../swarm/swarm.js'
import { nullCrypto } from './null-crypto.js'
import { SeededRandom } from './seeded-random.js'
import type { SimClockOptions } from './sim-clock.js'
import { SimClock, SimTime } from './sim-clock.js'
import type { SimHost } from './sim-host.js'
import type { SimNetworkOptions } from './sim-network.js'
import { SimNetwork } from './sim-network.js'
import { Trace } from './trace.js'

/** What a lab is made of. */
export interface SwarmLabOptions {
  /** Decides everything that chance decides. Any integer. */
  readonly seed: number
  /** The first so many nodes know and whitelist each other. */
  readonly masternodes: number
  /** Nodes in all. Default: the masternodes alone. The others begin with the seeds. */
  readonly nodes?: number
  /** Which nodes the others begin with. Default: the first. */
  readonly seeds?: readonly number[]
  /** Options for every swarm, over the lab's own. */
  readonly swarm?: Partial<SwarmOptions> | ((index: number) => Partial<SwarmOptions>)
  /** How the network behaves, and which nodes nobody can dial. */
  readonly net?: SimNetworkOptions & { readonly undialable?: readonly number[] }
  /** How each process's clock differs. */
  readonly clock?: (index: number) => SimClockOptions
  /** Called for every process that is made, before it starts: the place for handlers and listeners. */
  readonly prepare?: (swarm: Swarm, index: number, boot: number) => void
  /** Nodes start within so many milliseconds of each other. Default 0. */
  readonly startWithinMs?: number
}

/** How a node dies. */
export interface KillOptions {
  /** With its whole machine: nobody is told. Default false: its kernel resets every link. */
  readonly silent?: boolean
}

interface LabNode {
  readonly id: PeerId
  readonly seed: Uint8Array
  readonly host: SimHost
  clock: SimClock | null
  swarm: Swarm | null
  boot: number
}

const LAB_OPTIONS: readonly (keyof SwarmLabOptions)[] = [
  'seed',
  'masternodes',
  'nodes',
  'seeds',
  'swarm',
  'net',
  'clock',
  'prepare',
  'startWithinMs',
]
const PORT = 24_100
/** Processes are not born at the same moment: their clocks begin apart. */
const ORIGINS_MS = 1_000_000

/** Makes a lab and starts every node in it. */
export function swarmLab(options: SwarmLabOptions): SwarmLab {
  return new SwarmLab(options)
}

/** A network of swarms in virtual time. Nodes are named by their index. */
export class SwarmLab {
  readonly time: SimTime = new SimTime()
  readonly network: SimNetwork
  readonly random: SeededRandom
  readonly #options: SwarmLabOptions
  readonly #trace = new Trace()
  // Bound: the nodes asked for.
  readonly #nodes: LabNode[] = []
  readonly #indices = new Map<PeerId, number>()

  /** @throws HoldfastError `invalid-option` for an option there is not, or a seed that is no integer */
  constructor(options: SwarmLabOptions) {
    checkNames('swarmLab', options, LAB_OPTIONS)
    if (!Number.isInteger(options.seed)) throw invalidOption('seed', options.seed, 'an integer')
    this.#options = options
    this.random = new SeededRandom(options.seed)
    this.network = new SimNetwork(this.time, this.random.fork(), this.#trace, options.net)
    const count = options.nodes ?? options.masternodes
    for (let index = 0; index < count; index++) this.#addNode(index)
    for (const index of options.net?.undialable ?? []) this.#node(index).host.dialable = false
    for (let index = 0; index < count; index++) {
      const withinMs = options.startWithinMs ?? 0
      if (withinMs === 0) this.start(index)
      else
        this.time.at(this.time.now + this.random.float() * withinMs, () => {
          this.start(index)
        })
    }
  }

  /** How many nodes there are. */
  get size(): number {
    return this.#nodes.length
  }

  /** A hash of every event so far. */
  get trace(): string {
    return this.#trace.hash
  }

  /** How many events there have been. */
  get events(): number {
    return this.time.events
  }

  /** Virtual milliseconds. */
  get now(): number {
    return this.time.now
  }

  /** Lets virtual time pass, with all that happens in it. @throws HoldfastError `invalid-option` for what is no number from 0 */
  run(ms: number): void {
    this.time.run(ms)
  }

  /**
   * The same, for hosts whose handlers, schemas or own code use promises: `run` is over before any of them goes on, and to a swarm
   * they seem to take for ever. Here all are settled after every instant in which something happens. The trace is the same each time
   * as long as they wait for nothing else than each other.
   */
  async runAsync(ms: number): Promise<void> {
    await this.time.runAsync(ms)
  }

  /** A node's swarm. @throws where the node is not running */
  swarm(index: number): Swarm {
    const { swarm } = this.#node(index)
    if (swarm === null) throw new Error(`node ${String(index)} is not running`)
    return swarm
  }

  id(index: number): PeerId {
    return this.#node(index).id
  }

  index(id: PeerId): number {
    return this.#indices.get(id) ?? -1
  }

  isRunning(index: number): boolean {
    return this.#node(index).swarm !== null
  }

  address(index: number): string {
    const { id, host } = this.#node(index)
    return `tcp://${id}@${host.ip}:${String(PORT)}`
  }

  /** The pairs that are linked, as both ends see it: by one and the same link. */
  links(): readonly (readonly [number, number])[] {
    const pairs: (readonly [number, number])[] = []
    for (const [i, { swarm }] of this.#nodes.entries()) {
      for (const [id, peer] of swarm?.peers ?? []) {
        const j = this.index(id)
        if (j <= i) continue
        const { linkId } = peer
        const theirs = this.#nodes[j]?.swarm?.peer(this.#node(i).id) ?? null
        if (linkId !== null && theirs?.linkId === linkId) pairs.push([i, j])
      }
    }
    return pairs
  }

  /** Whether both ends hold the same link, and neither doubts it. */
  linked(i: number, j: number): boolean {
    const here = this.#nodes[i]?.swarm?.peer(this.id(j)) ?? null
    const there = this.#nodes[j]?.swarm?.peer(this.id(i)) ?? null
    if (here === null || there === null || here.linkId === null) return false
    return here.linkId === there.linkId && !here.suspect && !there.suspect
  }

  /** From now on nothing passes between the two groups. */
  split(a: readonly number[], b: readonly number[]): void {
    this.network.split(a, b)
  }

  /** Every split ends. */
  heal(): void {
    this.network.heal()
  }

  /** Ends a node's process. */
  kill(index: number, { silent = false }: KillOptions = {}): void {
    const node = this.#node(index)
    if (node.clock === null) return
    this.#trace.add('kill', this.time.now, index)
    this.network.crash(node.host, node.clock, silent)
    node.clock = null
    node.swarm = null
  }

  /** Starts a new process on a node's host: the same identity and address, nothing else remembered. */
  start(index: number): void {
    const node = this.#node(index)
    if (node.swarm !== null) return
    this.#trace.add('start', this.time.now, index)
    node.boot++
    node.host.up = true
    this.network.revived()
    node.clock = new SimClock(this.time, { originMs: this.random.below(ORIGINS_MS), ...this.#options.clock?.(index) })
    node.swarm = this.#create(node, index, node.clock)
    this.#options.prepare?.(node.swarm, index, node.boot)
    // A simulated start is over within its own instant; there is nothing to wait for, and failures are the caller's own.
    void node.swarm.start()
  }

  /** A node's process stands still: its links stay, its clock jumps. */
  freeze(index: number, ms: number): void {
    this.#trace.add('freeze', this.time.now, index, ms)
    this.#node(index).clock?.freeze(ms)
  }

  /** The present link between two nodes swallows everything; a new one works. */
  silence(i: number, j: number): void {
    this.network.silence(this.#node(i).host.index, this.#node(j).host.index)
  }

  /** The present link between two nodes is reset. */
  reset(i: number, j: number): void {
    this.network.reset(this.#node(i).host.index, this.#node(j).host.index)
  }

  #addNode(index: number): void {
    const seed = new SeededRandom((this.#options.seed ^ Math.imul(index + 1, 0x9e3779b1)) >>> 0).bytes(32)
    const id = formatPeerId(nullCrypto.signingKeyPair(seed).publicKey, nullCrypto)
    this.#nodes.push({ id, seed, host: this.network.addHost(), clock: null, swarm: null, boot: 0 })
    this.#indices.set(id, index)
  }

  #create(node: LabNode, index: number, clock: SimClock): Swarm {
    const { swarm, masternodes, seeds = [0] } = this.#options
    const given = typeof swarm === 'function' ? swarm(index) : (swarm ?? {})
    const whitelist = Array.from({ length: masternodes }, (_, i) => i)
    return new Swarm(
      {
        network: 'SIMU',
        identity: identityFromSeed(node.seed, nullCrypto),
        transports: [this.network.transport(node.host, clock)],
        listen: [`tcp://${node.host.ip}:${String(PORT)}`],
        masternodes: index < masternodes ? whitelist.filter((i) => i !== index).map((i) => this.address(i)) : [],
        seeds: index < masternodes ? [] : seeds.filter((i) => i !== index).map((i) => this.address(i)),
        ...given,
      },
      { crypto: nullCrypto, clock, random: this.random.fork() },
    )
  }

  #node(index: number): LabNode {
    const node = this.#nodes[index]
    if (node === undefined) throw new RangeError(`there is no node ${String(index)}`)
    return node
  }
}
