/** What was brought outlives who brought it, where a masternode did: its process may end, its link be another, its class a better one. */
import { describe, expect, it } from 'vitest'
import { DedupCache } from '../../src/policy/dedup.js'
import type { PeerClass } from '../../src/ports/types.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { direct, message, request } from '../../src/protocol/message.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import type { Verdict } from '../../src/swarm/registry.js'
import { swarmLab } from '../../src/testing/swarm-lab.js'
import type { RawOptions } from './raw-peer.js'
import { RawPeer } from './raw-peer.js'
import { toyCrypto } from './toy-crypto.js'
import { World } from './world.js'

const Tx = message<number>('tx')
const Block = message('block')
/** How many handlers of one message run at once. */
const HANDLERS = 64

/** A node whose handler gives its verdicts when it is told to, or at once. */
async function scene(options: Partial<SwarmOptions>, isPrompt: boolean) {
  const world = new World()
  const classes = new Map<string, PeerClass>()
  const node = world.node('node', { authorize: ({ peerId }) => classes.get(peerId) ?? 'regular', ...options })
  const handled: number[] = []
  const open: (() => void)[] = []
  node.swarm.handle(Tx, (n) => {
    handled.push(n)
    if (isPrompt) return 'accept'
    return new Promise<Verdict>((resolve) =>
      open.push(() => {
        resolve('accept')
      }),
    )
  })
  await node.swarm.start()
  const connect = async (peerClass: PeerClass, own: RawOptions = {}): Promise<RawPeer> => {
    const identity = own.identity ?? world.identity()
    classes.set(identity.id, peerClass)
    return RawPeer.connect(world, node, { names: [{ kind: 'message', name: 'tx' }], ...own, identity })
  }
  const finish = async (): Promise<void> => {
    while (open.length > 0) {
      for (const run of open.splice(0)) run()
      await world.settle()
    }
  }
  return { world, node, handled, connect, finish }
}

const say = (peer: RawPeer, n: number): void => {
  peer.broadcast(0, 'tx', utf8(String(n)))
}
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1)

describe("what waits for a masternode's quota", () => {
  const slow = { limits: { masternode: { firstCopiesBurst: 100, firstCopiesPerSecMax: 50 } } }

  it.each(['stays', 'ends', 'ends and is back as another process'])(
    'is handled in its order where it %s',
    async (fate) => {
      const { world, node, handled, connect } = await scene(slow, true)
      const peer = await connect('masternode')
      for (const n of upTo(300)) say(peer, n)
      await world.settle()
      expect(handled.length).toBe(100)
      if (fate !== 'stays') peer.destroy()
      if (fate === 'ends and is back as another process')
        await connect('masternode', { identity: peer.identity, epoch: 2 })
      await world.run(10_000)
      expect(handled).toEqual(upTo(300))
      expect(node.swarm.status().memory.inFlightBytes).toBe(0)
      await world.stop()
    },
  )

  it('is dropped of a stranger that leaves', async () => {
    const limits = { regular: { firstCopiesBurst: 100, firstCopiesPerSecMax: 50 } }
    const { world, node, handled, connect } = await scene({ limits }, true)
    const peer = await connect('regular')
    for (const n of upTo(300)) say(peer, n)
    await world.settle()
    peer.destroy()
    await world.run(10_000)
    expect([handled.length, node.swarm.status().memory.inFlightBytes]).toEqual([100, 0])
    await world.stop()
  })

  it('is given anew to it where it is another process by the time it is judged', async () => {
    const { world, connect, handled } = await scene({ ...slow, propagation: 'flood' }, true)
    const [first, other] = [await connect('masternode'), await connect('masternode')]
    for (const n of upTo(101)) say(first, n)
    await world.settle()
    first.destroy()
    await world.settle()
    const second = await connect('masternode', { identity: first.identity, epoch: 2 })
    await world.run(5_000)
    expect(handled.length).toBe(101)
    const last = (peer: RawPeer): number => peer.of('application').length
    expect([last(other), last(second)]).toEqual([101, 1])
    await world.stop()
  })
})

describe('what a masternode has brought, too', () => {
  it.each([
    ['a handler', 'masternode'],
    ['a handler', 'stranger'],
    ['a place', 'masternode'],
    ['a place', 'stranger'],
  ])('is judged where it waits for %s and both have left, whoever brought it first: a %s', async (what, first) => {
    const dedup = what === 'a place' ? { dedup: new DedupCache({ inFlightMax: HANDLERS }) } : {}
    const { world, node, handled, connect, finish } = await scene(dedup, false)
    const [busy, masternode, stranger] = [
      await connect('masternode'),
      await connect('masternode'),
      await connect('regular'),
    ]
    for (const n of upTo(HANDLERS)) say(busy, n)
    await world.settle()
    const both = first === 'masternode' ? [masternode, stranger] : [stranger, masternode]
    for (const peer of both) {
      say(peer, 1_000)
      await world.settle()
    }
    masternode.destroy()
    await world.settle()
    stranger.destroy()
    await world.settle()
    await finish()
    expect(handled).toContain(1_000)
    expect([node.swarm.status().inFlight, node.swarm.status().memory.inFlightBytes]).toEqual([0, 0])
    await world.stop()
  })
})

