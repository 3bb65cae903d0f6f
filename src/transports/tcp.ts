/**
 * Links over TCP, on `node:net`. A link is the socket and nothing around it: Node's own states decide, this file gives
 * them names. No encryption, no framing, no deadlines.
 *
 * @module
 */
import { lookup } from 'node:dns'
import net from 'node:net'
import type { LookupFunction } from 'node:net'
import { checkNames, invalidOption } from '../errors.js'
import type { Reason, ReasonCode } from '../errors.js'
import type { DialEvents, Endpoint, Link, LinkEvents, ListenEvents, Listener, Transport } from '../ports/transport.js'
import type { Address } from '../ports/types.js'
import { lookupOnce } from './tcp-names.js'

/** How TCP links behave. */
export interface TcpOptions {
  /** Silence after which the kernel probes the other end, in ms. Default 30,000; 1,000 to 3,600,000. */
  readonly keepAliveMs?: number
  /** A write that leaves more than this many bytes queued returns false. Default 65,536; 16,384 to 16,777,216. */
  readonly saturationBytes?: number
}

interface Limits {
  readonly keepAliveMs: number
  readonly saturationBytes: number
}

/**
 * Of a name's addresses each but the last has this long to answer, and is given up then. Node's own 250 ms would give up a peer on the
 * other side of the world for an address of a family that this machine cannot reach.
 */
const FAMILY_TIMEOUT_MS = 2_000
/** Connections the kernel holds for us; Linux caps it further at `net.core.somaxconn`. */
const BACKLOG_MAX = 511

const DIAL_CODES: ReadonlyMap<string, ReasonCode> = new Map([
  ['ENOTFOUND', 'name-not-found'],
  ['EAI_AGAIN', 'name-not-found'],
  ['ECONNREFUSED', 'connection-refused'],
  ['EHOSTUNREACH', 'unreachable'],
  ['ENETUNREACH', 'unreachable'],
  ['EACCES', 'unreachable'],
  ['EINVAL', 'unreachable'],
])

/**
 * The transport for `tcp://host:port` addresses.
 * @throws HoldfastError `invalid-option`
 */
export function tcp(options: TcpOptions = {}): Transport {
  checkNames('tcp', options, ['keepAliveMs', 'saturationBytes'])
  const limits: Limits = {
    keepAliveMs: wholeNumber('keepAliveMs', options.keepAliveMs ?? 30_000, 1_000, 3_600_000),
    // Node promises `drain` only for what lies above its own mark of 16 KiB: a lower bound could wait for ever.
    saturationBytes: wholeNumber('saturationBytes', options.saturationBytes ?? 65_536, 16_384, 16_777_216),
  }
  const names = lookupOnce(lookup)
  return {
    schemes: ['tcp'],
    dial: (address, events) => dial(address, events, limits, names),
    listen: (address, events) => new TcpListener(address, events, limits),
  }
}

function dial(address: Address, events: DialEvents, limits: Limits, names: LookupFunction): () => void {
  let pending = true
  const socket = net.connect({
    host: address.host,
    port: address.port,
    autoSelectFamilyAttemptTimeout: FAMILY_TIMEOUT_MS,
    lookup: names,
    allowHalfOpen: true,
    ...socketOptions(limits),
  })
  // Else an end that comes before `open` would be announced to nobody.
  socket.pause()
  socket.once('connect', () => {
    if (!pending) return
    pending = false
    const remote = remoteOf(socket)
    // Reset between the connect and this turn: the socket no longer knows whom it reached.
    if (remote === null) socket.destroy()
    if (remote === null) events.failed({ code: 'connection-lost', fault: 'network' })
    else events.opened(new TcpLink(socket, remote, limits))
  })
  socket.on('error', (error) => {
    if (!pending) return
    pending = false
    events.failed({ code: DIAL_CODES.get(codeOf(error)) ?? 'dial-failed', fault: 'network', cause: error })
  })
  return () => {
    if (!pending) return
    pending = false
    socket.destroy()
  }
}

class TcpLink implements Link {
  readonly remote: Endpoint
  readonly #socket: net.Socket
  readonly #saturationBytes: number
  #events: LinkEvents | null = null
  #closed: Reason | null = null
  #error: Error | null = null
  /** Who ended first, and so whose doing an orderly close is. */
  #endedFirst: 'local' | 'remote' | null = null
  #remoteEnded = false
  #destroyed = false
  #saturated = false

  constructor(socket: net.Socket, remote: Endpoint, limits: Limits) {
    this.remote = remote
    this.#socket = socket
    this.#saturationBytes = limits.saturationBytes
    socket.on('error', (error) => {
      this.#error = error
    })
    socket.on('drain', () => {
      this.#drained()
    })
    // Once `end` was called Node gives no `drain` any more; `finish` is the moment the queue is empty.
    socket.on('finish', () => {
      this.#drained()
    })
    socket.on('close', () => {
      this.#closed = this.#reason()
      this.#events?.closed(this.#closed)
    })
  }

