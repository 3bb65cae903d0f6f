/**
 * A network in virtual time: hosts with addresses, links with latency, and everything that goes wrong with them. Hosts behave
 * as Linux does: a cut stalls a link until a retransmission gets through, a dead process resets, a dead host is silent.
 */
import type { Reason } from '../errors.js'
import type { Deadline } from '../policy/due-heap.js'
import type { DialEvents, Listener, ListenEvents, Transport } from '../ports/transport.js'
import type { Address } from '../ports/types.js'
import type { SeededRandom } from './seeded-random.js'
import type { SimClock, SimTime } from './sim-clock.js'
import type { SimHost, SimMedium } from './sim-host.js'
import { SimPipe } from './sim-pipe.js'
import type { Trace } from './trace.js'

/** How a simulated network behaves. */
export interface SimNetworkOptions {
  /** Least and greatest one-way latency of a pair of hosts, milliseconds; each pair draws its own. Default 5 to 100. */
  readonly latencyMs?: readonly [number, number]
  /** Up to this much is added to each delivery. Default 5 ms. */
  readonly jitterMs?: number
  /** Bytes a link carries in a millisecond, each way. Default 12,500: 100 Mbit/s. */
  readonly bytesPerMs?: number
}

/** When a SYN is sent again, milliseconds after the first (Linux doubles from one second). */
const SYN_AFTER_MS = [0, 1_000, 3_000, 7_000, 15_000, 31_000]
const FIRST_PORT = 40_000

interface WaitingDial {
  readonly from: SimHost
  readonly to: SimHost | undefined
  /** Of the process that dials. */
  readonly clock: SimClock
  readonly startedAt: number
  readonly knock: () => void
}

/** A network of hosts. */
export class SimNetwork implements SimMedium {
  readonly time: SimTime
  readonly trace: Trace
  readonly jitterMs: number
  readonly bytesPerMs: number
  /** Bytes that were sent on any link, since the network was made. */
  sentBytes = 0
  readonly #random: SeededRandom
  readonly #latencyMs: readonly [number, number]
  // Bound: the hosts that were added.
  readonly #hosts: SimHost[] = []
  readonly #byIp = new Map<string, SimHost>()
  // Bound: open links.
  readonly #pipes = new Set<SimPipe>()
  // Bound: cuts that were made and not healed. Each has 1 or 2 for the hosts of its sides.
  #cuts: Uint8Array[] = []
  // Bound: dials under way whose SYN finds no way.
  readonly #waiting = new Set<WaitingDial>()
  #ports = FIRST_PORT

  constructor(time: SimTime, random: SeededRandom, trace: Trace, options: SimNetworkOptions = {}) {
    this.time = time
    this.trace = trace
    this.#random = random
    this.#latencyMs = options.latencyMs ?? [5, 100]
    this.jitterMs = options.jitterMs ?? 5
    this.bytesPerMs = options.bytesPerMs ?? 12_500
  }

  get hosts(): readonly SimHost[] {
    return this.#hosts
  }

  /** Links that are not closed at both ends. */
  get pipes(): ReadonlySet<SimPipe> {
    return this.#pipes
  }

  addHost(): SimHost {
    const index = this.#hosts.length
    const ip = ipOf(index)
    const host: SimHost = { index, ip, dialable: true, up: true, listeners: new Map() }
    this.#hosts.push(host)
    this.#byIp.set(ip, host)
    return host
  }

  /** The transport of one process on a host: `tcp` addresses, but of this network. */
  transport(host: SimHost, clock: SimClock): Transport {
    return {
      schemes: ['tcp'],
      dial: (address, events) => this.#dial(host, clock, address, events),
      listen: (address, events) => this.#listen(host, clock, address, events),
    }
  }

