/**
 * Options are parsed once, here, into settings that the rest of the house takes as given: everything is required there,
 * checked, and frozen. A bad option throws an `invalid-option` that names the field, what was given and what is allowed.
 */
import { HoldfastError, invalidOption } from '../errors.js'
import type { Logger } from '../observe/log.js'
import { parseAddress } from '../policy/address.js'
import type { Backoff, BackoffFunction } from '../policy/backoff.js'
import { BackoffPolicy, toBackoffPolicy } from '../policy/backoff.js'
import { Blacklist } from '../policy/blacklist.js'
import { DedupCache } from '../policy/dedup.js'
import { PeerStore } from '../policy/peer-store.js'
import type { Clock, Random } from '../ports/clock.js'
import type { Crypto } from '../ports/crypto.js'
import type { Transport } from '../ports/transport.js'
import type { Address, Direction, PeerClass, PeerId } from '../ports/types.js'
import { copyBytes, utf8 } from '../protocol/bytes.js'
import { parsePeerId } from '../protocol/peer-id.js'
import type { VersionRange } from '../protocol/hello.js'
import type { Healing } from './healing.js'
import { DEFAULT_HEALING } from './healing.js'
import type { Identity } from './identity.js'
import type { ClassLimits, Limits } from './profile.js'
import { resolveLimits } from './profile.js'

/** `masternode` is the default; `literal` follows the newest source document, gives up and all; `loopback` is for many nodes on one machine. */
export type Preset = 'masternode' | 'literal' | 'lan' | 'loopback' | 'light'

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
  /** How long to wait before a redial: a policy, or a function. Default: the preset's. */
  readonly backoff?: BackoffPolicy | BackoffFunction
  /** Which broadcasts have been seen. Default: ten minutes within 131,072 ids. */
  readonly dedup?: DedupCache
  /** Who is banned. Default: an empty one. */
  readonly blacklist?: Blacklist
  /** What is known of other peers. Default: an empty one of 8,192. */
  readonly peerStore?: PeerStore
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
}

/** Options, parsed. */
export interface Settings extends Environment {
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
  readonly backoff: Backoff
  readonly dedup: DedupCache
  readonly blacklist: Blacklist
  readonly peerStore: PeerStore
  readonly logger: Logger | null
  readonly agent: string
  readonly healing: Healing
}

const MAGIC_BYTES = 4
const AGENT_BYTES_MAX = 128
const VERSION_MAX = 2 ** 28 - 1
const PRESETS: readonly Preset[] = ['masternode', 'literal', 'lan', 'loopback', 'light']

