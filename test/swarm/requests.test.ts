/** Questions and answers: each ends once, by name, and leaves nothing under way. */
import { describe, expect, it } from 'vitest'
import { HoldfastError } from '../../src/errors.js'
import { joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { request } from '../../src/protocol/message.js'
import { varintBytes } from '../../src/protocol/varint.js'
import type { AskOptions } from '../../src/swarm/peer.js'
import type { RequestHandler } from '../../src/swarm/registry.js'
import { RawPeer } from './raw-peer.js'
import { World } from './world.js'

const Ask = request<number>('ask', { maxBytes: 3_200_000 })
const Small = request<number>('ask', { maxBytes: 10 })

const outcome = async (asked: Promise<unknown> | undefined): Promise<unknown> =>
  asked?.catch((error: unknown) => (error as HoldfastError).code)

/** B asks A. */
async function asking(handler: RequestHandler<number, unknown> | null, ask = Ask) {
  const world = new World()
  const a = world.node('a')
  if (handler !== null) a.swarm.respond(ask, handler)
  await a.swarm.start()
  const b = await world.started('b')
  await world.connect(b, a)
  const peer = b.swarm.peers.get(a.swarm.id)
  if (peer === undefined) throw new Error('not connected')
  return { world, a, b, peer, ask: async (n: number, options?: AskOptions) => peer.request(ask, n, options) }
}

const never = async (): Promise<never> => new Promise<never>(() => undefined)

describe('a request', () => {
  it('gets its own answer, whatever order they come in', async () => {
    const answers: (() => void)[] = []
    const { world, ask } = await asking(
      async (n) =>
        new Promise((resolve) => {
          answers.push(() => {
            resolve(n * 10)
          })
        }),
    )
    const asked = [ask(1), ask(2), ask(3)]
    await world.settle()
    for (const answer of answers.toReversed()) answer()
    await world.settle()
    expect(await Promise.all(asked)).toEqual([10, 20, 30])
  })

  it('is refused at once where nobody answers that name, or nobody is there', async () => {
    const { world, b, peer } = await asking(null)
    expect(await outcome(peer.request(Ask, 1))).toBe('type-not-accepted')
    peer.close()
    expect(await outcome(peer.request(Ask, 1))).toBe('not-connected')
    await world.settle()
    expect(b.names.at(-1)).toBe('peer:disconnect')
  })

  it('times out after ten seconds, or when it says, and is withdrawn', async () => {
    const signals: AbortSignal[] = []
    const { world, a, ask } = await asking(async (_, { signal }) => {
      signals.push(signal)
      return never()
    })
    const [usual, short] = [outcome(ask(1)), outcome(ask(2, { timeoutMs: 500 }))]
    await world.run(500)
    expect(await short).toBe('request-timeout')
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true])
    await world.run(9_500)
    expect(await usual).toBe('request-timeout')
    expect(a.heard('error').length).toBeLessThanOrEqual(1)
  })

  it('is withdrawn when its signal aborts, and rejects with the reason', async () => {
    const signals: AbortSignal[] = []
    const { world, ask } = await asking(async (_, { signal }) => {
      signals.push(signal)
      return never()
    })
    const controller = new AbortController()
    const asked = ask(1, { signal: controller.signal })
    await world.settle()
    const reason = new Error('no longer wanted')
    controller.abort(reason)
    await expect(asked).rejects.toBe(reason)
    await world.settle()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    await expect(ask(1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    await world.settle()
    expect(signals.length).toBe(1)
  })

  it('fails as request-failed where the handler does, and the reason stays with its host', async () => {
    const { world, a, ask } = await asking(() => {
      throw new Error('a secret')
    })
    const asked = ask(1)
    const failed = expect(asked).rejects.toMatchObject({
      code: 'request-failed',
      fault: 'remote',
      cause: 'handler-failed',
    })
    await world.settle()
    await failed
    await expect(asked).rejects.not.toMatchObject({ message: expect.stringContaining('secret') as string })
    expect(a.heard('error')).toMatchObject([[{ code: 'handler-failed', cause: { message: 'a secret' } }]])
  })

  it('fails where the handler takes more than ten seconds', async () => {
    const { world, a, ask } = await asking(never)
    const asked = outcome(ask(1, { timeoutMs: 20_000 }))
    await world.run(10_000)
    expect(await asked).toBe('request-failed')
    expect(a.heard('error')).toMatchObject([[{ code: 'handler-failed' }]])
  })

  it('fails where the answer is larger than allowed, and the link stays', async () => {
    const { world, a, b, ask } = await asking(() => 'more than ten bytes', Small)
    const asked = outcome(ask(1))
    await world.settle()
    expect(await asked).toBe('request-failed')
    expect(a.heard('error')).toMatchObject([[{ code: 'invalid-payload' }]])
    expect(b.swarm.peers.size).toBe(1)
  })

  it('carries an answer of 3 MiB', async () => {
    const bytes = new Uint8Array(3 * 1024 * 1024).map((_, i) => i * 31)
    const world = new World()
    const b = world.node('b', { authorize: () => 'masternode' })
    const a = world.node('a', { authorize: () => 'masternode' })
    a.swarm.respond(Ask, () => bytes)
    await a.swarm.start()
    await b.swarm.start()
    await world.connect(b, a)
    const asked = b.swarm.peers.get(a.swarm.id)?.request(Ask, 1)
    await world.settle()
    expect(Buffer.compare(Buffer.from((await asked) as Uint8Array), Buffer.from(bytes))).toBe(0)
  })

  it('fails where the answer is more than may wait for a stranger beside another like it, and the link stays', async () => {
    const { world, b, ask } = await asking(() => new Uint8Array(600_000))
    world.network.unreadMax = 1
    const asked = [ask(1), ask(2)].map(async (one) => outcome(one))
    await world.settle()
    expect(((await asked[0]) as Uint8Array).length).toBe(600_000)
    expect(await asked[1]).toBe('request-failed')
    expect(b.swarm.peers.size).toBe(1)
  })

  it('is refused here where it is more than the peer takes, and the link stays', async () => {
    const world = new World()
    const Large = request<Uint8Array, number>('large')
    const a = world.node('a')
    a.swarm.respond(Large, (bytes) => bytes.length)
    await a.swarm.start()
    const b = await world.started('b')
    await world.connect(b, a)
    const peer = b.swarm.peer(a.swarm.id)
    // One byte says that bytes follow; a stranger may send 64 KiB.
    for (const length of [65_536, 5_000_000])
      await expect(peer?.request(Large, new Uint8Array(length))).rejects.toMatchObject({
        code: 'message-too-big',
        fault: 'local',
      })
    const asked = peer?.request(Large, new Uint8Array(65_535))
    await world.settle()
    expect([await asked, a.swarm.status().strikes, b.swarm.peers.size]).toEqual([65_535, {}, 1])
  })

  it('is no offence where the answer is larger than this side takes', async () => {
    const world = new World()
    const a = world.node('a')
    a.swarm.respond(Ask, () => 'more than ten bytes')
    await a.swarm.start()
    const b = await world.started('b')
    await world.connect(b, a)
    const asked = b.swarm.peer(a.swarm.id)?.request(Small, 1)
    const failed = expect(asked).rejects.toMatchObject({ code: 'message-too-big', fault: 'remote' })
    await world.settle()
    await failed
    expect([b.swarm.status().strikes, b.swarm.peers.size]).toEqual([{}, 1])
  })

  it('fails as too-many-requests beyond 256 under way', async () => {
    const { world, ask } = await asking(never)
    const asked = Array.from({ length: 257 }, async (_, n) => outcome(ask(n)))
    expect(await asked.at(-1)).toBe('too-many-requests')
    await world.run(10_000)
    expect(new Set(await Promise.all(asked.slice(0, 256)))).toEqual(new Set(['request-timeout']))
    const after = outcome(ask(1, { timeoutMs: 1 }))
    await world.run(1)
    expect(await after).toBe('request-timeout')
  })

  it('fails for the reason that the link is lost for', async () => {
    const { world, ask } = await asking(never)
    const asked = outcome(ask(1))
    await world.settle()
    world.network.pairs[0]?.break()
    await world.settle()
    expect(await asked).toBe('connection-lost')
  })
})

describe('an asker that breaks the rules', () => {
  it('is answered with a failure where it asks more at once than is allowed, or uses an id twice', async () => {
    const world = new World()
    const a = world.node('a', { authorize: () => 'regular' })
    a.swarm.respond(Ask, never)
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.ask(5, 0, utf8('1'))
    raw.ask(5, 0, utf8('1'))
    await world.settle()
    expect(raw.of('failure').map(({ id }) => id)).toEqual([5])
    for (let id = 100; id < 356; id++) raw.ask(id, 0, utf8('1'))
    await world.settle()
    expect(raw.of('failure').map(({ id, text }) => [id, text])).toEqual([
      [5, 'too-many-requests'],
      [355, 'too-many-requests'],
    ])
    expect(raw.closed).toBe(null)
  })

  it('gets a failure and a strike for a question that means nothing', async () => {
    const world = new World()
    const a = world.node('a')
    a.swarm.respond(Ask, () => 1)
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.ask(1, 0, utf8('{'))
    await world.settle()
    expect(raw.of('failure').map(({ id, text }) => [id, text])).toEqual([[1, 'undecodable']])
    expect(a.swarm.status().strikes).toEqual({ undecodable: 1 })
  })

  it('is not answered any more once it has withdrawn', async () => {
    const world = new World()
    const a = world.node('a')
    let answer = (): void => undefined
    const signals: AbortSignal[] = []
    a.swarm.respond(
      Ask,
      async (_, { signal }) =>
        new Promise((resolve) => {
          signals.push(signal)
          answer = () => {
            resolve(1)
          }
        }),
    )
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.ask(1, 0, utf8('1'))
    await world.settle()
    raw.send(FRAME.cancel, varintBytes(1))
    await world.settle()
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    answer()
    await world.settle()
    expect(raw.of('response')).toEqual([])
  })

  it('may be withdrawn once: more of it is a flood like any other', async () => {
    const world = new World()
    const a = world.node('a')
    a.swarm.respond(Ask, never)
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.ask(1, 0, utf8('1'))
    for (let i = 0; i < 600; i++) raw.send(FRAME.cancel, varintBytes(1))
    await world.settle()
    expect(raw.told).toMatchObject({ code: 'rate-limit' })
  })

  it('may be withdrawn when its answer is on the way, however often that happens', async () => {
    const world = new World()
    const a = world.node('a')
    a.swarm.respond(Ask, () => 1)
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    for (let id = 1; id <= 90; id++) raw.ask(id, 0, utf8('1'))
    await world.settle()
    expect(raw.of('response').length).toBe(90)
    // Of control frames that nobody may send unasked 256 are allowed at once.
    for (let i = 0; i < 200; i++) raw.send(FRAME.getPeers, new Uint8Array(0))
    for (let id = 1; id <= 90; id++) raw.send(FRAME.cancel, varintBytes(id))
    await world.settle()
    const left = raw.of('pong').length
    for (let i = 0; i < 50; i++) raw.send(FRAME.ping, Uint8Array.of(i))
    await world.settle()
    expect(raw.of('pong').length - left).toBe(50)
  })

  it('is given nothing to do by a question that it withdrew while that waited for its quota', async () => {
    const world = new World()
    let asked = 0
    const a = world.node('a', { limits: { unknown: { firstCopiesBurst: 10, firstCopiesPerSecMax: 1 } } })
    a.swarm.respond(Ask, () => ++asked)
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    for (let id = 1; id <= 20; id++) raw.ask(id, 0, utf8('1'))
    for (let id = 11; id <= 19; id++) raw.send(FRAME.cancel, varintBytes(id))
    await world.run(20_000)
    expect(asked).toBe(11)
    expect(raw.of('response').map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20])
    expect(a.swarm.status().memory.inFlightBytes).toBe(0)
  })

  it('is ignored where it answers what nobody asked', async () => {
    const world = new World()
    const a = await world.started('a')
    const raw = await RawPeer.connect(world, a)
    raw.send(FRAME.response, joinBytes([varintBytes(9), Uint8Array.of(0), utf8('1')]))
    raw.send(FRAME.cancel, varintBytes(9))
    await world.settle()
    expect(raw.closed).toBe(null)
    expect(a.swarm.status().strikes).toEqual({})
  })
})

describe('a question on a link that the host ends as it hears that the peer is slow', () => {
  it('ends at once, and so does one whose asker has thought better of it', async () => {
    for (const how of ['close', 'abort'] as const) {
      const { world, b, peer, ask } = await asking(never)
      const calledOff = new AbortController()
      b.swarm.on('peer:slow', () => {
        if (how === 'close') peer.close()
        else calledOff.abort(new HoldfastError('not-running', 'enough'))
      })
      world.network.unreadMax = 1
      const large = Array.from({ length: 30 }, () =>
        outcome(ask('9'.repeat(60_000) as never, { signal: calledOff.signal })),
      )
      await world.settle()
      const outcomes = await Promise.race([Promise.all(large), world.settle().then(() => null)])
      expect(outcomes?.every((code) => typeof code === 'string')).toBe(true)
      expect(outcomes).toContain(how === 'close' ? 'not-connected' : 'not-running')
      await world.stop()
    }
  })
})
