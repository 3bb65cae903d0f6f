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
  return { world, node, heard, one, say, back }
}

describe('what a stranger has sent in a break', () => {
  for (const when of ['before', 'once'])
    it(`is heard first, and in no break, where it is listed ${when} it is back`, async () => {
      const { world, node, heard, one, say, back } = await busy()
      for (const text of ['1', '2', '3']) say(one, text)
      await world.settle()
      one.destroy()
      await world.settle()
      const list = (): void => {
        node.swarm.masternodes.add(`memory://${one.identity.id}@elsewhere:1`)
      }
      if (when === 'before') list()
      node.swarm.on('peer:connect', () => heard.push('connected'))
      const again = await back()
      if (when === 'once') list()
      await world.settle()
      expect(heard).toEqual(['connected', '1', '2', '3'])
      say(again, '4')
      await world.settle()
      expect(heard).toEqual(['connected', '1', '2', '3', '4'])
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
