/**
 * Links inside one process whose every delivery waits for the test: it may pick the order, let time pass before it, or never
 * deliver at all. What travels on one link in one direction keeps its order.
 */
import type { Reason } from '../../src/errors.js'
import type {
  DialEvents,
  Endpoint,
  Link,
  LinkEvents,
  ListenEvents,
  Listener,
  Transport,
} from '../../src/ports/transport.js'
import { joinBytes } from '../../src/protocol/bytes.js'

/** The way to one end of one link. */
export interface Channel {
  readonly pair: Pair
  /** Who hears what is delivered here. */
  readonly to: 'dialler' | 'acceptor'
}

interface Step {
  readonly end: ScheduledLink
  readonly readyAt: number
  readonly run: () => void
}

const LOST: Reason = { code: 'connection-lost', fault: 'network' }

/** Both ends of one link, and what became of it. */
export class Pair {
  readonly dialledBy: string
  readonly acceptedBy: string
  readonly dialler: ScheduledLink
  readonly acceptor: ScheduledLink
  /** Nothing is delivered any more, in either direction; neither end is told. */
  blackHoled = false
  /** Bytes that were delivered to each end. */
  readonly delivered: Record<'dialler' | 'acceptor', number> = { dialler: 0, acceptor: 0 }

  constructor(network: ScheduledNetwork, from: string, host: string, port: number, localPort: number) {
    this.dialledBy = from
    this.acceptedBy = host
    this.dialler = new ScheduledLink(network, this, 'dialler', { host, port })
    this.acceptor = new ScheduledLink(network, this, 'acceptor', { host: network.ipOf(from), port: localPort })
  }

  get isOpen(): boolean {
    return !this.dialler.isOver && !this.acceptor.isOver
  }

  /** Breaks the link at both ends, or only at the one named: then the other hears nothing of it. */
  break(at: 'both' | 'dialler' | 'acceptor' = 'both'): void {
    if (at !== 'both') this.blackHoled = true
    if (at !== 'acceptor') this.dialler.breakDown()
    if (at !== 'dialler') this.acceptor.breakDown()
  }
}

export class ScheduledNetwork {
  /** Every link that was ever opened, in order. */
  readonly pairs: Pair[] = []
  /** How long a delivery travels. */
  delayMs: (channel: Channel) => number = () => 0
  /** A write that leaves at least this much unread returns false. */
  unreadMax = 1_048_576
  /** How long a link takes to open. */
  dialMs: (from: string) => number = () => 0
  /** Where links from a host seem to come from. */
  ipOf: (host: string) => string = () => '127.0.0.1'
  /** Hosts that swallow dials without an answer. */
  readonly unreachable: Set<string> = new Set<string>()
  readonly #now: () => number
  readonly #listeners = new Map<string, ListenEvents>()
  #steps: Step[] = []
  #dials: { readonly readyAt: number; readonly run: () => void }[] = []
  #port = 50_000

  constructor(now: () => number) {
    this.#now = now
  }

  get openPairs(): readonly Pair[] {
    return this.pairs.filter(({ isOpen }) => isOpen)
  }

