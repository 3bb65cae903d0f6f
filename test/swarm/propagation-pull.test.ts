/** What a node does about what others say they have: whom it asks, when it asks another, and what may never come of it. */
import { describe, expect, it } from 'vitest'
import { joinBytes } from '../../src/protocol/bytes.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import { encodeIds, encodeInventory } from '../../src/protocol/inventory.js'
import { FRAGMENTED, LARGE, Scene, SMALL, Tx } from './propagation-scene.js'
import type { RawPeer } from './raw-peer.js'

const SHED = (peer: RawPeer): unknown => ({ peerId: peer.identity.id, cause: 'shed', gapMs: 0 })

/** A node, and three who may have what it wants. */
async function three(
  options: ConstructorParameters<typeof Scene>[0] = {},
  verdict: ConstructorParameters<typeof Scene>[1] = 'accept',
): Promise<{ readonly scene: Scene; readonly a: RawPeer; readonly b: RawPeer; readonly c: RawPeer }> {
  const scene = await Scene.of(options, verdict)
  const [a, b, c] = await scene.peers(3)
  if (a === undefined || b === undefined || c === undefined) throw new Error('there are three')
  return { scene, a, b, c }
}

describe('a stranger who is asked for more than it may bring', () => {
  /** It announces so many, and sends whatever it is asked for at once. @returns how many that were */
  const wave = async (scene: Scene, stranger: RawPeer, count: number): Promise<number> => {
    const made = Array.from({ length: count }, () => scene.make(SMALL))
    const before = scene.asked(stranger).length
    scene.announce(stranger, ...made)
    await scene.world.run(250)
    const asked = scene.asked(stranger).slice(before)
    for (const one of made) if (asked.includes(one.name)) scene.send(stranger, one)
    await scene.world.run(4_000)
    return asked.length
  }

  it('has failed in nothing: what waits for its quota has been sent', async () => {
    const scene = await Scene.of()
    const stranger = await scene.peer('unknown')
    for (let i = 0; i < 3; i++) {
      expect(await wave(scene, stranger, 200)).toBe(200)
      await scene.world.run(120_000)
    }
    expect(scene.handled.length).toBe(600)
    expect(scene.node.heard('recovered')).toEqual([])
  })

  it('that is a masternode has failed in nothing, either, where this node was too slow to give credit back', async () => {
    let done = (): void => undefined
    const slow = async (): Promise<'accept'> =>
      new Promise((resolve) => {
        const before = done
        done = () => {
          before()
          resolve('accept')
        }
      })
    const scene = await Scene.of(
      { authorize: () => 'masternode', limits: { masternode: { messageBytesMax: 65_536 } } },
      slow,
    )
    const relay = await scene.world.started('relay', { authorize: () => 'masternode' })
    await scene.world.connect(relay, scene.node)
    for (let i = 0; i < 40; i++) relay.swarm.broadcast(Tx, scene.make(LARGE).payload)
    await scene.world.run(8_000)
    expect(scene.handled.length).toBeLessThan(40)
    for (let i = 0; i < 3; i++) {
      done()
      await scene.world.run(2_000)
    }
    expect(scene.handled.length).toBe(40)
    relay.swarm.broadcast(Tx, scene.make(LARGE).payload)
    await scene.world.run(100)
    expect(scene.handled.length).toBe(41)
  })

  it('keeps nobody else from being asked for what waits', async () => {
    const scene = await Scene.of()
    const [stranger, honest] = [await scene.peer('unknown'), await scene.peer()]
    await wave(scene, stranger, 100)
    for (let i = 0; i < 10; i++) scene.send(stranger, scene.make(SMALL))
    const tx = scene.make(SMALL)
    for (const peer of [stranger, honest]) scene.announce(peer, tx)
    scene.send(stranger, tx)
    await scene.world.run(250)
    expect(scene.asked(honest)).toEqual([tx.name])
    scene.send(honest, tx)
    await scene.world.settle()
    expect(scene.handled.at(-1)).toBe(tx.name)
  })

  it('has failed in nothing where there was no memory for what it sent', async () => {
    const never = new Promise<'accept'>(() => undefined)
    const limits = { unknown: { firstCopiesBurst: 5_000, firstCopiesPerSecMax: 20_000 } }
    const scene = await Scene.of({ limits }, never)
    const [stranger, honest] = [await scene.peer('unknown'), await scene.peer()]
    // So many may be here of one peer that are not done with, and its window of bytes.
    for (let i = 0; i < 5_800; i++) {
      if (i === 3_000) await scene.world.run(1_000)
      scene.send(stranger, scene.make(5))
    }
    await scene.world.run(6_000)
    expect(scene.node.swarm.status().arrivalsShed).toBeGreaterThan(400)
    const tx = scene.make(SMALL)
    scene.announce(stranger, tx)
    scene.send(stranger, tx)
    await scene.world.run(250)
    scene.announce(honest, tx)
    await scene.world.run(6_000)
    expect(scene.asked(honest)).toEqual([tx.name])
    const next = scene.make(SMALL)
    scene.announce(stranger, next)
    await scene.world.settle()
    expect([scene.asked(stranger), stranger.closed]).toEqual([[tx.name, next.name], null])
  })
})

