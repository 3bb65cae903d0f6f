/**
 * A small network of real swarms in virtual time, every process of it under watch: masternodes that list each other, nodes that
 * begin with the first of those, and strangers. What may be done to it is below; the commands of the model call nothing else.
 */
import { parseAddress } from '../../policy/address.js'
import type { Link } from '../../ports/transport.js'
import type { PeerId } from '../../ports/types.js'
import { message } from '../../protocol/message.js'
import { formatPeerId } from '../../protocol/peer-id.js'
import type { SwarmOptions } from '../../swarm/options.js'
import { must } from '../invariants.js'
import { nullCrypto } from '../null-crypto.js'
import { SeededRandom } from '../seeded-random.js'
import { SimClock, SimTime } from '../sim-clock.js'
import type { SimHost } from '../sim-host.js'
import { SimNetwork } from '../sim-network.js'
import { Trace } from '../trace.js'
import { WatchedProcess } from './swarm-process.js'
import type { SwarmWatch } from './swarm-watch.js'

/** What a network is made of. */
export interface SwarmWorldOptions {
  /** Nodes that list each other. */
  readonly masternodes: number
  /** Nodes that begin with the first two masternodes. */
  readonly others: number
  /** A host's own parts, for every node: a new one of each for each process. Its blacklist must come from here, too. */
  readonly swarm: (index: number) => Partial<SwarmOptions>
}

interface Node {
  readonly id: PeerId
  readonly seed: Uint8Array
  readonly host: SimHost
  process: WatchedProcess | null
}

const PORT = 24_100
/** Stopping takes half a second at most, and what follows it a moment. */
const STEP_MS = 20
const STOP_STEPS = 50

export class SwarmWorld {
  readonly time: SimTime = new SimTime()
  readonly network: SimNetwork
  readonly random: SeededRandom
  readonly #options: SwarmWorldOptions
  // Bound: the nodes asked for, and the strangers that come.
  readonly #nodes: Node[] = []
  /** Links that strangers hold. Bound: what the commands open. */
  #held: Link[] = []
  readonly #strangers: SimClock
  readonly #ran = new Set<SwarmWatch>()
  #notes = 0

  constructor(seed: number, options: SwarmWorldOptions) {
    this.#options = options
    this.random = new SeededRandom(seed)
    this.network = new SimNetwork(this.time, this.random.fork(), new Trace())
    this.#strangers = new SimClock(this.time)
    for (let i = 0; i < this.size; i++) this.#nodes.push(this.#node())
    for (let i = 0; i < this.size; i++) this.start(i)
  }

  /** Nodes, strangers not counted. */
  get size(): number {
    return this.#options.masternodes + this.#options.others
  }

  isRunning(index: number): boolean {
    return this.#nodes[index]?.process !== null
  }

  /** Lets virtual time pass, and then everything that promises hold back. */
  async run(ms: number): Promise<void> {
    this.time.run(ms)
    for (let i = 0; i < 8; i++) await Promise.resolve()
  }

  start(index: number): void {
    const node = this.#nodes[index]
    if (node === undefined || node.process !== null) return
    node.host.up = true
    this.network.revived()
    const { masternodes } = this.#options
    const listed = index < masternodes ? this.#addresses(masternodes).filter((_, i) => i !== index) : []
    const seeds = index < masternodes ? [] : this.#addresses(Math.min(2, masternodes))
    node.process = this.#boot(node, String(index), { masternodes: listed, seeds, ...this.#options.swarm(index) })
  }

  /** Asks a node to stop, and waits until it has. */
  async stop(index: number): Promise<void> {
    const node = this.#nodes[index]
    const process = node?.process ?? null
    if (node === undefined || process === null) return
    // A host does nothing while its process stands still.
    while (!process.clock.isRunning) await this.run(100)
    const stop = { isOver: false }
    const stopped = process.swarm.stop().then(() => {
      stop.isOver = true
      process.watch.stopped()
    })
    for (let i = 0; i < STOP_STEPS && !stop.isOver; i++) await this.run(STEP_MS)
    must(stop.isOver, 'S8', () => `node ${String(index)} does not stop`)
    await stopped
    process.watch.rethrow()
    // What is on its way must find nobody.
    await this.run(1_000)
    process.watch.check()
    process.clock.kill()
    node.process = null
  }

  kill(index: number, silent: boolean): void {
    const node = this.#nodes[index]
    if (node === undefined || node.process === null) return
    this.network.crash(node.host, node.process.clock, silent)
    node.process = null
  }

  freeze(index: number, ms: number): void {
    this.#nodes[index]?.process?.clock.freeze(ms)
  }

  /** Nothing passes between the nodes of this set and all others. */
  split(side: ReadonlySet<number>): void {
    const hosts = this.network.hosts.map(({ index }) => index)
    this.network.split(
      hosts.filter((index) => side.has(index)),
      hosts.filter((index) => !side.has(index)),
    )
  }

  heal(): void {
    this.network.heal()
  }

  silence(i: number, j: number): void {
    this.network.silence(i, j)
  }

  reset(i: number, j: number): void {
    this.network.reset(i, j)
  }

