/** What a node does for a peer that wants more than its class may have, and what it does for everybody else meanwhile. */
import { describe, expect, it } from 'vitest'
import { joinBytes, utf8 } from '../../src/protocol/bytes.js'
import { encodeFrame, FRAME } from '../../src/protocol/frame.js'
import { encodeNames } from '../../src/protocol/hello.js'
import { broadcastId, direct, message, request } from '../../src/protocol/message.js'
import { varintBytes } from '../../src/protocol/varint.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import type { RawOptions } from './raw-peer.js'
import { RawPeer } from './raw-peer.js'
import type { Node } from './world.js'
import { World } from './world.js'

const News = message<string>('news')
const Note = direct<string>('note')
const Ask = request<string, string>('ask')
const Again = request<string, number>('again')
const json = (text: string): Uint8Array => utf8(JSON.stringify(text))
const MINUTE = 60_000
const masternode: Partial<SwarmOptions> = { authorize: () => 'masternode' }

interface Scene {
  readonly world: World
  readonly node: Node
  /** What its handler was called with, in order. */
  readonly heard: string[]
  /** Sends so many broadcasts that nobody has seen, of a few bytes each. */
  readonly gossip: (peer: RawPeer, count: number) => void
}

async function scene(options: Partial<SwarmOptions> = {}): Promise<Scene> {
  const world = new World()
  world.network.ipOf = () => '192.0.2.7'
  const node = world.node('node', options)
  const heard: string[] = []
  node.swarm.handle(News, (text) => {
    heard.push(text)
    return 'ignore'
  })
  node.swarm.handle(Note, (text) => {
    heard.push(`note ${text}`)
  })
  node.swarm.respond(Ask, (text) => text)
  await node.swarm.start()
  let made = 0
  const gossip = (peer: RawPeer, count: number): void => {
    for (let i = 0; i < count; i++) peer.broadcast(0, 'news', json(String(made++)))
  }
  return { world, node, heard, gossip }
}

/** Comes for half a minute, sends, and leaves; so many times. @returns what was handled by the end of each half minute */
async function comings(scene: Scene, times: number, options: () => RawOptions): Promise<number[]> {
  const { world, node, heard, gossip } = scene
  const counts: number[] = []
  for (let i = 0; i < times; i++) {
    const peer = await RawPeer.connect(world, node, options())
    gossip(peer, 600)
    await world.run(MINUTE / 2)
    peer.destroy()
    await world.settle()
    counts.push(heard.length)
  }
  return counts
}

