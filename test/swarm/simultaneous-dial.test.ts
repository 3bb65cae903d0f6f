/** Two nodes that dial each other at once end with one link, the same at both ends, and their hosts see nothing of the rest. */
import { describe, expect, it } from 'vitest'
import { crypto } from '../../src/runtime/crypto-node.js'
import { direct } from '../../src/protocol/message.js'
import { parsePeerId } from '../../src/protocol/peer-id.js'
import { isPreferredDialer } from '../../src/policy/tie-break.js'
import type { Channel } from './scheduled-network.js'
import { seeded } from './seeded.js'
import { toyCrypto } from './toy-crypto.js'
import type { Node } from './world.js'
import { World } from './world.js'

const RUNS = 2_000
const Note = direct<string>('note')

type Pick = (channels: readonly Channel[]) => Channel | undefined

const preferLinkOf =
  (name: string): Pick =>
  (channels) =>
    channels.find(({ pair }) => pair.dialledBy === name) ?? channels[0]

/** One delivery on each way in turn. */
function messageByMessage(): Pick {
  const turns = new Map<string, number>()
  let turn = 0
  const key = ({ pair, to }: Channel): string => `${pair.dialledBy} ${to}`
  return (channels) => {
    const [next] = [...channels].sort((x, y) => (turns.get(key(x)) ?? -1) - (turns.get(key(y)) ?? -1))
    if (next !== undefined) turns.set(key(next), turn++)
    return next
  }
}

/** Key exchange first; then hellos wait on both links until nothing else is left, the acceptors' as well as the diallers'. */
function hellosHeld(): Pick {
  // Two messages to each dialler and acceptor bring the keys; what comes next to either is a hello.
  const count = new Map<string, number>()
  const key = ({ pair, to }: Channel): string => `${pair.dialledBy} ${to}`
  const isHello = (channel: Channel): boolean => (count.get(key(channel)) ?? 0) >= 1
  let batch: Channel[] = []
  return (channels) => {
    const early = channels.find((channel) => !isHello(channel))
    if (early === undefined && batch.length === 0) batch = [...channels]
    const next = early ?? batch.shift()
    if (next !== undefined) count.set(key(next), (count.get(key(next)) ?? 0) + 1)
    return next
  }
}

function atRandom(seed: number): Pick {
  const random = seeded(seed ^ 0x5eed)
  return (channels) => channels[Math.floor(random.float() * channels.length)]
}

const INTERLEAVINGS: Readonly<Record<string, (seed: number) => Pick>> = {
  'the link of the first before that of the second': () => preferLinkOf('a'),
  'the link of the second before that of the first': () => preferLinkOf('b'),
  'message by message': messageByMessage,
  'both hellos on their way before either is read': hellosHeld,
  'any order at all': atRandom,
}

/** Both are dialling, and neither link is open yet. By hand at one instant, or because each has the other on its list. */
async function dialling(world: World, listed: boolean): Promise<readonly [Node, Node]> {
  if (!listed) {
    const a = await world.started('a')
    const b = await world.started('b')
    void a.swarm.dial(b.address)
    void b.swarm.dial(a.address)
    return [a, b]
  }
  const [first, second] = [world.node('a'), world.node('b')]
  world.nodes.length = 0
  const a = await world.started('a', { identity: first.identity, masternodes: [second.address] })
  const b = await world.started('b', { identity: second.identity, masternodes: [first.address] })
  world.clock.advance(3_000)
  return [a, b]
}

function isPreferred(node: Node, other: Node): boolean {
  return isPreferredDialer(parsePeerId(node.swarm.id, crypto), parsePeerId(other.swarm.id, crypto), crypto)
}

function expectOneLink(world: World, [a, b]: readonly [Node, Node], hint: string): void {
  const preferred = isPreferred(a, b) ? a : b
  expect(
    world.network.openPairs.map(({ dialledBy }) => dialledBy),
    hint,
  ).toEqual([preferred.name])
  expect([...a.swarm.peers.keys()], hint).toEqual([b.swarm.id])
  expect([...b.swarm.peers.keys()], hint).toEqual([a.swarm.id])
  const directions = [a.swarm.peers.get(b.swarm.id)?.direction, b.swarm.peers.get(a.swarm.id)?.direction]
  expect(directions.toSorted(), hint).toEqual(['inbound', 'outbound'])
  expect([a.names, b.names], hint).toEqual([['peer:connect'], ['peer:connect']])
}