  /** From now on nothing passes between the two sides, in either direction. */
  split(a: readonly number[], b: readonly number[]): void {
    const sides = new Uint8Array(this.#hosts.length)
    for (const index of a) sides[index] = 1
    for (const index of b) sides[index] = 2
    this.#cuts.push(sides)
    this.trace.add('split', this.time.now, a.length, b.length)
  }

  /** Everything passes again. */
  heal(): void {
    this.#cuts = []
    this.#retry()
    this.trace.add('heal', this.time.now)
  }

  /** Whether packets pass between two hosts now. */
  reaches(from: SimHost, to: SimHost): boolean {
    for (const sides of this.#cuts) {
      const a = sides[from.index] ?? 0
      const b = sides[to.index] ?? 0
      if (a !== 0 && b !== 0 && a !== b) return false
    }
    return to.up && from.up
  }

  /** A machine that was down, or behind a NAT, can be reached from now on. */
  revived(): void {
    this.#retry()
  }

  /** The present links between two hosts swallow everything from now on; new ones work. */
  silence(i: number, j: number): void {
    for (const pipe of this.#pipes) if (pipe.joins(i, j)) pipe.silence()
  }

  /** The present links between two hosts are reset. */
  reset(i: number, j: number): void {
    for (const pipe of [...this.#pipes]) if (pipe.joins(i, j)) pipe.reset()
  }

  /** A process is gone. `silent`: with its whole machine, so that nobody is told. */
  crash(host: SimHost, clock: SimClock, silent: boolean): void {
    host.listeners.clear()
    if (silent) host.up = false
    clock.kill()
    for (const pipe of [...this.#pipes]) pipe.processDied(clock, silent)
    for (const dial of this.#waiting) if (dial.clock === clock) this.#waiting.delete(dial)
  }

  /** One-way latency between two hosts, without jitter: the same for every link of the pair. */
  latencyMs(i: number, j: number): number {
    const [least, greatest] = this.#latencyMs
    const pair = i < j ? i * 65_537 + j : j * 65_537 + i
    const drawn = ((Math.imul(pair, 0x9e3779b1) ^ (pair >>> 7)) >>> 0) / 2 ** 32
    return least + (greatest - least) * drawn
  }

  jitter(): number {
    return this.jitterMs * this.#random.float()
  }

  #listen(host: SimHost, clock: SimClock, { port: wanted, host: name }: Address, events: ListenEvents): Listener {
    const port = wanted === 0 ? this.#ports++ : wanted
    const taken = host.listeners.has(port)
    if (!taken)
      host.listeners.set(port, {
        clock,
        accepted: (link) => {
          events.accepted(link)
        },
      })
    this.#soon(clock, () => {
      if (taken) events.failed({ code: 'unreachable', fault: 'local', cause: 'address in use' })
      else events.listening({ host: name, port })
    })
    return {
      close: (done) => {
        if (host.listeners.get(port)?.clock === clock) host.listeners.delete(port)
        this.#soon(clock, done)
      },
    }
  }

  #dial(from: SimHost, clock: SimClock, address: Address, events: DialEvents): () => void {
    const to = this.#byIp.get(address.host)
    let pending: Deadline | null = null
    let over = false
    const finish = (run: () => void): void => {
      if (over) return
      clock.deliver(() => {
        if (over) return
        over = true
        run()
      })
    }
    const dial: WaitingDial = {
      from,
      to,
      clock,
      startedAt: this.time.now,
      knock: () => {
        if (to === undefined) return
        const wayMs = this.latencyMs(from.index, to.index) + this.jitter() / 2
        pending = this.time.at(this.time.now + wayMs, () => {
          this.#knock(from, to, clock, address.port, wayMs, finish, () => over, events)
        })
      },
    }
    this.trace.add('dial', this.time.now, from.index, to?.index ?? -1)
    this.#try(dial)
    return () => {
      over = true
      this.#waiting.delete(dial)
      pending?.cancel()
    }
  }

  /** The SYN gets through now, or waits: it is sent again at its times, of which only those count that find a way. */
  #try(dial: WaitingDial): void {
    const { from, to, knock } = dial
    if (to?.dialable === true && this.reaches(from, to)) {
      this.#waiting.delete(dial)
      knock()
    } else this.#waiting.add(dial)
  }

  /** Something has changed: each dial that waits is due at its next retransmission. */
  #retry(): void {
    for (const dial of this.#waiting) {
      const dueMs = SYN_AFTER_MS.find((afterMs) => dial.startedAt + afterMs >= this.time.now)
      if (dueMs === undefined) continue
      this.time.at(dial.startedAt + dueMs, () => {
        if (this.#waiting.has(dial)) this.#try(dial)
      })
    }
  }

  #knock(
    from: SimHost,
    to: SimHost,
    clock: SimClock,
    port: number,
    latencyMs: number,
    finish: (run: () => void) => void,
    isOff: () => boolean,
    events: DialEvents,
  ): void {
    const listener = to.listeners.get(port)
    if (listener === undefined || listener.clock.isDead) {
      const reason: Reason = { code: 'connection-refused', fault: 'network' }
      this.time.at(this.time.now + latencyMs, () => {
        finish(() => {
          events.failed(reason)
        })
      })
      return
    }
    const forget = (): void => {
      this.#pipes.delete(pipe)
    }
    const pipe: SimPipe = new SimPipe(this, forget, from, clock, to, listener.clock, this.#ports++, port)
    this.#pipes.add(pipe)
    listener.clock.deliver(() => {
      listener.accepted(pipe.far)
    })
    this.time.at(this.time.now + latencyMs, () => {
      // The dial was called off while the answer travelled: the kernel resets what nobody wants.
      if (isOff()) {
        if (!clock.isDead) pipe.near.destroy()
        return
      }
      finish(() => {
        this.trace.add('open', this.time.now, from.index, to.index)
        events.opened(pipe.near)
      })
    })
  }

  #soon(clock: SimClock, run: () => void): void {
    this.time.at(this.time.now, () => {
      clock.deliver(run)
    })
  }
}

/** Public addresses, eighty /8 networks in turn, so that neighbours by number are not neighbours by network. */
function ipOf(index: number): string {
  const rest = Math.floor(index / 80)
  return `${String(20 + (index % 80))}.${String(rest % 250)}.${String(Math.floor(rest / 250) % 250)}.${String(1 + (index % 250))}`
}
