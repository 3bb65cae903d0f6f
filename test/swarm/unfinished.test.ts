/** What a node holds of what was never finished: parts of answers that nobody waits for, and what comes on links that are leaving. */
import { describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { joinBytes } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { request } from '../../src/protocol/message.js'
import { varintBytes } from '../../src/protocol/varint.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import { RawPeer } from './raw-peer.js'
import { SizedBook } from './sized-book.js'
import type { Node } from './world.js'
import { World } from './world.js'

const MIB = 1024 * 1024
const Blocks = request<number>('blocks', { maxBytes: 4 * MIB })

/** A node that asks a stranger; the outcome is the code of the error, or `answered`. */
async function asked(options: Partial<SwarmOptions> = {}) {
  const world = new World()
  const node = await world.started('node', options)
  const stranger = await RawPeer.connect(world, node, { names: [{ kind: 'request', name: 'blocks' }] })
  const outcomes: string[] = []
  const ask = async (timeoutMs: number): Promise<number> => {
    node.swarm.peers
      .get(stranger.identity.id)
      ?.request(Blocks, 1, { timeoutMs })
      .then(
        () => outcomes.push('answered'),
        (error: unknown) => outcomes.push((error as HoldfastError).code),
      )
    await world.settle()
    return stranger.of('request').at(-1)?.id ?? -1
  }
  return { world, node, stranger, outcomes, ask }
}

function begin(stranger: RawPeer, lane: number, id: number, total: number): void {
  const head = [Uint8Array.of(lane), varintBytes(total), varintBytes(FRAME.response), varintBytes(id)]
  stranger.send(FRAME.fragment, joinBytes([...head, Uint8Array.of(0), new Uint8Array(30_000)]))
}

function go(stranger: RawPeer, lane: number, length = 30_000): void {
  stranger.send(FRAME.fragment, joinBytes([Uint8Array.of(lane), new Uint8Array(length)]))
}

const partial = (node: Node): number => node.swarm.status().memory.partialBytes

describe('an answer that is never finished', () => {
  it('is held for as long as somebody waits for it, and no longer', async () => {
    const { world, node, stranger, outcomes, ask } = await asked()
    const id = await ask(5_000)
    begin(stranger, 0, id, 3 * MIB)
    for (let i = 0; i < 40; i++) go(stranger, 0)
    await world.settle()
    expect(partial(node)).toBeGreaterThan(MIB)
    await world.run(5_001)
    expect(partial(node)).toBe(0)
    go(stranger, 0)
    await world.settle()
    expect([outcomes, partial(node), node.swarm.peers.size]).toEqual([['request-timeout'], 0, 1])
  })

  it('is not held at all where it answers what nobody asked', async () => {
    const { world, node, stranger, ask } = await asked()
    const id = await ask(60_000)
    for (const lane of [0, 1, 2]) begin(stranger, lane, id + 1 + lane, 3 * MIB)
    await world.settle()
    expect([partial(node), node.swarm.peers.size]).toEqual([0, 1])
  })

  it('may still come after it was given up, and what goes on after that is a flood', async () => {
    const { world, node, stranger, ask } = await asked()
    const id = await ask(1_000)
    begin(stranger, 0, id, 4 * MIB)
    await world.run(1_001)
    for (let i = 0; i < 138; i++) go(stranger, 0)
    await world.settle()
    go(stranger, 0, 4 * MIB - 139 * 30_000 - 3)
    await world.settle()
    expect([partial(node), node.swarm.peers.size]).toEqual([0, 1])
    for (let i = 0; i < 8; i++) {
      begin(stranger, 1, id, 4 * MIB)
      for (let j = 0; j < 138; j++) go(stranger, 1)
      go(stranger, 1, 4 * MIB - 139 * 30_000 - 3)
      await world.settle()
    }
    expect(stranger.told?.code).toBe('rate-limit')
  })

  it('fails the question at once where there was no memory for it', async () => {
    const peerStore = new SizedBook()
    const { world, stranger, outcomes, ask } = await asked({ memoryMaxMiB: 64, peerStore })
    const id = await ask(60_000)
    peerStore.peers = 64 * 1_024
    begin(stranger, 0, id, 40_000)
    go(stranger, 0, 40_000 - 30_003)
    await world.settle()
    expect(outcomes).toEqual(['request-failed'])
  })
})

describe('a link that is leaving', () => {
  /** A stranger with two links, the first of which the node has left as the duplicate that it is. The stranger does not mind. */
  async function leaving() {
    for (let seed = 1; seed <= 20; seed++) {
      const world = new World(seed)
      const node = await world.started('node')
      const first = await RawPeer.connect(world, node)
      world.network.delayMs = () => 10
      const second = RawPeer.connect(world, node, { identity: first.identity })
      const pings = first.of('ping').length
      for (let ms = 0; ms < 500; ms++) {
        await world.run(1)
        if (first.of('ping').length > pings) first.hears = false
      }
      await second
      world.network.delayMs = () => 0
      if (first.isLeft && first.closed === null) return { world, node, left: first }
      await world.stop()
    }
    throw new Error('no seed of 20 made the node leave the first')
  }

  it('is cut where it is flooded', async () => {
    const { world, node, left } = await leaving()
    expect(node.swarm.peers.size).toBe(1)
    for (let i = 0; i < 100; i++) left.record([])
    await world.settle()
    expect(left.closed).toBeNull()
    for (let i = 0; i < 2_000; i++) left.record([])
    await world.settle()
    expect(left.closed).not.toBeNull()
    expect(node.swarm.peers.size).toBe(1)
  })

  it('counts against the memory until it is gone', async () => {
    const { world, node, left } = await leaving()
    const type = Uint8Array.of(FRAME.firstApplication)
    left.send(FRAME.fragment, joinBytes([Uint8Array.of(0), varintBytes(60_000), type, new Uint8Array(30_000)]))
    await world.settle()
    expect(partial(node)).toBeGreaterThan(30_000)
    await world.run(3_000)
    expect([left.closed !== null, partial(node)]).toEqual([true, 0])
  })
})
