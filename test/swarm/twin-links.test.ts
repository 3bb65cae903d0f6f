/** Two nodes that dial each other at the same moment have two links for a while, and each may think another of them in use. */
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/protocol/bytes.js'
import { direct, message, request } from '../../src/protocol/message.js'
import type { PeerClass } from '../../src/ports/types.js'
import { swarmLab } from '../../src/testing/index.js'
import { RawPeer } from './raw-peer.js'
import { toyCrypto } from './toy-crypto.js'
import type { Node } from './world.js'
import { World } from './world.js'

const Block = message('block')
const Ask = request<number, number>('ask')

interface Twins {
  readonly bytes: number
  /** How many each of them makes. */
  readonly count: number
  readonly peerClass: PeerClass
  /** Whether one of the links breaks. */
  readonly breaks: boolean
}

/** What each made, and what came of it, while two links became one. */
async function twins(seed: number, { bytes, count, peerClass, breaks }: Twins) {
  const world: World = new World(seed, {
    ...toyCrypto,
    aead: (key) => {
      const aead = toyCrypto.aead(key)
      // What is large takes its time, and so has others wait for it.
      const seal: typeof aead.seal = (nonce, start, parts) => {
        if (parts.reduce((sum, { length }) => sum + length, 0) > 10_000) world.clock.spend(3)
        return aead.seal(nonce, start, parts)
      }
      return { ...aead, seal }
    },
  })
  const nodes = ['a', 'b'].map((name) => world.node(name, { authorize: () => peerClass })) as [Node, Node]
  const got: string[] = []
  const links = new Set<string>()
  const made = [0, 0]
  for (const { name, swarm } of nodes) {
    swarm.handle(Block, ([n]) => {
      got.push(`${name} ${String(n)}`)
      return 'accept'
    })
    await swarm.start()
  }
  const draw = (max: number): number => 1 + Math.floor(max * world.random.float())
  const [out, back] = [draw(150), draw(150)]
  // By the same way, or by ways of their own.
  const delays =
    seed % 2 === 0
      ? [
          { acceptor: out + draw(10), dialler: back + draw(10) },
          { acceptor: back + draw(10), dialler: out + draw(10) },
        ]
      : nodes.map(() => ({ acceptor: draw(150), dialler: draw(150) }))
  world.network.delayMs = ({ pair, to }) => delays[pair.dialledBy === 'a' ? 0 : 1]?.[to] ?? 1
  const breakAt = draw(700)
  const [a, b] = nodes
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const)
    from.swarm.dial(to.address).catch(() => undefined)
  for (let ms = 0; ms < 1_200; ms += 5) {
    if (breaks && ms >= breakAt && ms < breakAt + 5) world.network.pairs[draw(2) - 1]?.break('both')
    for (const [i, { swarm }] of nodes.entries()) {
      for (const { linkId } of swarm.peers.values()) links.add(`${swarm.id} ${linkId ?? ''}`)
      if (swarm.peers.size === 0 || ms % 40 !== 0 || (made[i] ?? 0) >= count) continue
      const block = new Uint8Array(bytes)
      block[0] = 2 * (made[i] ?? 0) + i
      if (swarm.broadcast(Block, block).queued > 0) made[i] = (made[i] ?? 0) + 1
    }
    await world.run(5)
  }
  await world.run(120_000)
  const causes = nodes.flatMap((node) => node.heard('recovered').map(([{ cause }]) => cause))
  await world.stop()
  return { got: new Set(got).size, made: (made[0] ?? 0) + (made[1] ?? 0), causes, swapped: links.size > 2 }
}

describe('two links that become one', () => {
  it.each<Twins>([
    { bytes: 300_000, count: 9, peerClass: 'masternode', breaks: false },
    { bytes: 1_500_000, count: 5, peerClass: 'masternode', breaks: false },
    { bytes: 3_900_000, count: 1, peerClass: 'persistent', breaks: false },
  ])('lose nothing of $count messages of $bytes bytes', async (options) => {
    let swaps = 0
    for (let seed = 1; seed <= 14; seed++) {
      const { got, made, swapped } = await twins(seed, options)
      expect(got, String(seed)).toBe(made)
      if (swapped) swaps++
    }
    expect(swaps).toBeGreaterThan(4)
  })

  it('tell nobody that anything is missing of what has its time', async () => {
    for (let seed = 1; seed <= 14; seed++) {
      const { causes } = await twins(seed, { bytes: 3_900_000, count: 1, peerClass: 'persistent', breaks: false })
      expect(causes, String(seed)).toEqual([])
    }
  })

  it('lose next to nothing where one of them breaks, whichever was asked on, and nothing without a word', async () => {
    let got = 0
    let made = 0
    for (let seed = 1; seed <= 30; seed++) {
      const one = await twins(seed, { bytes: 300_000, count: 5, peerClass: 'masternode', breaks: true })
      expect(one.got === one.made || one.causes.includes('shed'), String(seed)).toBe(true)
      got += one.got
      made += one.made
    }
    expect(got / made).toBeGreaterThan(0.99)
  })
})

