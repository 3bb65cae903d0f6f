/**
 * Options are parsed once, here, into settings that the rest of the house takes as given: everything is required there,
 * checked, and frozen. A bad option throws an `invalid-option` that names the field, what was given and what is allowed.
 */
import { checkNames, HoldfastError, invalidOption } from '../errors.js'
import type { Logger } from '../observe/log.js'
import { parseAddress } from '../policy/address.js'
import type { Backoff, BackoffFunction, BackoffPolicy } from '../policy/backoff.js'
import { toBackoffPolicy } from '../policy/backoff.js'
import { Blacklist } from '../policy/blacklist.js'
import { DedupCache } from '../policy/dedup.js'
import { checkLimit } from '../policy/limit.js'
import { PeerStore } from '../policy/peer-store.js'
import type { PropagationMode } from '../policy/propagation.js'
import type { SlotOptions } from '../policy/slots.js'
import { resolveSlots } from '../policy/slots.js'
import type { Clock, Random } from '../ports/clock.js'
import type { Crypto } from '../ports/crypto.js'
import type { TrustedDirectory } from '../ports/discovery.js'
import type { Storage } from '../ports/storage.js'
import type { Transport } from '../ports/transport.js'
import type { Address, Direction, PeerClass, PeerId } from '../ports/types.js'
import { parsePeerId } from '../protocol/peer-id.js'
import type { VersionRange } from '../protocol/hello.js'
import { verifyingOnce } from '../protocol/verified.js'
import type { Healing } from './healing.js'
import { callHost } from './host-call.js'
import type { Identity } from './identity.js'
import * as checks from './option-checks.js'
import type { ClassLimits, Limits, Preset } from './profile.js'
import { resolveLimits } from './profile.js'

/** What {@link SwarmOptions.authorize} is asked about. */
export interface AuthorizeQuestion {
  readonly peerId: PeerId
  readonly direction: Direction
  /** The address we dialled, or where the peer came from; null where the transport has no addresses. */
  readonly address: string | null
}

/** All that can be said of a swarm. Only `network`, `identity` and `transports` are required. */
export interface SwarmOptions {
  /** Four characters (or bytes) that tell this network from others. */
  readonly network: string | Uint8Array
  /** Who this node is. */
  readonly identity: Identity
  /** Ways to reach peers, the preferred first. */
  readonly transports: readonly Transport[]
  /** The hash of the chain's first block, as bytes or hex: nodes of another chain are refused by name. Default: none. */
  readonly genesis?: string | Uint8Array
  /** Addresses to accept links at; port 0 is any free one. Default: none. */
  readonly listen?: readonly string[]
  /** Addresses to tell peers, where they differ from what is listened on. Default: what is listened on, wildcards left out. */
  readonly announce?: readonly string[]
  /** The whitelist: reserved slots, never given up, never banned. With a peer id, or by address alone, which pins the first id found there. */
  readonly masternodes?: readonly string[]
  /** Peers to stay connected to, without the masternode's privileges. */
  readonly persistent?: readonly string[]
  /** Where a node that knows nobody begins. */
  readonly seeds?: readonly string[]
  /** The application's protocol version, and the lowest it can talk to. Default 1 and 1. */
  readonly protocol?: VersionRange
  /** The host's own say, asked once an identity is proven: a class, or false to refuse. Default: the whitelist decides. */
  readonly authorize?: (question: AuthorizeQuestion) => PeerClass | false
  /** Numbers by class; what is left out has the preset's value. */
  readonly limits?: Partial<Readonly<Record<PeerClass, Partial<ClassLimits>>>>
  /** Default `masternode`. */
  readonly preset?: Preset
  /** Whether links and attempts are counted by IP. Default true; false where many nodes share one machine. */
  readonly perIpLimits?: boolean
  /** How many links to peers that are not trusted. Default 75, of which 19 unknown inbound, and 12 that this node seeks itself. */
  readonly slots?: Partial<SlotOptions>
  /** How long to wait before a redial: a policy, or a function. Default: the preset's. */
  readonly backoff?: BackoffPolicy | BackoffFunction
  /** Which broadcasts have been seen. Default: ten minutes within 131,072 ids. */
  readonly dedup?: DedupCache
  /** Who is banned. Default: an empty one. */
  readonly blacklist?: Blacklist
  /** What is known of other peers. Default: an empty one of 8,192. */
  readonly peerStore?: PeerStore
  /** A list of masternodes that the operator trusts to be kept elsewhere. Added to `masternodes`; default: none. */
  readonly directory?: TrustedDirectory
  /** Where the book, bans and scores outlive the process: read at the start, saved every 120 s and at the end. Default: nowhere. */
  readonly storage?: Storage
  /**
   * Memory for what is held on behalf of peers, MiB, 64 to 65,536: outboxes, messages in work and in part, the book. Default 512.
   * Unknown peers add to it while half of it is in use at most, regular ones up to three quarters, persistent ones up to seven
   * eighths; masternodes have all of it.
   */
  readonly memoryMaxMiB?: number
  /**
   * `hybrid`: what is small is pushed where links are few, else announced by relays; what has more than 4 KiB is announced, and
   * sent to who asks. `flood`: everything goes to everybody. Default `hybrid`.
   */
  readonly propagation?: PropagationMode
  /** Experiments with healing, to see what each habit is worth. Default: all of them on. */
  readonly healing?: Partial<Healing>
  /** Takes log lines in place of `debug`. */
  readonly logger?: Logger
  /** What peers see of this program, at most 128 bytes. Default `holdfast`. */
  readonly agent?: string
  /** Time. Default: the system's. */
  readonly clock?: Clock
  /** Randomness. Default: the system's. */
  readonly random?: Random
}

