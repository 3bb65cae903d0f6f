/**
 * Links inside one process, for tests and examples. A `MemoryNetwork` is a world of its own; whatever happens in it
 * happens in a deferred step, in the order it was caused, so the same calls always give the same events.
 *
 * @module
 */
import { invalidOption } from '../errors.js'
import type { Fault, Reason } from '../errors.js'
import type { DialEvents, Endpoint, Link, LinkEvents, ListenEvents, Listener, Transport } from '../ports/transport.js'
import type { Address } from '../ports/types.js'

/** How a network in memory behaves. */
export interface MemoryNetworkOptions {
  /**
   * Runs a step later: never within the call, and first come first served. Default: a promise job. Give a
   * simulation's own, so that its clock owns every step.
   */
  readonly defer?: (run: () => void) => void
  /** A write that leaves at least this many bytes unread returns false. Default 1,048,576; 1 to 1,073,741,824. */
  readonly unreadBytesMax?: number
}

/** The ports handed out where any free port was asked for: the dynamic range of RFC 6335, section 6. */
const FREE_PORT_FIRST = 49_152
const FREE_PORT_LAST = 65_535

/** A closed world of `memory://name:port` addresses. Transports of the same network reach one another. */
export class MemoryNetwork {
  readonly #defer: (run: () => void) => void
  readonly #unreadBytesMax: number
  /** By `host:port`; one for each listener that its owner keeps open. */
  readonly #listeners = new Map<string, MemoryListener>()
  #dialPort = FREE_PORT_FIRST

  /** @throws HoldfastError `invalid-option` */
  constructor(options: MemoryNetworkOptions = {}) {
    const max = options.unreadBytesMax ?? 1_048_576
    if (!Number.isSafeInteger(max) || max < 1 || max > 1_073_741_824) {
      throw invalidOption('unreadBytesMax', max, 'a whole number from 1 to 1073741824')
    }
    this.#unreadBytesMax = max
    this.#defer =
      options.defer ??
      ((run) => {
        void Promise.resolve().then(run)
      })
  }

  /** What `dial` of a transport does. */
  dial(address: Address, events: DialEvents): () => void {
    let pending = true
    this.#defer(() => {
      if (!pending) return
      pending = false
      const listener = this.#listeners.get(key(address))
      if (listener === undefined) {
        events.failed({ code: 'connection-refused', fault: 'network' })
        return
      }
      const far = new MemoryLink({ host: '127.0.0.1', port: this.#nextDialPort() }, this.#defer, this.#unreadBytesMax)
      const near = far.join({ host: address.host, port: address.port })
      this.#defer(() => {
        listener.accept(far)
      })
      events.opened(near)
    })
    return () => {
      pending = false
    }
  }

  /** What `listen` of a transport does: `unreachable` where the address is taken or no port is free. */
  listen(asked: Address, events: ListenEvents): Listener {
    const address = { host: asked.host, port: asked.port === 0 ? this.#freePort(asked.host) : asked.port }
    const taken = address.port === 0 || this.#listeners.has(key(address))
    const listener = new MemoryListener(events, (done) => {
      if (this.#listeners.get(key(address)) === listener) this.#listeners.delete(key(address))
      this.#defer(done)
    })
    if (!taken) this.#listeners.set(key(address), listener)
    this.#defer(() => {
      if (taken) listener.fail({ code: 'unreachable', fault: 'local', cause: 'address in use' })
      else listener.announce(address)
    })
    return listener
  }

  /** The lowest free port, or 0 where none is left. */
  #freePort(host: string): number {
    for (let port = FREE_PORT_FIRST; port <= FREE_PORT_LAST; port++) {
      if (!this.#listeners.has(key({ host, port }))) return port
    }
    return 0
  }

  #nextDialPort(): number {
    const port = this.#dialPort
    this.#dialPort = port === FREE_PORT_LAST ? FREE_PORT_FIRST : port + 1
    return port
  }
}

/** The transport for `memory://name:port` addresses of one network. */
export function memory(network: MemoryNetwork): Transport {
  return {
    schemes: ['memory'],
    dial: (address, events) => network.dial(address, events),
    listen: (address, events) => network.listen(address, events),
  }
}

class MemoryListener implements Listener {
  readonly #events: ListenEvents
  readonly #leave: (done: () => void) => void
  #gone = false

  constructor(events: ListenEvents, leave: (done: () => void) => void) {
    this.#events = events
    this.#leave = leave
  }

