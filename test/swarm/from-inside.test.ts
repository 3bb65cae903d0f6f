/** A host that is told of something changes its mind there and then: what it says holds, and nothing goes on that it has ended. */
import { describe, expect, it } from 'vitest'
import { FRAME } from '../../src/protocol/frame.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { direct, message, request } from '../../src/protocol/message.js'
import type { MessageDefinition } from '../../src/protocol/message.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import type { Swarm } from '../../src/swarm/swarm.js'
import { parseAddress } from '../../src/policy/address.js'
import { RawPeer } from './raw-peer.js'
import { settlePromises, World } from './world.js'

/** No transport reaches it, so that the host is told at once. */
const ELSEWHERE = 'ws://127.0.0.1:9'
const elsewhere = (world: World): string => ELSEWHERE.replace('//', `//${world.identity().id}@`)

/** A node whose host does something at each dial that failed, from its start on. */
async function startTelling(
  world: World,
  name: string,
  options: Partial<SwarmOptions>,
  told: (swarm: Swarm) => void,
): Promise<Swarm> {
  const { swarm } = world.node(name, options)
  for (const banned of options.seeds?.slice(0, 1) ?? []) swarm.ban(parseAddress(banned).peerId ?? '')
  swarm.on('dial:failed', () => {
    told(swarm)
  })
  const started = swarm.start()
  await world.run(60_000)
  await started
  return swarm
}

describe('a host that hears of a dial that failed while the swarm starts', () => {
  it('and stops it there has a swarm that dials nobody', async () => {
    const world = new World()
    const b = await world.started('b')
    const masternodes = [elsewhere(world), b.address]
    const a = await startTelling(world, 'a', { masternodes }, (swarm) => void swarm.stop())
    expect([a.status().state, world.network.pairs.length]).toEqual(['stopped', 0])
    await b.swarm.stop()
    expect(world.clock.armed).toBe(0)
  })

  it('and stops it there has no seed sought, nor a directory asked', async () => {
    const world = new World()
    const b = await world.started('b')
    let asked = 0
    const list = (): (() => void) => {
      asked++
      return () => undefined
    }
    // The first is banned, which is told at once.
    const seeds = [`memory://${world.identity().id}@x:1`, b.address]
    const a = await startTelling(world, 'a', { seeds, directory: { list } }, (swarm) => void swarm.stop())
    expect([a.status().state, world.network.pairs.length, asked]).toEqual(['stopped', 0, 0])
    await b.swarm.stop()
    expect(world.clock.armed).toBe(0)
  })

  it('and lists another there has it linked', async () => {
    const world = new World()
    const b = await world.started('b')
    for (const [name, address] of Object.entries({ c: b.address, d: 'memory://b:1' })) {
      const a = await startTelling(world, name, { masternodes: [elsewhere(world)] }, (swarm) => {
        swarm.masternodes.add(address)
      })
      expect(a.peer(b.swarm.id)?.class).toBe('masternode')
    }
    await world.stop()
  })

  it('and strikes off one whose turn is still to come has it dialled never', async () => {
    const world = new World()
    const b = await world.started('b')
    for (const [name, address] of Object.entries({ c: b.address, d: 'memory://b:1' })) {
      const masternodes = [elsewhere(world), ELSEWHERE, address]
      const a = await startTelling(world, name, { masternodes }, (swarm) => {
        swarm.masternodes.remove(address)
      })
      expect(a.peers.size).toBe(0)
    }
    await world.stop()
  })
})

describe('a host that lists an address while its peer is let in, and then lets it in no more', () => {
  it('keeps whoever had to make way', async () => {
    const world = new World()
    const b = await world.started('b')
    let asked = 0
    const a = world.node('a', {
      slots: { regularMax: 1 },
      authorize: ({ peerId }) => {
        if (peerId !== b.swarm.id) return 'regular'
        asked++
        if (asked === 1) a.swarm.masternodes.add('memory://b:1')
        return asked === 1 ? 'regular' : false
      },
    })
    await a.swarm.start()
    const guest = await RawPeer.connect(world, a)
    const dialled = a.swarm.dial('memory://b:1').catch((error: unknown) => (error as { code: string }).code)
    await world.run(1_000)
    expect([await dialled, asked > 1, guest.closed]).toEqual(['not-allowed', true, null])
    await world.stop()
  })
})

describe('a host that ends a link while its masternode is revoked', () => {
  it('has it dialled as a stranger, who is given up', async () => {
    const world = new World()
    const b = await world.started('b')
    let isOver = false
    const a = world.node('a', {
      masternodes: [b.address],
      authorize: ({ peerId }) => {
        if (isOver) a.swarm.peer(peerId)?.close()
        return isOver ? 'unknown' : 'masternode'
      },
    })
    await a.swarm.start()
    await world.run(1_000)
    expect(a.swarm.peer(b.swarm.id)?.class).toBe('masternode')
    isOver = true
    a.swarm.masternodes.remove(b.swarm.id, { revoked: true })
    await world.run(1_000)
    void b.swarm.stop()
    await world.run(1_000)
    const before = a.heard('dial:failed').length
    await world.run(600_000)
    expect(a.heard('dial:failed').length - before).toBeLessThan(4)
    expect(a.swarm.explain(b.swarm.id).state).toBe('given-up')
    await world.stop()
  })
})

describe('a handler that stops the swarm and fails', () => {
  it('is not called a second time', async () => {
    const world = new World()
    const Tx = message<number>('tx')
    const a = world.node('a', { propagation: 'flood' })
    let called = 0
    a.swarm.handle(Tx, () => {
      called++
      void a.swarm.stop()
      throw new Error('enough')
    })
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.broadcast(0, 'tx', utf8('1'))
    await world.run(10_000)
    expect(called).toBe(1)
    expect(a.swarm.status()).toMatchObject({ inFlight: 0, memory: { inFlightBytes: 0 } })
    expect(world.clock.armed).toBe(0)
  })
})

