/**
 * Values of the kinds that holdfast's parts take, for properties of a host's own: ids, places, clocks, options. Each is a
 * function of fast-check, so that this file needs none of its own.
 */
import type { BackoffOptions, BackoffRule } from '../policy/backoff.js'
import type { Address, PeerClass, PeerId } from '../ports/types.js'
import type { Crypto } from '../ports/crypto.js'
import { formatPeerId } from '../protocol/peer-id.js'
import type { Any, FastCheck } from './models/sequence.js'
import { nullCrypto } from './null-crypto.js'

/** Any of the four. */
const PEER_CLASSES: readonly PeerClass[] = ['masternode', 'persistent', 'regular', 'unknown']

/** One IP in some of the ways to write it, and what tables know it by. */
export interface WrittenIp {
  readonly text: string
  /** The IPv4 address, or the IPv6 /64. */
  readonly bucket: string
  /** The IPv6 /48 around it, null for IPv4. */
  readonly subnet: string | null
}

/** A class. */
export function peerClasses(check: FastCheck): Any<PeerClass> {
  return check.constantFrom(...PEER_CLASSES)
}

/** Ids whose checksum holds. @param crypto whose SHA-256 makes the checksum; default `nullCrypto`, as in a `swarmLab` */
export function peerIds(check: FastCheck, crypto: Crypto = nullCrypto): Any<PeerId> {
  return check.uint8Array({ minLength: 32, maxLength: 32 }).map((key) => formatPeerId(key, crypto))
}

/** Canonical addresses of `tcp`, `ws` and `wss`, IPv4, IPv6 and by name, each naming one of the ids or nobody. */
export function addresses(check: FastCheck, ids: Any<PeerId | null>): Any<Address> {
  const octet = check.nat(255)
  const host = check.oneof(
    check.tuple(check.integer({ min: 1, max: 223 }), octet, octet, octet).map((parts) => parts.join('.')),
    check.nat(0xfffe).map((n) => `2001:db8::${(n + 1).toString(16)}`),
    check.nat(999).map((n) => `node${String(n)}.example`),
  )
  const way = check.constantFrom<Pick<Address, 'scheme' | 'path'>[]>(
    { scheme: 'tcp', path: '/' },
    { scheme: 'ws', path: '/' },
    { scheme: 'wss', path: '/p2p' },
  )
  return check
    .tuple(way, ids, host, check.integer({ min: 1, max: 65_535 }))
    .map(([{ scheme, path }, peerId, name, port]) => ({ scheme, path, peerId, host: name, port }))
}

/** IPs of few networks, written in several ways: mapped, in capitals, uncompressed, with a zone. */
export function writtenIps(check: FastCheck): Any<WrittenIp> {
  const four = check.tuple(check.nat(3), check.boolean()).map(([n, mapped]): WrittenIp => {
    const bucket = `198.51.100.${String(n)}`
    return { text: mapped ? `::FFFF:${bucket}` : bucket, bucket, subnet: null }
  })
  const tails = ['::1', '::2', ':0:0:0:9', ':A::B', '::1%eth0']
  const six = check.tuple(check.nat(1), check.nat(9), check.constantFrom(...tails)).map(([net, n, tail]): WrittenIp => {
    const wide = `2001:db8:${String(net + 1)}`
    const bucket = `${wide}:${String(n + 1)}::/64`
    return { text: `2001:DB8:${String(net + 1)}:${String(n + 1)}${tail}`, bucket, subnet: `${wide}::/48` }
  })
  return check.oneof({ arbitrary: four, weight: 2 }, { arbitrary: six, weight: 1 })
}

/** Steps of a clock in milliseconds, up to `mostMs`. @param backward whether some of them go back; default true */
export function clockSteps(check: FastCheck, mostMs: number, backward: boolean = true): Any<number> {
  const forth = check.oneof(
    { arbitrary: check.constantFrom(0, 1), weight: 2 },
    { arbitrary: check.nat(Math.max(1, Math.floor(mostMs / 100))), weight: 3 },
    { arbitrary: check.nat(mostMs), weight: 1 },
  )
  return backward
    ? check.oneof({ arbitrary: forth, weight: 9 }, { arbitrary: check.integer({ min: -mostMs, max: -1 }), weight: 1 })
    : forth
}

/** Rules of a backoff within their bounds, for some of the classes. */
export function backoffOptions(check: FastCheck): Any<BackoffOptions> {
  const rule = check
    .record({
      firstMs: check.integer({ min: 1, max: 10_000 }),
      spread: check.integer({ min: 0, max: 600_000 }),
      factor: check.double({ min: 1, max: 100, noNaN: true }),
      jitter: check.double({ min: 0, max: 1, noNaN: true }),
      hotAttemptsMax: check.oneof(check.constant('unlimited' as const), check.integer({ min: 1, max: 60 })),
      alarmAt: check.oneof(check.constant('never' as const), check.integer({ min: 1, max: 60 })),
      afterHot: check.constantFrom('cold' as const, 'forget' as const, 'give-up' as const),
    })
    .map(({ spread, ...rest }): BackoffRule => ({ ...rest, capMs: rest.firstMs + spread }))
  return check.record({ masternode: rule, persistent: rule, regular: rule, unknown: rule }, { requiredKeys: [] })
}

/** Message ids as an enemy would choose them: names of an object's own properties, empty, the longest allowed. */
export const HOSTILE_IDS: readonly string[] = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '',
  '\u0000',
  'x'.repeat(64),
  '0',
]
