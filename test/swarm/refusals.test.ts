/** Whoever is turned away is told why, on both sides: as an event with a typed reason, and as a count. */
import { describe, expect, it } from 'vitest'
import type { Reason } from '../../src/errors.js'
import type { Transport } from '../../src/ports/transport.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { direct } from '../../src/protocol/message.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { World } from './world.js'

interface Refusal {
  readonly name: string
  readonly code: string
  /** Of the node that is dialled, and of the one that dials. */
  readonly acceptor?: Partial<SwarmOptions>
  readonly dialler?: Partial<SwarmOptions>
  /** Whose finding it is; the other side is told. */
  readonly foundBy: 'acceptor' | 'dialler'
  readonly address?: (acceptor: Node, dialler: Node, world: World) => string
}

const REFUSALS: readonly Refusal[] = [
  { name: 'another network', code: 'wrong-network', dialler: { network: 'OTHR' }, foundBy: 'acceptor' },
  { name: 'another chain', code: 'wrong-chain', dialler: { genesis: '01020304' }, foundBy: 'acceptor' },
  {
    name: 'an application that is too old',
    code: 'wrong-version',
    acceptor: { protocol: { version: 3, minVersion: 3 } },
    dialler: { protocol: { version: 2, minVersion: 1 } },
    foundBy: 'acceptor',
  },
  {
    name: 'an application that is too new',
    code: 'wrong-version',
    acceptor: { protocol: { version: 1, minVersion: 1 } },
    dialler: { protocol: { version: 3, minVersion: 2 } },
    foundBy: 'acceptor',
  },
  {
    name: 'an identity other than the address names',
    code: 'wrong-identity',
    foundBy: 'dialler',
    address: ({ name }, _, world) => `memory://${world.identity().id}@${name}:1`,
  },
  {
    name: 'a peer that the host does not want',
    code: 'not-allowed',
    acceptor: { authorize: () => false },
    foundBy: 'acceptor',
  },
  {
    name: 'a peer that the dialling host does not want',
    code: 'not-allowed',
    dialler: { authorize: () => false },
    foundBy: 'dialler',
  },
]

async function refuse({
  acceptor,
  dialler,
  address,
}: Refusal): Promise<{ a: Node; b: Node; world: World; failed: unknown }> {
  const world = new World()
  const a = await world.started('a', acceptor)
  const b = await world.started('b', dialler)
  const dialled = b.swarm.dial(address?.(a, b, world) ?? a.address).catch((error: unknown) => error)
  await world.run(3_000)
  return { a, b, world, failed: await dialled }
}