/** What an entry point brings when the host does not. */
export interface Environment {
  readonly crypto: Crypto
  readonly clock: Clock
  readonly random: Random
  /** Decides where ids are looked up: 32 bits that nobody else knows. 0 where nobody makes ids to crowd together. */
  readonly seed?: number
}

/** Options, parsed. */
export interface Settings extends Environment {
  readonly seed: number
  readonly networkId: Uint8Array
  readonly identity: Identity
  readonly publicKey: Uint8Array
  /** By scheme, in the order of preference. */
  readonly transports: ReadonlyMap<string, Transport>
  readonly listen: readonly Address[]
  readonly announce: readonly Address[] | null
  readonly masternodes: readonly Address[]
  readonly persistent: readonly Address[]
  readonly seeds: readonly Address[]
  readonly protocol: VersionRange
  readonly authorize: ((question: AuthorizeQuestion) => PeerClass | false) | null
  readonly limits: Limits
  readonly perIpLimits: boolean
  /** Whether links come in through somebody else's address. */
  readonly isProxied: boolean
  readonly slots: SlotOptions
  readonly backoff: Backoff
  readonly dedup: DedupCache
  readonly blacklist: Blacklist
  readonly peerStore: PeerStore
  readonly directory: TrustedDirectory | null
  readonly storage: Storage | null
  readonly memoryMaxBytes: number
  readonly propagation: PropagationMode
  readonly logger: Logger | null
  readonly agent: string
  readonly healing: Healing
}

const PRESETS: readonly Preset[] = ['masternode', 'literal', 'lan', 'loopback', 'light']