describe('what is announced', () => {
  it('is asked for at once, in one frame, unless it is here already', async () => {
    const { scene, a, b } = await three()
    const [here, ...news] = [scene.publish(LARGE), scene.make(SMALL), scene.make(LARGE)]
    scene.announce(a, here, ...news)
    scene.announce(b, ...news)
    await scene.world.settle()
    expect(a.of('get')).toEqual([{ kind: 'get', ids: news.map(({ id }) => id) }])
    expect(scene.asked(b)).toEqual([])
  })

  it('is asked of the next after 250 ms of silence; the late copy of the first is a duplicate and no offence', async () => {
    const { scene, a, b, c } = await three()
    const tx = scene.make(LARGE)
    for (const peer of [a, b, c]) scene.announce(peer, tx)
    await scene.world.run(249)
    expect([b, c].map((peer) => scene.asked(peer))).toEqual([[], []])
    await scene.world.run(1)
    expect([b, c].map((peer) => scene.asked(peer))).toEqual([[tx.name], []])
    scene.send(b, tx)
    await scene.world.run(10)
    scene.send(a, tx)
    await scene.world.run(60_000)
    const { strikes, duplicatesDropped } = scene.node.swarm.status()
    expect([scene.handled, strikes, duplicatesDropped]).toEqual([[tx.name], {}, 1])
    expect(scene.asked(c)).toEqual([])
    expect([a.closed, scene.node.heard('recovered')]).toEqual([null, []])
    // It sent it in time: it is asked first again.
    const next = scene.make(LARGE)
    scene.announce(a, next)
    await scene.world.settle()
    expect(scene.asked(a)).toEqual([tx.name, next.name])
  })

  it('is asked of the next at once where the first does not have it', async () => {
    const { scene, a, b } = await three()
    const txs = [scene.make(LARGE), scene.make(LARGE)]
    for (const peer of [a, b]) scene.announce(peer, ...txs)
    scene.refuse(a, ...txs)
    await scene.world.settle()
    expect(b.of('get')).toEqual([{ kind: 'get', ids: txs.map(({ id }) => id) }])
  })

  it('is asked of the next at once where the link to the first is lost on the way, and no part of it is handled', async () => {
    const { scene, a, b } = await three()
    const block = scene.make(FRAGMENTED)
    for (const peer of [a, b]) scene.announce(peer, block)
    await scene.world.settle()
    scene.send(a, block, 1)
    await scene.world.settle()
    expect(scene.node.swarm.status().memory.partialBytes).toBe(60_017)
    a.destroy()
    await scene.world.settle()
    expect(scene.asked(b)).toEqual([block.name])
    expect([scene.handled, scene.node.swarm.status().memory.partialBytes]).toEqual([[], 0])
    scene.send(b, block)
    await scene.world.settle()
    expect(scene.handled).toEqual([block.name])
  })

  it('is on its way as long as fragments come', async () => {
    const { scene, a, b } = await three()
    const block = scene.make(FRAGMENTED)
    for (const peer of [a, b]) scene.announce(peer, block)
    await scene.world.run(200)
    scene.send(a, block, 1)
    await scene.world.run(249)
    expect(scene.asked(b)).toEqual([])
    await scene.world.run(60)
    expect(scene.asked(b)).toEqual([block.name])
  })

  it('is asked of masternodes before strangers', async () => {
    const { scene, a, b } = await three()
    const trusted = await scene.peer('masternode')
    const tx = scene.make(LARGE)
    for (const peer of [a, b, trusted]) scene.announce(peer, tx)
    await scene.world.run(250)
    expect([scene.asked(b), scene.asked(trusted)]).toEqual([[], [tx.name]])
  })

  it('and does not come from anybody is given up, which the host hears once', async () => {
    const { scene, a, b } = await three()
    const txs = [scene.make(LARGE), scene.make(LARGE)]
    for (const peer of [a, b]) scene.announce(peer, ...txs)
    await scene.world.run(2_200)
    expect(scene.node.heard('recovered')).toEqual([])
    await scene.world.run(100)
    expect(scene.node.heard('recovered')).toEqual([[SHED(a)]])
    await scene.world.run(60_000)
    expect([scene.node.heard('recovered').length, scene.node.swarm.status().strikes]).toEqual([1, {}])
    // The next who announces it is asked as if nobody had.
    const again = await scene.peer()
    scene.announce(again, ...txs)
    await scene.world.settle()
    expect(scene.asked(again)).toEqual(txs.map(({ name }) => name))
  })

  it('by somebody who let a deadline pass is asked of others first', async () => {
    const { scene, a, b, c } = await three()
    scene.announce(a, scene.make(LARGE))
    await scene.world.run(3_000)
    const tx = scene.make(LARGE)
    for (const peer of [a, b, c]) scene.announce(peer, tx)
    await scene.world.settle()
    expect([a, b, c].map((peer) => scene.asked(peer).includes(tx.name))).toEqual([false, true, false])
    await scene.world.run(250)
    expect([a, b, c].map((peer) => scene.asked(peer).includes(tx.name))).toEqual([false, true, true])
    await scene.world.run(250)
    expect([a, b, c].map((peer) => scene.asked(peer).includes(tx.name))).toEqual([true, true, true])
  })

  it('and was rejected is asked for no more', async () => {
    const { scene, a, b } = await three({}, 'reject')
    const tx = scene.make(SMALL)
    scene.send(a, tx)
    await scene.world.settle()
    scene.announce(b, tx)
    await scene.world.settle()
    expect([scene.handled, scene.asked(b)]).toEqual([[tx.name], []])
  })

  it('as larger than anything that this peer may send is not asked of it', async () => {
    const { scene, a } = await three({ limits: { regular: { messageBytesMax: 30_000 } } })
    const size = 30_000
    scene.announce(a, { ...scene.make(LARGE), size: size + 1 })
    await scene.world.settle()
    expect(scene.asked(a)).toEqual([])
    scene.announce(a, { ...scene.make(LARGE), size })
    await scene.world.settle()
    expect(scene.asked(a).length).toBe(1)
  })
})

