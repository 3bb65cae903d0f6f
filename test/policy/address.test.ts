import { isIP, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressKey,
  canonicalIp,
  canonicalNetwork,
  endpointText,
  formatAddress,
  ipBucket,
  ipPrefix,
  isLoopback,
  isPrivate,
  reachOf,
  networkGroup,
  parseAddress,
  readAddress,
} from '../../src/policy/address.js'

const ID = 'a'.repeat(55)
const hosts = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((ip) => `[${ip}]`),
  fc.domain(),
)
const texts = fc
  .record({
    scheme: fc.constantFrom('tcp', 'ws', 'wss', 'memory'),
    id: fc.constantFrom('', `${ID}@`),
    host: hosts,
    port: fc.integer({ min: 0, max: 65_535 }),
  })
  .map(({ scheme, id, host, port }) => `${scheme}://${id}${host}:${String(port)}${scheme === 'ws' ? '/a?b=c' : ''}`)

describe('parseAddress', () => {
  it('takes an address apart', () => {
    expect(parseAddress(`WSS://${ID}@Seed.Example/p?q=1`)).toEqual({
      scheme: 'wss',
      peerId: ID,
      host: 'seed.example',
      port: 443,
      path: '/p?q=1',
    })
    expect(parseAddress('ws://h').port).toBe(80)
    expect(parseAddress('tcp://[2001:DB8:0:0::1]:0').host).toBe('2001:db8::1')
    expect(parseAddress('tcp://[::ffff:1.2.3.4]:9').host).toBe('1.2.3.4')
  })

  it('takes what is just short and just small enough', () => {
    expect(parseAddress(`ws://h/${'x'.repeat(1_017)}`).path).toHaveLength(1_018)
    const longest = `${'a.'.repeat(126)}a`
    expect(parseAddress(`tcp://${longest}:65535`)).toMatchObject({ host: longest, port: 65_535 })
  })

  it('shows of an address that it refuses 80 characters at most', () => {
    const shown = (text: string): string => {
      try {
        parseAddress(text)
      } catch (error) {
        return String(error)
      }
      return ''
    }
    const form = 'is not of the form scheme://[peer id@]host[:port][/path]'
    expect(shown('x'.repeat(80))).toBe(`HoldfastError: the address "${'x'.repeat(80)}" ${form}`)
    expect(shown('x'.repeat(81))).toBe(`HoldfastError: the address "${'x'.repeat(80)}…" ${form}`)
  })

  it('reads nothing from what is no text, such as a list of one address', () => {
    for (const given of [['tcp://h:1'], null, undefined, 1]) expect(readAddress(given)).toBeNull()
  })

  it('leaves out a path that says nothing', () => {
    expect(['ws://h/', 'ws://h:80', 'ws://h/a/'].map((text) => formatAddress(parseAddress(text)))).toEqual([
      'ws://h:80',
      'ws://h:80',
      'ws://h:80/a/',
    ])
  })

  it.each([
    ['tcp://010.0.0.1:1', 'dotted-decimal'],
    ['tcp://127.1:1', 'dotted-decimal'],
    ['tcp://0x7f.1:1', 'dotted-decimal'],
    ['tcp://0x7f:1', 'dotted-decimal'],
    ['tcp://1:1', 'dotted-decimal'],
    ['tcp://1.2.3.256:1', 'dotted-decimal'],
    ['tcp://[fe80::1%eth0]:1', 'zone'],
    ['tcp://[1.2.3.4]:1', 'brackets'],
    ['tcp://[::ffff:010.0.0.1]:1', 'brackets'],
    ['tcp://::1:1', 'DNS name'],
    ['tcp://-a.example:1', 'DNS name'],
    [`tcp://${'a.'.repeat(127)}aa:1`, 'DNS name'],
    [`tcp://${'a'.repeat(64)}:1`, 'DNS name'],
    ['tcp://:1', 'DNS name'],
    ['tcp://host', 'no port'],
    ['tcp://host:', 'port'],
    ['tcp://host:65536', 'port'],
    ['tcp://host:01', 'port'],
    ['tcp://host:1/x', 'path'],
    ['ws://host:1/a b', 'path'],
    ['ws://host/#f', 'path'],
    ['ws://host/a b/c', 'path'],
    ['ws://host/a\nb', 'form'],
    [' tcp://host:1', 'form'],
    [`tcp://${'a'.repeat(56)}@h:1`, 'peer id'],
    [`tcp://-${'a'.repeat(55)}@h:1`, 'peer id'],
    [`tcp://${'A'.repeat(55)}@h:1`, 'peer id'],
    [`tcp://${'a'.repeat(54)}@h:1`, 'peer id'],
    ['tcp://@h:1', 'peer id'],
    ['host:1', 'form'],
    [`ws://h/${'x'.repeat(1024)}`, 'longer'],
  ])('refuses %s', (text, why) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ code: 'invalid-address', message: expect.stringContaining(why) as string }),
    )
    expect(readAddress(text)).toBeNull()
  })

  it('round-trips, and its text is canonical', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const address = parseAddress(text)
        expect(parseAddress(formatAddress(address))).toEqual(address)
        expect(addressKey(address)).toBe(formatAddress({ ...address, peerId: null }))
      }),
    )
  })

  it('answers any text with an address or with invalid-address', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((s) => `tcp://${s}`),
        ),
        (text) => {
          const address = readAddress(text)
          if (address !== null) expect(parseAddress(formatAddress(address))).toEqual(address)
        },
      ),
    )
  })
})

