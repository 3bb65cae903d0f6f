/** What a host may get wrong, and what it is told. */
import { describe, expect, it } from 'vitest'
import { request } from '../../src/protocol/message.js'
import type { TrustedDirectory } from '../../src/ports/discovery.js'
import type { Storage } from '../../src/ports/storage.js'
import { settlePromises, World } from './world.js'

const never = async (): Promise<never> => Promise.reject(new Error('EIO'))

describe('a mistake of the host', () => {
  it('in a storage whose methods are asynchronous and reject is an error each time, and no end of the process', async () => {
    const world = new World()
    const storage: Storage = { load: never, save: never }
    const node = world.node('a', { storage })
    const starting = node.swarm.start()
    await settlePromises()
    await starting
    expect(node.heard('error').map(([{ message }]) => message)).toEqual([
      'peers cannot be read',
      'bans cannot be read',
      'scores cannot be read',
    ])
    const stopping = node.swarm.stop()
    await settlePromises()
    await stopping
    expect(node.heard('error')).toHaveLength(6)
  })

  it('in a directory that rejects, answers with a list, or cannot be called off does not outlive that answer', async () => {
    const wrong: TrustedDirectory['list'][] = [
      never as never,
      (() => ['tcp://10.0.0.1:1']) as never,
      () => () => {
        throw new Error('already over')
      },
    ]
    for (const list of wrong) {
      const world = new World()
      const node = await world.started('a', { directory: { list } })
      await settlePromises()
      await world.run(31_000)
      expect(node.heard('error').map(([{ code }]) => code)).toEqual(['directory-failed'])
      await world.stop()
      expect(node.swarm.status().state).toBe('stopped')
      expect(world.clock.armed).toBe(0)
    }
  })

  it('in a number of milliseconds is refused before anything happens', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    const peer = b.swarm.peers.get(a.swarm.id)
    for (const timeoutMs of [Number.NaN, 0, -1, Infinity, 'soon' as never])
      await expect(peer?.request(request('ask'), undefined, { timeoutMs })).rejects.toMatchObject({
        code: expect.stringMatching(/invalid-option|type-not-accepted/) as string,
      })
    for (const backInMs of [Number.NaN, -1, Infinity, 1e300]) {
      await expect(a.swarm.stop({ backInMs })).rejects.toMatchObject({ code: 'invalid-option' })
      expect(a.swarm.status().state).toBe('running')
    }
    await world.stop()
  })

  it('in an option is named', () => {
    const world = new World()
    const wrong: [object, string][] = [
      [{ blacklist: {} }, 'blacklist must be an object with a method check'],
      [{ dedup: {} }, 'dedup must be'],
      [{ peerStore: 7 }, 'peerStore must be'],
      [{ backoff: 5 }, 'backoff must be'],
      [{ limits: { stranger: {} } }, 'there is no class limits.stranger'],
      [{ healing: { foo: true } }, 'there is no option healing.foo'],
      [{ healing: { giveUp: 1 } }, 'healing.giveUp must be'],
      [{ masternodes: [undefined] }, 'an address must be text'],
    ]
    for (const [options, message] of wrong) expect(() => world.node('a', options), message).toThrow(message)
    const { swarm } = world.node('b')
    expect(() => {
      swarm.masternodes.add(null as never)
    }).toThrow('an address must be text, and not null')
  })

  it('leaves no timer behind where a question is asked with a bad one', async () => {
    const world = new World()
    const a = world.node('a')
    const ask = request<undefined>('ask')
    a.swarm.respond(ask, () => 1)
    await a.swarm.start()
    const b = await world.started('b')
    await world.connect(b, a)
    await expect(
      b.swarm.peers.get(a.swarm.id)?.request(ask, undefined, { timeoutMs: Number.NaN }),
    ).rejects.toMatchObject({ code: 'invalid-option' })
    await world.stop()
    expect(world.clock.armed).toBe(0)
  })
})
