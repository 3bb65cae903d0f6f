/**
 * Links over WebSocket (RFC 6455), on `ws`. Binary messages are a byte stream, their boundaries mean nothing; a text
 * message is garbage. WebSocket has no half-close, so an empty message says that no more comes, and the closing
 * handshake follows once both sides have said so.
 *
 * @module
 */
import { lookup, Resolver } from 'node:dns'
import type { LookupFunction, Socket } from 'node:net'
import { isIP } from 'node:net'
import { WebSocket } from 'ws'
import { checkNames, invalidOption } from '../errors.js'
import type { ReasonCode } from '../errors.js'
import type { DialEvents, Transport } from '../ports/transport.js'
import type { Address } from '../ports/types.js'
import { lookupBy, lookupOnce, TOLD_LOOKUP } from './websocket-names.js'
import { later, messageOptions, remoteOf, SENT_MESSAGE_BYTES_MAX, WebSocketLink } from './websocket-link.js'
import type { WebSocketLimits } from './websocket-link.js'
import { SUBPROTOCOL, WebSocketListener } from './websocket-listener.js'

/** How WebSocket links behave. */
export interface WebSocketOptions {
  /**
   * The largest message that is accepted, in bytes: what a link may hold of one that is not whole, beside the node's budget. Its pieces
   * come to 128 bytes at least, on an average. Default 65,536, what we send at most; up to 16,777,216.
   */
  readonly messageBytesMax?: number
  /** A write that leaves more than this many bytes queued returns false. Default 65,536; 16,384 to 16,777,216. */
  readonly saturationBytes?: number
  /** Silence after which the kernel probes the other end, in ms. Default 30,000; 1,000 to 3,600,000. */
  readonly keepAliveMs?: number
  /** How long an HTTP upgrade may take, on either side, in ms. Default 10,000; 100 to 600,000. */
  readonly handshakeMs?: number
  /** How long the other side may take to answer the closing handshake, in ms. Default 5,000; 100 to 600,000. */
  readonly closingMs?: number
  /**
   * Web pages that may connect, as a browser's `Origin` header names them, such as `https://wallet.example`. Whoever sends no such header
   * is no web page, and may always try. Default `any`: a page that somebody visits is a stranger like any other, with the visitor's IP,
   * which on the visitor's own machine or network is a private one. An empty list admits no page. 256 at most.
   */
  readonly origins?: 'any' | readonly string[]
  /** For `wss` dials: certificates to trust instead of the well-known ones (PEM), and whether an untrusted one ends the dial. */
  readonly tls?: { readonly ca?: string | readonly string[]; readonly rejectUnauthorized?: boolean }
}

const OPTIONS = [
  'messageBytesMax',
  'saturationBytes',
  'keepAliveMs',
  'handshakeMs',
  'closingMs',
  'origins',
  'tls',
] as const
const ORIGINS_MAX = 256
/** As by TCP: of a name's addresses each but the last has this long to answer. */
const FAMILY = { autoSelectFamilyAttemptTimeout: 2_000 }

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
 * The transport for `ws://` and `wss://` addresses, with the subprotocol `holdfast.1`. It listens on `ws` only: TLS is
 * for a proxy in front. A dial ends in `dial-failed` when the upgrade is refused or takes longer than `handshakeMs`.
 * @throws HoldfastError `invalid-option`
 */