/** @throws HoldfastError `invalid-option`, or `invalid-address` and `invalid-peer-id` for a bad address */
export function resolveOptions(options: SwarmOptions, environment: Environment): Settings {
  const { crypto, seed = 0 } = environment
  checkNames('options', options, Object.keys(NAMES) as (keyof SwarmOptions)[], '')
  const preset = options.preset ?? 'masternode'
  if (!PRESETS.includes(preset)) throw invalidOption('preset', preset, PRESETS.join(', '))
  const addresses = (field: 'listen' | 'masternodes' | 'persistent' | 'seeds' | 'announce'): readonly Address[] =>
    parseAddresses(field, options[field] ?? [], crypto)
  const reachable = (field: 'masternodes' | 'persistent' | 'seeds' | 'announce'): readonly Address[] =>
    checks.checkReachable(field, addresses(field))
  return {
    crypto: verifyingOnce(crypto),
    clock: checks.checkPart('clock', options.clock ?? environment.clock, ['monotonic', 'wall', 'wakeAt', 'atTurnEnd']),
    random: checks.checkPart('random', options.random ?? environment.random, ['float', 'bytes']),
    seed,
    networkId: checks.toNetworkId(options.network, options.genesis),
    identity: checks.checkIdentity(options.identity),
    publicKey: parsePeerId(options.identity.id, crypto),
    transports: checks.bySchemes(options.transports),
    listen: addresses('listen'),
    announce: options.announce === undefined ? null : reachable('announce'),
    masternodes: reachable('masternodes'),
    persistent: reachable('persistent'),
    seeds: reachable('seeds'),
    protocol: checks.checkProtocol(options.protocol ?? { version: 1, minVersion: 1 }),
    authorize: checks.checkAuthorize(options.authorize ?? null),
    limits: resolveLimits(preset, options.limits ?? {}),
    perIpLimits: checks.checkFlag('perIpLimits', options.perIpLimits ?? preset !== 'loopback'),
    isProxied: options.perIpLimits === false && preset !== 'loopback',
    slots: resolveSlots(options.slots ?? {}),
    backoff: toBackoffPolicy(
      contained(options.backoff ?? checks.backoffOf(options.healing?.giveUp === true ? 'literal' : preset)),
    ),
    dedup: checks.checkPart('dedup', options.dedup ?? new DedupCache({ seed }), ['check', 'begin', 'settle']),
    blacklist: checks.checkPart('blacklist', options.blacklist ?? new Blacklist(), ['check', 'strike', 'exempt']),
    peerStore: checks.checkPart('peerStore', options.peerStore ?? new PeerStore(), ['learn', 'linked', 'classOf']),
    directory: checks.checkDirectory(options.directory ?? null),
    storage: checks.checkStorage(options.storage ?? null),
    memoryMaxBytes: checkLimit('memoryMaxMiB', options.memoryMaxMiB ?? 512, 64, 65_536) * 1024 * 1024,
    propagation: checks.checkPropagation(options.propagation ?? 'hybrid'),
    logger: options.logger === undefined ? null : checks.checkPart('logger', options.logger, ['debug', 'info', 'warn']),
    agent: checks.checkAgent(options.agent ?? 'holdfast'),
    healing: checks.checkHealing(options.healing ?? {}),
  }
}

/** A host's function that throws, or promises, has said no number. */
function contained(backoff: BackoffPolicy | BackoffFunction): BackoffPolicy | BackoffFunction {
  if (typeof backoff !== 'function') return backoff
  return (...asked) => {
    let answer: number | null = Number.NaN
    const ask = (): unknown => (answer = backoff(...asked))
    callHost(ask, () => undefined)
    return answer
  }
}

const NAMES: Readonly<Record<keyof SwarmOptions, true>> = {
  network: true,
  identity: true,
  transports: true,
  genesis: true,
  listen: true,
  announce: true,
  masternodes: true,
  persistent: true,
  seeds: true,
  protocol: true,
  authorize: true,
  limits: true,
  preset: true,
  perIpLimits: true,
  slots: true,
  backoff: true,
  dedup: true,
  blacklist: true,
  peerStore: true,
  directory: true,
  storage: true,
  memoryMaxMiB: true,
  propagation: true,
  healing: true,
  logger: true,
  agent: true,
  clock: true,
  random: true,
}

/** One address of the host's, its peer id's checksum verified. */
export function parseTrusted(text: string, crypto: Crypto): Address {
  const address = parseAddress(checks.checkText(text))
  if (address.peerId !== null) parsePeerId(address.peerId, crypto)
  return address
}

function parseAddresses(field: string, texts: readonly string[], crypto: Crypto): readonly Address[] {
  if (!checks.isList(texts)) throw invalidOption(field, texts, 'a list of addresses')
  return texts.map((text, at) => {
    try {
      return parseTrusted(text, crypto)
    } catch (cause) {
      const { code, message } = cause as HoldfastError
      throw new HoldfastError(code, `${field}[${String(at)}]: ${message}`, { cause })
    }
  })
}
