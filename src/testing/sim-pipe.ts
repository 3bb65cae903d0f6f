/**
 * One simulated link: two ends, and what is on its way between them. Bytes arrive in order or wait for a retransmission, whose
 * timer doubles from 0.3 s to 120 s; after 924 s without one that gets through the link is given up, as by Linux.
 */
import type { Fault, Reason } from '../errors.js'
import type { Endpoint, Link, LinkEvents } from '../ports/transport.js'
import { joinBytes } from '../protocol/bytes.js'
import type { SimClock } from './sim-clock.js'
import type { SimHost, SimMedium } from './sim-host.js'
import type { Content, Parcel } from './sim-parcels.js'
import { InOrder, sizeOf } from './sim-parcels.js'

const RETRANSMIT_FIRST_MS = 300
const RETRANSMIT_MAX_MS = 120_000
const GIVE_UP_MS = 924_000
/** Bytes on their way beyond which a writer is told to wait. */
const SATURATED_BYTES = 256 * 1024

/** A link between two processes. */
export class SimPipe {
  readonly near: SimEnd
  readonly far: SimEnd
  readonly network: SimMedium
  /** One way, without jitter. */
  readonly latencyMs: number
  readonly #closed: () => void
  #silent = false

  /** @param closed called once both ends are closed */
  constructor(
    network: SimMedium,
    closed: () => void,
    from: SimHost,
    fromClock: SimClock,
    to: SimHost,
    toClock: SimClock,
    fromPort: number,
    toPort: number,
  ) {
    this.network = network
    this.latencyMs = network.latencyMs(from.index, to.index)
    this.#closed = closed
    this.near = new SimEnd(this, from, fromClock, { host: to.ip, port: toPort })
    this.far = new SimEnd(this, to, toClock, { host: from.ip, port: fromPort })
  }

  get isSilent(): boolean {
    return this.#silent
  }

  joins(i: number, j: number): boolean {
    const a = this.near.host.index
    const b = this.far.host.index
    return (a === i && b === j) || (a === j && b === i)
  }

  other(end: SimEnd): SimEnd {
    return end === this.near ? this.far : this.near
  }

  silence(): void {
    this.#silent = true
  }

  reset(): void {
    for (const end of [this.near, this.far]) end.close({ code: 'connection-lost', fault: 'network', cause: 'reset' })
  }

  processDied(clock: SimClock, silent: boolean): void {
    for (const end of [this.near, this.far]) if (end.clock === clock) end.die(silent)
  }

  endClosed(): void {
    if (this.near.isClosed && this.far.isClosed) this.#closed()
  }
}

/** One end of a simulated link. */
export class SimEnd implements Link {
  readonly remote: Endpoint
  readonly host: SimHost
  readonly clock: SimClock
  readonly #pipe: SimPipe
  #events: LinkEvents | null = null
  #closed = false
  /** It was closed before anybody had opened it. */
  #untold: Reason | null = null
  #endedHere = false
  #endedThere = false
  /** Whether what was on its way when it closed still arrives, as after any orderly end. */
  #isOrderly = false
  // Bound: what the other end wrote before this one was opened.
  #early: Content[] = []
  // Bound: what this end wrote and the network has not carried.
  #stalled: Parcel[] = []
  #stalledAt = 0
  readonly #order = new InOrder()
  #sent = 0
  #departsAt = 0
  #arrivesAt = 0
  #inFlight = 0
  #saturated = false

  constructor(pipe: SimPipe, host: SimHost, clock: SimClock, remote: Endpoint) {
    this.#pipe = pipe
    this.host = host
    this.clock = clock
    this.remote = remote
  }

  get isClosed(): boolean {
    return this.#closed
  }

