/**
 * The raw speaker of `npm run hostile` was written from the specification alone. That it and a swarm understand each other is a
 * check of both; that a swarm refuses by name each thing it can do wrong is what makes it worth attacking with.
 */
import { on } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import type { Flight, Frame, RawOptions } from '../../scripts/hostile/raw-peer.mjs'
import { RawPeer } from '../../scripts/hostile/raw-peer.mjs'
import { listenRaw } from '../../scripts/hostile/raw-peer-listen.mjs'
import { keyPair } from '../../scripts/hostile/raw-peer-crypto.mjs'
import * as wire from '../../scripts/hostile/raw-peer-wire.mjs'
import { createIdentity, message, request, Swarm } from '../../src/index.js'
import type { MessageHandler } from '../../src/swarm/registry.js'
import { systemClock } from '../../src/runtime/system.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import { tcp } from '../../src/transports/tcp.js'
import { portOf, speakTcp } from '../hostile/tcp-client.js'

const { FRAME } = wire
const Tx = message('tx')
const Sum = request<number[], number>('sum')
const NAMES = [{ kind: 'message', name: 'tx' }]
const DAY_S = 86_400

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map(async (cleanup) => cleanup()))
})

/** A node that takes `tx` and answers `sum`; `heard` is what its handler was given. */
async function node(
  options: Partial<SwarmOptions> = {},
  verdict: MessageHandler<Uint8Array> = () => 'accept',
): Promise<{ swarm: Swarm; heard: Uint8Array[] }> {
  const swarm = new Swarm({
    network: 'TIME',
    identity: createIdentity(),
    transports: [tcp()],
    listen: ['tcp://127.0.0.1:0'],
    perIpLimits: false,
    ...options,
  })
  const heard: Uint8Array[] = []
  swarm.handle(Tx, (bytes, context) => {
    heard.push(bytes)
    return verdict(bytes, context)
  })
  swarm.respond(Sum, (numbers) => numbers.reduce((sum, number) => sum + number, 0))
  cleanups.push(async () => swarm.stop())
  await swarm.start()
  return { swarm, heard }
}

function dial(swarm: Swarm, options: RawOptions = {}): RawPeer {
  const peer = RawPeer.dial(
    { host: '127.0.0.1', port: portOf(swarm.addresses) },
    { hello: { names: NAMES }, ...options },
  )
  cleanups.push(() => {
    peer.destroy()
  })
  return peer
}

async function listen(options: RawOptions = {}): Promise<{ address: string; peer: Promise<RawPeer> }> {
  let meet: (peer: RawPeer) => void = () => undefined
  const met = new Promise<RawPeer>((resolve) => {
    meet = resolve
  })
  const identity = keyPair('Ed25519')
  const given = { identity, hello: { names: NAMES }, ...options }
  const { port, close } = await listenRaw({ host: '127.0.0.1', port: 0 }, given, meet)
  cleanups.push(close)
  return { address: `tcp://${wire.peerIdOf(identity.publicKey)}@127.0.0.1:${String(port)}`, peer: met }
}

async function nextFrame(peer: RawPeer, type: number): Promise<Frame> {
  for await (const [frame] of on(peer, 'frame', { close: ['closed'] }) as AsyncIterable<[Frame]>)
    if (frame.type === type) return frame
  throw new Error(`the link ended before a frame ${String(type)}`)
}

/** Everything sent so far was read, and the link still stands. */
async function pinged(peer: RawPeer): Promise<void> {
  const pong = nextFrame(peer, FRAME.pong)
  peer.send(FRAME.ping, Buffer.from('still there?'))
  expect((await pong).body.toString()).toBe('still there?')
}