describe('a stranger who brings more than a stranger may', () => {
  it('is heard at 100 a minute after the first 100, and told nothing', async () => {
    const { world, node, heard, gossip } = await scene()
    const peer = await RawPeer.connect(world, node)
    gossip(peer, 1_500)
    await world.settle()
    expect(heard.length).toBe(100)
    await world.run(MINUTE)
    expect(heard.length).toBe(200)
    await world.run(5 * MINUTE)
    expect(heard.length).toBe(700)
    expect(heard).toEqual(Array.from(heard, (_, i) => String(i)))
    expect([peer.closed, node.heard('ban'), node.heard('recovered')]).toEqual([null, [], []])
  })

  it('gets no more by hanging up and calling again', async () => {
    const all = await scene()
    const identity = all.world.identity()
    expect(await comings(all, 6, () => ({ identity }))).toEqual([150, 200, 250, 300, 350, 400])
    expect(all.node.heard('ban')).toEqual([])
  })

  it('gets four times that, and no more, by a new name each time', async () => {
    const all = await scene()
    const counts = await comings(all, 12, () => ({}))
    expect(counts.slice(0, 2)).toEqual([150, 300])
    for (const [i, count] of counts.entries()) expect(count).toBeLessThanOrEqual(400 + 200 * (i + 1))
  })

  it('leaves nothing behind that would be heard when it is gone', async () => {
    const { world, node, heard, gossip } = await scene()
    const peer = await RawPeer.connect(world, node)
    gossip(peer, 500)
    await world.settle()
    peer.destroy()
    await world.settle()
    const again = await RawPeer.connect(world, node, { identity: peer.identity })
    again.broadcast(0, 'news', json('back'))
    await world.run(10 * MINUTE)
    expect(heard.slice(100)).toEqual(['back'])
  })

  it('keeps nobody waiting for what others bring as well', async () => {
    const { world, node, heard, gossip } = await scene({ limits: { unknown: { connectionsPerIpMax: 4 } } })
    const flooder = await RawPeer.connect(world, node)
    gossip(flooder, 150)
    await world.settle()
    const other = await RawPeer.connect(world, node)
    for (let i = 140; i < 150; i++) other.broadcast(0, 'news', json(String(i)))
    await world.settle()
    expect(heard.slice(100)).toEqual(Array.from({ length: 10 }, (_, i) => String(140 + i)))
    // What the flooder still had waiting and the other has brought since costs it nothing.
    await world.run(24_000)
    expect(heard.length).toBe(150)
    gossip(flooder, 2)
    await world.run(1_200)
    expect(heard.length).toBe(152)
  })

  it('is heard in the order in which it spoke, whatever it sends', async () => {
    const { world, node, heard } = await scene()
    const sender = await world.started('sender')
    await world.connect(sender, node)
    const peer = sender.swarm.peer(node.swarm.id)
    for (let i = 0; i < 99; i++) sender.swarm.broadcast(News, String(i))
    peer?.send(Note, 'first')
    peer?.send(Note, 'second')
    sender.swarm.broadcast(News, 'third')
    const answer = peer?.request(Ask, 'fourth')
    await world.settle()
    expect(heard.slice(99)).toEqual(['note first'])
    await world.run(1_800)
    expect(heard.slice(99)).toEqual(['note first', 'note second', 'third'])
    await world.run(600)
    expect(await answer).toBe('fourth')
  })

  it('pays twice for what makes no sense', async () => {
    const limits = { masternode: { firstCopiesBurst: 10, firstCopiesPerSecMax: 1 } }
    const { world, node, heard, gossip } = await scene({ ...masternode, limits })
    const peer = await RawPeer.connect(world, node)
    for (const text of ['no', 'nor']) peer.broadcast(0, 'news', utf8(text))
    gossip(peer, 8)
    await world.settle()
    expect(node.swarm.status().strikes).toEqual({ undecodable: 2 })
    expect(heard.length).toBe(6)
    await world.run(2_000)
    expect(heard.length).toBe(8)
  })

  it('loses nothing that waits when another link takes over', async () => {
    const { world, node, heard } = await scene()
    const sender = await world.started('sender')
    await world.connect(sender, node)
    for (let i = 0; i < 150; i++) sender.swarm.broadcast(News, String(i))
    await world.settle()
    world.network.pairs[0]?.break('dialler')
    await world.run(1_000)
    await world.connect(sender, node)
    await world.run(40_000)
    expect(world.network.openPairs.length).toBe(1)
    expect(heard.length).toBe(150)
  })

  it('is not answered what it asked on a link that is gone', async () => {
    const { world, node } = await scene()
    let asked = 0
    node.swarm.respond(Again, () => ++asked)
    const sender = await world.started('sender')
    await world.connect(sender, node)
    for (let i = 0; i < 110; i++) sender.swarm.broadcast(News, String(i))
    const answer = sender.swarm.peer(node.swarm.id)?.request(Again, 'x').catch(String)
    await world.settle()
    world.network.pairs[0]?.break('dialler')
    await world.run(1)
    await world.connect(sender, node)
    await world.run(30_000)
    expect(await answer).toContain('lost')
    expect([asked, node.swarm.status().memory.inFlightBytes]).toEqual([0, 0])
    expect(world.network.openPairs.length).toBe(1)
  })

  it('has a line of 4,096, beyond which the host is told that something is missing', async () => {
    const { world, node, heard, gossip } = await scene({ limits: { unknown: { messageBytesMax: 1_048_576 } } })
    const peer = await RawPeer.connect(world, node)
    gossip(peer, 100 + 4_096)
    await world.settle()
    expect(node.heard('recovered')).toEqual([])
    gossip(peer, 50)
    peer.ask(1, 2, json('x'))
    await world.settle()
    expect(node.heard('recovered')).toEqual([{ peerId: peer.identity.id, cause: 'shed', gapMs: 0 }].map((gap) => [gap]))
    expect(peer.of('failure')).toEqual([{ kind: 'failure', id: 1, text: 'too-many-requests' }])
    await world.run(90 * MINUTE)
    expect(heard.length).toBe(100 + 4_096)
  })

  it('gets back the credit of what was turned away once nobody waits any more', async () => {
    const { world, node, gossip } = await scene({ limits: { unknown: { messageBytesMax: 1_048_576 } } })
    const peer = await RawPeer.connect(world, node)
    for (let i = 0; i < 4; i++) gossip(peer, 3_000)
    await world.settle()
    const granted = (): number => peer.of('window').reduce((sum, { bytes }) => sum + bytes, 0)
    expect(granted()).toBe(0)
    for (let i = 0; i < 300; i++) peer.broadcast(0, 'news', json(String(i).padStart(5_000, '-')))
    await world.run(84 * MINUTE)
    expect(granted()).toBeGreaterThan(1_500_000)
  })
})

