/** What becomes of a broadcast: judged once, relayed by its verdict, never sent back, and never a reason to crash. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { HoldfastError } from '../../src/errors.js'
import { DedupCache } from '../../src/policy/dedup.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { direct, message } from '../../src/protocol/message.js'
import type { Verdict } from '../../src/swarm/registry.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { settlePromises, World } from './world.js'

interface Tx {
  readonly hash: string
  readonly body: number
}

const Plain = message<number>('plain')
const Beat = message<string>('beat', { repeat: true })
const Checked = message('checked', { schema: z.object({ n: z.number().int() }) })
const Keyed = message<Tx>('tx', { id: (tx) => tx.hash })
const Note = direct<number>('note')
const Serial = direct<number>('serial', { serial: true })

const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value))

/** Three in a row: what `left` sends reaches `right` only through `middle`. */
async function chain(world: World): Promise<{ readonly left: Node; readonly middle: Node; readonly right: Node }> {
  const left = world.node('left')
  const middle = world.node('middle')
  const right = world.node('right')
  return { left, middle, right }
}

async function linked({ left, middle, right }: Awaited<ReturnType<typeof chain>>, world: World): Promise<void> {
  for (const { swarm } of [left, middle, right]) await swarm.start()
  await world.connect(left, middle)
  await world.connect(right, middle)
}

/** A node that records what its handler of `Plain` gets, and a stranger in the hands of the test. */
async function judged(world: World, verdict: (n: number) => Verdict | Promise<Verdict> = () => 'accept') {
  const a = world.node('a', { perIpLimits: false })
  const seen: number[] = []
  a.swarm.handle(Plain, (n) => {
    seen.push(n)
    return verdict(n)
  })
  await a.swarm.start()
  const raw = await RawPeer.connect(world, a)
  return { a, raw, seen }
}

describe('a broadcast', () => {
  for (const [verdict, reaches] of [
    ['accept', true],
    ['ignore', false],
    ['reject', false],
  ] as const)
    it(`that is judged '${verdict}' is ${reaches ? 'relayed' : 'not relayed'}, and judged once`, async () => {
      const world = new World()
      const nodes = await chain(world)
      const seen: string[] = []
      nodes.left.swarm.handle(Plain, () => {
        seen.push('left')
        return 'accept'
      })
      nodes.middle.swarm.handle(Plain, () => {
        seen.push('middle')
        return verdict
      })
      nodes.right.swarm.handle(Plain, () => {
        seen.push('right')
        return 'accept'
      })
      await linked(nodes, world)
      expect(nodes.left.swarm.broadcast(Plain, 7)).toMatchObject({ queued: 1, shed: 0 })
      nodes.left.swarm.broadcast(Plain, 7)
      await world.settle()
      expect(seen).toEqual(reaches ? ['middle', 'right'] : ['middle'])
      const { duplicatesDropped, verdicts, strikes } = nodes.middle.swarm.status()
      expect(verdicts).toEqual({ [verdict]: 1 })
      expect(strikes).toEqual(verdict === 'reject' ? { rejected: 2 } : {})
      expect(duplicatesDropped).toBe(verdict === 'reject' ? 0 : 1)
    })

  it('is never sent back to anybody who brought it', async () => {
    const world = new World()
    let accept = (): void => undefined
    const { raw } = await judged(
      world,
      async () =>
        new Promise<Verdict>((resolve) => {
          accept = () => {
            resolve('accept')
          }
        }),
    )
    const [a] = world.nodes
    const other = await RawPeer.connect(world, a as Node, { names: [{ kind: 'message', name: 'plain' }] })
    const third = await RawPeer.connect(world, a as Node, { names: [{ kind: 'message', name: 'plain' }] })
    raw.broadcast(0, 'plain', json(1))
    other.broadcast(0, 'plain', json(1))
    await world.settle()
    accept()
    await world.settle()
    expect(other.of('application')).toEqual([])
    expect(third.of('application').length).toBe(1)
  })

  it('goes round a ring once', async () => {
    const world = new World()
    const nodes = ['a', 'b', 'c', 'd'].map((name) => world.node(name))
    const seen: string[] = []
    for (const { name, swarm } of nodes) {
      swarm.handle(Plain, () => {
        seen.push(name)
        return 'accept'
      })
      await swarm.start()
    }
    for (const [i, node] of nodes.entries()) await world.connect(node, nodes[(i + 1) % 4] as Node)
    nodes[0]?.swarm.broadcast(Plain, 1)
    await world.settle()
    expect(seen.toSorted()).toEqual(['b', 'c', 'd'])
  })

  it('that repeats is a message of its own each time; the same bytes again are not', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    const seen: string[] = []
    a.swarm.handle(Beat, (beat) => {
      seen.push(beat)
      return 'accept'
    })
    await world.settle()
    const first = b.swarm.broadcast(Beat, 'still here')
    const second = b.swarm.broadcast(Beat, 'still here')
    expect(first.id).not.toBe(second.id)
    await world.settle()
    expect(seen).toEqual(['still here', 'still here'])
  })

  it('reaches only those it is meant for', async () => {
    const world = new World()
    const a = await world.started('a')
    const heard: string[] = []
    for (const name of ['b', 'c']) {
      const node = world.node(name)
      node.swarm.handle(Plain, () => {
        heard.push(name)
        return 'ignore'
      })
      await node.swarm.start()
      await world.connect(node, a)
    }
    const [, b] = world.nodes
    expect(a.swarm.broadcast(Plain, 1, { to: [(b as Node).swarm.id] }).queued).toBe(1)
    expect(a.swarm.broadcast(Plain, 2, { to: 'masternode' }).queued).toBe(0)
    expect(a.swarm.broadcast(Plain, 3, { to: 'unknown' }).queued).toBe(2)
    await world.settle()
    expect(heard.toSorted()).toEqual(['b', 'b', 'c'])
  })

  it('that cannot be encoded throws to the caller', async () => {
    const world = new World()
    const { a } = await world.pair()
    expect(() => a.swarm.broadcast(message<unknown>('odd'), () => 1)).toThrow(
      expect.objectContaining({ code: 'invalid-payload', fault: 'local' }),
    )
  })
})