  /** Where something can be delivered now, in the order in which it was sent. */
  get channels(): readonly Channel[] {
    const ends = new Set<ScheduledLink>()
    for (const { end, readyAt } of this.#steps) if (end.isHeard && readyAt <= this.#now()) ends.add(end)
    return [...ends].map(({ pair, side }) => ({ pair, to: side }))
  }

  /** Links that can be opened now. */
  get dialling(): number {
    return this.#dials.filter(({ readyAt }) => readyAt <= this.#now()).length
  }

  /** When the next delivery that still travels will be there. */
  get nextAt(): number | null {
    const steps = this.#steps.filter(({ end }) => end.isHeard)
    const times = [...steps, ...this.#dials].map(({ readyAt }) => readyAt)
    return times.length === 0 ? null : Math.min(...times)
  }

  /** A way into this network for one host; it serves `memory://host:port`. */
  transport(host: string): Transport {
    return {
      schemes: ['memory'],
      dial: (address, events) => this.#dial(host, `${address.host}:${String(address.port)}`, events),
      listen: (address, events) => this.#listen(`${address.host}:${String(address.port)}`, address, events),
    }
  }

  /** Opens the links that were dialled, or refuses them. */
  openDials(): void {
    const due = this.#dials.filter(({ readyAt }) => readyAt <= this.#now())
    this.#dials = this.#dials.filter((dial) => !due.includes(dial))
    for (const dial of due) dial.run()
  }

  /** Delivers the first thing that waits there. */
  deliver({ pair, to }: Channel): void {
    const at = this.#steps.findIndex(({ end }) => end === pair[to])
    const [step] = at < 0 ? [] : this.#steps.splice(at, 1)
    step?.run()
  }

  post(end: ScheduledLink, run: () => void): void {
    const last = this.#steps.findLast((step) => step.end === end)
    const readyAt = this.#now() + this.delayMs({ pair: end.pair, to: end.side })
    this.#steps.push({ end, run, readyAt: Math.max(readyAt, last?.readyAt ?? 0) })
  }

  drop(end: ScheduledLink): void {
    this.#steps = this.#steps.filter((step) => step.end !== end)
  }

  #dial(from: string, where: string, events: DialEvents): () => void {
    const dial = {
      readyAt: this.#now() + this.dialMs(from),
      run: (): void => {
        const [host = '', port = '0'] = where.split(':')
        const listener = this.#listeners.get(where)
        if (listener === undefined) {
          events.failed({ code: 'connection-refused', fault: 'network' })
          return
        }
        const pair = new Pair(this, from, host, Number(port), this.#port++)
        this.pairs.push(pair)
        listener.accepted(pair.acceptor)
        events.opened(pair.dialler)
      },
    }
    if (!this.unreachable.has(where.split(':')[0] ?? '')) this.#dials.push(dial)
    return () => {
      this.#dials = this.#dials.filter((other) => other !== dial)
    }
  }

  #listen(where: string, bound: Endpoint, events: ListenEvents): Listener {
    const taken = this.#listeners.has(where)
    if (!taken) this.#listeners.set(where, events)
    void Promise.resolve().then(() => {
      if (taken) events.failed({ code: 'unreachable', fault: 'local', cause: 'address in use' })
      else if (this.#listeners.get(where) === events) events.listening({ host: bound.host, port: bound.port })
    })
    return {
      close: (done) => {
        if (this.#listeners.get(where) === events) this.#listeners.delete(where)
        void Promise.resolve().then(done)
      },
    }
  }
}

class ScheduledLink implements Link {
  readonly pair: Pair
  readonly side: 'dialler' | 'acceptor'
  readonly remote: Endpoint
  readonly #network: ScheduledNetwork
  #events: LinkEvents | null = null
  #ended = false
  #remoteEnded = false
  #destroyed = false
  #over = false
  #unread = 0
  #saturated = false

  constructor(network: ScheduledNetwork, pair: Pair, side: 'dialler' | 'acceptor', remote: Endpoint) {
    this.#network = network
    this.pair = pair
    this.side = side
    this.remote = remote
  }

  /** Neither side can use it any more. */
  get isOver(): boolean {
    return this.#over || this.#destroyed || this.#ended
  }

  get isHeard(): boolean {
    return this.#events !== null && !(this.pair.blackHoled && !this.#destroyed && !this.#over)
  }

  open(events: LinkEvents): void {
    this.#events = events
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#ended || this.#destroyed || this.#over) return true
    const bytes = joinBytes(chunks)
    const { other } = this
    this.#unread += bytes.length
    this.#network.post(other, () => {
      this.#read(bytes.length)
      this.pair.delivered[other.side] += bytes.length
      if (!other.#destroyed) other.#events?.data(bytes)
    })
    this.#saturated ||= this.#unread >= this.#network.unreadMax
    return !this.#saturated
  }

  end(): void {
    if (this.#ended || this.#destroyed || this.#over) return
    this.#ended = true
    const { other } = this
    this.#network.post(other, () => {
      other.#remoteEnded = true
      if (!other.#destroyed) other.#events?.ended()
      other.#closeIfDone('remote')
    })
    this.#closeIfDone('local')
  }

  destroy(): void {
    if (this.#destroyed || this.#over) return
    this.#destroyed = true
    this.#network.drop(this)
    this.#network.post(this, () => {
      this.#close({ code: 'aborted', fault: 'local' })
    })
    if (this.#ended && this.#remoteEnded) return
    const { other } = this
    this.#network.post(other, () => {
      if (!other.#destroyed) other.#close(LOST)
    })
  }

  breakDown(): void {
    if (this.#over) return
    this.#network.drop(this)
    this.#destroyed = true
    this.#network.post(this, () => {
      this.#close(LOST)
    })
  }

  get other(): ScheduledLink {
    return this.side === 'dialler' ? this.pair.acceptor : this.pair.dialler
  }

  #read(bytes: number): void {
    this.#unread -= bytes
    if (!this.#saturated || this.#unread > 0) return
    this.#saturated = false
    this.#network.post(this, () => {
      if (!this.#destroyed) this.#events?.drained()
    })
  }

  #closeIfDone(fault: 'local' | 'remote'): void {
    if (!this.#ended || !this.#remoteEnded || this.#destroyed) return
    this.#network.post(this, () => {
      if (!this.#destroyed) this.#close({ code: 'closed', fault })
    })
  }

  #close(reason: Reason): void {
    if (this.#over) return
    this.#over = true
    this.#network.drop(this)
    this.#events?.closed(reason)
  }
}
