/** What a node has still to tell a peer is owed to it: whatever comes between, the peer is told, or is told that it misses something. */
import { describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { encodeGoodbye } from '../../src/protocol/control.js'
import { FRAME } from '../../src/protocol/frame.js'
import { DedupCache } from '../../src/policy/dedup.js'
import { message, request } from '../../src/protocol/message.js'
import type { Verdict } from '../../src/swarm/registry.js'
import { swarmLab } from '../../src/testing/swarm-lab.js'
import type { Made } from './propagation-scene.js'
import { Scene } from './propagation-scene.js'

const Tx = message('tx')
const Block = message('block')

describe('what some are chosen to have', () => {
  it('is had by a peer that has only just connected, large or small', async () => {
    const got: number[] = []
    const lab = swarmLab({
      seed: 6,
      masternodes: 2,
      prepare: (swarm, i) => {
        swarm.handle(Tx, (bytes) => {
          if (i === 1) got.push(bytes.length)
          return 'accept'
        })
        if (i === 0)
          swarm.on('peer:connect', (peer) => {
            for (const length of [1_000, 5_000, 100_000])
              expect(swarm.broadcast(Tx, new Uint8Array(length), { to: [peer.id] })).toMatchObject({
                queued: 1,
                shed: 0,
              })
          })
      },
    })
    await lab.runAsync(60_000)
    expect(got.sort((a, b) => a - b)).toEqual([1_000, 5_000, 100_000])
  })

  it('is had by all of them, however much it is in one turn', async () => {
    const got = [0, 0, 0]
    const lab = swarmLab({
      seed: 6,
      masternodes: 3,
      prepare: (swarm, i) => {
        swarm.handle(Tx, () => {
          got[i] = (got[i] ?? 0) + 1
          return 'accept'
        })
      },
    })
    await lab.runAsync(30_000)
    for (let n = 0; n < 2_500; n++) {
      const bytes = new Uint8Array(5_000)
      new DataView(bytes.buffer).setUint32(0, n)
      lab.swarm(0).broadcast(Tx, bytes, { to: 'masternode' })
    }
    await lab.runAsync(60_000)
    expect(got).toEqual([0, 2_500, 2_500])
  })
})

describe('what all are to have', () => {
  // A thousand are told of in one turn.
  it.each(['peer:connect', 'peer:disconnect'] as const)(
    'is told to a peer that is just coming, however much the host has to say in %s',
    async (event) => {
      const scene = await Scene.of()
      const made: Made[] = []
      scene.node.swarm.on(event, () => {
        if (made.length === 0) made.push(...Array.from({ length: 2_500 }, () => scene.publish(5_000)))
      })
      let last = await scene.peer('masternode')
      if (event === 'peer:disconnect') {
        // Another process of it, in whose favour the first one's link ends.
        const pair = scene.world.network.pairs.at(-1)
        if (pair !== undefined) pair.blackHoled = true
        last = await scene.peer('masternode', { identity: last.identity, epoch: 2 })
      }
      for (let s = 0; s < 20; s++) await scene.world.run(1_000)
      const heard = new Set(scene.told(last))
      expect(made.length).toBe(2_500)
      expect(made.filter(({ name }) => !heard.has(name)).length).toBe(0)
      await scene.world.stop()
    },
  )
})

describe('what a link was still to tell', () => {
  it.each(['all', 'some'])('is told by the one that takes its place, whether it was for %s', async (audience) => {
    const scene = await Scene.of()
    const first = await scene.peer('masternode')
    const made = []
    for (let n = 0; n < 3_000; n++) made.push(scene.publish(5_000, audience === 'all' ? {} : { to: 'masternode' }))
    await scene.world.settle()
    expect(scene.told(first).length).toBe(1_000)
    const second = await scene.peer('masternode', { identity: first.identity })
    first.send(FRAME.goodbye, encodeGoodbye('duplicate', 0, ''))
    for (let s = 0; s < 30; s++) await scene.world.run(1_000)
    const heard = new Set([...scene.told(first), ...scene.told(second)])
    expect(made.filter(({ name }) => !heard.has(name))).toEqual([])
    expect([...first.of('gap'), ...second.of('gap')]).toEqual([])
    await scene.world.stop()
  })

  it.each(['all', 'some'])(
    'and had not left is said to be missed by the one that takes its place, for %s',
    async (audience) => {
      const scene = await Scene.of()
      const first = await scene.peer('masternode')
      const pair = scene.world.network.pairs.at(-1)
      await scene.world.settle()
      if (pair !== undefined) pair.blackHoled = true
      scene.world.network.unreadMax = 1
      for (let n = 0; n < 4_000; n++) scene.publish(5_000, audience === 'all' ? {} : { to: 'masternode' })
      for (let s = 0; s < 4; s++) await scene.world.run(1_000)
      scene.world.network.unreadMax = 1_048_576
      const second = await scene.peer('masternode', { identity: first.identity, supersedes: [first.connectionId] })
      await scene.world.run(20_000)
      expect(second.of('gap').length).toBeGreaterThan(0)
      await scene.world.stop()
    },
  )

  it('is no reason to say that anything is missed to who links long after', async () => {
    const told: string[] = []
    const lab = swarmLab({
      seed: 6,
      masternodes: 2,
      nodes: 4,
      prepare: (swarm) => {
        swarm.handle(Tx, () => 'accept')
        swarm.on('recovered', ({ cause }) => told.push(cause))
      },
    })
    await lab.runAsync(30_000)
    for (const i of [2, 3]) lab.kill(i)
    for (let n = 0; n < 50; n++) {
      lab.swarm(0).broadcast(Tx, new Uint8Array(100).fill(n))
      await lab.runAsync(n === 25 ? 600_000 : 1_000)
    }
    told.length = 0
    for (const i of [2, 3]) lab.start(i)
    await lab.runAsync(60_000)
    expect(told.filter((cause) => cause === 'shed')).toEqual([])
  })

  it('is said to be missed where it had to go before its moment came', async () => {
    const nodes = 40
    const probe = swarmLab({ seed: 9, masternodes: 0, nodes })
    const addresses = Array.from({ length: nodes }, (_, i) => probe.address(i))
    const got = new Map<number, number>()
    const told = new Set<number>()
    const lab = swarmLab({
      seed: 9,
      masternodes: nodes,
      net: { undialable: addresses.map((_, i) => i).slice(1) },
      swarm: (i) =>
        i === 0 ? { memoryMaxMiB: 64, masternodes: addresses.slice(1) } : { masternodes: addresses.slice(0, 1) },
      prepare: (swarm, i) => {
        swarm.handle(Tx, () => {
          got.set(i, (got.get(i) ?? 0) + 1)
          return 'accept'
        })
        swarm.handle(Block, () => 'accept')
        swarm.on('recovered', ({ cause }) => cause === 'shed' && told.add(i))
      },
    })
    await lab.runAsync(60_000)
    for (let n = 0; n < 3; n++) lab.swarm(1).broadcast(Tx, new Uint8Array(250).fill(n + 1))
    await lab.runAsync(400)
    lab.swarm(0).broadcast(Block, new Uint8Array(4_193_500))
    await lab.runAsync(60_000)
    const missing = addresses.map((_, i) => i).filter((i) => i > 1 && (got.get(i) ?? 0) < 3)
    expect(missing.length).toBeGreaterThan(0)
    expect(missing.filter((i) => !told.has(i))).toEqual([])
  })
})

describe('a masternode that crashes while others judge its message', () => {
  it.each([
    [4, 1_024],
    [14, 1_024],
    [4, 2],
  ])('and is back before they have has it from them, among %i that judge %i at once', async (nodes, inFlightMax) => {
    const got: string[] = []
    const lab = swarmLab({
      seed: 4,
      masternodes: nodes,
      swarm: () => ({ dedup: new DedupCache({ inFlightMax }) }),
      prepare: (swarm, i, boot) => {
        swarm.handle(Tx, async () => {
          got.push(`${String(i)}.${String(boot)}`)
          return new Promise<Verdict>((resolve) => {
            lab.time.at(lab.now + 3_000, () => {
              resolve('accept')
            })
          })
        })
      },
    })
    await lab.runAsync(30_000)
    for (let n = 0; n < 6; n++) lab.swarm(0).broadcast(Tx, new Uint8Array(7).fill(n))
    await lab.runAsync(200)
    lab.kill(0)
    await lab.runAsync(300)
    lab.start(0)
    await lab.runAsync(120_000)
    expect(got.filter((one) => one.startsWith('0.')).length).toBe(6)
  })
})

describe('an answer larger than was asked for', () => {
  it.each([25_000, 40_000, 4_000_000])('of %i bytes fails its question and nothing else', async (bytes) => {
    const asked = request<number, Uint8Array>('blocks', { maxBytes: 20_000 })
    const answered = request<number, Uint8Array>('blocks', { maxBytes: 4_100_000 })
    const told: string[] = []
    const lab = swarmLab({
      seed: 3,
      masternodes: 2,
      prepare: (swarm) => {
        swarm.respond(answered, (length) => new Uint8Array(length))
        swarm.on('peer:disconnect', (_, { code }) => told.push(code))
        swarm.on('peer:quarantine', ({ cause }) => told.push(cause))
      },
    })
    await lab.runAsync(20_000)
    const outcomes: string[] = []
    for (const length of [bytes, 10, bytes, 10]) {
      const answer = lab.swarm(0).peer(lab.id(1))?.request(asked, length)
      answer?.then(
        ({ length: had }) => outcomes.push(String(had)),
        (error: unknown) => {
          const { code, fault } = error as HoldfastError
          outcomes.push(`${code} ${fault}`)
        },
      )
      await lab.runAsync(12_000)
    }
    const tooBig = 'message-too-big remote'
    expect([outcomes, told]).toEqual([[tooBig, '10', tooBig, '10'], []])
  })
})
