/**
 * Addresses, as text and taken apart, and what may be said of an IP. One address has one canonical text: every table in
 * the house that is keyed by address or IP is keyed through this file. Host names are never resolved here.
 */
import ipaddr from 'ipaddr.js'
import { HoldfastError, invalidOption } from '../errors.js'
import type { Address, PeerId } from '../ports/types.js'
import { BoundedMap } from './bounded-map.js'

const TEXT_LENGTH_MAX = 1024
const HOST_LENGTH_MAX = 253
const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['ws', 80],
  ['wss', 443],
])
const PATHLESS_SCHEMES: ReadonlySet<string> = new Set(['tcp', 'memory'])

/**
 * Reads `scheme://[peer id@]host[:port][/path]`. The host is dotted-decimal IPv4, bracketed IPv6 without a zone, or a
 * DNS name, and is made canonical. The port may be left out for `ws` (80) and `wss` (443) only. A peer id is checked for
 * its form; its checksum is the protocol's to verify.
 * @throws HoldfastError `invalid-address`, saying which part is wrong
 */
export function parseAddress(text: string): Address {
  if (text.length > TEXT_LENGTH_MAX) throw invalid(text, `is longer than ${String(TEXT_LENGTH_MAX)} characters`)
  const parts = /^([a-z][a-z0-9+.-]*):\/\/(?:([^@/]*)@)?(\[[^\]/]*\]|[^:/[\]]*)(?::([^/]*))?(\/.*)?$/i.exec(text)
  if (parts === null) throw invalid(text, 'is not of the form scheme://[peer id@]host[:port][/path]')
  const scheme = (parts[1] ?? '').toLowerCase()
  return {
    scheme,
    peerId: parsePeerId(parts[2], text),
    host: parseHost(parts[3] ?? '', text),
    port: parsePort(parts[4], scheme, text),
    path: parsePath(parts[5], scheme, text),
  }
}

/** {@link parseAddress} for text that others stored or sent: null where it would throw. */
export function readAddress(text: unknown): Address | null {
  if (typeof text !== 'string') return null
  try {
    return parseAddress(text)
  } catch {
    return null
  }
}

/** The canonical text of an address; `parseAddress` reads it back to an equal one. */
export function formatAddress(address: Address): string {
  return textOf(address, address.peerId)
}

/** The canonical text without the peer id: equal for two addresses that reach the same place. */
export function addressKey(address: Address): string {
  return textOf(address, null)
}

function textOf({ scheme, host, port, path }: Address, peerId: PeerId | null): string {
  const owner = peerId === null ? '' : `${peerId}@`
  const bracketed = host.includes(':') ? `[${host}]` : host
  return `${scheme}://${owner}${bracketed}:${String(port)}${path === '/' ? '' : path}`
}

/** Where a link comes from, as text; null where the transport has no addresses. */
export function endpointText(remote: { readonly host: string; readonly port: number } | null): string | null {
  if (remote === null) return null
  return remote.host.includes(':') ? `[${remote.host}]:${String(remote.port)}` : `${remote.host}:${String(remote.port)}`
}

/** Whether the text has the form of a peer id: 55 characters of lower-case base32. The checksum is not looked at. */
export function isPeerIdText(text: string): text is PeerId {
  return /^[a-z2-7]{55}$/.test(text)
}

/**
 * The one spelling of an IP address: IPv4-mapped IPv6 becomes IPv4, IPv6 follows RFC 5952, a zone is dropped.
 * @returns null for whatever is not an IP address, host names included
 */
export function canonicalIp(host: string): string | null {
  return factsOf(host).canonical
}

/**
 * The network an IP belongs to, such as `10.0.0.0/24`. What is not an IP address is a network of its own.
 * @throws HoldfastError `invalid-option` for bits beyond 0..32 (IPv4) or 0..128 (IPv6)
 */