describe('a stranger that owes, and is listed', () => {
  it('has its credit at once', async () => {
    const { world, node } = await scene({ limits: { unknown: { bytesPerSecMax: 1_000 } } })
    const peer = await RawPeer.connect(world, node)
    for (let i = 0; i < 10; i++) peer.broadcast(0, 'news', json(String(i).padStart(10_000)))
    await world.settle()
    expect(peer.of('window')).toEqual([])
    node.swarm.masternodes.add(`memory://${peer.identity.id}@raw:1`)
    await world.settle()
    expect(peer.of('window').length).toBe(1)
  })
})

describe('what has been brought before', () => {
  it('costs a stranger 128 bytes beside its own each time, and a masternode nothing', async () => {
    for (const peerClass of ['unknown', 'masternode'] as const) {
      const limits = { [peerClass]: { bytesPerSecMax: 500_000, messageBytesMax: 65_536 } }
      const { world, node, gossip } = await scene({ limits, authorize: () => peerClass })
      const peer = await RawPeer.connect(world, node)
      gossip(peer, 1)
      await world.settle()
      const body = json('0')
      const copy = encodeFrame(FRAME.firstApplication, joinBytes([broadcastId('news', body, world.crypto), body]))
      // As fast as credit comes back, a thousand in a record.
      let sent = 0
      for (let tick = 0; tick < 20; tick++) {
        const left = 131_000 + peer.of('window').reduce((sum, { bytes }) => sum + bytes, 0) - sent * copy.length
        for (let count = Math.floor(left / copy.length); count > 0; count -= 1_000) {
          peer.record(Array.from({ length: Math.min(count, 1_000) }, () => copy))
          sent += Math.min(count, 1_000)
        }
        await world.run(100)
      }
      const bytesEach = (4 * 500_000) / sent
      expect(peer.closed, peerClass).toBe(null)
      if (peerClass === 'unknown') expect(bytesEach).toBeGreaterThan(100)
      else expect(bytesEach).toBeLessThan(30)
    }
  })
})

