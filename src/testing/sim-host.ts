/** A simulated machine, and what lies between machines as a link sees it. Types only. */
import type { Link } from '../ports/transport.js'
import type { SimClock, SimTime } from './sim-clock.js'
import type { Trace } from './trace.js'

/** One simulated machine. */
export interface SimHost {
  readonly index: number
  /** Its IP address. */
  readonly ip: string
  /** False behind a NAT: it can dial, and nobody can dial it. */
  dialable: boolean
  /** False after a silent crash, until a process starts there again. */
  up: boolean
  // Bound: what its processes listen at.
  readonly listeners: Map<number, { readonly clock: SimClock; readonly accepted: (link: Link) => void }>
}

/** The network, as far as one link needs it. */
export interface SimMedium {
  readonly time: SimTime
  readonly trace: Trace
  readonly bytesPerMs: number
  sentBytes: number
  /** One-way latency between two hosts, by index. */
  latencyMs(i: number, j: number): number
  /** What is added to it, drawn anew each time. */
  jitter(): number
  /** Whether packets pass between two hosts now. */
  reaches(from: SimHost, to: SimHost): boolean
}
