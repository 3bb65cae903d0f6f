/** Who brings another's message before it does must not make it wait among strangers' where that one is trusted, nor behind all it has sent itself. */
import { describe, expect, it } from 'vitest'
import type { PeerClass } from '../../src/ports/types.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { message } from '../../src/protocol/message.js'
import type { Verdict } from '../../src/swarm/registry.js'
import { HANDLERS_MAX } from '../../src/swarm/handler-queue.js'
import type { Made } from './propagation-scene.js'
import { Scene, SMALL } from './propagation-scene.js'
import { RawPeer } from './raw-peer.js'
import { World } from './world.js'

interface Body {
  readonly hash: string
  readonly body: string
}

const Keyed = message<Body>('keyed', { id: ({ hash }) => hash })

/** Strangers' messages have all places that they may have, and others wait, the last of which a masternode will bring, too. */
async function busy() {
  const running: ((verdict: Verdict) => void)[] = []
  const scene = await Scene.of({ propagation: 'flood' }, async () => new Promise((resolve) => running.push(resolve)))
  const strangers = await scene.peers(10)
  const masternode = await scene.peer('masternode')
  for (const stranger of strangers) for (let i = 0; i < 10; i++) scene.send(stranger, scene.make(SMALL))
  const [first, second, last] = [strangers[0], strangers.at(-2), strangers.at(-1)]
  if (first === undefined || second === undefined || last === undefined) throw new Error('nobody there')
  const made = scene.make(SMALL)
  scene.send(first, made)
  await scene.world.settle()
  expect(scene.handled).toHaveLength(HANDLERS_MAX * 0.75)
  const next = async (): Promise<Made['name'] | undefined> => {
    running.shift()?.('accept')
    await scene.world.settle()
    return scene.handled.at(-1)
  }
  return { scene, first, second, last, masternode, made, next }
}

/** Forty who tell of it and leave. */
async function comeAndGo(scene: Scene, made: Made): Promise<void> {
  for (let i = 0; i < 40; i++) {
    const ghost = await scene.peer()
    scene.announce(ghost, made)
    await scene.world.settle()
    ghost.destroy()
    await scene.world.settle()
  }
}

describe('a message that waits among strangers', () => {
  it('has a place at once when a masternode brings it', async () => {
    const { scene, masternode, made } = await busy()
    scene.send(masternode, made)
    await scene.world.settle()
    expect(scene.handled.at(-1)).toBe(made.name)
  })

  it('has a place at once when a masternode tells of it', async () => {
    const { scene, masternode, made } = await busy()
    scene.announce(masternode, made)
    await scene.world.settle()
    expect(scene.handled.at(-1)).toBe(made.name)
  })

  it.each([
    ['brings it', ['send', 'send']],
    ['tells of it', ['send', 'announce']],
    ['told of it before it came', ['announce', 'send']],
  ] as const)('has the turn of another stranger that %s', async (_, [one, then]) => {
    const { scene, last, next } = await busy()
    const made = scene.make(SMALL)
    const other = await scene.peer()
    const isFirst = then === 'send' && one === 'announce'
    scene[one](isFirst ? other : last, made)
    await scene.world.settle()
    scene[then](isFirst ? last : other, made)
    await scene.world.settle()
    // Ten strangers have more to be judged, the last of them ten of its own.
    for (let i = 0; i < 11; i++) await next()
    expect(scene.handled).toContain(made.name)
  })

  it('has no turns of those who have left, however many brought it', async () => {
    const { scene, last, next } = await busy()
    const made = scene.make(SMALL)
    scene.send(last, made)
    await scene.world.settle()
    await comeAndGo(scene, made)
    for (let i = 0; i < 50; i++) await next()
    expect(scene.handled).not.toContain(made.name)
  })

  it('has no turns of those who have left when another takes it over', async () => {
    const { scene, last, second, next } = await busy()
    const made = scene.make(SMALL)
    for (const stranger of [last, second]) scene.send(stranger, made)
    await scene.world.settle()
    await comeAndGo(scene, made)
    last.destroy()
    await scene.world.settle()
    for (let i = 0; i < 30; i++) await next()
    expect(scene.handled).not.toContain(made.name)
  })

  it('is next where a masternode’s messages have all other places, though the stranger who brought it leaves', async () => {
    const { scene, first, masternode, made, next } = await busy()
    for (let i = 0; i < HANDLERS_MAX * 0.25; i++) scene.send(masternode, scene.make(SMALL))
    scene.send(masternode, made)
    await scene.world.settle()
    first.destroy()
    await scene.world.settle()
    expect(await next()).toBe(made.name)
  })
})