describe('a source that lies', () => {
  const lie = (scene: Scene, peer: RawPeer, { id }: { readonly id: Uint8Array }): void => {
    peer.send(FRAME.firstApplication, joinBytes([id, scene.make(LARGE).body]))
  }

  it('and sends another body is struck, and cannot keep the true one away', async () => {
    const { scene, a, b } = await three()
    const tx = scene.make(LARGE)
    for (const peer of [a, b]) scene.announce(peer, tx)
    lie(scene, a, tx)
    await scene.world.run(250)
    expect(scene.node.swarm.status().strikes).toEqual({ 'id-mismatch': 1 })
    expect([scene.handled, scene.asked(b)]).toEqual([[], [tx.name]])
    scene.send(b, tx)
    await scene.world.settle()
    expect(scene.handled).toEqual([tx.name])
  })

  it('nobody asked is struck as well, and who was asked is not forgotten for it', async () => {
    const { scene, a, b, c } = await three()
    const tx = scene.make(LARGE)
    for (const peer of [a, b]) scene.announce(peer, tx)
    lie(scene, c, tx)
    await scene.world.settle()
    expect([scene.node.swarm.status().strikes, scene.asked(b)]).toEqual([{ 'id-mismatch': 1 }, []])
    scene.send(a, tx)
    await scene.world.settle()
    expect(scene.handled).toEqual([tx.name])
  })

  it('is in quarantine soon, where what it announces goes nowhere, and what it asks for it gets all the same', async () => {
    const { scene, b } = await three()
    const liar = await scene.peer('masternode')
    for (let i = 0; i < 3; i++) lie(scene, liar, scene.make(SMALL))
    await scene.world.settle()
    expect(scene.node.heard('peer:quarantine').length).toBe(1)
    const [mine, its] = [scene.publish(LARGE), scene.make(LARGE)]
    scene.announce(liar, its)
    scene.get(liar, mine, its)
    await scene.world.run(500)
    expect([scene.asked(liar), scene.sent(liar), scene.refused(liar)]).toEqual([[], [mine.name], [its.name]])
    // What is known of it is not known through the liar.
    scene.announce(b, its)
    await scene.world.run(500)
    expect([scene.asked(b), scene.asked(liar)]).toEqual([[its.name], []])
    await scene.world.run(60_000)
    const later = scene.make(LARGE)
    scene.announce(liar, later)
    await scene.world.run(250)
    expect(scene.asked(liar)).toEqual([later.name])
  })
})