  ban(index: number, whom: number, forMs: number): void {
    const process = this.#awake(index)
    const peerId = this.#nodes[whom]?.id
    if (process === null || peerId === undefined) return
    const now = process.clock.monotonic()
    process.blacklist.ban(peerId, now + forMs, 'by hand', now)
  }

  /** The host dials somebody itself. */
  dial(index: number, whom: number): void {
    const process = this.#awake(index)
    const there = this.#nodes[whom]
    if (process === null || there === undefined || index === whom) return
    process.watch.dialsByHand(there.id)
    process.swarm.dial(this.#address(there)).catch(() => undefined)
  }

  /** The host dials so many strangers at once, of whom nobody answers. */
  dialVoids(index: number, count: number): void {
    const swarm = this.#awake(index)?.swarm
    for (let i = 0; i < count; i++) {
      const id = formatPeerId(this.random.bytes(32), nullCrypto)
      swarm?.dial(`tcp://${id}@192.0.2.${String(i + 1)}:${String(PORT)}`).catch(() => undefined)
    }
  }

  close(index: number, whom: number): void {
    const there = this.#nodes[whom]
    if (there !== undefined) this.#awake(index)?.swarm.peer(there.id)?.close()
  }

  /** So many messages at once. @returns the texts */
  broadcast(index: number, count: number, bytes: number): readonly string[] {
    const process = this.#awake(index)
    if (process?.swarm.status().state !== 'running') return []
    return Array.from({ length: count }, () => {
      const note = `${String(this.#notes++)} `.padEnd(bytes, '.')
      process.say(note)
      return note
    })
  }

  /** The host is ready for one more kind of message, while links are open. */
  learnMore(index: number): void {
    this.#awake(index)?.swarm.handle(message<string>(`more ${String(this.#notes++)}`), () => 'accept')
  }

  /** Strangers come to a node, all at once, shake hands and stay. */
  crowd(index: number, count: number): void {
    const there = this.#nodes[index]
    if (there === undefined) return
    for (let i = 0; i < count; i++) {
      const node = this.#node()
      this.#nodes.push(node)
      node.process = this.#boot(node, 'a stranger', { listen: [], seeds: [this.#address(there)] })
    }
  }

  /** Strangers open links to a node, and say nothing. */
  siege(index: number, count: number): void {
    const there = this.#nodes[index]
    if (there === undefined) return
    const ignore = (): void => undefined
    for (let i = 0; i < count; i++)
      this.network.transport(this.network.addHost(), this.#strangers).dial(parseAddress(this.#address(there)), {
        opened: (link) => {
          link.open({ data: ignore, drained: ignore, ended: ignore, closed: ignore })
          this.#held.push(link)
        },
        failed: ignore,
      })
  }

  /** All strangers are gone. */
  disperse(): void {
    for (const link of this.#held) link.destroy()
    this.#held = []
    for (let index = this.size; index < this.#nodes.length; index++) this.kill(index, false)
  }

  /** The process of a node, null where none runs. */
  process(index: number): WatchedProcess | null {
    return this.#nodes[index]?.process ?? null
  }

  /** The link between two nodes, if both ends hold the same. */
  linkOf(i: number, j: number): string | null {
    const link = this.linkSeen(i, j)
    return link === this.linkSeen(j, i) ? link : null
  }

  /** The link to another as one end sees it. */
  linkSeen(from: number, to: number): string | null {
    const there = this.#nodes[to]
    return there === undefined ? null : (this.#nodes[from]?.process?.swarm.peer(there.id)?.linkId ?? null)
  }

  /** Whether a node is linked to another, and does not doubt it: a silent link stays for a while, and is known to be silent. */
  sees(i: number, j: number): boolean {
    const there = this.#nodes[j]
    return there !== undefined && this.#nodes[i]?.process?.swarm.peer(there.id)?.suspect === false
  }

  /** The process of a node, where its host can do anything at all. */
  #awake(index: number): WatchedProcess | null {
    const process = this.#nodes[index]?.process ?? null
    return process?.clock.isRunning === true ? process : null
  }

  #node(): Node {
    const seed = this.random.fork().bytes(32)
    const id = formatPeerId(nullCrypto.signingKeyPair(seed).publicKey, nullCrypto)
    return { id, seed, host: this.network.addHost(), process: null }
  }

  #addresses(count: number): string[] {
    return this.#nodes.slice(0, count).map((node) => this.#address(node))
  }

  #address({ id, host }: Node): string {
    return `tcp://${id}@${host.ip}:${String(PORT)}`
  }

  #boot(node: Node, name: string, options: Partial<SwarmOptions>): WatchedProcess {
    return new WatchedProcess({
      name,
      time: this.time,
      network: this.network,
      host: node.host,
      seed: node.seed,
      originMs: this.random.below(1_000_000),
      random: this.random.fork(),
      options: { listen: [`tcp://${node.host.ip}:${String(PORT)}`], ...options },
      ran: (watch) => {
        this.#toCheck(watch)
      },
    })
  }

  /** When the present event is over, this process is looked at. */
  #toCheck(watch: SwarmWatch): void {
    if (this.#ran.size === 0)
      this.time.atTurnEnd(() => {
        this.#checkAll()
      })
    this.#ran.add(watch)
  }

  #checkAll(): void {
    const watches = [...this.#ran]
    this.#ran.clear()
    for (const watch of watches) watch.check()
  }
}