  open(events: LinkEvents): void {
    this.#events = events
    if (this.#closed !== null) {
      const reason = this.#closed
      later(() => {
        events.closed(reason)
      })
      return
    }
    this.#socket.on('data', (bytes: Uint8Array) => {
      if (!this.#destroyed) events.data(bytes)
    })
    this.#socket.on('end', () => {
      this.#endedFirst ??= 'remote'
      this.#remoteEnded = true
      if (!this.#destroyed) events.ended()
    })
    this.#socket.resume()
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (!socket.writable) return true
    const [only] = chunks
    if (chunks.length === 1 && only !== undefined) socket.write(only)
    else {
      socket.cork()
      for (const chunk of chunks) socket.write(chunk)
      socket.uncork()
    }
    // Not what `socket.write` returns: that says false above 16 KiB although the kernel took it all at once.
    if (socket.writableLength <= this.#saturationBytes) return true
    this.#saturated = true
    return false
  }

  end(): void {
    this.#endedFirst ??= 'local'
    // A second time Node makes an error of it, stack and all, and drops it.
    if (!this.#socket.writableEnded) this.#socket.end()
  }

  destroy(): void {
    if (this.#closed !== null) return
    this.#destroyed = true
    this.#socket.destroy()
  }

  #drained(): void {
    if (!this.#saturated) return
    this.#saturated = false
    this.#events?.drained()
  }

  #reason(): Reason {
    if (this.#destroyed) return { code: 'aborted', fault: 'local' }
    if (this.#error !== null) return { code: 'connection-lost', fault: 'network', cause: this.#error }
    if (this.#endedFirst === null || !this.#remoteEnded || !this.#socket.writableFinished) {
      return { code: 'connection-lost', fault: 'network' }
    }
    return { code: 'closed', fault: this.#endedFirst }
  }
}

class TcpListener implements Listener {
  readonly #server: net.Server
  #state: 'starting' | 'listening' | 'gone' = 'starting'
  /** Called when a start that was overtaken by `close` has come to its end. At most one per call of `close`. */
  readonly #waiting: (() => void)[] = []

  constructor(address: Address, events: ListenEvents, limits: Limits) {
    const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true, ...socketOptions(limits) })
    this.#server = server
    server.on('connection', (socket) => {
      const remote = remoteOf(socket)
      if (remote !== null && this.#state === 'listening') events.accepted(new TcpLink(socket, remote, limits))
      else discard(socket)
    })
    server.on('error', (error) => {
      // Later errors are about one connection that could not be accepted; the listener lives on.
      if (this.#state === 'listening') return
      const told = this.#state === 'gone'
      this.#state = 'gone'
      this.#release()
      if (!told) events.failed({ code: 'unreachable', fault: 'local', cause: error })
    })
    server.on('listening', () => {
      if (this.#state === 'gone') {
        server.close()
        this.#release()
        return
      }
      this.#state = 'listening'
      events.listening(boundTo(server, address))
    })
    server.listen({ host: address.host, port: address.port, backlog: BACKLOG_MAX })
  }

  close(done: () => void): void {
    const resolving = this.#state === 'starting' && !this.#server.listening
    this.#state = 'gone'
    if (resolving) {
      this.#waiting.push(done)
      return
    }
    // libuv gives the address back within this call. Node's own callback would wait for every open link.
    if (this.#server.listening) this.#server.close()
    later(done)
  }

  #release(): void {
    for (const done of this.#waiting.splice(0)) done()
  }
}

function boundTo(server: net.Server, asked: Address): Endpoint {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') return { host: asked.host, port: asked.port }
  return { host: bound.address, port: bound.port }
}

function remoteOf(socket: net.Socket): Endpoint | null {
  const { remoteAddress, remotePort } = socket
  if (remoteAddress === undefined || remotePort === undefined) return null
  return { host: unmapped(remoteAddress), port: remotePort }
}

/** A dual-stack listener sees IPv4 peers as `::ffff:1.2.3.4`. */
function unmapped(host: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(host) ? host.slice(7) : host
}

function discard(socket: net.Socket): void {
  socket.on('error', () => undefined)
  socket.destroy()
}

function socketOptions(limits: Limits): { noDelay: true; keepAlive: true; keepAliveInitialDelay: number } {
  return { noDelay: true, keepAlive: true, keepAliveInitialDelay: limits.keepAliveMs }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Never within the caller's own call. */
function later(run: () => void): void {
  void Promise.resolve().then(run)
}

function wholeNumber(field: string, given: number, min: number, max: number): number {
  if (Number.isSafeInteger(given) && given >= min && given <= max) return given
  throw invalidOption(field, given, `a whole number from ${String(min)} to ${String(max)}`)
}