describe("a host that broadcasts in the moment in which a link takes another's place", () => {
  it.each(['one', 'all'])('has it told to %s', async (to) => {
    const world = new World()
    const node = world.node('node', { authorize: () => 'masternode' })
    const results: object[] = []
    node.swarm.respond(Ask, (_, { peer, signal }) => {
      signal.addEventListener('abort', () => {
        results.push(node.swarm.broadcast(Block, new Uint8Array(50_000), to === 'all' ? {} : { to: [peer.id] }))
      })
      return new Promise<number>(() => undefined)
    })
    await node.swarm.start()
    const names = [{ kind: 'message' as const, name: 'block' }]
    const first = await RawPeer.connect(world, node, { names })
    first.ask(1, 0, utf8('1'))
    await world.settle()
    first.answers = false
    const second = await RawPeer.connect(world, node, {
      names,
      identity: first.identity,
      supersedes: [first.connectionId],
    })
    await world.run(20_000)
    expect(results).toMatchObject([{ queued: 1, shed: 0 }])
    expect(second.of('inventory').flatMap(({ announced }) => announced).length).toBe(1)
    await world.stop()
  })
})

describe('the one of two links that is left for the other', () => {
  const Note = direct<number>('note')

  /** What was sent and never came, and who was told that something may be missing. */
  function left(seed: number, broken: number | null, how: 'reset' | 'silence' = 'reset') {
    const told: number[] = []
    const got = [new Set<number>(), new Set<number>()]
    const lab = swarmLab({
      seed,
      masternodes: 0,
      nodes: 2,
      seeds: [],
      net: { latencyMs: [90, 90], jitterMs: 1 },
      swarm: { authorize: () => 'masternode' },
      prepare: (swarm, i) => {
        swarm.handle(Note, (n) => {
          got[i]?.add(n)
        })
        swarm.on('recovered', () => told.push(i))
      },
    })
    lab.run(1_000)
    const sides = [0, 1]
    const peerOf = (i: number) => lab.swarm(i).peer(lab.id(1 - i))
    for (const i of sides)
      lab
        .swarm(i)
        .dial(lab.address(1 - i))
        .catch(() => undefined)
    const sent = [0, 0]
    const first = new Map<number, string | null>()
    let isSwapped = false
    for (let t = 0; t < 1_200; t++) {
      for (const i of sides)
        if (t % 5 === 0 && peerOf(i)?.connected === true) {
          peerOf(i)?.send(Note, sent[i] ?? 0)
          sent[i] = (sent[i] ?? 0) + 1
        }
      lab.run(1)
      const wasSwapped = isSwapped
      for (const i of sides) {
        const linkId = peerOf(i)?.linkId ?? null
        if (linkId !== null && !first.has(i)) first.set(i, linkId)
        isSwapped ||= linkId !== null && linkId !== first.get(i)
      }
      if (isSwapped && !wasSwapped && broken !== null) [...lab.network.pipes][broken]?.[how]()
    }
    lab.run(600_000)
    const lost = sides.filter((i) => (sent[i] ?? 0) > (got[1 - i]?.size ?? 0)).map((i) => 1 - i)
    return { isSwapped, lost, told }
  }

  it.each(['reset', 'silence'] as const)('has whoever misses something told, where it ends in %s', (how) => {
    const ends = [1, 2, 3, 4].flatMap((seed) => [0, 1].map((broken) => left(seed, broken, how)))
    for (const { isSwapped, lost, told } of ends) {
      expect(isSwapped).toBe(true)
      for (const i of lost) expect(told).toContain(i)
    }
    expect(ends.some(({ lost }) => lost.length > 0)).toBe(true)
  })

  it('tells nobody anything where it ends in order', () => {
    for (const seed of [1, 2, 3, 4]) expect(left(seed, null)).toEqual({ isSwapped: true, lost: [], told: [] })
  })
})