  close(done: () => void): void {
    this.#gone = true
    this.#leave(done)
  }

  announce(bound: Endpoint): void {
    if (!this.#gone) this.#events.listening(bound)
  }

  fail(reason: Reason): void {
    if (!this.#gone) this.#events.failed(reason)
    this.#gone = true
  }

  /** A link that was on its way when the listener closed finds nobody. */
  accept(link: MemoryLink): void {
    if (this.#gone) link.destroy()
    else this.#events.accepted(link)
  }
}

/** One end. Each event is one deferred step; the next step is booked before the owner is called, and so survives a throw. */
class MemoryLink implements Link {
  readonly remote: Endpoint
  readonly #defer: (run: () => void) => void
  readonly #unreadBytesMax: number
  /** The other end; itself until `join`. */
  #peer: MemoryLink = this
  #events: LinkEvents | null = null
  /** Unread bytes. As long as the writer heeds `false`: `unreadBytesMax` and one write. */
  #inbox: Uint8Array[] = []
  #unreadBytes = 0
  #ended = false
  #remoteEnding: 'arrived' | 'told' | null = null
  #endedFirst: Fault = 'local'
  #broken: Reason | null = null
  #closed = false
  #saturated = false
  #drainedDue = false
  #booked = false

  constructor(remote: Endpoint, defer: (run: () => void) => void, unreadBytesMax: number) {
    this.remote = remote
    this.#defer = defer
    this.#unreadBytesMax = unreadBytesMax
  }

  /** Makes the other end. */
  join(remote: Endpoint): MemoryLink {
    const other = new MemoryLink(remote, this.#defer, this.#unreadBytesMax)
    other.#peer = this
    this.#peer = other
    return other
  }

  open(events: LinkEvents): void {
    this.#events = events
    this.#book()
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const peer = this.#peer
    if (this.#broken !== null || this.#ended) return true
    const bytes = joined(chunks)
    if (bytes.length > 0) peer.#arrive(bytes)
    if (peer.#unreadBytes < this.#unreadBytesMax) return true
    this.#saturated = true
    return false
  }

  end(): void {
    if (this.#broken !== null || this.#ended) return
    this.#ended = true
    if (this.#remoteEnding === null) this.#endedFirst = 'local'
    this.#peer.#arriveEnd()
    this.#book()
  }

  destroy(): void {
    if (this.#closed) return
    this.#broken = { code: 'aborted', fault: 'local' }
    this.#book()
    // Where both had ended the other side may still read what is on its way to it.
    if (!this.#ended || this.#remoteEnding !== 'told') this.#peer.#lose()
  }

  #arrive(bytes: Uint8Array): void {
    this.#inbox.push(bytes)
    this.#unreadBytes += bytes.length
    this.#book()
  }

  #arriveEnd(): void {
    this.#remoteEnding = 'arrived'
    if (!this.#ended) this.#endedFirst = 'remote'
    this.#book()
  }

  #lose(): void {
    if (this.#closed || this.#broken !== null) return
    this.#broken = { code: 'connection-lost', fault: 'network' }
    this.#book()
  }

  #emptied(): void {
    if (!this.#saturated) return
    this.#saturated = false
    this.#drainedDue = true
    this.#book()
  }

  #book(): void {
    if (this.#booked) return
    this.#booked = true
    this.#defer(() => {
      this.#booked = false
      if (this.#events !== null) this.#step(this.#events)
    })
  }

  #step(events: LinkEvents): void {
    if (this.#broken !== null) {
      this.#close(events, this.#broken)
    } else if (this.#inbox.length > 0) {
      const bytes = joined(this.#inbox)
      this.#inbox = []
      this.#unreadBytes = 0
      this.#peer.#emptied()
      this.#book()
      events.data(bytes)
    } else if (this.#drainedDue) {
      this.#drainedDue = false
      this.#book()
      events.drained()
    } else if (this.#remoteEnding === 'arrived') {
      this.#remoteEnding = 'told'
      this.#book()
      events.ended()
    } else if (this.#remoteEnding === 'told' && this.#ended && !this.#saturated) {
      this.#close(events, { code: 'closed', fault: this.#endedFirst })
    }
  }

  #close(events: LinkEvents, reason: Reason): void {
    this.#closed = true
    events.closed(reason)
  }
}

/** The chunks as one, in memory of its own. */
function joined(chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

function key(address: Endpoint): string {
  return `${address.host}:${String(address.port)}`
}