describe('ids beyond what any peer needs', () => {
  it('are ignored, which the host hears of what it was told; they cost nothing lasting, and are heard again a little later', async () => {
    const scene = await Scene.of()
    const stranger = await scene.peer('unknown')
    const made = (count: number): ReturnType<Scene['make']>[] => Array.from({ length: count }, () => scene.make(SMALL))
    scene.announce(stranger, ...made(1_000))
    await scene.world.settle()
    expect(scene.asked(stranger).length).toBe(1_000)
    scene.get(stranger, ...made(30))
    await scene.world.settle()
    expect(scene.node.heard('recovered')).toEqual([])
    scene.announce(stranger, ...made(30))
    await scene.world.settle()
    expect(scene.node.heard('recovered')).toEqual([[SHED(stranger)]])
    expect([scene.asked(stranger).length, scene.refused(stranger)]).toEqual([1_000, []])
    // They fill again at 200 a second. Of a defaulter nothing is asked at once, and not much.
    await scene.world.run(3_000)
    scene.announce(stranger, ...made(30))
    await scene.world.run(250)
    expect(scene.asked(stranger).length).toBe(1_000 + 16)
    expect([stranger.closed, scene.node.swarm.status().strikes]).toEqual([null, {}])
  })

  it('are no offence of a relay that tells of a thousand messages a second, and a flood where they are very many more', async () => {
    const scene = await Scene.of()
    const stranger = await scene.peer('unknown')
    const frame = encodeFrame(FRAME.inventory, encodeInventory([scene.make(SMALL)]))
    const tell = async (count: number): Promise<void> => {
      for (let at = 0; at < count; at += 1_000) stranger.record(Array.from({ length: 1_000 }, () => frame))
      await scene.world.run(1_000)
    }
    for (let second = 0; second < 60; second++) await tell(1_000)
    expect(stranger.closed).toBe(null)
    for (let second = 0; second < 4; second++) await tell(30_000)
    expect([stranger.told, scene.node.heard('ban')]).toMatchObject([{ code: 'rate-limit' }, []])
  })

  it.each(['inventory', 'get', 'notFound'] as const)(
    'are a flood after half a million in full frames, and sooner of those who call from there after four of them: %s',
    async (kind) => {
      const limits = { unknown: { connectionsPerIpMax: 4 } }
      const scene = await Scene.of({ limits })
      scene.world.network.ipOf = () => '192.0.2.7'
      const made = Array.from({ length: 1_000 }, () => scene.make(SMALL))
      const frame = encodeFrame(
        FRAME[kind],
        kind === 'inventory' ? encodeInventory(made) : encodeIds(made.map(({ id }) => id)),
      )
      /** How many frames a new identity brings until it is cut. */
      const frames = async (): Promise<number> => {
        const stranger = await scene.peer('unknown')
        let count = 0
        for (; count < 1_000 && stranger.told?.code !== 'rate-limit'; count++) {
          stranger.record([frame])
          await scene.world.settle()
        }
        return count
      }
      const counts: number[] = []
      for (let i = 0; i < 8; i++) counts.push(await frames())
      for (const count of counts.slice(0, 3)) expect(Math.abs(count - 524)).toBeLessThan(20)
      for (const count of counts.slice(4)) expect(Math.abs(count - 262)).toBeLessThan(20)
      expect(scene.node.heard('ban')).toEqual([])
    },
  )

  it('keep nobody else from being asked', async () => {
    const scene = await Scene.of()
    const flooder = await scene.peer('masternode')
    for (let i = 0; i < 5; i++) scene.announce(flooder, ...Array.from({ length: 1_000 }, () => scene.make(SMALL)))
    await scene.world.settle()
    expect(scene.asked(flooder).length).toBe(4_096)
    expect(scene.node.heard('recovered')).toEqual([[SHED(flooder)]])
    const honest = await scene.peer()
    const tx = scene.make(SMALL)
    scene.announce(honest, tx)
    await scene.world.settle()
    expect(scene.asked(honest)).toEqual([tx.name])
  })

  it('that nobody asked about are no answer to anything', async () => {
    const { scene, a, b } = await three()
    const tx = scene.make(LARGE)
    scene.announce(a, tx)
    scene.announce(b, tx)
    scene.refuse(b, tx, scene.make(SMALL))
    await scene.world.run(249)
    expect([scene.asked(a), scene.asked(b)]).toEqual([[tx.name], []])
    await scene.world.run(1)
    expect(scene.asked(b)).toEqual([tx.name])
  })
})