describe('a broadcast that no honest peer sends', () => {
  it('is a strike each time: a false id, bytes that mean nothing, less than an id', async () => {
    const world = new World()
    const { a, raw, seen } = await judged(world)
    raw.broadcast(0, 'plain', json(1), new Uint8Array(16))
    raw.broadcast(0, 'plain', utf8('{"never'))
    await world.settle()
    expect(a.swarm.status().strikes).toEqual({ 'id-mismatch': 1, undecodable: 1 })
    expect(seen).toEqual([])
    expect(raw.closed).toBe(null)
    raw.send(64, new Uint8Array(15))
    await world.settle()
    expect(a.swarm.status().strikes).toEqual({ 'id-mismatch': 1, undecodable: 2 })
  })

  it('never reaches a handler when it does not fit the schema; what fits arrives as the schema gives it', async () => {
    const world = new World()
    const a = world.node('a')
    const seen: unknown[] = []
    a.swarm.handle(Checked, (value) => {
      seen.push(value)
      return 'accept'
    })
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.broadcast(0, 'checked', json({ n: 1.5 }))
    raw.broadcast(0, 'checked', json({ n: 2, extra: true }))
    await world.settle()
    expect(seen).toEqual([{ n: 2 }])
    expect(a.swarm.status().strikes).toEqual({ 'schema-violation': 1 })
  })

  it('costs a stranger its link and its welcome after three strikes, and it is told so', async () => {
    const world = new World()
    const { a, raw } = await judged(world)
    for (let i = 0; i < 3; i++) raw.broadcast(0, 'plain', json(i), new Uint8Array(16))
    await world.settle()
    expect(a.heard('ban')).toMatchObject([[{ key: raw.identity.id, cause: 'id-mismatch', forMs: 300_000 }]])
    expect(raw.told).toMatchObject({ code: 'banned', retryAfterMs: 300_000 })
    expect(a.swarm.peers.size).toBe(0)
    const again = await RawPeer.connect(world, a, { identity: raw.identity })
    expect(again.told).toMatchObject({ code: 'banned' })
    expect(a.heard('inbound:refused')).toMatchObject([[{ peerId: raw.identity.id, reason: { code: 'banned' } }]])
    expect(a.swarm.status().inboundRefused).toEqual({ banned: 1 })
    await world.run(300_000)
    await RawPeer.connect(world, a, { identity: raw.identity, epoch: 2 })
    expect(a.swarm.peers.has(raw.identity.id)).toBe(true)
  })

  it('costs every link that the banned peer holds', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const world = new World(seed)
      const { a, raw } = await judged(world)
      const second = await RawPeer.connect(world, a, { identity: raw.identity })
      const living = [raw, second].find(({ told }) => told === null)
      for (let i = 0; i < 3; i++) living?.broadcast(0, 'plain', json(i), new Uint8Array(16))
      await world.settle()
      expect(a.heard('ban').length, `seed ${String(seed)}`).toBe(1)
      expect(a.swarm.peers.size, `seed ${String(seed)}`).toBe(0)
    }
  })

  it('puts a masternode into quarantine, never out: its link stays, what it says is dropped for a minute', async () => {
    const world = new World()
    const identity = world.identity()
    const a = world.node('a', { masternodes: [`memory://${identity.id}@raw:1`] })
    const seen: number[] = []
    a.swarm.handle(Plain, (n) => {
      seen.push(n)
      return 'accept'
    })
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a, { identity })
    for (let i = 0; i < 3; i++) raw.broadcast(0, 'plain', json(i), new Uint8Array(16))
    await world.settle()
    expect(a.heard('peer:quarantine')).toMatchObject([[{ peerId: identity.id, cause: 'id-mismatch', forMs: 60_000 }]])
    expect(a.heard('ban')).toEqual([])
    raw.broadcast(0, 'plain', json(1))
    await world.settle()
    expect(seen).toEqual([])
    await world.run(60_000)
    raw.broadcast(0, 'plain', json(2))
    await world.settle()
    expect(seen).toEqual([2])
    expect(raw.closed).toBe(null)
    // The host may end it sooner.
    for (let i = 0; i < 3; i++) raw.broadcast(0, 'plain', json(i), new Uint8Array(16))
    await world.settle()
    raw.broadcast(0, 'plain', json(3))
    await world.settle()
    expect([a.swarm.unban(identity.id), a.swarm.unban(identity.id)]).toEqual([true, false])
    raw.broadcast(0, 'plain', json(4))
    await world.settle()
    expect(seen).toEqual([2, 4])
  })

  it('ends the link where its number was never given out', async () => {
    const world = new World()
    const { a, raw } = await judged(world)
    raw.send(64 + 7, json(1))
    await world.settle()
    expect(raw.told).toMatchObject({ code: 'protocol-error', cause: 'unknown-type' })
    expect(a.heard('peer:disconnect')).toMatchObject([[{}, { code: 'protocol-error' }]])
    expect(a.swarm.status().strikes).toEqual({ 'unknown-type': 1 })
  })
})

