/** A handler may ask the peer for more than it was brought: it asks somebody who has it, and who is trusted where there is one. */
import { describe, expect, it } from 'vitest'
import type { PeerClass } from '../../src/ports/types.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { message } from '../../src/protocol/message.js'
import { HANDLERS_MAX } from '../../src/swarm/handler-queue.js'
import type { Peer } from '../../src/swarm/peer.js'
import type { Verdict } from '../../src/swarm/registry.js'
import { RawPeer } from './raw-peer.js'
import { World } from './world.js'

const Tx = message<number>('tx')

async function scene() {
  const world = new World()
  const classes = new Map<string, PeerClass>()
  const node = world.node('node', { authorize: ({ peerId }) => classes.get(peerId) ?? 'regular', propagation: 'flood' })
  /** Whom a handler was given, with what it is to answer. */
  const calls: { readonly peer: Peer; readonly answer: (verdict: Verdict | Error) => void }[] = []
  node.swarm.handle(
    Tx,
    async (_, { peer }) =>
      new Promise<Verdict>((resolve, reject) => {
        const answer = (verdict: Verdict | Error): void => {
          if (typeof verdict === 'string') resolve(verdict)
          else reject(verdict)
        }
        calls.push({ peer, answer })
      }),
  )
  await node.swarm.start()
  const stranger = await RawPeer.connect(world, node)
  const other = await RawPeer.connect(world, node)
  const identity = world.identity()
  classes.set(identity.id, 'masternode')
  const masternode = await RawPeer.connect(world, node, { identity })
  const second = world.identity()
  classes.set(second.id, 'masternode')
  const another = await RawPeer.connect(world, node, { identity: second })
  const say = async (peer: RawPeer, n: number): Promise<void> => {
    peer.broadcast(0, 'tx', utf8(String(n)))
    await world.settle()
  }
  const answer = async (verdict: Verdict | Error): Promise<void> => {
    calls.at(-1)?.answer(verdict)
    await world.settle()
  }
  return { world, node, calls, stranger, other, masternode, another, say, answer }
}