describe('what takes long to read', () => {
  for (const kind of ['direct', 'message', 'request'] as const)
    it(`is owed by a stranger like bytes, and by a masternode not, as a ${kind}`, async () => {
      for (const isTrusted of [false, true]) {
        const world = new World()
        const codec = {
          encode: (text: string) => utf8(text),
          decode: () => {
            world.clock.freeze(45)
            return 'read'
          },
        }
        const node = world.node('node', isTrusted ? masternode : {})
        if (kind === 'direct') node.swarm.handle(direct('slow', { codec }), () => undefined)
        else if (kind === 'message') node.swarm.handle(message('slow', { codec }), () => 'ignore')
        else node.swarm.respond(request('slow', { codec }), () => 'x')
        await node.swarm.start()
        const peer = await RawPeer.connect(world, node)
        const granted = (): number => peer.of('window').reduce((sum, { bytes }) => sum + bytes, 0)
        // Of a quarter of the window and more, credit comes back at once.
        const [count, size] = isTrusted ? [100, 30_000] : [10, 4_000]
        for (let i = 0; i < count; i++) {
          const body = utf8(String(i).padEnd(size))
          if (kind === 'direct') peer.send(FRAME.firstApplication, body)
          else if (kind === 'message') peer.broadcast(0, 'slow', body)
          else peer.ask(i, 0, body)
          await world.settle()
        }
        expect(granted() > 0).toBe(isTrusted)
        await world.run(3_000)
        if (!isTrusted) expect(granted()).toBeGreaterThan(32_000)
        await world.stop()
      }
    })
})

describe('four strangers behind one IP', () => {
  it('are each heard as if they were alone', async () => {
    const { world, node, heard, gossip } = await scene({ limits: { unknown: { connectionsPerIpMax: 4 } } })
    const peers = await Promise.all([1, 2, 3, 4].map(async () => RawPeer.connect(world, node)))
    for (const peer of peers) gossip(peer, 300)
    await world.settle()
    expect(heard.length).toBe(400)
    await world.run(MINUTE)
    expect(heard.length).toBe(800)
  })
})

describe('an honest relay', () => {
  it('at 1,000 a second is never throttled below the 200 that it is the first to bring', async () => {
    const { world, node, heard } = await scene({
      authorize: ({ peerId }) => (peerId === fast ? 'masternode' : 'regular'),
    })
    const identity = world.identity()
    const fast = identity.id
    const others = await RawPeer.connect(world, node, { identity })
    const relay = await RawPeer.connect(world, node)
    let made = 0
    for (let tick = 0; tick < 200; tick++) {
      const all = Array.from({ length: 100 }, () => json(String(made++).padStart(200)))
      for (const tx of all.slice(20)) others.broadcast(0, 'news', tx)
      await world.settle()
      for (const tx of all) relay.broadcast(0, 'news', tx)
      await world.settle()
      expect(heard.length).toBe(made)
      await world.run(100)
    }
    expect([relay.closed, others.closed]).toEqual([null, null])
  })
})

describe('a masternode that floods', () => {
  it('is heard at its rate after its burst, and keeps its link, while others are heard at once', async () => {
    const { world, node, heard, gossip } = await scene({
      ...masternode,
      limits: { masternode: { firstCopiesPerSecMax: 500, firstCopiesBurst: 5_000 } },
    })
    const flooder = await RawPeer.connect(world, node)
    const other = await RawPeer.connect(world, node)
    gossip(flooder, 5_800)
    gossip(other, 10)
    await world.settle()
    expect(heard.length).toBe(5_010)
    await world.run(1_000)
    expect(heard.length).toBe(5_510)
    await world.run(1_000)
    expect(heard.length).toBe(5_810)
    expect(flooder.closed).toBe(null)
  })
})