/** Another byte somewhere in the middle. */
function spoilt(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  const at = Math.floor(copy.length / 2)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

describe('a speaker of the specification alone', () => {
  it('dials a swarm: each knows the other, and is told its names and limits', async () => {
    const { swarm } = await node()
    const peer = dial(swarm)
    const hello = await peer.ready
    await pinged(peer)
    expect(wire.peerIdOf(peer.remoteKey ?? Buffer.alloc(0))).toBe(swarm.id)
    expect([...swarm.peers.keys()]).toEqual([peer.id])
    expect(hello).toMatchObject({ agent: 'holdfast', version: [1, 1], requestsMax: 256, messageBytesMax: 65_536 })
    expect(hello.names).toEqual([...NAMES, { kind: 'request', name: 'sum' }])
  })

  it('is dialled by a swarm, by its id, and hears what is broadcast', async () => {
    const { swarm } = await node()
    const { address, peer } = await listen()
    const handle = await swarm.dial(address)
    const raw = await peer
    await raw.ready
    expect(handle.id).toBe(raw.id)
    const heard = nextFrame(raw, FRAME.firstApplication)
    swarm.broadcast(Tx, Uint8Array.of(1, 2, 3))
    const payload = wire.plainPayload(Uint8Array.of(1, 2, 3))
    expect((await heard).body).toEqual(raw.broadcast('tx', payload).body)
  })

  it('sends a broadcast that is handled and passed on, and has a question answered', async () => {
    const { swarm, heard } = await node()
    const [one, other] = [dial(swarm), dial(swarm)]
    await Promise.all([one.ready, other.ready])
    await pinged(other)
    const passedOn = nextFrame(other, FRAME.firstApplication)
    const answer = nextFrame(one, FRAME.response)
    const broadcast = one.broadcast('tx', wire.plainPayload(Buffer.from('a transaction')))
    one.sendAll([broadcast, one.request(7, 'sum', Buffer.from('[1,2,3]'))])
    expect((await passedOn).body).toEqual(broadcast.body)
    expect((await answer).body).toEqual(Buffer.from([7, 0, ...Buffer.from('6')]))
    expect(heard).toEqual([new Uint8Array(Buffer.from('a transaction'))])
  })

  it('may send more than its first credit, as the swarm gives it back', async () => {
    const { swarm, heard } = await node()
    const peer = dial(swarm)
    const { windowBytes } = await peer.ready
    const count = 8
    for (let i = 0; i < count; i++) {
      if (peer.credit < 32_000) await nextFrame(peer, FRAME.window)
      peer.sendAll([peer.broadcast('tx', wire.plainPayload(Buffer.alloc(31_000, i)))])
    }
    await pinged(peer)
    expect(windowBytes).toBeLessThan(count * 31_000)
    expect(heard.length).toBe(count)
    expect(peer.said).toBe(null)
  })

  for (const pieces of [1, 7])
    it(`is understood in pieces of ${String(pieces)} bytes`, async () => {
      const { swarm, heard } = await node()
      const peer = dial(swarm, { pieces })
      await peer.ready
      peer.sendAll([peer.broadcast('tx', wire.plainPayload(Buffer.from('in pieces')))])
      await pinged(peer)
      expect(heard.length).toBe(1)
    })

  it('may send a type that a later version made optional', async () => {
    const { swarm } = await node()
    const peer = dial(swarm)
    await peer.ready
    peer.send(40, Buffer.from('whatever'))
    await pinged(peer)
    expect(swarm.status().strikes).toEqual({})
  })
})

/** What is wrong, how it is made, and what the swarm says and counts. `said` is what it tells the other side. */
interface Wrong {
  readonly name: string
  readonly options: () => RawOptions
  readonly counted: string
  readonly said: { readonly where: string; readonly code: string } | null
}

const networkId = wire.networkIdOf('TIME')
const now = (): number => Math.floor(systemClock.wall() / 1000)

function at(flight: Flight, change: (bytes: Buffer) => Buffer | null): NonNullable<RawOptions['tamper']> {
  return (which, bytes) => (which === flight ? change(bytes) : bytes)
}

function delegated(words: Partial<Parameters<typeof wire.delegation>[0]>): RawOptions {
  const [identity, fixed] = [keyPair('Ed25519'), keyPair('X25519')]
  return {
    identity,
    fixed,
    delegation: wire.delegation({ identity, staticKey: fixed.publicKey, networkId, ...words }),
  }
}

const clear = (code: string): Wrong['said'] => ({ where: 'clear', code })
const sealed = (code: string): Wrong['said'] => ({ where: 'goodbye', code })
const status = (code: string): Wrong['said'] => ({ where: 'preamble', code })

const WRONG: readonly Wrong[] = [
  {
    name: 'the first byte',
    options: () => ({ tamper: at('preamble', (bytes) => Buffer.concat([Buffer.of(0x16), bytes.subarray(1)])) }),
    counted: 'garbage',
    said: null,
  },
  {
    name: 'another network',
    options: () => ({ networkId: wire.networkIdOf('EMIT') }),
    counted: 'wrong-network',
    said: status('wrong-network'),
  },
  {
    name: 'another chain',
    options: () => ({ networkId: wire.networkIdOf('TIME', Buffer.from('fork')) }),
    counted: 'wrong-chain',
    said: status('wrong-chain'),
  },
  {
    name: 'a later version',
    options: () => ({ versions: [3, 2] }),
    counted: 'wrong-version',
    said: status('wrong-version'),
  },
  {
    name: 'a low-order point for a key',
    options: () => ({ ephemeral: { ...keyPair('X25519'), publicKey: Buffer.alloc(32) } }),
    counted: 'bad-handshake',
    said: clear('bad-handshake'),
  },
  {
    name: 'a first message that begins to be of 513 bytes',
    options: () => ({ tamper: at('first', () => Buffer.of(2, 1)) }),
    counted: 'bad-handshake',
    said: clear('bad-handshake'),
  },
  {
    name: 'a third message with one bit turned',
    options: () => ({ tamper: at('third', spoilt) }),
    counted: 'bad-handshake',
    said: clear('bad-handshake'),
  },
  {
    name: 'a delegation that somebody else signed',
    options: () => delegated({ claimed: keyPair('Ed25519').publicKey }),
    counted: 'bad-handshake',
    said: clear('bad-handshake'),
  },
  {
    name: 'a delegation of another static key',
    options: () => delegated({ staticKey: keyPair('X25519').publicKey }),
    counted: 'bad-handshake',
    said: clear('bad-handshake'),
  },
  {
    name: 'a delegation for another network',
    options: () => delegated({ networkId: wire.networkIdOf('EMIT') }),
    counted: 'bad-handshake',
    said: clear('bad-handshake'),
  },
  {
    name: 'a delegation that expired two days ago',
    options: () => delegated({ notAfterS: now() - 2 * DAY_S }),
    counted: 'expired',
    said: sealed('expired'),
  },
  {
    name: 'an application of another version',
    options: () => ({ hello: { version: [9, 8] } }),
    counted: 'wrong-version',
    said: sealed('wrong-version'),
  },
  {
    name: 'a hello with one bit turned',
    options: () => ({ tamper: at('hello', spoilt) }),
    counted: 'bad-record',
    said: null,
  },
]

describe('a handshake with', () => {
  for (const { name, options, counted, said } of WRONG)
    it(`${name} is ${counted}, and nobody is connected`, async () => {
      const { swarm } = await node()
      const connected: string[] = []
      swarm.on('peer:connect', ({ id }) => connected.push(id))
      const peer = dial(swarm, options())
      const refused = await swarm.once('inbound:refused')
      expect(refused).toMatchObject([{ reason: { code: counted } }])
      if (said === null) expect(await peer.closed).toBe(null)
      else expect(await peer.closed).toMatchObject(said)
      expect(swarm.status().inboundRefused).toEqual({ [counted]: 1 })
      expect(connected).toEqual([])
    })

  it("the swarm's own key is refused: it reached itself", async () => {
    const seed = Buffer.alloc(32, 7)
    const { swarm } = await node({ identity: createIdentity(seed) })
    const peer = dial(swarm, { identity: keyPair('Ed25519', seed) })
    expect(await peer.closed).toMatchObject({ where: 'clear', code: 'self' })
    expect(swarm.status().inboundRefused).toEqual({ self: 1 })
  })

  it('the flights of another session, replayed, prove nothing', async () => {
    const { swarm } = await node()
    const recorded = dial(swarm)
    await recorded.ready
    const { preamble, first, third, hello } = recorded.sent
    const flights = [preamble, first, third, hello].map((bytes) => bytes ?? Buffer.alloc(0))
    const { bytes } = await speakTcp(portOf(swarm.addresses), flights)
    expect([...bytes.subarray(-3)]).toEqual([0, 0, 15])
    await pinged(recorded)
    expect(swarm.status().inboundRefused).toEqual({ 'bad-handshake': 1 })
  })

  it('somebody else than was dialled ends before the dialler shows who it is', async () => {
    const { swarm } = await node()
    const { address, peer } = await listen()
    const other = address.replace(/\/\/.*@/, `//${wire.peerIdOf(keyPair('Ed25519').publicKey)}@`)
    await expect(swarm.dial(other)).rejects.toMatchObject({ code: 'wrong-identity' })
    const raw = await peer
    expect(await raw.closed).toMatchObject({ where: 'clear', code: 'wrong-identity' })
    expect(raw.received.third).toBe(undefined)
  })
})

describe('a session with', () => {
  const wrongs: readonly (readonly [string, (peer: RawPeer) => unknown, string, string | null])[] = [
    ['a tag that does not hold', (peer) => peer.record(skip(peer)), 'bad-record', null],
    ['a frame of no length', (peer) => peer.record(Buffer.of(0)), 'protocol-error', 'frame-broken'],
    ['a frame of 32,769 bytes', (peer) => peer.record(wire.varint(32_769)), 'protocol-error', 'frame-too-big'],
    ['a length of five bytes', (peer) => peer.record(Buffer.alloc(5, 0xff)), 'protocol-error', 'frame-too-big'],
    ['an unknown critical type', (peer) => peer.send(20), 'protocol-error', 'unknown-frame'],
    ['a second hello', (peer) => peer.send(1), 'protocol-error', 'unknown-frame'],
    ['a number never given out', (peer) => peer.send(99), 'protocol-error', 'unknown-type'],
    ['more than the credit', flood, 'credit-overrun', 'credit-overrun'],
  ]
  for (const [name, send, code, text] of wrongs)
    it(`${name} is closed as ${code}`, async () => {
      // What nobody has judged keeps its credit.
      const { swarm, heard } = await node({}, async () => new Promise(() => undefined))
      const peer = dial(swarm)
      await peer.ready
      await pinged(peer)
      const disconnected = swarm.once('peer:disconnect')
      send(peer)
      expect(await disconnected).toMatchObject([{ id: peer.id }, { code }])
      if (text === null) expect(await peer.closed).toBe(null)
      else expect(await peer.closed).toMatchObject({ where: 'goodbye', code: 'protocol-error', text })
      expect(heard.length).toBe(code === 'credit-overrun' ? 4 : 0)
    })

  it('a broadcast under a false id, or of nonsense, is struck, and never handled', async () => {
    const { swarm, heard } = await node()
    const peer = dial(swarm)
    await peer.ready
    const { type, body } = peer.broadcast('tx', wire.plainPayload(Buffer.from('one')))
    peer.send(type, spoilt(body))
    peer.send(type, body.subarray(0, 9))
    peer.sendAll([peer.broadcast('tx', wire.plainPayload(Buffer.from('two')))])
    await pinged(peer)
    expect(swarm.status().strikes).toEqual({ 'id-mismatch': 1, undecodable: 1 })
    expect(heard.length).toBe(1)
  })

  it('a record that was sent before ends without a word', async () => {
    const { swarm } = await node()
    const peer = dial(swarm)
    await peer.ready
    const disconnected = swarm.once('peer:disconnect')
    peer.raw(peer.sent.hello ?? Buffer.alloc(0))
    expect(await disconnected).toMatchObject([{ id: peer.id }, { code: 'bad-record' }])
    expect(await peer.closed).toBe(null)
  })
})

/** Leaves out one number, so that no later tag holds. */
function skip({ cipher }: RawPeer): Buffer {
  if (cipher !== null) cipher.nonce++
  return Buffer.from('anything')
}

/** Four fit the first credit of a stranger. */
function flood(peer: RawPeer): void {
  const frames = Array.from({ length: 6 }, (_, i) => peer.broadcast('tx', wire.plainPayload(Buffer.alloc(31_000, i))))
  for (const frame of frames) peer.sendAll([frame])
}
