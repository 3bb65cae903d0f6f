import { describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { createIdentity } from '../../src/index.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import { resolveOptions } from '../../src/swarm/options.js'
import { MemoryNetwork, memory } from '../../src/transports/memory.js'
import { crypto } from '../../src/runtime/crypto-node.js'
import { systemClock, systemRandom } from '../../src/runtime/system.js'

const good: SwarmOptions = {
  network: 'TEST',
  identity: createIdentity(new Uint8Array(32)),
  transports: [memory(new MemoryNetwork())],
}
const resolve = (options: object) =>
  resolveOptions({ ...good, ...options }, { crypto, clock: systemClock, random: systemRandom })

function errorOf(options: object): HoldfastError {
  try {
    resolve(options)
  } catch (error) {
    return error as HoldfastError
  }
  throw new Error('nothing was thrown')
}

/** What is wrong, what it is called, and how it was given. */
const BAD: readonly (readonly [string, object, string, string])[] = [
  ['a network of three characters', { network: 'TES' }, 'network', '"TES"'],
  ['a network of four characters that are five bytes', { network: 'TESÉ' }, 'network', '"TESÉ"'],
  ['a network that is a number', { network: 7 }, 'network', '7'],
  ['a genesis that is not hex', { genesis: 'xyz' }, 'genesis', '"xyz"'],
  ['a genesis of three bytes', { genesis: new Uint8Array(3) }, 'genesis', ''],
  ['no identity', { identity: null }, 'identity', 'null'],
  ['no transport', { transports: [] }, 'transports', ''],
  ['transports that are no list', { transports: {} }, 'transports', ''],
  ['a list of addresses that is a string', { listen: 'memory://a:1' }, 'listen', '"memory://a:1"'],
  ['seeds that are no list', { seeds: 7 }, 'seeds', '7'],
  ['a version that is no integer', { protocol: { version: 1.5, minVersion: 1 } }, 'protocol.version', '1.5'],
  ['a version beyond 28 bits', { protocol: { version: 2 ** 28, minVersion: 1 } }, 'protocol.version', '268435456'],
  ['a lowest version below 0', { protocol: { version: 1, minVersion: -1 } }, 'protocol.minVersion', '-1'],
  ['a lowest version above the version', { protocol: { version: 1, minVersion: 2 } }, 'protocol.minVersion', '2'],
  ['a transport that was not called', { transports: [memory] }, 'transports', 'a function'],
  ['a flag that is text', { perIpLimits: 'no' }, 'perIpLimits', '"no"'],
  ['a logger that logs nothing', { logger: {} }, 'logger', 'an object'],
  ['a clock that is the global', { clock: Date }, 'clock', 'a function'],
  ['randomness that is a function', { random: Math.random }, 'random', 'a function'],
  ['a masternode that nobody can dial', { masternodes: ['memory://a:0'] }, 'masternodes', '"memory://a:0"'],
  ['a seed that is a wildcard', { seeds: ['memory://0.0.0.0:1'] }, 'seeds', '"memory://0.0.0.0:1"'],
  ['an announced port that is none', { announce: ['memory://a:0'] }, 'announce', '"memory://a:0"'],
  ['a preset that nobody knows', { preset: 'fast' }, 'preset', '"fast"'],
  ['a limit of nothing', { limits: { regular: { connectMs: 0 } } }, 'limits.regular.connectMs', '0'],
  [
    'a limit that is no number',
    { limits: { unknown: { requestsMax: Number.NaN } } },
    'limits.unknown.requestsMax',
    'NaN',
  ],
  [
    'an endless limit',
    { limits: { masternode: { outboxBytesMax: Infinity } } },
    'limits.masternode.outboxBytesMax',
    'Infinity',
  ],
  [
    'a message larger than can be announced',
    { limits: { regular: { messageBytesMax: 2 ** 27 } } },
    'limits.regular.messageBytesMax',
    '134217728',
  ],
  [
    'a way to overflow that nobody knows',
    { limits: { regular: { outboxFull: 'explode' } } },
    'limits.regular.outboxFull',
    '"explode"',
  ],
]

describe('a bad option', () => {
  for (const [name, options, field, given] of BAD)
    it(`is refused by name: ${name}`, () => {
      const error = errorOf(options)
      expect(error.code).toBe('invalid-option')
      expect(error.message.startsWith(`${field} must be `)).toBe(true)
      expect(error.message).toContain(given)
    })

  for (const field of ['listen', 'announce', 'masternodes', 'persistent', 'seeds'])
    it(`is refused by name: an address of ${field} that is none, or names nobody who can be`, () => {
      expect(errorOf({ [field]: ['nonsense'] }).code).toBe('invalid-address')
      const mistyped = `memory://${'a'.repeat(55)}@a:1`
      expect(['invalid-peer-id', 'invalid-address']).toContain(errorOf({ [field]: [mistyped] }).code)
    })
})

describe('options', () => {
  it('may be left out but for three, and then have their defaults', () => {
    const settings = resolve({})
    expect(settings).toMatchObject({
      listen: [],
      announce: null,
      protocol: { version: 1, minVersion: 1 },
      perIpLimits: true,
      agent: 'holdfast',
      authorize: null,
    })
    expect(settings.networkId).toEqual(Uint8Array.of(...Buffer.from('TEST'), 0, 0, 0, 0))
  })

  it('take a genesis as hex, with or without 0x, or as bytes, and use its first four bytes', () => {
    const tail = (genesis: unknown): Uint8Array => resolve({ genesis }).networkId.subarray(4)
    const bytes = Uint8Array.of(0xde, 0xad, 0xbe, 0xef)
    expect(tail('deadbeef01')).toEqual(bytes)
    expect(tail('0xDEADBEEF')).toEqual(bytes)
    expect(tail(Uint8Array.of(...bytes, 1))).toEqual(bytes)
  })

  it('give many nodes on one machine a preset without limits by IP', () => {
    expect(resolve({ preset: 'loopback' }).perIpLimits).toBe(false)
    expect(resolve({ preset: 'loopback', perIpLimits: true }).perIpLimits).toBe(true)
  })

  it('keep what a preset does not change, and let the host change that', () => {
    expect(resolve({ preset: 'lan' }).limits.masternode.idlePingMs).toBe(5_000)
    expect(resolve({ preset: 'literal' }).limits.masternode.idlePingMs).toBe(30_000)
    const { limits } = resolve({ preset: 'lan', limits: { masternode: { idlePingMs: 7 } } })
    expect(limits.masternode).toMatchObject({ idlePingMs: 7, silenceMaxMs: 180_000, missesMax: 6 })
    expect(limits.regular.idlePingMs).toBe(5_000)
  })

  it('give a node a suite that verifies the same signature once', () => {
    let asked = 0
    const verify: typeof crypto.verify = (...given) => {
      asked++
      return crypto.verify(...given)
    }
    const environment = { crypto: { ...crypto, verify }, clock: systemClock, random: systemRandom }
    const { crypto: suite } = resolveOptions(good, environment)
    const pair = suite.signingKeyPair(new Uint8Array(32))
    const { publicKey } = pair
    const signature = pair.sign(publicKey)
    for (let i = 0; i < 3; i++) expect(suite.verify(publicKey, publicKey, signature)).toBe(true)
    expect(asked).toBe(1)
  })
})
