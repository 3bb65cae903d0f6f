/**
 * The listening side: an HTTP server that does nothing but upgrade. Whoever is not upgraded yet is a stranger on a
 * deadline, and their number is bounded.
 */
import http from 'node:http'
import type { Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import type { ListenEvents, Listener } from '../ports/transport.js'
import type { Address } from '../ports/types.js'
import { later, messageOptions, remoteOf, WebSocketLink } from './websocket-link.js'
import type { WebSocketLimits } from './websocket-link.js'

/** The one subprotocol: a dial asks for it, a listener insists on it. */
export const SUBPROTOCOL = 'holdfast.1'

/**
 * Connections that are not upgraded yet, 3 KiB each; one more evicts the oldest. At 5,000 connections a second each has 400 ms to
 * ask for its upgrade: an honest one needs a round trip.
 */
const HANDSHAKES_MAX = 2_048
const HEADER_BYTES_MAX = 8_192
/** Of what a stranger writes, so many characters are told. */
const ORIGIN_TOLD_MAX = 80
/** Connections the kernel holds for us; Linux caps it further at `net.core.somaxconn`. */
const BACKLOG_MAX = 511

export class WebSocketListener implements Listener {
  readonly #server: http.Server
  readonly #upgrader: WebSocketServer
  readonly #limits: WebSocketLimits
  readonly #events: ListenEvents
  readonly #origins: ReadonlySet<string> | null
  #state: 'starting' | 'listening' | 'gone' = 'starting'
  /** Oldest first; at most {@link HANDSHAKES_MAX}. */
  readonly #handshakes = new Set<Socket>()
  /** Called when a start that was overtaken by `close` has come to its end. At most one per call of `close`. */
  readonly #waiting: (() => void)[] = []

  /** @param origins web pages that may connect; null for all of them */
  constructor(address: Address, events: ListenEvents, limits: WebSocketLimits, origins: ReadonlySet<string> | null) {
    this.#events = events
    this.#origins = origins
    this.#limits = limits
    this.#server = httpServer(limits)
    this.#upgrader = new WebSocketServer({
      ...messageOptions(limits),
      noServer: true,
      clientTracking: false,
      path: address.path,
      // What else it offers, a client must not believe to be spoken here.
      handleProtocols: () => SUBPROTOCOL,
    })
    this.#server.on('connection', (socket: Socket) => {
      this.#admit(socket)
    })
    this.#server.on('upgrade', (request: http.IncomingMessage, _: unknown, head: Buffer) => {
      this.#upgrade(request, head)
    })
    this.#server.on('error', (error) => {
      this.#failed(error)
    })
    this.#server.on('listening', () => {
      this.#listening(address)
    })
    if (address.scheme === 'ws') {
      this.#server.listen({ host: address.host, port: address.port, backlog: BACKLOG_MAX })
      return
    }
    later(() => {
      this.#failed(`${address.scheme} can only be dialled`)
    })
  }

  close(done: () => void): void {
    const resolving = this.#state === 'starting' && !this.#server.listening
    this.#state = 'gone'
    for (const socket of this.#handshakes) socket.destroy()
    if (resolving) {
      this.#waiting.push(done)
      return
    }
    // libuv gives the address back within this call. Node's own callback would wait for every open link.
    if (this.#server.listening) this.#server.close()
    later(done)
  }

  #admit(socket: Socket): void {
    const [oldest] = this.#handshakes
    if (oldest !== undefined && this.#handshakes.size >= HANDSHAKES_MAX) {
      this.#handshakes.delete(oldest)
      oldest.destroy()
    }
    this.#handshakes.add(socket)
    socket.once('close', () => {
      this.#handshakes.delete(socket)
    })
  }

  #upgrade(request: http.IncomingMessage, head: Buffer): void {
    const { socket } = request
    const remote = remoteOf(socket)
    if (remote === null || this.#state !== 'listening') {
      discard(socket)
    } else if (!offersSubprotocol(request)) {
      refuse(socket, '400 Bad Request')
      const cause = `does not offer the subprotocol ${SUBPROTOCOL}`
      this.#events.refused?.(remote, { code: 'bad-handshake', fault: 'remote', cause })
    } else if (!this.#mayBeFrom(request.headers.origin)) {
      refuse(socket, '403 Forbidden')
      const origin = JSON.stringify(request.headers.origin?.slice(0, ORIGIN_TOLD_MAX))
      this.#events.refused?.(remote, {
        code: 'not-allowed',
        fault: 'local',
        cause: `a page of ${origin} may not connect`,
      })
    } else {
      this.#upgrader.handleUpgrade(request, socket, head, (ws) => {
        this.#handshakes.delete(socket)
        this.#events.accepted(new WebSocketLink(ws, socket, remote, this.#limits))
      })
    }
  }

  #mayBeFrom(origin: string | undefined): boolean {
    return origin === undefined || this.#origins?.has(origin) !== false
  }

  #listening(asked: Address): void {
    if (this.#state === 'gone') {
      this.#server.close()
      this.#release()
      return
    }
    this.#state = 'listening'
    const bound = this.#server.address()
    if (bound === null || typeof bound === 'string') this.#events.listening({ host: asked.host, port: asked.port })
    else this.#events.listening({ host: bound.address, port: bound.port })
  }

  #failed(cause: unknown): void {
    // Later errors are about one connection that could not be accepted; the listener lives on.
    if (this.#state === 'listening') return
    const told = this.#state === 'gone'
    this.#state = 'gone'
    this.#release()
    if (!told) this.#events.failed({ code: 'unreachable', fault: 'local', cause })
  }

  #release(): void {
    for (const done of this.#waiting.splice(0)) done()
  }
}

function httpServer(limits: WebSocketLimits): http.Server {
  return http.createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: limits.handshakeMs,
      requestTimeout: limits.handshakeMs,
      connectionsCheckingInterval: Math.ceil(limits.handshakeMs / 4),
    },
    (_, response) => {
      response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-length': 0 }).end()
    },
  )
}

function offersSubprotocol(request: http.IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? ''
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL)
}

function refuse(socket: Socket, status: string): void {
  socket.on('error', () => undefined)
  socket.once('finish', () => {
    socket.destroy()
  })
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

function discard(socket: Socket): void {
  socket.on('error', () => undefined)
  socket.destroy()
}