/** Bodies of one application id, the true one brought by a stranger behind four forged ones, and a backlog behind each of them. */
async function rivals() {
  const world = new World()
  const classes = new Map<string, PeerClass>()
  const node = world.node('node', { authorize: ({ peerId }) => classes.get(peerId) ?? 'regular', propagation: 'flood' })
  const begun: string[] = []
  const running: (() => void)[] = []
  node.swarm.handle(Keyed, async ({ body }) => {
    begun.push(body)
    return new Promise<Verdict>((resolve) => {
      running.push(() => {
        resolve(body.startsWith('true') ? 'accept' : 'ignore')
      })
    })
  })
  await node.swarm.start()
  const strangers = await Promise.all(Array.from({ length: 5 }, async () => RawPeer.connect(world, node)))
  const identity = world.identity()
  classes.set(identity.id, 'masternode')
  const masternode = await RawPeer.connect(world, node, { identity })
  const say = async (peer: RawPeer | undefined, hash: string, body: string): Promise<void> => {
    peer?.broadcast(0, 'keyed', utf8(JSON.stringify({ hash, body })))
    await world.settle()
  }
  const finish = async (): Promise<void> => {
    running.shift()?.()
    await world.settle()
  }
  const flood = async (): Promise<void> => {
    for (const [i, stranger] of strangers.entries())
      for (let n = 0; n < 20; n++) await say(stranger, `${String(i)} ${String(n)}`, 'chaff')
  }
  return { world, node, strangers, masternode, say, finish, flood, begun }
}