describe('frames of the protocol that nobody asked for', () => {
  const crumb = (peer: RawPeer): void => {
    peer.send(FRAME.window, varintBytes(1))
  }
  const frames: Readonly<Record<string, (peer: RawPeer) => void>> = {
    pings: (peer) => {
      peer.send(FRAME.ping, new Uint8Array(6))
    },
    pongs: (peer) => {
      peer.send(FRAME.pong, new Uint8Array(6))
    },
    'questions for peers': (peer) => {
      peer.send(FRAME.getPeers, new Uint8Array(0))
    },
    gaps: (peer) => {
      peer.send(FRAME.gap, new Uint8Array(0))
    },
    'lists of no names': (peer) => {
      peer.send(FRAME.types, new Uint8Array(0))
    },
    'frames of a later version': (peer) => {
      peer.send(40, new Uint8Array(9))
    },
    'answers to nothing': (peer) => {
      peer.send(FRAME.response, Uint8Array.of(9, 0))
    },
    'failures of nothing': (peer) => {
      peer.send(FRAME.failure, Uint8Array.of(9))
    },
    'withdrawals of nothing': (peer) => {
      peer.send(FRAME.cancel, Uint8Array.of(9))
    },
    'crumbs of credit': crumb,
    'credit that nobody used': (peer) => {
      peer.send(FRAME.window, varintBytes(5_000))
    },
  }

  it.each(Object.keys(frames))('end the link by name when they are a flood, and are no offence: %s', async (name) => {
    const { world, node } = await scene()
    const peer = await RawPeer.connect(world, node, { names: [{ kind: 'message', name: 'news' }] })
    node.swarm.broadcast(News, 'x'.repeat(4_000))
    const send = (count: number): void => {
      for (let i = 0; i < count; i++) frames[name]?.(peer)
    }
    send(500)
    await world.settle()
    expect(peer.closed).toBe(null)
    send(20)
    await world.settle()
    expect(peer.told).toMatchObject({ code: 'rate-limit', retryAfterMs: MINUTE, cause: 'control frames' })
    expect([node.heard('ban'), node.swarm.status().strikes]).toEqual([[], {}])
    // Calling again renews nothing.
    const again = await RawPeer.connect(world, node, { identity: peer.identity, epoch: 2 })
    for (let i = 0; i < 20; i++) frames[name]?.(again)
    await world.settle()
    expect(again.told).toMatchObject({ code: 'rate-limit' })
  })

  it('are ignored before they are a flood', async () => {
    const { world, node } = await scene()
    const peer = await RawPeer.connect(world, node)
    for (let i = 0; i < 400; i++) frames.pings?.(peer)
    await world.settle()
    // The answer to the node's own ping was asked for.
    expect(peer.of('pong').length).toBe(256)
    // Names are learned all the same: what they name could not be said later.
    peer.send(FRAME.types, encodeNames([{ kind: 'message', name: 'news' }]))
    await world.settle()
    expect(node.swarm.broadcast(News, 'x').queued).toBe(1)
    await world.run(25_000)
    frames.pings?.(peer)
    await world.settle()
    expect(peer.of('pong').length).toBe(257)
  })

  it('end the link of a masternode, too, that has gone mad, but for ten seconds', async () => {
    const { world, node } = await scene(masternode)
    const peer = await RawPeer.connect(world, node)
    for (let i = 0; i < 2_000; i++) frames.pings?.(peer)
    await world.settle()
    expect(peer.told).toMatchObject({ code: 'rate-limit', retryAfterMs: 10_000 })
    expect([node.heard('ban').length, peer.of('pong').length <= 256]).toEqual([0, true])
  })

  it('are not what comes too late: answers to questions that were given up', async () => {
    const { world, node } = await scene()
    const peer = await RawPeer.connect(world, node, { names: [{ kind: 'request', name: 'ask' }] })
    const handle = node.swarm.peer(peer.identity.id)
    for (let round = 0; round < 4; round++) {
      const asked = Array.from({ length: 200 }, async () => handle?.request(Ask, 'x', { timeoutMs: 10 }).catch(String))
      await world.run(20)
      await Promise.all(asked)
    }
    for (const { id } of peer.of('request')) peer.send(FRAME.response, Uint8Array.of(...varintBytes(id), 0))
    await world.settle()
    expect(peer.of('request').length).toBe(800)
    for (let i = 0; i < 200; i++) frames.pings?.(peer)
    await world.settle()
    expect([peer.closed, peer.of('pong').length]).toEqual([null, 200])
  })

  it('are not the grants of a receiver that is sent much', async () => {
    const { world, node, heard } = await scene({ limits: { unknown: { firstCopiesBurst: 2_000 } } })
    const sender = await world.started('sender')
    await world.connect(sender, node)
    for (let i = 0; i < 1_200; i++) {
      sender.swarm.broadcast(News, String(i).padStart(60_000))
      await world.run(100)
    }
    expect(heard.length).toBe(1_200)
    expect([sender.heard('peer:disconnect'), sender.swarm.status().closed]).toEqual([[], {}])
  })
})