export function ipPrefix(ip: string, v4Bits: number, v6Bits: number): string {
  checkBits('v4Bits', v4Bits, 32)
  checkBits('v6Bits', v6Bits, 128)
  const parsed = parseIp(ip)
  if (parsed === null) return ip.toLowerCase()
  const bits = parsed.kind() === 'ipv4' ? v4Bits : v6Bits
  const masked = parsed.toByteArray().map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff)
  return `${ipaddr.fromByteArray(masked).toString()}/${String(bits)}`
}

/** What one attacker holds cheaply, and so what per-IP limits count: an IPv4 address, or an IPv6 /64. */
export function ipBucket(ip: string): string {
  return factsOf(ip).bucket
}

/** The bucket of an IP, or an IPv6 /48 or /64 in its one spelling; null for any other text. */
export function canonicalNetwork(text: string): string | null {
  if (canonicalIp(text) !== null) return ipBucket(text)
  const [, ip = '', bits] = /^([^%]+)\/(48|64)$/.exec(text) ?? []
  return canonicalIp(ip)?.includes(':') === true ? ipPrefix(ip, 32, Number(bits)) : null
}

/** Hosts that are likely to fail, or to be owned, together: an IPv4 /16, an IPv6 /32, or one host name. */
export function networkGroup(host: string): string {
  return factsOf(host).group
}

/** Whether it is 127.0.0.0/8 or ::1. Never true for a host name. */
export function isLoopback(ip: string): boolean {
  return factsOf(ip).range === 'loopback'
}

const PRIVATE_RANGES: ReadonlySet<string> = new Set([
  'private',
  'uniqueLocal',
  'linkLocal',
  'carrierGradeNat',
  'loopback',
  'unspecified',
])

/** Whether it means something only on its own network: private, unique-local, link-local, carrier NAT, loopback, unspecified. */
export function isPrivate(ip: string): boolean {
  return PRIVATE_RANGES.has(factsOf(ip).range ?? '')
}

/** How far an address means the same: on this machine alone, on its own network, or wherever it is said. In the order of how far. */
export const REACHES = ['here', 'nearby', 'everywhere'] as const
export type Reach = (typeof REACHES)[number]

/** Ranges in which an IPv4 address may be hidden, a private one too, and what was private before unique-local was. */
const TRANSLATED_RANGES: ReadonlySet<string> = new Set(['rfc6052', 'rfc6145', '6to4', 'teredo', 'deprecatedSiteLocal'])
/** Names that no public server answers (RFC 6762, RFC 8375, and ICANN's resolution of 2024 for `internal`), and one that many routers give. */
const NEARBY_NAME = /\.(local|internal|home\.arpa|lan)\.?$/i

/** Of an IP, or a host name. What is unspecified is this machine. */
export function reachOf(ip: string): Reach {
  const range = factsOf(ip).range ?? ''
  if (range === 'loopback' || range === 'unspecified' || /(^|\.)localhost\.?$/i.test(ip)) return 'here'
  return PRIVATE_RANGES.has(range) || TRANSLATED_RANGES.has(range) || NEARBY_NAME.test(ip) ? 'nearby' : 'everywhere'
}

function parsePeerId(text: string | undefined, whole: string): PeerId | null {
  if (text === undefined) return null
  if (!isPeerIdText(text)) throw invalid(whole, 'has a peer id that is not 55 characters of lower-case base32')
  return text
}

function parseHost(text: string, whole: string): string {
  if (text.startsWith('[')) {
    const inner = text.slice(1, -1)
    if (inner.includes('%')) throw invalid(whole, 'has an IPv6 zone, which means nothing to other machines')
    const ip = inner.includes(':') ? canonicalIp(inner) : null
    if (ip === null) throw invalid(whole, 'has brackets around something that is not IPv6')
    return ip
  }
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return text
  if (/(?:^|\.)(?:\d+|0x[\da-f]*)$/i.test(text))
    throw invalid(whole, 'has a host of digits that is not dotted-decimal IPv4')
  const name = text.toLowerCase()
  const labels = name.split('.')
  if (
    name.length > HOST_LENGTH_MAX ||
    !labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label))
  ) {
    throw invalid(whole, 'has a host that is neither an IP address nor a DNS name')
  }
  return name
}