describe('a handler', () => {
  it('that throws is called once more, is told to the host, and costs the peer nothing', async () => {
    const world = new World()
    const { a, raw, seen } = await judged(world, () => {
      throw new Error('out of order')
    })
    raw.broadcast(0, 'plain', json(1))
    await world.settle()
    expect(seen).toEqual([1, 1])
    expect(a.heard('error').map(([{ code, fault }]) => [code, fault])).toEqual([
      ['handler-failed', 'local'],
      ['handler-failed', 'local'],
    ])
    expect(a.swarm.status()).toMatchObject({ inFlight: 0 })
    expect(a.swarm.status().strikes).toEqual({})
    expect(a.swarm.status().verdicts).toEqual({})
    raw.broadcast(0, 'plain', json(1))
    await world.settle()
    expect(seen.length).toBe(4)
  })

  it('that never answers has failed after ten seconds, for a stranger once, and its signal aborts', async () => {
    const world = new World()
    const a = await world.started('a')
    let calls = 0
    a.swarm.handle(Plain, async () => {
      calls++
      return new Promise<Verdict>(() => undefined)
    })
    const raw = await RawPeer.connect(world, a)
    raw.broadcast(0, 'plain', json(1))
    await world.run(20_000)
    expect([calls, a.heard('error').length, a.swarm.status().inFlight]).toEqual([1, 1, 0])
  })

  it('that never answers has failed after ten seconds, for a trusted peer twice, and its signal aborts', async () => {
    const world = new World()
    const a = world.node('a', { authorize: () => 'masternode' })
    const signals: AbortSignal[] = []
    a.swarm.handle(Plain, async (_, { signal }) => {
      signals.push(signal)
      return new Promise<Verdict>(() => undefined)
    })
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.broadcast(0, 'plain', json(1))
    await world.run(9_999)
    expect(a.heard('error')).toEqual([])
    expect(a.swarm.status().inFlight).toBe(1)
    await world.run(1)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    await world.run(10_000)
    expect(a.heard('error').length).toBe(2)
    expect(a.swarm.status()).toMatchObject({ inFlight: 0 })
    expect(a.swarm.status().strikes).toEqual({})
  })

  it('that answers something else has failed', async () => {
    const world = new World()
    const { a, raw } = await judged(world, () => 'maybe' as Verdict)
    raw.broadcast(0, 'plain', json(1))
    await world.settle()
    expect(a.heard('error').map(([{ code }]) => code)).toEqual(['handler-failed', 'handler-failed'])
    expect(a.heard('error')[0]?.[0]).toMatchObject({
      message: "the handler of plain must answer 'accept', 'ignore' or 'reject'",
      cause: 'answered "maybe"',
    })
    expect(a.swarm.status().strikes).toEqual({})
  })

  it('of serial messages runs one at a time, in wire order, however many wait', async () => {
    const world = new World()
    const a = world.node('a', { authorize: () => 'masternode' })
    const seen: number[] = []
    let go = (): void => undefined
    a.swarm.handle(Serial, (n) => {
      seen.push(n)
      if (n > 0) return undefined
      return new Promise<void>((resolve) => {
        go = resolve
      })
    })
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    const count = 5_000
    for (let n = 0; n < count; n++) raw.send(64, json(n))
    await world.settle()
    expect(seen).toEqual([0])
    go()
    await world.settle()
    expect(a.heard('error')).toEqual([])
    expect(seen.length).toBe(count)
    expect(seen.every((n, i) => n === i)).toBe(true)
  })

  it.each([
    ['a stranger', 48, {}],
    ['a trusted peer', 64, { authorize: () => 'masternode' as const }],
  ])('of any other kind runs for %s at most %i at once', async (_, most, options) => {
    const world = new World()
    const a = world.node('a', options)
    const going: (() => void)[] = []
    a.swarm.handle(
      Note,
      async () =>
        new Promise<void>((resolve) => {
          going.push(resolve)
        }),
    )
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    for (let n = 0; n < 70; n++) raw.send(64, json(n))
    await world.settle()
    expect(going.length).toBe(most)
    going[10]?.()
    await settlePromises()
    expect(going.length).toBe(most + 1)
  })
})

