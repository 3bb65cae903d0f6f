import { describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { direct, message, request } from '../../src/protocol/message.js'
import { RawPeer } from './raw-peer.js'
import type { Verdict } from '../../src/swarm/registry.js'
import { HANDLERS_MAX } from '../../src/swarm/handler-queue.js'
import { World } from './world.js'

const Keyed = message<{ readonly hash: string; readonly body: string }>('keyed', { id: ({ hash }) => hash })
const Tx = message<{ readonly n: number; readonly from: string }>('tx')

describe('a link that takes the place of another', () => {
  it('gives the peer its own address along with its direction', async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const world = new World(seed)
      const [a, b] = [await world.started('a'), await world.started('b')]
      world.network.delayMs = () => 1 + Math.floor(49 * world.random.float())
      void a.swarm.dial(b.address)
      void b.swarm.dial(a.address)
      await world.run(10_000)
      const seen = [a.swarm.peers.get(b.swarm.id), b.swarm.peers.get(a.swarm.id)]
      const dialled = seen.find((peer) => peer?.direction === 'outbound')
      const accepted = seen.find((peer) => peer?.direction === 'inbound')
      expect(dialled?.address, `seed ${String(seed)}`).toBe(dialled === seen[0] ? b.address : a.address)
      expect(accepted?.address ?? '', `seed ${String(seed)}`).not.toContain('://')
    }
  })

  it('leaves what came on the other to be heard, though the peer is a stranger', async () => {
    let swaps = 0
    for (let seed = 1; seed <= 8; seed++) {
      const world = new World(seed)
      const held: (() => void)[] = []
      const heard: number[] = []
      const a = world.node('a')
      a.swarm.handle(
        direct<number>('note', { serial: true }),
        async (n) =>
          new Promise<void>((resolve) => {
            heard.push(n)
            held.push(resolve)
          }),
      )
      await a.swarm.start()
      const first = await RawPeer.connect(world, a)
      for (const n of [1, 2, 3]) first.send(FRAME.firstApplication, utf8(String(n)))
      await world.settle()
      await RawPeer.connect(world, a, { identity: first.identity })
      await world.run(3_000)
      // Where the other side is to close one of the two, nothing is closed here.
      if (first.told !== null) swaps++
      for (let i = 0; i < 3; i++) {
        held.shift()?.()
        await world.settle()
      }
      expect(heard, `seed ${String(seed)}`).toEqual([1, 2, 3])
      await world.stop()
    }
    expect(swaps).toBeGreaterThan(0)
  })

  for (const how of ['is listed meanwhile', 'is trusted where it comes from now'] as const)
    it(`leaves what came on the other in its order, though the peer ${how}`, async () => {
      let swaps = 0
      for (let seed = 1; seed <= 8; seed++) {
        const world = new World(seed)
        const held: (() => void)[] = []
        const heard: number[] = []
        const isListed = how === 'is listed meanwhile'
        let peerClass: 'regular' | 'masternode' = 'regular'
        const a = world.node('a', isListed ? {} : { authorize: () => peerClass })
        const hold = async (n: number): Promise<void> =>
          new Promise<void>((resolve) => {
            heard.push(n)
            held.push(resolve)
            // The others wait for the end of a break.
            if (n === 1) world.clock.spend(1_000)
          })
        a.swarm.handle(direct<number>('note', { serial: true }), hold)
        await a.swarm.start()
        const first = await RawPeer.connect(world, a)
        for (const n of [1, 2, 3]) first.send(FRAME.firstApplication, utf8(String(n)))
        await world.settle()
        peerClass = 'masternode'
        const second = await RawPeer.connect(world, a, { identity: first.identity })
        await world.run(500)
        if (first.told !== null) {
          swaps++
          if (isListed) a.swarm.masternodes.add(`memory://${first.identity.id}@elsewhere:1`)
          second.send(FRAME.firstApplication, utf8('4'))
          await world.settle()
          for (let i = 0; i < 4; i++) {
            held.shift()?.()
            await world.settle()
          }
          expect(heard, `seed ${String(seed)}`).toEqual([1, 2, 3, 4])
        }
        await world.stop()
      }
      expect(swaps).toBeGreaterThan(0)
    })

  it('loses no broadcast that was on its way on the other', async () => {
    const lost: string[] = []
    for (let seed = 1; seed <= 50; seed++) {
      const world = new World(seed)
      const regular = { authorize: () => 'regular' as const }
      const [a, b] = [await world.started('a', regular), await world.started('b', regular)]
      const nodes = [a, b]
      const heard = new Set<string>()
      for (const { swarm } of nodes)
        swarm.handle(Tx, ({ n, from }) => {
          heard.add(`${from}${String(n)}`)
          return 'accept'
        })
      const delays = Array.from('abab', () => 1 + Math.floor(49 * world.random.float()))
      world.network.delayMs = ({ pair, to }) =>
        delays[(pair.dialledBy === 'a' ? 0 : 2) + (to === 'dialler' ? 0 : 1)] ?? 0
      void a.swarm.dial(b.address)
      void b.swarm.dial(a.address)
      const sent: string[] = []
      for (let ms = 0; ms < 1_000; ms++) {
        await world.run(1)
        for (const { name, swarm } of nodes)
          if (swarm.peers.size === 1 && swarm.broadcast(Tx, { n: ms, from: name }).queued === 1)
            sent.push(`${name}${String(ms)}`)
      }
      await world.run(5_000)
      const missing = sent.filter((id) => !heard.has(id))
      if (missing.length > 0) lost.push(`seed ${String(seed)}: ${String(missing.length)} of ${String(sent.length)}`)
    }
    expect(lost).toEqual([])
  })
})

