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
import { World } from './world.js'

const Tx = message<number>('tx')
const Slow = message<number>('slow')
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
  return { world, node, classes, handled, connect, finish }
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
  it('has the places at once that were kept free of strangers', async () => {
    const dedup = new DedupCache({ inFlightMax: 8 })
    const { world, node, classes, handled, connect } = await scene({ dedup, propagation: 'flood' }, true)
    node.swarm.handle(Slow, () => new Promise(() => undefined))
    const [stranger, peer] = [await connect('regular'), await connect('regular')]
    for (const n of upTo(6)) stranger.broadcast(1, 'slow', utf8(String(n)))
    await world.settle()
    for (const n of upTo(3)) say(peer, n)
    await world.settle()
    expect(handled).toEqual([])
    classes.set(peer.identity.id, 'masternode')
    node.swarm.masternodes.add(`memory://${peer.identity.id}@raw:1`)
    expect(handled).toEqual(upTo(3))
    await world.stop()
  })

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
