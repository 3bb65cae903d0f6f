/** One process of a simulated network: a swarm on a clock and a transport that are watched, and a host that listens. */
import { parseAddress } from '../../policy/address.js'
import { Blacklist } from '../../policy/blacklist.js'
import { message } from '../../protocol/message.js'
import { identityFromSeed } from '../../swarm/identity.js'
import type { SwarmOptions } from '../../swarm/options.js'
import { Swarm } from '../../swarm/swarm.js'
import { nullCrypto } from '../null-crypto.js'
import type { SeededRandom } from '../seeded-random.js'
import type { SimTime } from '../sim-clock.js'
import type { SimHost } from '../sim-host.js'
import type { SimNetwork } from '../sim-network.js'
import { SwarmWatch } from './swarm-watch.js'
import { WatchedClock } from './watched-clock.js'
import { WatchedTransport } from './watched-transport.js'

/** What a process is made of. */
export interface ProcessSetup {
  /** How it is called where something does not hold. */
  readonly name: string
  readonly time: SimTime
  readonly network: SimNetwork
  readonly host: SimHost
  readonly seed: Uint8Array
  readonly originMs: number
  readonly random: SeededRandom
  readonly options: Partial<SwarmOptions>
  /** Called before it runs, each time. */
  readonly ran: (watch: SwarmWatch) => void
}

const NOTE = message<string>('note')
const TTL_MS = 600_000
const MESSAGE_BYTES_MAX = 16_384
const OUTBOX_BYTES_MAX = 32_768
/** What one peer may have waiting: an outbox, two unfinished messages, and a record. */
const BUFFERED_MAX = OUTBOX_BYTES_MAX + 2 * MESSAGE_BYTES_MAX + 65_536
const LIMITS = { messageBytesMax: MESSAGE_BYTES_MAX, outboxBytesMax: OUTBOX_BYTES_MAX }

export class WatchedProcess {
  readonly swarm: Swarm
  readonly clock: WatchedClock
  readonly watch: SwarmWatch
  readonly blacklist: Blacklist
  readonly #time: SimTime
  /** What its handler was given, and when. Bound: the messages of a sequence. */
  readonly #heard = new Map<string, number>()
  readonly #said = new Set<string>()

  /** Starts at once. */
  constructor({ name, time, network, host, seed, originMs, random, options, ran }: ProcessSetup) {
    const watch = new SwarmWatch(name)
    const hasRun = (): void => {
      ran(watch)
    }
    this.#time = time
    this.watch = watch
    this.clock = new WatchedClock(time, originMs, hasRun)
    const transport = new WatchedTransport(network.transport(host, this.clock), {
      ran: hasRun,
      dialling: (address) => {
        watch.dialling(address)
      },
      afterClosed: (what) => {
        watch.fail('S8', `${what} on a link that is gone`)
      },
    })
    this.blacklist = options.blacklist ?? new Blacklist()
    const all: SwarmOptions = {
      network: 'SIMU',
      identity: identityFromSeed(seed, nullCrypto),
      transports: [transport],
      limits: { masternode: LIMITS, persistent: LIMITS, regular: LIMITS, unknown: LIMITS },
      ...options,
      blacklist: this.blacklist,
    }
    this.swarm = new Swarm(all, { crypto: nullCrypto, clock: this.clock, random })
    const listed = new Set((all.masternodes ?? []).flatMap((text) => parseAddress(text).peerId ?? []))
    const { swarm, clock, blacklist } = this
    watch.begin({ swarm, clock, transport, blacklist, listed, bufferedMax: BUFFERED_MAX })
    swarm.handle(NOTE, (note) => {
      this.#hear(note)
      return 'accept'
    })
    swarm.start().catch((error: unknown) => {
      // Whoever stops it at once does not wait for it to have started.
      if (swarm.status().state === 'running') watch.fail('S8', String(error))
    })
  }

  /** Its host broadcasts. */
  say(note: string): void {
    this.#said.add(note)
    this.swarm.broadcast(NOTE, note)
  }

  hasHeard(note: string): boolean {
    return this.#heard.has(note)
  }

  #hear(note: string): void {
    const before = this.#heard.get(note) ?? -Infinity
    if (this.#time.now - before < TTL_MS) this.watch.fail('S10', `${note.slice(0, 8)} was handled twice`)
    if (this.#said.has(note)) this.watch.fail('S10', `${note.slice(0, 8)} came back to its sender`)
    this.#heard.set(note, this.#time.now)
  }
}
