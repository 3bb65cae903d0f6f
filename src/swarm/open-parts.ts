/** What a connection has from hello to its end: a half that sends, a half that receives, and a watch over the link. */
import type { WireCode } from '../errors.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { Direction, PeerClass } from '../ports/types.js'
import { joinBytes } from '../protocol/bytes.js'
import { FRAME } from '../protocol/frame.js'
import type { ControlEvent } from '../protocol/control.js'
import type { Hello } from '../protocol/hello.js'
import type { Session } from '../protocol/session.js'
import { varintBytes } from '../protocol/varint.js'
import type { CloseOptions, ConnectionWorld, PeerIdentity } from './connection-owner.js'
import { Intake } from './intake.js'
import type { ClassLimits } from './profile.js'
import { Sender } from './sender.js'
import { Vitals } from './vitals.js'

export interface OpenParts {
  /** What the peer takes may change while it is linked. */
  hello: Hello
  readonly sender: Sender
  readonly vitals: Vitals
  readonly intake: Intake
}

/** The side that was dialled waits longer before it pings; a silent masternode is suspect within 20 s all the same. */
const INBOUND_PATIENCE = 1.2

/** A trusted peer that has gone mad is asked to pause, and is dialled again. */
const TRUSTED_RETRY_MS = 10_000
/** Any other that floods a link with frames of the protocol comes back no sooner. */
const FLOODED_RETRY_MS = 60_000

interface OpenConnection {
  readonly direction: Direction
  readonly remoteIp: string | null
  /** As it is now: its class may change. */
  readonly identity: PeerIdentity | null
  readonly isEnding: boolean
  sendControl(type: number, body: Uint8Array): void
  close(code: WireCode, options: CloseOptions): void
  destroy(): void
}

interface OpenCalls {
  /** Seals a record and writes it. @returns false when the link is saturated */
  readonly write: (parts: readonly Uint8Array[]) => boolean
  readonly suspected: () => void
  readonly cleared: () => void
}

export function createOpenParts(
  connection: OpenConnection,
  hello: Hello,
  admitted: PeerIdentity,
  session: Pick<Session, 'credit' | 'reassembly' | 'waiting'>,
  { agenda, pulse, random, slab, flusher, ledger, memory }: ConnectionWorld,
  { write, suspected, cleared }: OpenCalls,
): OpenParts {
  const { direction, remoteIp } = connection
  const { credit, reassembly } = session
  const inbound = direction === 'inbound'
  const identity = (): PeerIdentity => connection.identity ?? admitted
  const peerClass = (): PeerClass => identity().peerClass
  const limits = (): ClassLimits => identity().limits
  return {
    hello,
    sender: new Sender({
      outboxBytesMax: () => limits().outboxBytesMax,
      memory,
      peerClass,
      creditBytes: hello.limits.windowBytes,
      slab,
      flusher,
      now: () => agenda.now(),
      later: (delayMs, run) => agenda.in(delayMs, run),
      write,
    }),
    vitals: new Vitals({
      // One side asks first, so that an idle link is not pinged from both ends at once.
      rule: () => (inbound ? { ...limits(), idlePingMs: limits().idlePingMs * INBOUND_PATIENCE } : limits()),
      agenda,
      pulse,
      random,
      suspected,
      cleared,
      sendPing: (payload) => {
        connection.sendControl(FRAME.ping, payload)
      },
      silent: () => {
        connection.close('timeout', { text: 'silent' })
      },
    }),
    intake: new Intake({
      agenda,
      credit,
      memory,
      peerClass,
      limits,
      reassembly,
      sendLimits: (messageBytesMax, windowBytes) => {
        connection.sendControl(FRAME.limits, joinBytes([varintBytes(messageBytesMax), varintBytes(windowBytes)]))
      },
      partialBytes: () => session.waiting,
      openQuota: () => ledger.open({ direction, remoteIp, identity: identity() }),
      sendGrant: (bytes) => {
        connection.sendControl(FRAME.window, varintBytes(bytes))
      },
      flooded: (text) => {
        const retryAfterMs = isTrustedClass(peerClass()) ? TRUSTED_RETRY_MS : FLOODED_RETRY_MS
        if (connection.isEnding) connection.destroy()
        else connection.close('rate-limit', { retryAfterMs, text })
      },
    }),
  }
}

type Heeded = Extract<ControlEvent, { kind: 'pong' | 'window' | 'limits' }>

/** What the peer says of the link itself. @returns false where it was not worth a frame */
export function heed(parts: OpenParts, event: Heeded): boolean {
  switch (event.kind) {
    case 'pong':
      return parts.vitals.pong(event.payload)
    case 'window':
      return parts.sender.credited(event.bytes)
    case 'limits': {
      const { messageBytesMax, windowBytes } = event
      parts.hello = { ...parts.hello, limits: { ...parts.hello.limits, messageBytesMax } }
      parts.sender.windowBytes = windowBytes
      return true
    }
  }
}