describe('a host that hears of a ban', () => {
  it.each(['lifts it', 'lists the peer'])('and %s keeps the link', async (how) => {
    const world = new World()
    const a = await world.started('a')
    const raw = await RawPeer.connect(world, a)
    a.swarm.on('ban', ({ key }) => {
      if (how === 'lifts it') a.swarm.unban(key)
      else a.swarm.masternodes.add(`memory://${key}@raw:1`)
    })
    expect(a.swarm.ban(raw.identity.id)).toBe('banned')
    await world.settle()
    expect(a.swarm.peers.has(raw.identity.id)).toBe(true)
    expect(a.swarm.explain(raw.identity.id).ban).toBe(null)
    await world.stop()
  })
})

/** A schema that answers when the test says so. */
function slowSchema() {
  const answers: (() => void)[] = []
  const schema: NonNullable<Parameters<typeof message<number>>[1]>['schema'] = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value) =>
        new Promise((resolve) => {
          answers.push(() => {
            resolve({ value: value as number })
          })
        }),
    },
  }
  return {
    schema,
    answer: async () => {
      for (const one of answers.splice(0)) one()
      await settlePromises()
    },
  }
}

describe('a swarm that is stopped while a schema looks at what came', () => {
  it('calls no handler any more, and tells of nothing', async () => {
    const world = new World()
    const { schema, answer } = slowSchema()
    const Tx: MessageDefinition<number> = message<number>('tx', { schema })
    const Note = direct<number>('note', { schema })
    const a = world.node('a', { propagation: 'flood' })
    let called = 0
    a.swarm.handle(Tx, () => {
      called++
      throw new Error('too late')
    })
    a.swarm.handle(Note, () => {
      called++
      throw new Error('too late')
    })
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.broadcast(0, 'tx', utf8('1'))
    raw.send(FRAME.firstApplication + 1, utf8('1'))
    await world.settle()
    const stopped = a.swarm.stop()
    await world.run(2_000)
    await stopped
    await answer()
    await world.run(60_000)
    expect([called, a.heard('error')]).toEqual([0, []])
    expect(a.swarm.status()).toMatchObject({ inFlight: 0, memory: { inFlightBytes: 0 } })
    expect(world.clock.armed).toBe(0)
  })

  it('tells nothing of a handler that fails afterwards', async () => {
    const world = new World()
    const Tx = message<number>('tx')
    const a = world.node('a', { propagation: 'flood' })
    let fail: (error: Error) => void = () => undefined
    a.swarm.handle(
      Tx,
      async () =>
        new Promise((_, reject) => {
          fail = reject
        }),
    )
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.broadcast(0, 'tx', utf8('1'))
    await world.settle()
    const stopped = a.swarm.stop()
    await world.run(2_000)
    await stopped
    fail(new Error('too late'))
    await settlePromises()
    await world.run(60_000)
    expect(a.heard('error')).toEqual([])
    expect(world.clock.armed).toBe(0)
  })

  it('fails the question whose answer that is', async () => {
    const world = new World()
    const { schema } = slowSchema()
    const { a, b } = await world.pair()
    const Ask = request<number, number>('ask', { answerSchema: schema })
    b.swarm.respond(Ask, (n) => n)
    await world.settle()
    const outcome = a.swarm
      .peer(b.swarm.id)
      ?.request(Ask, 1)
      .catch((error: unknown) => (error as { code: string }).code)
    await world.run(100)
    const stopped = a.swarm.stop()
    await world.run(2_000)
    await stopped
    expect(await outcome).toBe('not-running')
    await world.stop()
  })
})

describe('a question whose answer has come, and is being decoded', () => {
  it('can be called off, and takes no longer than it may', async () => {
    const world = new World()
    const { schema } = slowSchema()
    const { a, b } = await world.pair()
    const Ask = request<number, number>('ask', { answerSchema: schema })
    b.swarm.respond(Ask, (n) => n)
    await world.settle()
    const control = new AbortController()
    const reason = new Error('no longer')
    const peer = a.swarm.peer(b.swarm.id)
    const outcomes = [
      peer?.request(Ask, 1, { signal: control.signal }).catch((error: unknown) => error),
      peer?.request(Ask, 2, { timeoutMs: 1_000 }).catch((error: unknown) => (error as { code: string }).code),
    ]
    await world.run(100)
    control.abort(reason)
    await world.run(1_000)
    expect([await outcomes[0], await outcomes[1]]).toEqual([reason, 'decode-timeout'])
    expect(a.swarm.peers.size).toBe(1)
    await world.stop()
  })
})

describe('an answer of a handler’s that cannot be looked at', () => {
  it.each([
    [
      'whose then throws',
      () =>
        Object.defineProperty({}, 'then', {
          get: () => {
            throw new Error('no')
          },
        }) as unknown,
    ],
    [
      'that is a revoked proxy',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {})
        revoke()
        return proxy
      },
    ],
  ])('%s is a failure of that handler, and of nothing else', async (_, make) => {
    const world = new World()
    const { a, b } = await world.pair()
    const Ask = request<number>('ask')
    b.swarm.respond(Ask, (n) => (n === 1 ? make() : n))
    await world.settle()
    const outcomes = [1, 2].map(async (n) =>
      a.swarm
        .peer(b.swarm.id)
        ?.request(Ask, n)
        .catch((error: unknown) => (error as { code: string }).code),
    )
    await world.run(100)
    expect(await Promise.all(outcomes)).toEqual(['request-failed', 2])
    expect(b.heard('error').map(([{ code }]) => code)).toEqual(['handler-failed'])
    await world.stop()
  })
})
