/** What waits for the end of a break, in a swarm, where its sender breaks off, is back, is listed, or waits for no answer any more. */
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/protocol/bytes.js'
import { FRAME } from '../../src/protocol/frame.js'
import { direct, message, request } from '../../src/protocol/message.js'
import { RawPeer } from './raw-peer.js'
import { World } from './world.js'

const Note = direct<string>('note')
const Tx = message<string>('tx')
const Ask = request<string, string>('ask')

/** A node that ten strangers keep busy, and one more. */
async function busy() {
  const world = new World(2)
  const limits = { requestsMax: 8 }
  const node = world.node('a', { perIpLimits: false, limits: { unknown: limits, regular: limits } })
  const heard: string[] = []
  node.swarm.handle(Note, (text) => {
    if (text === 'slow') world.clock.spend(100)
    else heard.push(text)
  })
  node.swarm.respond(Ask, () => 'yes')
  await node.swarm.start()
  const flood = await Promise.all(Array.from({ length: 10 }, async () => RawPeer.connect(world, node)))
  const one = await RawPeer.connect(world, node)
  const say = (peer: RawPeer, text: string): void => {
    peer.send(FRAME.firstApplication, utf8(JSON.stringify(text)))
  }
  for (const peer of flood) for (let i = 0; i < 5; i++) say(peer, 'slow')
  await world.settle()
  const back = async (): Promise<RawPeer> => RawPeer.connect(world, node, { identity: one.identity })
  /** Its link breaks off, and it is listed before it is back, or once it is. */
  const returns = async (when: 'before' | 'once'): Promise<RawPeer> => {
    const list = (): void => {
      node.swarm.masternodes.add(`memory://${one.identity.id}@elsewhere:1`)
    }
    one.destroy()
    await world.settle()
    if (when === 'before') list()
    const again = await back()
    if (when === 'once') list()
    return again
  }
  return { world, node, heard, one, say, back, returns }
}