describe('an application id', () => {
  async function keyed(world: World) {
    const a = world.node('a')
    const waiting: { readonly body: number; readonly answer: (verdict: Verdict) => void }[] = []
    a.swarm.handle(
      Keyed,
      async ({ body }) =>
        new Promise<Verdict>((answer) => {
          waiting.push({ body, answer })
        }),
    )
    await a.swarm.start()
    const raws: RawPeer[] = []
    for (let i = 0; i < 9; i++) raws.push(await RawPeer.connect(world, a))
    /** Each body from somebody else, where nobody is named. */
    const send = async (body: number, from = body - 1): Promise<void> => {
      raws[from]?.broadcast(0, 'tx', json({ hash: 'one', body }))
      await world.settle()
    }
    return { a, send, waiting, settle: async () => world.settle() }
  }

  it('lets one body be judged at a time, and none after one was accepted', async () => {
    const { a, send, waiting, settle } = await keyed(new World())
    for (const body of [1, 2, 3]) await send(body)
    expect(waiting.map(({ body }) => body)).toEqual([1])
    waiting[0]?.answer('ignore')
    await settle()
    expect(waiting.map(({ body }) => body)).toEqual([1, 2])
    waiting[1]?.answer('accept')
    await settle()
    await send(4)
    expect(waiting.length).toBe(2)
    expect(a.swarm.status().verdicts).toEqual({ accept: 1, ignore: 3 })
    expect(a.swarm.status().inFlight).toBe(0)
  })

  it('still lets only one body be judged when more rivals come than may wait', async () => {
    const { a, send, waiting, settle } = await keyed(new World())
    for (let body = 1; body <= 9; body++) await send(body)
    expect(waiting.map(({ body }) => body)).toEqual([1])
    for (let i = 0; i < 5; i++) {
      waiting[i]?.answer('ignore')
      await settle()
    }
    expect(waiting.map(({ body }) => body)).toEqual([1, 2, 3, 4, 5])
    expect(a.swarm.status().inFlight).toBe(0)
  })

  it('cannot be crowded out by one peer, and tells the host where many peers crowd it', async () => {
    const { a, send, waiting, settle } = await keyed(new World())
    for (let body = 1; body <= 6; body++) await send(body, 0)
    expect(a.heard('recovered').length).toBe(1)
    await send(7, 1)
    waiting[0]?.answer('ignore')
    await settle()
    waiting[1]?.answer('ignore')
    await settle()
    expect(waiting.map(({ body }) => body)).toEqual([1, 2, 7])
  })

  it('that cannot be had from a payload is a strike', async () => {
    const world = new World()
    const a = world.node('a')
    a.swarm.handle(Keyed, () => 'accept')
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.broadcast(0, 'tx', json(null))
    await world.settle()
    expect(a.swarm.status().strikes).toEqual({ undecodable: 1 })
  })
})