describe('a refusal', () => {
  for (const refusal of REFUSALS)
    it(`of ${refusal.name} is ${refusal.code} on both sides`, async () => {
      const { a, b, failed, world } = await refuse(refusal)
      const { code, foundBy } = refusal
      expect(failed).toMatchObject({ code })
      expect(b.heard('dial:failed')).toMatchObject([[{ reason: { code } }]])
      expect(a.heard('inbound:refused')).toMatchObject([[{ reason: { code } }]])
      expect([a.names, b.names]).toEqual([['inbound:refused'], ['dial:failed']])
      expect(b.swarm.status()).toMatchObject({ dialsFailed: { [code]: 1 }, pending: 0 })
      expect(b.swarm.status().strikes).toEqual({})
      expect(a.swarm.status()).toMatchObject({ inboundRefused: { [code]: 1 }, pending: 0 })
      expect(a.swarm.status().strikes).toEqual({})
      const [finder, other] = foundBy === 'acceptor' ? [a, b] : [b, a]
      expect(finder.swarm.status().closed).toEqual({ [code]: 1 })
      expect(other.swarm.status().told).toEqual({ [code]: 1 })
      expect(world.network.openPairs).toEqual([])
    })

  it("of itself is self where we dialled; the other end of the same link takes no stranger's word for it", async () => {
    const world = new World()
    const a = await world.started('a')
    const dialled = a.swarm.dial('memory://a:1').catch((error: unknown) => error)
    await world.run(3_000)
    expect(await dialled).toMatchObject({ code: 'self' })
    expect(a.names.toSorted()).toEqual(['dial:failed', 'inbound:refused'])
    expect(a.swarm.status()).toMatchObject({ dialsFailed: { self: 1 }, inboundRefused: { closed: 1 } })
    expect(a.swarm.status().strikes).toEqual({})
  })

  it('of a delegation that has run out is expired, with our time, and no strike', async () => {
    const world = new World()
    const a = await world.started('a')
    const raw = await RawPeer.connect(world, a, { lifeMs: -86_400_000 - 60_000 })
    expect(raw.told).toMatchObject({ code: 'expired', cause: expect.stringContaining('our clock says') as string })
    expect(a.heard('inbound:refused')).toMatchObject([[{ peerId: raw.identity.id, reason: { code: 'expired' } }]])
    expect(a.swarm.status()).toMatchObject({ inboundRefused: { expired: 1 } })
    expect(a.swarm.status().strikes).toEqual({})
  })

  it('of an old delegation is left out for a masternode: it only raises clock:skew', async () => {
    const world = new World()
    const identity = world.identity()
    const a = await world.started('a', { masternodes: [`memory://${identity.id}@raw:1`] })
    await RawPeer.connect(world, a, { identity, lifeMs: -86_400_000 - 60_000 })
    expect(a.swarm.peers.has(identity.id)).toBe(true)
    const [[skew] = []] = a.heard('clock:skew')
    expect(skew?.peerId).toBe(identity.id)
    expect(Math.abs((skew?.skewMs ?? 0) - 60_000)).toBeLessThanOrEqual(1_000)
  })

  it('by a transport, before there was a link, is told and counted like any other', async () => {
    const world = new World()
    const real = world.network.transport('a')
    let turnAway = (): void => undefined
    const picky: Transport = {
      ...real,
      listen: (address, events) => {
        turnAway = () => events.refused?.({ host: '203.0.113.7', port: 9 }, reason)
        return (real.listen as NonNullable<Transport['listen']>)(address, events)
      },
    }
    const reason: Reason = { code: 'not-allowed', fault: 'remote', cause: 'no page of theirs' }
    const a = await world.started('a', { transports: [picky] })
    turnAway()
    expect(a.heard('inbound:refused')).toEqual([[{ peerId: null, address: '203.0.113.7:9', reason }]])
    expect(a.swarm.status().inboundRefused).toEqual({ 'not-allowed': 1 })
    expect(a.swarm.status().strikes).toEqual({})
  })

  it('of one stranger too many is too-many-peers, with a time to come back', async () => {
    const world = new World()
    const a = await world.started('a')
    for (let i = 0; i < 19; i++) await RawPeer.connect(world, a)
    expect(a.swarm.peers.size).toBe(19)
    world.clock.advance(60_000)
    const one = await RawPeer.connect(world, a)
    expect(one.told).toMatchObject({ code: 'too-many-peers', retryAfterMs: 60_000 })
    expect(a.swarm.status()).toMatchObject({ inboundRefused: { 'too-many-peers': 1 } })
    expect(a.swarm.status().strikes).toEqual({})
  })

  it('of a silent link is timeout after five seconds, whatever it had said by then', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    const dialled = b.swarm.dial(a.address).catch((error: unknown) => error)
    world.network.openDials()
    for (const pair of world.network.pairs) pair.blackHoled = true
    await world.run(4_999)
    expect(a.swarm.status().pending).toBe(1)
    await world.run(1)
    expect(await dialled).toMatchObject({ code: 'timeout' })
    expect(a.heard('inbound:refused')).toMatchObject([[{ peerId: null, reason: { code: 'timeout', fault: 'local' } }]])
    expect(b.heard('dial:failed')).toMatchObject([[{ reason: { code: 'timeout' } }]])
    expect(a.swarm.status()).toMatchObject({ pending: 0, inboundRefused: { timeout: 1 } })
    await world.run(2_000)
    expect(world.network.pairs.every((pair) => pair.dialler.isOver && pair.acceptor.isOver)).toBe(true)
  })

  it('of a banned peer is told to our own dials before anything is begun, so that a host may dial whatever has failed', async () => {
    const world = new World()
    const a = await world.started('a')
    const raw = await RawPeer.connect(world, a)
    raw.send(FRAME.firstApplication + 9, utf8('1'))
    for (let i = 0; i < 3; i++) {
      const again = await RawPeer.connect(world, a, { identity: raw.identity, epoch: i })
      again.send(FRAME.firstApplication + 9, utf8('1'))
      await world.settle()
    }
    expect(a.names).toContain('ban')
    const links = world.network.pairs.length
    a.swarm.on('dial:failed', ({ address }) => {
      void a.swarm.dial(address).catch(() => undefined)
    })
    await expect(a.swarm.dial(`memory://${raw.identity.id}@raw:1`)).rejects.toMatchObject({ code: 'banned' })
    expect(world.network.pairs.length).toBe(links)
    expect(a.heard('dial:failed')).toEqual([])
  })
})