export function webSocket(options: WebSocketOptions = {}): Transport {
  checkNames('webSocket', options, OPTIONS)
  const limits: WebSocketLimits = {
    messageBytesMax: wholeNumber(
      'messageBytesMax',
      options.messageBytesMax ?? SENT_MESSAGE_BYTES_MAX,
      SENT_MESSAGE_BYTES_MAX,
      16_777_216,
    ),
    // Node promises `drain` only for what lies above its own mark of 16 KiB: a lower bound could wait for ever.
    saturationBytes: wholeNumber('saturationBytes', options.saturationBytes ?? 65_536, 16_384, 16_777_216),
    keepAliveMs: wholeNumber('keepAliveMs', options.keepAliveMs ?? 30_000, 1_000, 3_600_000),
    handshakeMs: wholeNumber('handshakeMs', options.handshakeMs ?? 10_000, 100, 600_000),
    closingMs: wholeNumber('closingMs', options.closingMs ?? 5_000, 100, 600_000),
  }
  const origins = originsOf(options.origins ?? 'any')
  const { ca, rejectUnauthorized = true } = options.tls ?? {}
  const trusted = typeof ca === 'string' ? ca : ca?.slice()
  const tls = trusted === undefined ? { rejectUnauthorized } : { rejectUnauthorized, ca: trusted }
  const names = lookupOnce(lookup)
  return {
    schemes: ['ws', 'wss'],
    dial: (address, events, isTold) => dial(address, events, { limits, tls, names, isTold: isTold === true }),
    listen: (address, events) => new WebSocketListener(address, events, limits, origins),
  }
}

interface DialSetup {
  readonly limits: WebSocketLimits
  readonly tls: { readonly rejectUnauthorized: boolean; readonly ca?: string | string[] }
  /** Looks up what the operator names. */
  readonly names: LookupFunction
  /** Only strangers tell of it. */
  readonly isTold: boolean
}

function dial(address: Address, events: DialEvents, { limits, tls, names, isTold }: DialSetup): () => void {
  let pending = true
  const settle = (tell: () => void): void => {
    if (!pending) return
    pending = false
    tell()
  }
  const resolver = isTold && isIP(address.host) === 0 ? new Resolver(TOLD_LOOKUP) : null
  let ws: WebSocket
  try {
    ws = new WebSocket(urlOf(address), SUBPROTOCOL, {
      ...messageOptions(limits),
      ...tls,
      ...FAMILY,
      lookup: resolver === null ? names : lookupBy(resolver),
      handshakeTimeout: limits.handshakeMs,
    })
  } catch (error) {
    later(() => {
      settle(() => {
        events.failed({ code: 'dial-failed', fault: 'local', cause: error })
      })
    })
    return () => {
      pending = false
    }
  }
  let socket: Socket | null = null
  ws.on('upgrade', (response) => {
    socket = response.socket
  })
  ws.on('open', () => {
    const remote = socket === null ? null : remoteOf(socket)
    if (!pending || socket === null || remote === null) {
      ws.terminate()
      settle(() => {
        events.failed({ code: 'connection-lost', fault: 'network' })
      })
      return
    }
    const link = new WebSocketLink(ws, socket, remote, limits)
    settle(() => {
      events.opened(link)
    })
  })
  ws.on('error', (error) => {
    settle(() => {
      events.failed({ code: DIAL_CODES.get(codeOf(error)) ?? 'dial-failed', fault: 'network', cause: error })
    })
  })
  return () => {
    settle(() => {
      resolver?.cancel()
      ws.terminate()
    })
  }
}

function urlOf(address: Address): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return `${address.scheme}://${host}:${String(address.port)}${address.path}`
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : ''
}

function wholeNumber(field: string, given: number, min: number, max: number): number {
  if (Number.isSafeInteger(given) && given >= min && given <= max) return given
  throw invalidOption(field, given, `a whole number from ${String(min)} to ${String(max)}`)
}

/** Null for all of them. */
function originsOf(given: 'any' | readonly string[]): ReadonlySet<string> | null {
  if (given === 'any') return null
  const list: readonly unknown[] = Array.isArray(given) && given.length <= ORIGINS_MAX ? given : [null]
  if (list.every(isOrigin)) return new Set(list)
  throw invalidOption('origins', given, `'any', or at most ${String(ORIGINS_MAX)} such as 'https://wallet.example'`)
}

function isOrigin(given: unknown): given is string {
  return typeof given === 'string' && URL.canParse(given) && new URL(given).origin === given
}