describe('a message that waits for others of its application id', () => {
  it('waits for none that has not begun, and no backlog, once a masternode brings it', async () => {
    const { node, strangers, masternode, say, finish, flood, begun } = await rivals()
    for (const [i, body] of ['forged 1', 'forged 2', 'forged 3', 'true'].entries()) await say(strangers[i], 'tx', body)
    await flood()
    // Now the second forged one waits for its turn, behind the chaff.
    await finish()
    expect(begun.filter((body) => body !== 'chaff')).toEqual(['forged 1'])
    await say(masternode, 'tx', 'true')
    expect(begun.filter((body) => body !== 'chaff')).toEqual(['forged 1', 'true'])
    for (let i = 0; i < 200; i++) await finish()
    expect(begun.filter((body) => body !== 'chaff')).toEqual(['forged 1', 'true'])
    expect(node.swarm.status()).toMatchObject({ inFlight: 0, memory: { inFlightBytes: 0 } })
  })

  it('is heard where a masternode’s own other body is none, after that one', async () => {
    const { strangers, masternode, say, finish, flood, begun } = await rivals()
    for (const [i, body] of ['forged', 'true'].entries()) await say(strangers[i], 'tx', body)
    await flood()
    await finish()
    await say(masternode, 'tx', 'mistaken')
    for (let i = 0; i < 200 && !begun.includes('true'); i++) await finish()
    expect(begun.filter((body) => body !== 'chaff')).toEqual(['forged', 'mistaken', 'true'])
  })

  it.each([1, 2, 3])(
    'is done with once, where %i others of it are accepted too, and wait among a backlog',
    async (others) => {
      const { node, strangers, masternode, say, finish, flood, begun } = await rivals()
      for (let i = 0; i <= others; i++) await say(strangers[i], 'tx', `true ${String(i)}`)
      await say(masternode, 'tx', 'true')
      await flood()
      for (let i = 0; i < 200; i++) await finish()
      expect(begun.filter((body) => body !== 'chaff')).toEqual(['true 0'])
      expect(node.swarm.status()).toMatchObject({ inFlight: 0, memory: { inFlightBytes: 0 } })
    },
  )

  it.each([1, 2, 3])(
    'is done with once, where it waits itself until a masternode tells of it, beside %i others',
    async (others) => {
      const { node, strangers, masternode, say, finish, flood, begun } = await rivals()
      for (let i = 0; i <= others; i++) await say(strangers[i], 'tx', `true ${String(i)}`)
      await flood()
      await finish()
      for (let i = others; i > 0; i--) await say(masternode, 'tx', `true ${String(i)}`)
      for (let i = 0; i < 200; i++) await finish()
      expect(begun.filter((body) => body !== 'chaff')).toEqual(['true 0'])
      expect(node.swarm.status()).toMatchObject({ inFlight: 0, memory: { inFlightBytes: 0 } })
    },
  )

  it('takes no place of the trusted for one that only strangers have', async () => {
    const { strangers, masternode, say, finish, flood, begun } = await rivals()
    const [first, forger] = strangers
    const ids = Array.from({ length: HANDLERS_MAX * 0.25 }, (_, i) => `tx ${String(i)}`)
    for (const id of ids) await say(first, id, 'first')
    for (const id of ids) await say(forger, id, 'forged')
    await flood()
    for (let i = 0; i < ids.length; i++) await finish()
    const before = begun.length
    for (const id of ids) await say(masternode, id, 'true')
    expect(begun.slice(before)).toEqual(ids.map(() => 'true'))
  })

  it('waits for no backlog of those who brought the ones before it, where who brings it has none', async () => {
    const { world, node, strangers, say, finish, flood, begun } = await rivals()
    for (const [i, body] of ['forged 1', 'forged 2'].entries()) await say(strangers[i + 3], 'tx', body)
    await flood()
    await say(await RawPeer.connect(world, node), 'tx', 'true')
    // The second forged one has twenty before it, but its rival comes after one of each.
    for (let i = 0; i < 15; i++) await finish()
    expect(begun.filter((body) => body !== 'chaff')).toEqual(['forged 1', 'forged 2'])
  })

  it('is not kept out by who has brought another and brings it first', async () => {
    const { strangers, say, finish, begun } = await rivals()
    const [forger, liar, honest] = strangers
    const chaff = async (name: string): Promise<void> => {
      for (let i = 0; i < HANDLERS_MAX * 0.5; i++) await say(forger, `${name} ${String(i)}`, 'chaff')
    }
    await chaff('before')
    await say(forger, 'tx', 'forged 1')
    await say(liar, 'tx', 'forged 2')
    await chaff('after')
    await say(liar, 'tx', 'true')
    await say(honest, 'tx', 'true')
    for (let i = 0; i < HANDLERS_MAX * 2 && !begun.includes('true'); i++) await finish()
    expect(begun.filter((body) => body !== 'chaff')).toEqual(['forged 1', 'forged 2', 'true'])
  })

  it('finds a place though forgers came and went before it', async () => {
    const { world, node, say, finish, begun } = await rivals()
    for (let i = 1; i <= 6; i++) {
      const forger = await RawPeer.connect(world, node)
      await say(forger, 'tx', `forged ${String(i)}`)
      forger.destroy()
      await world.settle()
    }
    await say(await RawPeer.connect(world, node), 'tx', 'true')
    for (let i = 0; i < 6; i++) await finish()
    expect(begun).toEqual(['forged 1', 'true'])
    expect(node.swarm.status().inFlight).toBe(0)
  })

  it('waits for a forged one that never answers once, though a masternode brings it', async () => {
    const { world, masternode, strangers, say, begun } = await rivals()
    await say(strangers[0], 'tx', 'forged')
    await say(masternode, 'tx', 'true')
    await world.run(10_500)
    expect(begun).toEqual(['forged', 'true'])
  })

  it('is judged as soon where the masternode brings it before it is anybody’s turn', async () => {
    const { strangers, masternode, say, finish, flood, begun } = await rivals()
    for (const [i, body] of ['forged 1', 'forged 2'].entries()) await say(strangers[i], 'tx', body)
    await flood()
    await finish()
    await say(masternode, 'tx', 'true')
    expect(begun.filter((body) => body !== 'chaff')).toEqual(['forged 1', 'true'])
  })

  it('keeps its place among what the masternode has sent, though the stranger that brought it first leaves', async () => {
    const world = new World(5)
    const identity = world.identity()
    const node = world.node('a', { masternodes: [`memory://${identity.id}@elsewhere:1`] })
    const heard: string[] = []
    node.swarm.handle(message<string>('block', { serial: true }), async (text): Promise<Verdict> => {
      heard.push(text)
      await new Promise<void>((resolve) => world.clock.wakeAt(world.clock.monotonic() + 100, resolve))
      return 'accept'
    })
    await node.swarm.start()
    const stranger = await RawPeer.connect(world, node)
    const trusted = await RawPeer.connect(world, node, { identity, name: 'elsewhere' })
    const say = async (peer: RawPeer, ...texts: readonly string[]): Promise<void> => {
      for (const text of texts) peer.broadcast(0, 'block', utf8(JSON.stringify(text)))
      await world.settle()
    }
    await say(trusted, '0')
    await say(stranger, '1')
    await say(trusted, '1', '2', '3')
    stranger.destroy()
    await world.run(1_000)
    expect(heard).toEqual(['0', '1', '2', '3'])
    await world.stop()
  })
})