describe('what a peer has sent before it is listed', () => {
  it.each([1_024, 4])(
    'goes before what it sends then, of each kind, with %i broadcasts in flight',
    async (inFlightMax) => {
      const Note = direct<number>('note', { serial: true })
      const Serial = message<number>('serial', { serial: true })
      const Ask = request<number, number>('ask')
      const begun: Record<string, number[]> = { note: [], serial: [], ask: [] }
      const lab = swarmLab({
        seed: 5,
        masternodes: 0,
        nodes: 2,
        swarm: () => ({ dedup: new DedupCache({ inFlightMax }) }),
        prepare: (swarm, i) => {
          const take = async (kind: string, n: number, ms: number): Promise<void> => {
            if (i === 0) begun[kind]?.push(n)
            await new Promise<void>((resolve) => {
              lab.time.at(lab.now + ms, resolve)
            })
          }
          swarm.handle(Note, (n) => take('note', n, 50))
          swarm.handle(Serial, async (n) => {
            await take('serial', n, 50)
            return 'ignore' as const
          })
          swarm.respond(Ask, async (n) => {
            await take('ask', n, 2_000)
            return n
          })
        },
      })
      await lab.runAsync(20_000)
      const peer = lab.swarm(1).peer(lab.id(0))
      const send = (from: number, to: number, asked: number): void => {
        for (let n = from; n <= to; n++) {
          peer?.send(Note, n)
          lab.swarm(1).broadcast(Serial, n)
        }
        for (let n = 0; n < asked; n++) peer?.request(Ask, from * 100 + n).catch(() => undefined)
      }
      send(1, 10, HANDLERS)
      await lab.runAsync(300)
      lab.swarm(0).masternodes.add(lab.address(1))
      send(11, 15, 5)
      await lab.runAsync(20_000)
      expect([begun['note'], begun['serial']]).toEqual([upTo(15), upTo(15)])
      expect(begun['ask']).toEqual([...upTo(HANDLERS).map((n) => 99 + n), 1_100, 1_101, 1_102, 1_103, 1_104])
    },
  )
})

describe('two links that become one while large messages are asked for', () => {
  it('lose none of them, and nobody is told that any is missing', async () => {
    let swaps = 0
    for (let seed = 1; seed <= 12; seed++) {
      const world: World = new World(seed, {
        ...toyCrypto,
        aead: (key) => {
          const aead = toyCrypto.aead(key)
          // What is large takes its time, and so has others wait for it.
          const seal: typeof aead.seal = (nonce, start, parts) => {
            if (parts.reduce((bytes, { length }) => bytes + length, 0) > 10_000) world.clock.spend(3)
            return aead.seal(nonce, start, parts)
          }
          return { ...aead, seal }
        },
      })
      const nodes = [
        world.node('a', { authorize: () => 'masternode' }),
        world.node('b', { authorize: () => 'masternode' }),
      ]
      const links = new Set<string>()
      const got: string[] = []
      let made = 0
      for (const { name, swarm } of nodes) {
        swarm.handle(Block, ([n]) => {
          got.push(`${name} ${String(n)}`)
          return 'accept'
        })
        await swarm.start()
      }
      const draw = (): number => 1 + Math.floor(150 * world.random.float())
      const jitter = (): number => Math.floor(10 * world.random.float())
      const [out, back] = [draw(), draw()]
      const delays: Record<string, Record<string, number>> = {
        a: { acceptor: out + jitter(), dialler: back + jitter() },
        b: { acceptor: back + jitter(), dialler: out + jitter() },
      }
      world.network.delayMs = ({ pair, to }) => delays[pair.dialledBy]?.[to] ?? 1
      const [a, b] = nodes
      for (const [from, to] of [
        [a, b],
        [b, a],
      ])
        from?.swarm.dial(to?.address ?? '').catch(() => undefined)
      for (let step = 0; step < 300; step++) {
        for (const { swarm } of nodes) {
          for (const peer of swarm.peers.values()) links.add(`${swarm.id} ${peer.linkId ?? ''}`)
          if (step % 12 === 0 && swarm.peers.size > 0) {
            const block = new Uint8Array(300_000)
            block[0] = step / 12
            block[1] = swarm === a?.swarm ? 1 : 2
            if (step < 200) made += swarm.broadcast(Block, block).queued
          }
        }
        await world.run(5)
      }
      await world.run(30_000)
      if (links.size > 2) swaps++
      expect(new Set(got).size, String(seed)).toBe(got.length)
      expect(
        nodes.flatMap((node) => node.heard('recovered')),
        String(seed),
      ).toEqual([])
      expect(got.length, String(seed)).toBe(made)
      await world.stop()
    }
    expect(swaps).toBeGreaterThan(6)
  })
})