/** @throws HoldfastError `invalid-option`, or `invalid-address` and `invalid-peer-id` for a bad address */
export function resolveOptions(options: SwarmOptions, environment: Environment): Settings {
  const { crypto } = environment
  checkNames(options)
  const preset = options.preset ?? 'masternode'
  if (!PRESETS.includes(preset)) throw invalidOption('preset', preset, PRESETS.join(', '))
  const addresses = (field: 'listen' | 'masternodes' | 'persistent' | 'seeds' | 'announce'): readonly Address[] =>
    parseAddresses(field, options[field] ?? [], crypto)
  return {
    crypto,
    clock: options.clock ?? environment.clock,
    random: options.random ?? environment.random,
    networkId: toNetworkId(options.network, options.genesis),
    identity: checkIdentity(options.identity),
    publicKey: parsePeerId(options.identity.id, crypto),
    transports: bySchemes(options.transports),
    listen: addresses('listen'),
    announce: options.announce === undefined ? null : addresses('announce'),
    masternodes: addresses('masternodes'),
    persistent: addresses('persistent'),
    seeds: addresses('seeds'),
    protocol: checkProtocol(options.protocol ?? { version: 1, minVersion: 1 }),
    authorize: checkAuthorize(options.authorize ?? null),
    limits: resolveLimits(preset, options.limits ?? {}),
    perIpLimits: options.perIpLimits ?? preset !== 'loopback',
    backoff: toBackoffPolicy(options.backoff ?? backoffOf(options.healing?.giveUp === true ? 'literal' : preset)),
    dedup: options.dedup ?? new DedupCache(),
    blacklist: options.blacklist ?? new Blacklist(),
    peerStore: options.peerStore ?? new PeerStore(),
    logger: options.logger ?? null,
    agent: checkAgent(options.agent ?? 'holdfast'),
    healing: { ...DEFAULT_HEALING, ...options.healing },
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
  backoff: true,
  dedup: true,
  blacklist: true,
  peerStore: true,
  healing: true,
  logger: true,
  agent: true,
  clock: true,
  random: true,
}

/** A misspelt option would otherwise be a default that nobody chose. */
function checkNames(options: unknown): asserts options is SwarmOptions {
  if (typeof options !== 'object' || options === null) throw invalidOption('options', options, 'an object')
  for (const name of Object.keys(options))
    if (!Object.hasOwn(NAMES, name)) throw new HoldfastError('invalid-option', `there is no option ${name}`)
}

/** One address of the host's, its peer id's checksum verified. */
export function parseTrusted(text: string, crypto: Crypto): Address {
  const address = parseAddress(text)
  if (address.peerId !== null) parsePeerId(address.peerId, crypto)
  return address
}

function parseAddresses(field: string, texts: readonly string[], crypto: Crypto): readonly Address[] {
  if (!isList(texts)) throw invalidOption(field, texts, 'a list of addresses')
  return texts.map((text) => parseTrusted(text, crypto))
}

function toNetworkId(network: string | Uint8Array, genesis: string | Uint8Array | undefined): Uint8Array {
  const magic = typeof network === 'string' ? utf8(network) : network
  if (!(magic instanceof Uint8Array) || magic.length !== MAGIC_BYTES)
    throw invalidOption('network', network, 'four characters of ASCII, or four bytes')
  const networkId = new Uint8Array(8)
  networkId.set(magic)
  if (genesis !== undefined) networkId.set(toGenesis(genesis).subarray(0, 4), MAGIC_BYTES)
  return networkId
}

function toGenesis(genesis: string | Uint8Array): Uint8Array {
  if (typeof genesis !== 'string' && genesis instanceof Uint8Array && genesis.length >= 4) return copyBytes(genesis)
  if (typeof genesis !== 'string' || !/^(0x)?([0-9a-f]{2}){4,}$/i.test(genesis))
    throw invalidOption('genesis', genesis, 'a hash of at least four bytes, as bytes or hex')
  const digits = genesis.replace(/^0x/i, '')
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

function checkIdentity(identity: Identity): Identity {
  const given: unknown = identity
  if (typeof given === 'object' && given !== null && 'sign' in given && 'id' in given) return identity
  throw invalidOption('identity', identity, 'an identity, such as createIdentity() makes')
}

function checkAgent(agent: string): string {
  const given: unknown = agent
  if (typeof given === 'string' && utf8(given).length <= AGENT_BYTES_MAX) return given
  throw invalidOption('agent', agent, `text of at most ${String(AGENT_BYTES_MAX)} bytes`)
}

function checkAuthorize(authorize: Settings['authorize']): Settings['authorize'] {
  if (authorize === null || typeof authorize === 'function') return authorize
  throw invalidOption('authorize', authorize, 'a function')
}

function checkProtocol({ version, minVersion }: VersionRange): VersionRange {
  for (const [field, given] of Object.entries({ 'protocol.version': version, 'protocol.minVersion': minVersion }))
    if (!Number.isInteger(given) || given < 0 || given > VERSION_MAX)
      throw invalidOption(field, given, `an integer from 0 to ${String(VERSION_MAX)}`)
  if (minVersion > version)
    throw invalidOption('protocol.minVersion', minVersion, `at most the version, ${String(version)}`)
  return { version, minVersion }
}

function bySchemes(transports: readonly Transport[]): ReadonlyMap<string, Transport> {
  if (!isList(transports) || transports.length === 0)
    throw invalidOption('transports', transports, 'at least one transport, such as tcp()')
  const byScheme = new Map<string, Transport>()
  for (const transport of transports)
    for (const scheme of transport.schemes) if (!byScheme.has(scheme)) byScheme.set(scheme, transport)
  return byScheme
}

/** JavaScript may pass anything. */
function isList(value: unknown): boolean {
  return Array.isArray(value)
}

function backoffOf(preset: Preset): BackoffPolicy {
  const every = <T>(rule: T): Record<PeerClass, T> => ({
    masternode: rule,
    persistent: rule,
    regular: rule,
    unknown: rule,
  })
  switch (preset) {
    case 'literal':
      return BackoffPolicy.literal
    case 'lan':
      return new BackoffPolicy(every({ firstMs: 1_000, capMs: 10_000 }))
    case 'loopback':
      return new BackoffPolicy(every({ firstMs: 50, capMs: 1_000 }))
    case 'masternode':
    case 'light':
      return new BackoffPolicy()
  }
}
