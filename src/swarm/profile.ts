/**
 * The numbers of a swarm, by peer class: one table, and what each preset changes in it. Where the numbers come from is said
 * beside them; the literal preset keeps those of TIME Coin's "Phase 2" document (2026-01-03), gives up and all.
 */
import { checkNames, invalidOption } from '../errors.js'
import type { PeerClass } from '../ports/types.js'

/** `masternode` is the default; `literal` follows the newest source document, gives up and all; `loopback` is for many nodes on one machine. */
export type Preset = 'masternode' | 'literal' | 'lan' | 'loopback' | 'light'

/** What a peer of one class may cost, and how patient we are with it. Every number is an option. */
export interface ClassLimits {
  /** Opening a socket may take this long. 10 s. */
  readonly connectMs: number
  /** From open socket to hello may take this long. 5 s. */
  readonly handshakeMs: number
  /** Silence after which a link is pinged. 10 s for masternode and persistent, else 30 s. */
  readonly idlePingMs: number
  /** Silence at which a link is closed, once `missesMax` pings went unanswered. 180 s and 6; 90 s and 3 for the rest. */
  readonly silenceMaxMs: number
  readonly missesMax: number
  /** Links from one IPv4 address or IPv6 /64. 4 for regular, 1 for unknown; trusted classes are exempt. */
  readonly connectionsPerIpMax: number
  /** First copies of broadcasts, direct messages and requests a second; beyond, credit is withheld. */
  readonly firstCopiesPerSecMax: number
  readonly firstCopiesBurst: number
  /** Bytes a second of all application frames; beyond, credit is withheld. */
  readonly bytesPerSecMax: number
  /** The largest message taken. Unfinished messages and credit are bounded by it. */
  readonly messageBytesMax: number
  /** Bytes that may wait to be sent to the peer. */
  readonly outboxBytesMax: number
  /** What happens beyond: `shed` drops new broadcasts and tells the peer, `close` closes it as a slow consumer. */
  readonly outboxFull: 'shed' | 'close'
  /** Requests of the peer answered at once. 256. */
  readonly requestsMax: number
}

export type Limits = Readonly<Record<PeerClass, ClassLimits>>

const MIB = 1024 * 1024

const MASTERNODE: ClassLimits = {
  connectMs: 10_000,
  handshakeMs: 5_000,
  idlePingMs: 10_000,
  silenceMaxMs: 180_000,
  missesMax: 6,
  connectionsPerIpMax: 1024,
  firstCopiesPerSecMax: 5_000,
  firstCopiesBurst: 50_000,
  bytesPerSecMax: 32 * MIB,
  messageBytesMax: 4 * MIB,
  outboxBytesMax: 8 * MIB,
  outboxFull: 'shed',
  requestsMax: 256,
}

const REGULAR: ClassLimits = {
  ...MASTERNODE,
  idlePingMs: 30_000,
  silenceMaxMs: 90_000,
  missesMax: 3,
  connectionsPerIpMax: 4,
  firstCopiesPerSecMax: 200,
  firstCopiesBurst: 2_000,
  bytesPerSecMax: 8 * MIB,
  messageBytesMax: MIB,
  outboxBytesMax: 2 * MIB,
  outboxFull: 'close',
}

/** The default profile. */
const DEFAULT_LIMITS: Limits = {
  masternode: MASTERNODE,
  persistent: {
    ...MASTERNODE,
    firstCopiesPerSecMax: 1_000,
    firstCopiesBurst: 10_000,
    bytesPerSecMax: 16 * MIB,
    outboxBytesMax: 4 * MIB,
  },
  regular: REGULAR,
  unknown: {
    ...REGULAR,
    connectionsPerIpMax: 1,
    firstCopiesPerSecMax: 100 / 60,
    firstCopiesBurst: 100,
    bytesPerSecMax: MIB,
    messageBytesMax: MIB / 16,
    outboxBytesMax: MIB / 2,
  },
}

export const PEER_CLASSES: readonly PeerClass[] = ['masternode', 'persistent', 'regular', 'unknown']

/** Of a trusted peer, no message of so many bytes or more is dropped for the number of those that wait: credit ends first. */
const SMALL_BYTES = 128

/** So many messages of a peer may be here that are not done with: as many small ones as its credit lasts for. */
export function messagesMaxFor(limits: ClassLimits): number {
  return Math.ceil(windowBytesFor(limits) / SMALL_BYTES)
}

/** Credit a peer starts with: two of its largest messages, so that one can wait while the next arrives. */
export function windowBytesFor(limits: ClassLimits): number {
  return Math.max(2 * limits.messageBytesMax, 128 * 1024)
}

/**
 * The limits of a preset, with the host's own numbers in place.
 * @throws HoldfastError `invalid-option` for a number that is not positive and finite, or beyond its ceiling
 */
export function resolveLimits(
  preset: Preset,
  given: Partial<Readonly<Record<PeerClass, Partial<ClassLimits>>>>,
): Limits {
  const pingMs = preset === 'lan' ? { idlePingMs: 5_000 } : preset === 'literal' ? { idlePingMs: 30_000 } : {}
  const resolve = (peerClass: PeerClass): ClassLimits => {
    const own = { ...DEFAULT_LIMITS[peerClass], ...pingMs }
    checkNames(`limits.${peerClass}`, given[peerClass] ?? {}, Object.keys(own) as (keyof ClassLimits)[])
    const limits = { ...own, ...given[peerClass] }
    for (const [name, value] of Object.entries(limits)) checkLimit(`limits.${peerClass}.${name}`, name, value)
    return limits
  }
  checkNames('limits', given, PEER_CLASSES)
  return {
    masternode: resolve('masternode'),
    persistent: resolve('persistent'),
    regular: resolve('regular'),
    unknown: resolve('unknown'),
  }
}

/** Sizes are announced in 28 bits, and a window is two messages. */
const MESSAGE_BYTES_CEILING = 64 * MIB
const REQUESTS_CEILING = 65_536
const NUMBER_CEILING = 2 ** 40

function checkLimit(field: string, name: string, value: number | string): void {
  if (name === 'outboxFull') {
    if (value !== 'shed' && value !== 'close') throw invalidOption(field, value, "'shed' or 'close'")
    return
  }
  const ceiling =
    name === 'messageBytesMax' ? MESSAGE_BYTES_CEILING : name === 'requestsMax' ? REQUESTS_CEILING : NUMBER_CEILING
  if (typeof value !== 'number' || !(value > 0 && value <= ceiling))
    throw invalidOption(field, value, `a number above 0, at most ${String(ceiling)}`)
}