function parsePort(text: string | undefined, scheme: string, whole: string): number {
  const port = text === undefined ? DEFAULT_PORTS.get(scheme) : /^(?:0|[1-9]\d{0,4})$/.test(text) ? Number(text) : NaN
  if (port === undefined) throw invalid(whole, `has no port, and ${scheme} has no default`)
  if (!(port <= 65_535)) throw invalid(whole, 'has a port that is not a number from 0 to 65535')
  return port
}

function parsePath(text: string | undefined, scheme: string, whole: string): string {
  const path = text ?? '/'
  if (path !== '/' && PATHLESS_SCHEMES.has(scheme)) throw invalid(whole, `has a path, which ${scheme} does not know`)
  if (!/^\/[!-~]*$/.test(path) || path.includes('#'))
    throw invalid(whole, 'has a path with a blank, a # or a character beyond ASCII')
  return path
}

/** What may be said of a host. */
interface IpFacts {
  readonly canonical: string | null
  readonly bucket: string
  readonly group: string
  readonly range: string | null
}

/**
 * Every link and every candidate is asked about, again and again, and reading an IP takes microseconds. The same answer, only
 * remembered. Bound: 16,384, the least recently used forgotten.
 */
const FACTS = new BoundedMap<IpFacts>(16_384)

function factsOf(host: string): IpFacts {
  const known = FACTS.use(host)
  if (known !== undefined) return known
  const ip = parseIp(host)
  const canonical = ip?.toString() ?? null
  const facts: IpFacts = {
    canonical,
    bucket: canonical === null || canonical.includes(':') ? ipPrefix(host, 32, 64) : canonical,
    group: ipPrefix(host, 16, 32),
    range: ip?.range() ?? null,
  }
  if (host.length <= HOST_LENGTH_MAX) FACTS.set(host, facts)
  return facts
}

type Ip = ipaddr.IPv4 | ipaddr.IPv6

/**
 * The gate before ipaddr.js, which alone would take octal and shortened IPv4 (as itself and as the tail of IPv6) and
 * would read `::1.2.3.4` as a mapped address.
 */
function parseIp(host: string): Ip | null {
  if (host.length > HOST_LENGTH_MAX) return null
  if (!host.includes(':')) return ipaddr.IPv4.isValidFourPartDecimal(host) ? ipaddr.IPv4.parse(host) : null
  const text = withoutDottedTail(/^([^%]+)(?:%[\w.~-]+)?$/.exec(host)?.[1] ?? '')
  if (text === null || !ipaddr.IPv6.isValid(text)) return null
  const ip = ipaddr.IPv6.parse(text)
  return ip.isIPv4MappedAddress() ? ip.toIPv4Address() : ip
}

function withoutDottedTail(text: string): string | null {
  if (!text.includes('.')) return text
  const tailAt = text.lastIndexOf(':') + 1
  const tail = text.slice(tailAt)
  if (!ipaddr.IPv4.isValidFourPartDecimal(tail)) return null
  const [a = 0, b = 0, c = 0, d = 0] = ipaddr.IPv4.parse(tail).octets
  return `${text.slice(0, tailAt)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

function checkBits(field: string, bits: number, most: number): void {
  if (!Number.isInteger(bits) || bits < 0 || bits > most)
    throw invalidOption(field, bits, `a whole number from 0 to ${String(most)}`)
}

function invalid(text: string, what: string): HoldfastError {
  const shown = text.length > 80 ? `${text.slice(0, 80)}…` : text
  return new HoldfastError('invalid-address', `the address ${JSON.stringify(shown)} ${what}`)
}
