/** What peers may ask: handlers in turn, and no more than their share of this node's line. */
import { describe, expect, it } from 'vitest'
import type { SwarmOptions } from '../../src/swarm/options.js'
import type { RequestHandler } from '../../src/swarm/registry.js'
import { defaultCodec } from '../../src/protocol/codec.js'
import { request } from '../../src/protocol/message.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { World } from './world.js'

const Ask = request<number, Uint8Array>('ask')
const QUESTION = defaultCodec.encode(1)

async function answering(world: World, handler: RequestHandler<number, Uint8Array>): Promise<Node> {
  const trusted = new Set<string>()
  const options: Partial<SwarmOptions> = {
    authorize: ({ peerId }) => (trusted.has(peerId) ? 'masternode' : 'unknown'),
    perIpLimits: false,
  }
  const node = world.node('node', options)
  node.swarm.respond(Ask, handler)
  await node.swarm.start()
  trust = (peerId) => trusted.add(peerId)
  return node
}
let trust: (peerId: string) => void

function ask(peer: RawPeer, count: number, from = 1): void {
  for (let id = from; id < from + count; id++) peer.ask(id, 0, QUESTION)
}

describe('the questions of strangers', () => {
  it('are with 48 handlers of a name at most, peer by peer in turn, and a masternode waits for none of them', async () => {
    const world = new World(1)
    const asked: string[] = []
    const node = await answering(world, async (_, { peer }) => {
      asked.push(peer.id)
      return new Promise<never>(() => undefined)
    })
    const [first, second] = [await RawPeer.connect(world, node), await RawPeer.connect(world, node)]
    ask(first, 90)
    await world.settle()
    ask(second, 20)
    await world.settle()
    expect(asked).toEqual(Array.from({ length: 48 }, () => first.identity.id))
    const identity = world.identity()
    trust(identity.id)
    const masternode = await RawPeer.connect(world, node, { identity })
    ask(masternode, 3)
    await world.settle()
    expect(asked.slice(48)).toEqual(Array.from({ length: 3 }, () => identity.id))
    // After ten seconds a handler has failed, and its place is free.
    await world.run(10_000)
    const later = asked.slice(51)
    expect(later.length).toBe(48)
    expect(later.filter((id) => id === second.identity.id).length).toBe(20)
    await world.stop()
  })

  it('that have withdrawn while they waited reach no handler', async () => {
    const world = new World(1)
    let handled = 0
    const node = await answering(world, async () => {
      handled++
      return new Promise<never>(() => undefined)
    })
    const peer = await RawPeer.connect(world, node)
    ask(peer, 60)
    await world.settle()
    peer.destroy()
    await world.run(30_000)
    expect(handled).toBe(48)
    await world.stop()
  })

  it('are answered with no more bytes than the asker may bring; a masternode may be sent any number', async () => {
    const world = new World(1)
    const answer = new Uint8Array(30_000)
    const node = await answering(world, () => answer)
    const peer = await RawPeer.connect(world, node)
    // No more at once than its outbox here holds.
    for (let i = 0; i < 10; i++) {
      ask(peer, 10, 1 + 10 * i)
      await world.settle()
    }
    const burst = 2 * 2 ** 20
    expect(peer.of('response').length).toBe(Math.floor(burst / answer.length) + 1)
    await world.run(500)
    expect(peer.of('response').length * answer.length).toBeLessThan(burst + 2 ** 20)
    await world.run(3_000)
    expect(peer.of('response').length).toBe(100)
    const identity = world.identity()
    trust(identity.id)
    const masternode = await RawPeer.connect(world, node, { identity })
    ask(masternode, 200)
    await world.settle()
    expect(masternode.of('response').length).toBe(200)
    await world.stop()
  })

  it('of a masternode wait, too, once it has been sent more than it may bring, whether it reads or not', async () => {
    const world = new World(1)
    let answered = 0
    const node = await answering(world, () => {
      answered++
      return new Uint8Array(1_000_000)
    })
    const identity = world.identity()
    trust(identity.id)
    const masternode = await RawPeer.connect(world, node, { identity })
    ask(masternode, 200)
    await world.settle()
    expect(answered).toBe(68)
    await world.run(1_000)
    expect(answered - 68).toBeLessThan(36)
    await world.stop()
  })

  it('that are all with their handlers when too much has been sent are refused: the work is done, the bytes are not sent', async () => {
    const world = new World(1)
    const ready: (() => void)[] = []
    const node = await answering(
      world,
      async () =>
        new Promise((resolve) => {
          ready.push(() => {
            resolve(new Uint8Array(30_000))
          })
        }),
    )
    const peer = await RawPeer.connect(world, node)
    for (let round = 0; round < 6; round++) {
      ask(peer, 12, 1 + 12 * round)
      await world.settle()
      for (const go of ready.splice(0)) go()
      await world.settle()
    }
    const failures = peer.of('failure').map(({ text }) => text)
    expect([peer.of('response').length, failures.length]).toEqual([70, 2])
    expect(new Set(failures)).toEqual(new Set(['too-many-requests']))
    await world.stop()
  })
})