/** Bytes of a test's own on a fresh link, and what the node answers. */
async function speak(
  world: World,
  bytes: Uint8Array,
): Promise<{ readonly heard: Uint8Array[]; readonly ended: () => boolean }> {
  const heard: Uint8Array[] = []
  let ended = false
  world.network.transport('raw').dial(
    { scheme: 'memory', peerId: null, host: 'a', port: 1, path: '/' },
    {
      opened: (link) => {
        link.open({
          data: (some) => heard.push(some),
          drained: () => undefined,
          ended: () => {
            ended = true
            link.end()
          },
          closed: () => undefined,
        })
        link.write([bytes])
      },
      failed: () => undefined,
    },
  )
  await world.settle()
  return { heard, ended: () => ended }
}

describe('what is no holdfast', () => {
  for (const [name, bytes, strikes] of [
    ['an HTTP request', utf8('GET / HTTP/1.1\r\nHost: a\r\n\r\n'), {}],
    ['a TLS hello', Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01), {}],
    ['one wrong byte', Uint8Array.of(0x9d, 0x48, 0x47), { garbage: 1 }],
  ] as const)
    it(`is garbage: ${name} gets no answer, and a strike where no honest dial begins so`, async () => {
      const world = new World()
      const a = await world.started('a')
      const { heard, ended } = await speak(world, bytes)
      expect(heard).toEqual([])
      expect(ended()).toBe(true)
      expect(a.heard('inbound:refused')).toMatchObject([
        [{ peerId: null, reason: { code: 'garbage', fault: 'remote' } }],
      ])
      expect(a.swarm.status()).toMatchObject({ inboundRefused: { garbage: 1 }, pending: 0 })
      expect(a.swarm.status().strikes).toEqual(strikes)
    })

  it('is a bad handshake where the preamble is right and the keys are not', async () => {
    const world = new World()
    const a = await world.started('a')
    const preamble = Uint8Array.of(0x9d, 0x48, 0x46, 0x0a, ...utf8('TEST'), 0, 0, 0, 0, 1, 1, 0, 0)
    const { heard } = await speak(world, Uint8Array.of(...preamble, 0xff, 0xff, 1))
    expect(heard.length).toBe(1)
    expect(heard[0]?.subarray(-3)).toEqual(Uint8Array.of(0, 0, 15))
    expect(a.swarm.status()).toMatchObject({ inboundRefused: { 'bad-handshake': 1 }, strikes: { 'bad-handshake': 1 } })
  })
})

