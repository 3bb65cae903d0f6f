/** One WebSocket as a link: see `websocket.ts` for how bytes and ends are said. */
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import type { Fault, Reason } from '../errors.js'
import type { Endpoint, Link, LinkEvents } from '../ports/transport.js'

/** The options of `webSocket()`, checked and complete. */
export interface WebSocketLimits {
  readonly messageBytesMax: number
  readonly saturationBytes: number
  readonly keepAliveMs: number
  readonly handshakeMs: number
  readonly closingMs: number
}

/** The largest message we send, and so what every end must accept. */
export const SENT_MESSAGE_BYTES_MAX = 65_536

/** What the pieces of a message come to at least, on an average: the smallest that IPv4 promises are of 536 bytes, and each costs some 400. */
const PIECE_BYTES_MIN = 128

/** We send no ping of WebSocket's own, and whatever stands between two nodes sends few: more than this beside the messages is a flood. */
const PINGS_SPARE = 64

/**
 * Framing that carries next to nothing costs as much work as what it carries, and counts nowhere else: all that comes beyond one and a
 * half times the messages' bytes, in a row, beside a message on its way.
 */
const WIRE_BYTES_MAX = 65_536
const PAYLOAD_WORTH = 1.5

const NOTHING = new Uint8Array(0)

/** What both ends ask of `ws`: no compression, and a bound on everything that a message could make us hold. */
export function messageOptions(limits: WebSocketLimits): {
  perMessageDeflate: false
  autoPong: false
  maxPayload: number
  maxFragments: number
  maxBufferedChunks: number
  closeTimeout: number
} {
  return {
    perMessageDeflate: false,
    // Answered by the link, as far as the other side reads the answers.
    autoPong: false,
    maxPayload: limits.messageBytesMax,
    maxFragments: 1_024,
    maxBufferedChunks: Math.ceil(limits.messageBytesMax / PIECE_BYTES_MIN),
    closeTimeout: limits.closingMs,
  }
}

/** The far end of a socket, or null where it is gone already. */
export function remoteOf(socket: Socket): Endpoint | null {
  const { remoteAddress, remotePort } = socket
  if (remoteAddress === undefined || remotePort === undefined) return null
  return { host: unmapped(remoteAddress), port: remotePort }
}

/** Calls `run` soon, but never within the caller's own call. */
export function later(run: () => void): void {
  void Promise.resolve().then(run)
}

export class WebSocketLink implements Link {
  readonly remote: Endpoint
  readonly #ws: WebSocket
  readonly #socket: Socket
  readonly #saturationBytes: number
  #events: LinkEvents | null = null
  /** What will be told as the reason, once it is known that the link breaks. */
  #broken: Reason | null = null
  #closed: Reason | null = null
  #endedFirst: Fault = 'local'
  #ended = false
  #remoteEnded = false
  #saturated = false
  /** How many pings more than messages have come. */
  #pings = 0
  readonly #wireBytesMax: number
  #wireBytes = 0

  constructor(ws: WebSocket, socket: Socket, remote: Endpoint, limits: WebSocketLimits) {
    this.remote = remote
    this.#ws = ws
    this.#socket = socket
    this.#saturationBytes = limits.saturationBytes
    this.#wireBytesMax = WIRE_BYTES_MAX + limits.messageBytesMax
    socket.setKeepAlive(true, limits.keepAliveMs)
    ws.pause()
    socket.on('data', ({ length }: Buffer) => {
      this.#wireBytes += length
      if (this.#wireBytes > this.#wireBytesMax)
        this.#break({ code: 'connection-lost', fault: 'remote', cause: 'a flood of framing' })
    })
    ws.on('message', (bytes, isBinary) => {
      this.#message(bytes as Buffer, isBinary)
    })
    ws.on('ping', (payload) => {
      this.#pinged(payload)
    })
    ws.on('pong', () => {
      this.#pinged(null)
    })
    socket.on('drain', () => {
      this.#drained()
    })
    ws.on('error', (error) => {
      this.#break({ code: 'connection-lost', fault: isRemoteFault(error) ? 'remote' : 'network', cause: error })
    })
    ws.on('close', (code) => {
      this.#closed = this.#broken ?? this.#reason(code)
      this.#events?.closed(this.#closed)
    })
  }

  open(events: LinkEvents): void {
    this.#events = events
    const reason = this.#closed
    if (reason === null) {
      this.#ws.resume()
      return
    }
    later(() => {
      events.closed(reason)
    })
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#ended || !this.#isOpen()) return true
    const [first] = chunks
    const bytes = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks)
    this.#socket.cork()
    for (let at = 0; at < bytes.length; at += SENT_MESSAGE_BYTES_MAX) {
      this.#ws.send(bytes.subarray(at, at + SENT_MESSAGE_BYTES_MAX), { binary: true })
    }
    this.#socket.uncork()
    if (this.#ws.bufferedAmount <= this.#saturationBytes) return true
    this.#saturated = true
    return false
  }

  end(): void {
    if (this.#ended || !this.#isOpen()) return
    this.#ended = true
    if (!this.#remoteEnded) this.#endedFirst = 'local'
    this.#ws.send(NOTHING, { binary: true })
    this.#closeWhenBothEnded()
  }

  destroy(): void {
    this.#broken = { code: 'aborted', fault: 'local' }
    this.#ws.terminate()
  }

  #message(bytes: Uint8Array, isBinary: boolean): void {
    if (this.#broken !== null || this.#events === null) return
    this.#pings = Math.max(0, this.#pings - 1)
    this.#wireBytes = Math.max(0, this.#wireBytes - PAYLOAD_WORTH * bytes.length)
    if (!isBinary) {
      this.#break({ code: 'connection-lost', fault: 'remote', cause: 'a text message' })
    } else if (this.#remoteEnded) {
      this.#break({ code: 'connection-lost', fault: 'remote', cause: 'a message after the end' })
    } else if (bytes.length > 0) {
      this.#events.data(bytes)
    } else {
      this.#remoteEnded = true
      if (!this.#ended) this.#endedFirst = 'remote'
      this.#events.ended()
      this.#closeWhenBothEnded()
    }
  }

  #pinged(payload: Buffer | null): void {
    if (this.#pings++ >= PINGS_SPARE)
      this.#break({ code: 'connection-lost', fault: 'remote', cause: 'a flood of pings' })
    else if (payload !== null && this.#isOpen() && this.#ws.bufferedAmount <= this.#saturationBytes)
      this.#ws.pong(payload)
  }

  #closeWhenBothEnded(): void {
    if (this.#ended && this.#remoteEnded) this.#ws.close(1000)
  }

  #drained(): void {
    if (!this.#saturated) return
    this.#saturated = false
    this.#events?.drained()
  }

  #break(reason: Reason): void {
    this.#broken ??= reason
    this.#ws.terminate()
  }

  #isOpen(): boolean {
    return this.#broken === null && this.#ws.readyState === WebSocket.OPEN
  }

  #reason(code: number): Reason {
    if (this.#ended && this.#remoteEnded) return { code: 'closed', fault: this.#endedFirst }
    return { code: 'connection-lost', fault: 'network', cause: `WebSocket closed with ${String(code)}` }
  }
}

/** The `ws` parser gives every violation of the protocol a code of its own; the rest is the socket's. */
function isRemoteFault(error: Error): boolean {
  return 'code' in error && typeof error.code === 'string' && error.code.startsWith('WS_ERR_')
}

/** A dual-stack listener sees IPv4 peers as `::ffff:1.2.3.4`. */
function unmapped(host: string): string {
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(host) ? host.slice(7) : host
}