describe('a handler that has failed', () => {
  it.each([true, false])(
    'is called once more with a masternode that has the message, though who brought it first leaves: %s',
    async (leaves) => {
      const { world, node, calls, stranger, other, masternode, say, answer } = await scene()
      await say(stranger, 1)
      for (const peer of [other, masternode]) await say(peer, 1)
      if (leaves) stranger.destroy()
      await world.settle()
      await answer(new Error('nobody answered'))
      expect(calls.map(({ peer }) => peer.id)).toEqual([stranger.identity.id, masternode.identity.id])
      await answer('accept')
      expect(node.swarm.status()).toMatchObject({ inFlight: 0, memory: { inFlightBytes: 0 } })
    },
  )

  it('is called once more with another stranger that has it, where no other does', async () => {
    const { calls, stranger, other, say, answer } = await scene()
    for (const peer of [stranger, other]) await say(peer, 1)
    await answer(new Error('nobody answered'))
    expect(calls.map(({ peer }) => peer.id)).toEqual([stranger.identity.id, other.identity.id])
  })

  it('has ten seconds in all where only strangers have the message, and both tries anew where a masternode has it', async () => {
    for (const isBacked of [true, false]) {
      const { world, node, calls, stranger, masternode, say, answer } = await scene()
      await say(stranger, 1)
      if (isBacked) await say(masternode, 1)
      await world.run(6_000)
      await answer(new Error('nobody answered'))
      expect(calls.length).toBe(2)
      await world.run(3_900)
      expect(node.swarm.status().inFlight).toBe(1)
      await world.run(200)
      expect(node.swarm.status().inFlight).toBe(isBacked ? 1 : 0)
      await world.run(isBacked ? 15_900 : 5_900)
      expect([calls.length, node.swarm.status().inFlight]).toEqual([isBacked ? 3 : 2, 0])
      await world.stop()
    }
  })

  it.each([1, 2])(
    'asks a masternode that has it, though another link of it was lost before its hello: process %i',
    async (epoch) => {
      const { world, node, calls, stranger, masternode, say, answer } = await scene()
      for (const peer of [stranger, masternode]) await say(peer, 1)
      const { identity } = masternode
      const second = await RawPeer.connect(world, node, { identity, epoch, holdsHello: true, answers: false })
      second.destroy()
      await world.settle()
      await answer(new Error('nobody answered'))
      expect(calls.map(({ peer }) => peer.id)).toEqual([stranger.identity.id, identity.id])
    },
  )

  it('has one try more once a masternode has the message, though strangers have had both', async () => {
    const { world, node, calls, stranger, masternode, say, answer } = await scene()
    await say(stranger, 1)
    await world.run(3_000)
    await answer(new Error('nobody answered'))
    await say(masternode, 1)
    await world.run(7_000)
    expect(calls.map(({ peer }) => peer.id)).toEqual([
      stranger.identity.id,
      stranger.identity.id,
      masternode.identity.id,
    ])
    await world.run(9_000)
    await answer('accept')
    expect(node.swarm.status()).toMatchObject({ inFlight: 0, verdicts: { accept: 1 } })
  })

  it.each([true, false])(
    'is called once more with another masternode, though the first one leaves: %s',
    async (leaves) => {
      const { world, node, calls, other, masternode, another, say, answer } = await scene()
      await say(masternode, 1)
      for (const peer of [other, another]) await say(peer, 1)
      if (leaves) masternode.destroy()
      await world.settle()
      await answer(new Error('nobody answered'))
      expect(calls.map(({ peer }) => peer.id)).toEqual([masternode.identity.id, another.identity.id])
      await answer('accept')
      expect(node.swarm.status()).toMatchObject({ inFlight: 0, memory: { inFlightBytes: 0 } })
    },
  )

  it.each([true, false])(
    'is called once more with a stranger only where the masternode has left: %s',
    async (leaves) => {
      const { world, calls, other, masternode, say, answer } = await scene()
      for (const peer of [masternode, other]) await say(peer, 1)
      if (leaves) masternode.destroy()
      await world.settle()
      await answer(new Error('nobody answered'))
      expect(calls.map(({ peer }) => peer.id)).toEqual(
        [masternode, leaves ? other : masternode].map((one) => one.identity.id),
      )
    },
  )

  it('is not called once more where the host itself has published a body of that id meanwhile', async () => {
    const world = new World()
    const Keyed = message<{ hash: string; body: string }>('keyed', { id: ({ hash }) => hash })
    const node = world.node('node', { propagation: 'flood' })
    let called = 0
    let fail: () => void = () => undefined
    node.swarm.handle(
      Keyed,
      async () =>
        new Promise<Verdict>((_, reject) => {
          called++
          fail = () => {
            reject(new Error('nobody answered'))
          }
        }),
    )
    await node.swarm.start()
    const stranger = await RawPeer.connect(world, node)
    stranger.broadcast(0, 'keyed', utf8('{"hash":"1","body":"forged"}'))
    await world.settle()
    node.swarm.broadcast(Keyed, { hash: '1', body: 'own' })
    fail()
    await world.settle()
    expect([called, node.swarm.status().inFlight, node.swarm.status().verdicts]).toEqual([1, 0, { ignore: 1 }])
    await world.stop()
  })

  it('for the last time lets the host know what it may ask a masternode for again', async () => {
    const { node, stranger, masternode, say, answer } = await scene()
    for (const peer of [stranger, masternode]) await say(peer, 1)
    for (let i = 0; i < 2; i++) await answer(new Error('nobody answered'))
    expect(node.heard('recovered')).toEqual([])
    await answer(new Error('nobody answered'))
    expect(node.heard('recovered').map(([{ peerId, cause }]) => [peerId, cause])).toContainEqual([
      masternode.identity.id,
      'shed',
    ])
    expect(node.swarm.status().inFlight).toBe(0)
  })

  it('for the last time says nothing of what only strangers have brought', async () => {
    const { node, stranger, say, answer } = await scene()
    await say(stranger, 1)
    for (let i = 0; i < 2; i++) await answer(new Error('nobody answered'))
    expect(node.heard('recovered')).toEqual([])
  })
})

describe('a schema that has failed', () => {
  it.each(['masternode', 'regular'] as const)(
    'lets the host know what it may ask a %s for again',
    async (peerClass) => {
      const world = new World()
      const Checked = message<number>('tx', {
        schema: {
          '~standard': {
            version: 1,
            vendor: 'test',
            validate: () => {
              throw new Error('no')
            },
          },
        },
      })
      const node = world.node('node', { authorize: () => peerClass, propagation: 'flood' })
      node.swarm.handle(Checked, () => 'accept')
      await node.swarm.start()
      const peer = await RawPeer.connect(world, node)
      peer.broadcast(0, 'tx', utf8('1'))
      await world.settle()
      expect(node.heard('error').map(([{ code }]) => code)).toEqual(['schema-failed'])
      const told = node.heard('recovered').map(([{ peerId, cause }]) => [peerId, cause])
      expect(told).toEqual(peerClass === 'masternode' ? [[peer.identity.id, 'shed']] : [])
    },
  )
})

describe('a message that has waited', () => {
  it('comes with a masternode that has brought it, too, and not with the stranger who was first', async () => {
    const { calls, stranger, other, masternode, say, answer } = await scene()
    for (let i = 1; i <= HANDLERS_MAX; i++) await say(other, i)
    await say(stranger, 0)
    for (let i = 0; i < HANDLERS_MAX * 0.25; i++) await say(masternode, 1_000 + i)
    const before = calls.length
    await say(masternode, 0)
    await answer('accept')
    expect(calls.slice(before).map(({ peer }) => peer.id)).toEqual([masternode.identity.id])
  })
})