describe('a peer that breaks the protocol', () => {
  for (const [name, act, cause] of [
    [
      'a frame of a critical type that nobody knows',
      (raw: RawPeer) => {
        raw.send(20, utf8('?'))
      },
      'unknown-frame',
    ],
    [
      'a frame that makes no sense',
      (raw: RawPeer) => {
        raw.send(FRAME.window, new Uint8Array(0))
      },
      'frame-broken',
    ],
    [
      'a second hello',
      (raw: RawPeer) => {
        raw.send(FRAME.hello, utf8('?'))
      },
      'unknown-frame',
    ],
  ] as const)
    it(`is closed as protocol-error, by both names, for ${name}`, async () => {
      const world = new World()
      const a = await world.started('a')
      const raw = await RawPeer.connect(world, a)
      act(raw)
      await world.settle()
      expect(raw.told).toMatchObject({ code: 'protocol-error', cause })
      expect(a.heard('peer:disconnect')).toMatchObject([[{}, { code: 'protocol-error', fault: 'remote', cause }]])
      expect(a.swarm.status()).toMatchObject({ closed: { 'protocol-error': 1 }, strikes: { 'protocol-error': 1 } })
    })

  it('is not answered where a record was tampered with', async () => {
    const world = new World()
    const a = await world.started('a')
    const raw = await RawPeer.connect(world, a)
    raw.write(Uint8Array.of(0, 20, ...new Uint8Array(20)))
    await world.settle()
    expect(raw.told).toBe(null)
    expect(raw.closed).toMatchObject({ code: 'closed' })
    expect(a.heard('peer:disconnect')).toMatchObject([[{}, { code: 'bad-record', fault: 'network' }]])
  })

  it('is closed for a message over its size, before it is gathered', async () => {
    const world = new World()
    const a = await world.started('a')
    const raw = await RawPeer.connect(world, a)
    // Lane 0, a total of 1 MiB, an application type: a stranger may send 64 KiB.
    raw.send(FRAME.fragment, Uint8Array.of(0, 0x80, 0x80, 0x40, 64, 1, 2, 3))
    await world.settle()
    expect(raw.told).toMatchObject({ code: 'protocol-error', cause: 'message-too-big' })
    expect(a.heard('peer:disconnect')).toMatchObject([[{}, { code: 'message-too-big', fault: 'remote' }]])
  })

  it('is closed for sending more than it has credit for', async () => {
    const world = new World()
    const a = world.node('a')
    a.swarm.handle(direct('slow'), async () => new Promise<void>(() => undefined))
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    for (let i = 0; i < 5; i++) raw.send(FRAME.firstApplication, new Uint8Array(32_000))
    await world.settle()
    expect(raw.told).toMatchObject({ code: 'protocol-error', cause: 'credit-overrun' })
    expect(a.heard('peer:disconnect')).toMatchObject([[{}, { code: 'credit-overrun', fault: 'remote' }]])
  })

  it('is taken as lost where it ends without a goodbye', async () => {
    const world = new World()
    const a = await world.started('a')
    const raw = await RawPeer.connect(world, a)
    raw.destroy()
    await world.settle()
    expect(a.heard('peer:disconnect')).toMatchObject([[{}, { code: 'connection-lost', fault: 'network' }]])
    expect(a.swarm.status().strikes).toEqual({})
  })

  it('skips frames of optional types that it does not know', async () => {
    const world = new World()
    const a = await world.started('a')
    const raw = await RawPeer.connect(world, a)
    raw.send(40, utf8('later'))
    await world.settle()
    expect(raw.closed).toBe(null)
    expect(a.swarm.status().strikes).toEqual({})
  })
})

describe('a silent peer', () => {
  it('of a masternode is suspect between 16 and 20 seconds, and closed after three minutes', async () => {
    const world = new World()
    const a = await world.started('a', { authorize: () => 'masternode' })
    const raw = await RawPeer.connect(world, a)
    for (const pair of world.network.pairs) pair.blackHoled = true
    await world.run(15_999)
    expect(a.names).toEqual(['peer:connect'])
    await world.run(4_001)
    expect(a.names).toEqual(['peer:connect', 'peer:suspect'])
    expect(a.swarm.status().peers).toMatchObject([{ state: 'suspect' }])
    await world.run(159_900)
    expect(a.swarm.peers.size).toBe(1)
    await world.run(60_000)
    expect(a.heard('peer:disconnect')).toMatchObject([[{}, { code: 'timeout', fault: 'local', cause: 'silent' }]])
    expect(a.swarm.peers.size).toBe(0)
    expect(raw.told).toBe(null)
  })

  it('is no longer suspect after one byte', async () => {
    const world = new World()
    const { a } = await world.pair({ authorize: () => 'masternode' })
    const [pair] = world.network.pairs
    if (pair !== undefined) pair.blackHoled = true
    await world.run(25_000)
    expect(a.swarm.status().peers).toMatchObject([{ state: 'suspect' }])
    if (pair !== undefined) pair.blackHoled = false
    await world.settle()
    expect(a.swarm.status().peers).toMatchObject([{ state: 'connected' }])
    await world.run(600_000)
    expect(a.names).toEqual(['peer:connect', 'peer:suspect'])
  })
})