/** A node, one of whose peers has brought two bodies of one application id, or what else it shall; another fills all places before. */
async function judged(seed: number) {
  const world = new World(seed)
  const node = world.node('node', { authorize: () => 'regular', propagation: 'flood' })
  const begun: string[] = []
  const running: ((verdict: Verdict) => void)[] = []
  node.swarm.handle(Keyed, async ({ body }) => {
    begun.push(body)
    return new Promise<Verdict>((resolve) => running.push(resolve))
  })
  await node.swarm.start()
  const say = async (peer: RawPeer, hash: string, body: string): Promise<void> => {
    peer.broadcast(0, 'keyed', utf8(JSON.stringify({ hash, body })))
    await world.settle()
  }
  const finish = async (): Promise<void> => {
    while (running.length > 0) {
      running.shift()?.('ignore')
      await world.settle()
    }
  }
  return { world, node, begun, say, finish }
}

describe('what a stranger has brought on a link that was replaced', () => {
  it('goes with its last link, and nothing of it is in flight for ever', async () => {
    let swaps = 0
    for (let seed = 1; seed <= 8; seed++) {
      const { world, node, begun, say, finish } = await judged(seed)
      const first = await RawPeer.connect(world, node)
      for (const body of ['one', 'two', 'three']) await say(first, 'tx', body)
      const second = await RawPeer.connect(world, node, { identity: first.identity })
      await world.run(3_000)
      const last = first.told === null ? first : second
      if (last === second) swaps++
      last.destroy()
      await world.settle()
      await finish()
      expect(begun, `seed ${String(seed)}`).toEqual(['one'])
      expect(node.swarm.status().inFlight, `seed ${String(seed)}`).toBe(0)
      await world.stop()
    }
    expect(swaps).toBeGreaterThan(0)
  })

  it.each(['destroy', 'replace'] as const)('is judged while a link of it lives, whichever that is: %s', async (how) => {
    for (let seed = 1; seed <= 8; seed++) {
      const { world, node, begun, say, finish } = await judged(seed)
      const [busy, first] = [await RawPeer.connect(world, node), await RawPeer.connect(world, node)]
      for (let i = 0; i < HANDLERS_MAX; i++) await say(busy, String(i), 'chaff')
      await say(first, 'tx', 'one')
      // One that answers nothing yet is not judged until its time is over.
      await RawPeer.connect(world, node, { identity: first.identity, answers: how === 'replace' })
      if (how === 'destroy') first.destroy()
      await world.settle()
      await finish()
      expect(begun, `seed ${String(seed)}`).toContain('one')
      await world.stop()
    }
  })
})

describe('a link that breaks the rules while another waits to take its place', () => {
  it('leaves no question open where its end is a ban, which ends the other, too', async () => {
    const { world, node } = await judged(1)
    const first = await RawPeer.connect(world, node, { names: [{ kind: 'request', name: 'ask' }] })
    await RawPeer.connect(world, node, { identity: first.identity, answers: false })
    const bans: string[] = []
    node.swarm.on('ban', ({ cause }) => bans.push(cause))
    const asked = node.swarm.peer(first.identity.id)?.request(request<string, string>('ask'), 'who')
    const answer = asked?.then(
      () => 'answered',
      (error: unknown) => (error as HoldfastError).code,
    )
    // All but one strike of those that are allowed.
    for (let i = 0; i < 2; i++) first.broadcast(0, 'keyed', utf8('{}'), new Uint8Array(16).fill(i))
    await world.settle()
    first.send(FRAME.window, new Uint8Array(0))
    await world.settle()
    expect(bans).toEqual(['protocol-error'])
    expect(await Promise.race([answer, world.settle().then(() => 'open')])).toBe('protocol-error')
    await world.stop()
  })
})