async function race(seed: number, pick: Pick, suite = toyCrypto): Promise<readonly [Node, Node]> {
  const hint = `seed ${String(seed)}`
  const world = new World(seed, suite)
  const nodes = await dialling(world, seed % 2 === 0)
  const [a, b] = nodes
  const heard: string[] = []
  for (const { swarm } of nodes)
    swarm.handle(Note, (note) => {
      heard.push(note)
    })
  world.network.openDials()
  expect(world.network.pairs.length, hint).toBe(2)
  world.deliverAll(pick)
  expectOneLink(world, nodes, hint)
  await world.run(2_500)
  expect(world.network.pairs.length, hint).toBe(2)
  expectOneLink(world, nodes, hint)
  a.swarm.peers.get(b.swarm.id)?.send(Note, 'to b')
  b.swarm.peers.get(a.swarm.id)?.send(Note, 'to a')
  await world.settle()
  expect(heard.toSorted(), hint).toEqual(['to a', 'to b'])
  for (const { swarm } of nodes) {
    expect(swarm.status(), hint).toMatchObject({ pending: 0 })
    expect(swarm.status().strikes, hint).toEqual({})
  }
  return nodes
}

/** Each way of each link takes 1 to 250 ms, drawn once. */
function distances(world: World): (dialledBy: string, to: Channel['to']) => number {
  const draw = (): number => 1 + Math.floor(249 * world.random.float())
  const delays: Readonly<Record<string, Record<Channel['to'], number>>> = {
    a: { dialler: draw(), acceptor: draw() },
    b: { dialler: draw(), acceptor: draw() },
  }
  const delay = (dialledBy: string, to: Channel['to']): number => delays[dialledBy]?.[to] ?? 0
  world.network.delayMs = ({ pair, to }) => delay(pair.dialledBy, to)
  return delay
}

describe('a simultaneous dial', () => {
  it('is settled within four round trips, whatever the way takes', async () => {
    const slowest = { trips: 0, seed: 0 }
    for (let seed = 1; seed <= 300; seed++) {
      const world = new World(seed)
      const delays = distances(world)
      const nodes = await dialling(world, false)
      await world.settle()
      const startedAt = world.clock.monotonic()
      const longest = Math.max(...Array.from('ab', (name) => delays(name, 'dialler') + delays(name, 'acceptor')))
      while (
        world.network.pairs.length < 2 ||
        world.network.openPairs.length !== 1 ||
        nodes.some(({ swarm }) => swarm.peers.size !== 1)
      ) {
        if (world.clock.monotonic() - startedAt > 60_000) throw new Error(`seed ${String(seed)} is never settled`)
        await world.run(1)
      }
      const trips = (world.clock.monotonic() - startedAt) / longest
      if (trips > slowest.trips) Object.assign(slowest, { trips, seed })
      await world.run(10_000)
      expectOneLink(world, nodes, `seed ${String(seed)}`)
    }
    expect(slowest.trips, `seed ${String(slowest.seed)}`).toBeLessThanOrEqual(4)
  }, 60_000)

  it('ends with one link when the two dials open at different moments', async () => {
    const links = [0, 0, 0]
    for (let seed = 1; seed <= 500; seed++) {
      const hint = `seed ${String(seed)}`
      const world = new World(seed)
      distances(world)
      const waits = new Map(Array.from('ab', (name) => [name, Math.floor(900 * world.random.float())]))
      world.network.dialMs = (from) => waits.get(from) ?? 0
      const [a, b] = await dialling(world, false)
      await world.run(10_000)
      expect(world.network.openPairs.length, hint).toBe(1)
      expect([a.names, b.names], hint).toEqual([['peer:connect'], ['peer:connect']])
      links[world.network.pairs.length] = (links[world.network.pairs.length] ?? 0) + 1
    }
    // The draw must have brought both: races, and dials that were called off in time.
    expect(Math.min(...links.slice(1))).toBeGreaterThan(50)
  }, 60_000)

  it('ends in the same way with the cryptography of the wire', async () => {
    for (let seed = 1; seed <= 20; seed++) await race(seed, atRandom(seed), crypto)
  })

  for (const [name, order] of Object.entries(INTERLEAVINGS))
    it(`ends with one link at both ends, without a word to the host, for ${name}`, async () => {
      let preferred = 0
      for (let seed = 1; seed <= RUNS; seed++) {
        const [a, b] = await race(seed, order(seed))
        if (isPreferred(a, b)) preferred++
      }
      expect(preferred).toBeGreaterThan(RUNS * 0.4)
      expect(preferred).toBeLessThan(RUNS * 0.6)
    }, 60_000)
})