describe('two copies of a broadcast that wait for a place', () => {
  it('are judged once where the first is rejected', async () => {
    const world = new World()
    const a = world.node('a', { perIpLimits: false, dedup: new DedupCache({ inFlightMax: 1 }) })
    const waiting: { readonly n: number; readonly answer: (verdict: Verdict) => void }[] = []
    a.swarm.handle(
      Plain,
      async (n) =>
        new Promise<Verdict>((answer) => {
          waiting.push({ n, answer })
        }),
    )
    await a.swarm.start()
    const raws = [await RawPeer.connect(world, a), await RawPeer.connect(world, a), await RawPeer.connect(world, a)]
    for (const [from, n] of [1, 2, 2].entries()) raws[from]?.broadcast(0, 'plain', json(n))
    await world.settle()
    for (const verdict of ['accept', 'reject'] as const) {
      waiting.at(-1)?.answer(verdict)
      await world.settle()
    }
    expect(waiting.map(({ n }) => n)).toEqual([1, 2])
    expect(a.swarm.status()).toMatchObject({ inFlight: 0, strikes: { rejected: 1 }, memory: { inFlightBytes: 0 } })
  })
})

describe('a listener', () => {
  it('that throws or rejects becomes an error event, and those after it still run', async () => {
    const world = new World()
    const a = await world.started('a')
    const order: string[] = []
    a.swarm.on('peer:connect', () => {
      order.push('throws')
      throw new Error('first')
    })
    a.swarm.on('peer:connect', async () => {
      order.push('rejects')
      return Promise.reject(new Error('second'))
    })
    a.swarm.on('peer:connect', () => order.push('runs'))
    const b = await world.started('b')
    await world.connect(b, a)
    expect(order).toEqual(['throws', 'rejects', 'runs'])
    const errors = a.heard('error').map(([error]): HoldfastError => error)
    expect(errors.map(({ code, fault }) => [code, fault])).toEqual([
      ['listener-failed', 'local'],
      ['listener-failed', 'local'],
    ])
    expect(a.swarm.peers.size).toBe(1)
  })
})