  open(events: LinkEvents): void {
    this.#events = events
    const untold = this.#untold
    if (untold !== null)
      this.#soon(() => {
        events.closed(untold)
      })
    if (this.#early.length === 0) return
    this.#soon(() => {
      const early = this.#early
      this.#early = []
      for (const content of early) this.#receive(content)
    })
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#closed || this.#endedHere) return true
    const bytes = joinBytes(chunks)
    this.#pipe.network.sentBytes += bytes.length
    this.#inFlight += bytes.length
    this.#say(bytes)
    this.#saturated ||= this.#inFlight > SATURATED_BYTES
    return !this.#saturated
  }

  end(): void {
    if (this.#closed || this.#endedHere) return
    this.#endedHere = true
    this.#say('end')
    this.#closeIfBothEnded()
  }

  destroy(): void {
    if (this.#closed) return
    this.close({ code: 'aborted', fault: 'local' })
    this.#resetOther()
  }

  close(reason: Reason): void {
    if (this.#closed) return
    this.#closed = true
    this.#isOrderly = reason.code === 'closed'
    if (!this.#isOrderly) this.#stalled = []
    this.#soon(() => {
      if (this.#events === null) this.#untold = reason
      else this.#events.closed(reason)
    })
    this.#pipe.endClosed()
  }

  /** Its process is gone: the kernel says so, unless the whole machine is. */
  die(silent: boolean): void {
    this.#closed = true
    this.#stalled = []
    this.#events = null
    if (!silent) this.#resetOther()
    this.#pipe.endClosed()
  }

  #say(content: Content): void {
    this.#send({ number: this.#sent++, content })
  }

  #send(parcel: Parcel): void {
    if (this.#pipe.isSilent) return
    if (this.#stalled.length > 0) {
      this.#stalled.push(parcel)
      return
    }
    const { network } = this.#pipe
    // What is written at once still leaves one after the other.
    const sizeMs = sizeOf(parcel.content) / network.bytesPerMs
    this.#departsAt = Math.max(this.#departsAt, network.time.now) + sizeMs
    const wayMs = this.#pipe.latencyMs + network.jitter()
    this.#arrivesAt = Math.max(this.#arrivesAt, this.#departsAt + wayMs)
    network.time.at(this.#arrivesAt, () => {
      this.#arrive(parcel)
    })
  }

  #arrive(parcel: Parcel): void {
    const { network } = this.#pipe
    const other = this.#pipe.other(this)
    if (this.#closed && !this.#isOrderly && parcel.content !== 'end') return
    if (this.#stalled.length > 0 || !network.reaches(this.host, other.host) || this.#pipe.isSilent) {
      this.#stall(parcel)
      return
    }
    for (const content of this.#order.take(parcel)) this.#handOver(content, other)
  }

  #handOver(content: Content, other: SimEnd): void {
    this.#credit(content)
    if (!other.#closed) {
      if (other.clock.isRunning) other.#receive(content)
      else
        other.clock.deliver(() => {
          other.#receive(content)
        })
    } else if (content !== 'end') this.#refused()
  }

  #stall(parcel: Parcel): void {
    if (this.#stalled.push(parcel) > 1) return
    this.#stalledAt = this.#pipe.network.time.now
    this.#retransmitIn(RETRANSMIT_FIRST_MS)
  }

  #retransmitIn(delayMs: number): void {
    const { network } = this.#pipe
    network.time.at(network.time.now + delayMs, () => {
      if (this.#stalled.length === 0) return
      if (network.time.now - this.#stalledAt > GIVE_UP_MS) {
        this.close({ code: 'connection-lost', fault: 'network', cause: 'timed out' })
        return
      }
      if (this.#pipe.isSilent || !network.reaches(this.host, this.#pipe.other(this).host)) {
        this.#retransmitIn(Math.min(2 * delayMs, RETRANSMIT_MAX_MS))
        return
      }
      const waiting = this.#stalled
      this.#stalled = []
      for (const parcel of waiting) this.#send(parcel)
    })
  }

  #receive(content: Content): void {
    if (this.#closed) return
    if (this.#events === null || this.#early.length > 0) {
      this.#early.push(content)
      return
    }
    const { trace, time } = this.#pipe.network
    trace.add('data', time.now, this.host.index, sizeOf(content))
    if (content !== 'end') {
      this.#events.data(content)
      return
    }
    this.#endedThere = true
    this.#events.ended()
    this.#closeIfBothEnded()
  }

  #credit(content: Content): void {
    this.#inFlight -= sizeOf(content)
    if (!this.#saturated || this.#inFlight > SATURATED_BYTES / 2) return
    this.#saturated = false
    this.clock.deliver(() => {
      if (!this.#closed) this.#events?.drained()
    })
  }

  /** Bytes reached a machine where nobody knows the link any more. */
  #refused(): void {
    const { network } = this.#pipe
    network.time.at(network.time.now + this.#pipe.latencyMs, () => {
      this.close({ code: 'connection-lost', fault: 'network', cause: 'reset' })
    })
  }

  #resetOther(): void {
    const { network } = this.#pipe
    const other = this.#pipe.other(this)
    if (this.#pipe.isSilent || !network.reaches(this.host, other.host)) return
    network.time.at(network.time.now + this.#pipe.latencyMs, () => {
      other.close({ code: 'connection-lost', fault: 'network', cause: 'reset' })
    })
  }

  #closeIfBothEnded(): void {
    const fault: Fault = 'remote'
    if (this.#endedHere && this.#endedThere) this.close({ code: 'closed', fault })
  }

  #soon(run: () => void): void {
    const { time } = this.#pipe.network
    time.at(time.now, () => {
      this.clock.deliver(run)
    })
  }
}