describe('what a stranger has sent in a break', () => {
  for (const when of ['before', 'once'] as const)
    it(`is heard in its order, though each takes its time, where it is listed ${when} it is back`, async () => {
      const { world, node, one, returns } = await busy()
      const heard: string[] = []
      node.swarm.handle(direct<string>('vote', { serial: true }), async (text) => {
        heard.push(text)
        await new Promise<void>((resolve) => world.clock.wakeAt(world.clock.monotonic() + 1, resolve))
      })
      const vote = (peer: RawPeer, text: string): void => {
        peer.send(FRAME.firstApplication + 2, utf8(JSON.stringify(text)))
      }
      for (const text of ['1', '2', '3']) vote(one, text)
      await world.settle()
      const again = await returns(when)
      for (const text of ['4', '5']) vote(again, text)
      await world.run(10)
      expect(heard).toEqual(['1', '2', '3', '4', '5'])
      await world.stop()
    })

  for (const when of ['before', 'once'] as const)
    it(`is heard first, and in no break, where it is listed ${when} it is back`, async () => {
      const { world, node, heard, one, say, returns } = await busy()
      for (const text of ['1', '2', '3']) say(one, text)
      await world.settle()
      node.swarm.on('peer:connect', () => heard.push('connected'))
      const again = await returns(when)
      await world.settle()
      expect(heard).toEqual(['connected', '1', '2', '3'])
      say(again, '4')
      await world.settle()
      expect(heard).toEqual(['connected', '1', '2', '3', '4'])
      await world.stop()
    })

  it('is heard in no break once its sender is listed and back, a broadcast, too', async () => {
    const { world, node, heard, one, returns } = await busy()
    node.swarm.handle(Tx, (text) => {
      heard.push(text)
      return 'accept'
    })
    one.broadcast(2, 'tx', utf8('"any"'))
    await world.settle()
    expect(heard).toEqual([])
    await returns('before')
    expect(heard).toEqual(['any'])
    await world.stop()
  })

  for (const kind of ['direct', 'broadcast'] as const)
    it(`keeps its order where it is listed, though the first had begun: a ${kind}`, async () => {
      const world = new World(2)
      const node = world.node('a', { perIpLimits: false })
      const heard: string[] = []
      const soon = async (value: unknown): Promise<{ value: string }> =>
        new Promise((resolve) =>
          world.clock.wakeAt(world.clock.monotonic() + 5, () => {
            resolve({ value: value as string })
          }),
        )
      const schema = { '~standard': { version: 1 as const, vendor: 'test', validate: soon } }
      const take = async (text: string): Promise<'accept'> => {
        heard.push(text)
        await new Promise<void>((resolve) => world.clock.wakeAt(world.clock.monotonic() + 1, resolve))
        return 'accept'
      }
      const isDirect = kind === 'direct'
      if (isDirect) node.swarm.handle(direct<string>('vote', { serial: true, schema }), take)
      else node.swarm.handle(message<string>('vote', { serial: true, schema }), take)
      node.swarm.handle(Note, () => {
        world.clock.spend(100)
      })
      await node.swarm.start()
      const [one, flood] = [await RawPeer.connect(world, node), await RawPeer.connect(world, node)]
      const say = (text: string): void => {
        const body = utf8(JSON.stringify(text))
        if (isDirect) one.send(FRAME.firstApplication, body)
        else one.broadcast(0, 'vote', body)
      }
      for (const text of ['1', '2']) say(text)
      await world.settle()
      flood.send(FRAME.firstApplication + 1, utf8('"any"'))
      await world.settle()
      // The schema answers in a break.
      await world.run(1)
      expect(heard).toEqual([])
      node.swarm.masternodes.add(`memory://${one.identity.id}@elsewhere:1`)
      say('3')
      await world.run(50)
      expect(heard).toEqual(['1', '2', '3'])
      await world.stop()
    })

  it('stays in its order where it came from a masternode that is one no more', async () => {
    const world = new World(2)
    const identity = world.identity()
    const node = world.node('a', { masternodes: [`memory://${identity.id}@elsewhere:1`] })
    const heard: unknown[] = []
    const wait = async (ms: number): Promise<void> =>
      new Promise((resolve) => world.clock.wakeAt(world.clock.monotonic() + ms, resolve))
    const validate = async (value: unknown) => {
      await wait(60)
      return { value: value as string }
    }
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate } }
    node.swarm.handle(direct<string>('vote', { serial: true, schema }), async (text) => {
      heard.push(text)
      await wait(100)
    })
    node.swarm.handle(Note, () => {
      world.clock.spend(50)
    })
    await node.swarm.start()
    const [one, stranger] = [
      await RawPeer.connect(world, node, { identity, name: 'elsewhere' }),
      await RawPeer.connect(world, node),
    ]
    for (const text of ['1', '2', '3']) one.send(FRAME.firstApplication, utf8(JSON.stringify(text)))
    await world.settle()
    node.swarm.masternodes.remove(identity.id)
    stranger.send(FRAME.firstApplication + 1, utf8('"any"'))
    await world.run(2_000)
    expect(heard).toEqual(['1', '2', '3'])
    await world.stop()
  })

  it('has its second try in no break, where its handler has failed', async () => {
    const world = new World(2)
    const node = world.node('a')
    const triedAt: number[] = []
    node.swarm.handle(Tx, async () => {
      triedAt.push(world.clock.monotonic())
      world.clock.spend(50)
      await Promise.resolve()
      throw new Error('no database')
    })
    await node.swarm.start()
    const one = await RawPeer.connect(world, node)
    one.broadcast(0, 'tx', utf8('"any"'))
    await world.run(1_000)
    expect(triedAt.length).toBe(2)
    expect((triedAt[1] ?? 0) - (triedAt[0] ?? 0)).toBeGreaterThanOrEqual(100)
    await world.stop()
  })

  it('has its second try where its handler has failed at once', async () => {
    const world = new World(2)
    const node = world.node('a')
    let tries = 0
    node.swarm.handle(Tx, () => {
      tries++
      throw new Error('no database')
    })
    await node.swarm.start()
    const one = await RawPeer.connect(world, node)
    for (const text of ['"one"', '"two"']) one.broadcast(0, 'tx', utf8(text))
    await world.run(1_000)
    expect(tries).toBe(4)
    await world.stop()
  })

  it('keeps no place among its questions once nobody waits for an answer', async () => {
    const { world, one, back } = await busy()
    for (let id = 0; id < 8; id++) one.ask(id, 1, utf8('"?"'))
    await world.settle()
    one.destroy()
    await world.settle()
    const again = await back()
    for (let id = 100; id < 108; id++) again.ask(id, 1, utf8('"?"'))
    await world.run(60_000)
    const told = again.events.filter(({ kind }) => kind === 'response' || kind === 'failure')
    expect(told.map(({ kind }) => kind)).toEqual(new Array<string>(8).fill('response'))
    await world.stop()
  })
})