describe('an IP', () => {
  const nearlyIps = fc
    .array(fc.constantFrom('0', '1', 'f', 'ff', '10', '255', '256', '00', '00001', ':', '::', '.', '%a', 'g', 'ffff'), {
      maxLength: 18,
    })
    .map((parts) => parts.join(''))

  it('is one exactly where the operating system says so', () => {
    fc.assert(
      fc.property(fc.oneof(nearlyIps, fc.ipV4(), fc.ipV6()), (text) => {
        if (text.includes('%')) return
        expect(canonicalIp(text) !== null).toBe(isIP(text) !== 0)
      }),
      { numRuns: 2000 },
    )
  })

  it('has one spelling: mapped IPv4 is IPv4, IPv6 is compressed, zones are gone', () => {
    expect(canonicalIp('::ffff:10.0.0.1')).toBe('10.0.0.1')
    expect(canonicalIp('::FFFF:0a00:1')).toBe('10.0.0.1')
    expect(canonicalIp('::10.0.0.1')).toBe('::a00:1')
    expect(canonicalIp('FE80:0::1%eth0')).toBe('fe80::1')
    expect(canonicalIp('10.0.0.1%eth0')).toBeNull()
    expect(canonicalIp('localhost')).toBeNull()
    expect(canonicalIp('1%fe80::1')).toBeNull()
    expect(canonicalIp(`fe80::1%${'e'.repeat(245)}`)).toBe('fe80::1')
    expect(canonicalIp(`fe80::1%${'e'.repeat(246)}`)).toBeNull()
    fc.assert(
      fc.property(fc.ipV6(), (ip) => {
        const once = canonicalIp(ip) ?? ''
        expect(canonicalIp(once)).toBe(once)
        // The URL parser is an independent implementation of the same spelling.
        if (once.includes(':')) expect(once).toBe(new URL(`http://[${ip}]/`).hostname.slice(1, -1))
      }),
    )
  })

  it('belongs to networks', () => {
    expect(ipPrefix('10.1.2.3', 24, 48)).toBe('10.1.2.0/24')
    expect(ipPrefix('10.1.2.255', 31, 48)).toBe('10.1.2.254/31')
    expect(ipPrefix('10.1.2.3', 0, 0)).toBe('0.0.0.0/0')
    expect(ipPrefix('2001:db8:1:2:3:4:5:6', 24, 47)).toBe('2001:db8::/47')
    expect(ipPrefix('2001:db8::1', 24, 128)).toBe('2001:db8::1/128')
    expect(ipBucket('::ffff:1.2.3.4')).toBe('1.2.3.4')
    expect(ipBucket('2001:db8:1:2:3::')).toBe('2001:db8:1:2::/64')
    expect(networkGroup('10.1.2.3')).toBe('10.1.0.0/16')
    expect(networkGroup('2001:db8:1::')).toBe('2001:db8::/32')
    expect(networkGroup('Seed.Example')).toBe('seed.example')
    expect(canonicalNetwork('2001:DB8:1:2::/48')).toBe('2001:db8:1::/48')
    expect(canonicalNetwork('2001:db8::1')).toBe('2001:db8::/64')
    for (const text of ['10.0.0.0/48', '2001:db8::/63', '2001:db8::/64x', '::%a/64', 'x%::/64', 'host', '10.0.0.300'])
      expect(canonicalNetwork(text)).toBeNull()
    expect(() => ipPrefix('10.0.0.1', 33, 0)).toThrow('v4Bits must be a whole number from 0 to 32')
    expect(() => ipPrefix('10.0.0.1', 24, -1)).toThrow('v6Bits must be a whole number from 0 to 128')
    expect(() => ipPrefix('10.0.0.1', 0, 1.5)).toThrow('v6Bits')
  })

  it('shares a bucket exactly with its /64', () => {
    fc.assert(
      fc.property(
        fc.ipV6().filter((ip) => isIPv6(ip) && canonicalIp(ip)?.includes(':') === true),
        (ip) => {
          expect(ipBucket(ip)).toBe(ipPrefix(ip, 32, 64))
          expect(canonicalNetwork(ipBucket(ip))).toBe(ipBucket(ip))
        },
      ),
    )
  })

  it('is private or loopback by its range', () => {
    for (const ip of ['127.0.0.1', '127.255.0.9', '::1', '::ffff:127.0.0.1']) expect(isLoopback(ip)).toBe(true)
    for (const ip of ['128.0.0.1', '::2', 'localhost', '']) expect(isLoopback(ip)).toBe(false)
    for (const ip of [
      '10.0.0.1',
      '192.168.1.1',
      '172.16.0.1',
      '100.64.0.1',
      '169.254.1.1',
      'fd00::1',
      'fe80::1%x',
      '::1',
      '0.0.0.0',
    ]) {
      expect(isPrivate(ip)).toBe(true)
    }
    for (const ip of ['8.8.8.8', '172.32.0.1', '2600::1', 'localhost']) expect(isPrivate(ip)).toBe(false)
  })

  it.each([
    ['here', ['127.0.0.1', '::1', '0.0.0.0', '::', 'localhost', 'Node.LOCALHOST.']],
    ['nearby', ['10.0.0.1', 'fd00::1', '64:ff9b::a00:1', '64:ff9b:1::1', '2002:a00:1::', '2001::1', 'fec0::1']],
    ['nearby', ['printer.local', 'db.internal', 'nas.home.arpa.', 'box.LAN']],
    ['everywhere', ['8.8.8.8', '2600::1', 'node.example', 'local', 'mylocal', 'internal.example', 'n1']],
  ])('reaches %s: %j', (reach, hosts) => {
    for (const host of hosts) expect(reachOf(host), host).toBe(reach)
  })
})

describe('endpointText', () => {
  it('writes where a link comes from with its port, IPv6 in brackets, and nothing where there is nothing', () => {
    expect(endpointText({ host: '10.0.0.1', port: 8 })).toBe('10.0.0.1:8')
    expect(endpointText({ host: 'fe80::1', port: 65_535 })).toBe('[fe80::1]:65535')
    expect(endpointText(null)).toBeNull()
  })
})
