/** Single options, checked: each function takes what the host gave and returns what the house goes by, or throws by name. */
import { checkNames, HoldfastError, invalidOption } from '../errors.js'
import { formatAddress } from '../policy/address.js'
import { BackoffPolicy } from '../policy/backoff.js'
import { checkLimit } from '../policy/limit.js'
import type { PropagationMode } from '../policy/propagation.js'
import type { TrustedDirectory } from '../ports/discovery.js'
import type { Storage } from '../ports/storage.js'
import type { Transport } from '../ports/transport.js'
import type { Address, PeerClass } from '../ports/types.js'
import { copyBytes, utf8 } from '../protocol/bytes.js'
import type { VersionRange } from '../protocol/hello.js'
import type { Healing } from './healing.js'
import { DEFAULT_HEALING } from './healing.js'
import type { Identity } from './identity.js'
import type { Preset } from './profile.js'

const MAGIC_BYTES = 4
const AGENT_BYTES_MAX = 128
const VERSION_MAX = 2 ** 28 - 1

export function toNetworkId(network: string | Uint8Array, genesis: string | Uint8Array | undefined): Uint8Array {
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

export function checkIdentity(identity: Identity): Identity {
  const given: unknown = identity
  if (typeof given === 'object' && given !== null && 'sign' in given && 'id' in given) return identity
  throw invalidOption('identity', identity, 'an identity, such as createIdentity() makes')
}

export function checkAgent(agent: string): string {
  const given: unknown = agent
  if (typeof given === 'string' && utf8(given).length <= AGENT_BYTES_MAX) return given
  throw invalidOption('agent', agent, `text of at most ${String(AGENT_BYTES_MAX)} bytes`)
}

export function checkAuthorize<Authorize>(authorize: Authorize): Authorize {
  if (authorize === null || typeof authorize === 'function') return authorize
  throw invalidOption('authorize', authorize, 'a function')
}

export function checkDirectory(directory: TrustedDirectory | null): TrustedDirectory | null {
  if (directory === null) return null
  if (typeof directory.list !== 'function')
    throw invalidOption('directory', directory, 'an object with a method `list`')
  if (directory.refreshMs !== undefined) checkLimit('directory.refreshMs', directory.refreshMs, 1_000, 86_400_000)
  return directory
}

export function checkStorage(storage: Storage | null): Storage | null {
  if (storage === null || (typeof storage.load === 'function' && typeof storage.save === 'function')) return storage
  throw invalidOption('storage', storage, 'an object with methods `load` and `save`')
}

/** JavaScript may pass anything. */
export function checkText(text: string): string {
  const given: unknown = text
  if (typeof given === 'string') return given
  throw new HoldfastError(
    'invalid-address',
    `an address must be text, and not ${given === null ? 'null' : typeof given}`,
  )
}

/** Of a call that takes nothing but a signal. */
export function signalOf(call: string, options: { readonly signal?: AbortSignal }): AbortSignal | undefined {
  checkNames(call, options, ['signal'])
  return checkSignal(options.signal)
}

export function checkSignal(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined) return undefined
  return checkPart('signal', signal, ['throwIfAborted', 'addEventListener', 'removeEventListener'])
}

/** JavaScript may pass anything, and every text is true. */
export function checkFlag(field: string, flag: boolean): boolean {
  const given: unknown = flag
  if (typeof given === 'boolean') return given
  throw invalidOption(field, flag, 'true or false')
}

/** Somebody must be able to go there. */
export function checkReachable(field: string, addresses: readonly Address[]): readonly Address[] {
  const nowhere = addresses.find(({ host, port }) => port === 0 || host === '0.0.0.0' || host === '::')
  if (nowhere === undefined) return addresses
  throw invalidOption(field, formatAddress(nowhere), 'addresses that can be dialled')
}

/** A building block of the host's own must at least look like one. */
export function checkPart<Part extends object>(
  field: string,
  part: Part,
  methods: readonly (keyof Part & string)[],
): Part {
  const missing = methods.find((name) => typeof (part as Partial<Part> | null)?.[name] !== 'function')
  if (missing === undefined) return part
  throw invalidOption(field, part, `an object with a method ${missing}`)
}

export function checkHealing(given: Partial<Healing>): Healing {
  checkNames('healing', given, Object.keys(DEFAULT_HEALING) as (keyof Healing)[])
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'boolean') throw invalidOption(`healing.${name}`, value, 'true or false')
  }
  return { ...DEFAULT_HEALING, ...given }
}

export function checkProtocol(range: VersionRange): VersionRange {
  checkNames('protocol', range, ['version', 'minVersion'])
  const { version, minVersion } = range
  for (const [field, given] of Object.entries({ 'protocol.version': version, 'protocol.minVersion': minVersion }))
    if (!Number.isInteger(given) || given < 0 || given > VERSION_MAX)
      throw invalidOption(field, given, `an integer from 0 to ${String(VERSION_MAX)}`)
  if (minVersion > version)
    throw invalidOption('protocol.minVersion', minVersion, `at most the version, ${String(version)}`)
  return { version, minVersion }
}

export function bySchemes(transports: readonly Transport[]): ReadonlyMap<string, Transport> {
  if (!isList(transports) || transports.length === 0)
    throw invalidOption('transports', transports, 'at least one transport, such as tcp()')
  const byScheme = new Map<string, Transport>()
  for (const transport of transports) {
    // The likeliest slip is to leave out the call: `tcp` for `tcp()`.
    const given: unknown = transport
    const isOne = typeof given === 'object' && given !== null && 'schemes' in given && isList(given.schemes)
    if (!isOne) throw invalidOption('transports', transport, 'made of transports, such as tcp()')
    for (const scheme of transport.schemes) if (!byScheme.has(scheme)) byScheme.set(scheme, transport)
  }
  return byScheme
}

/** JavaScript may pass anything. */
export function isList(value: unknown): boolean {
  return Array.isArray(value)
}

export function backoffOf(preset: Preset): BackoffPolicy {
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

/** @throws HoldfastError `invalid-option` */
export function checkPropagation(mode: PropagationMode): PropagationMode {
  const given: string = mode
  if (given !== 'hybrid' && given !== 'flood') throw invalidOption('propagation', mode, "'hybrid' or 'flood'")
  return mode
}
