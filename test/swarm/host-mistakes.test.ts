/** What a host may get wrong, and what it is told. */
import { describe, expect, it } from 'vitest'
import { createIdentity, peerIdOf } from '../../src/index.js'
import { workerPool } from '../../src/kit/index.js'
import { BackoffPolicy } from '../../src/policy/backoff.js'
import { Blacklist } from '../../src/policy/blacklist.js'
import { DedupCache } from '../../src/policy/dedup.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import { direct, message, request } from '../../src/protocol/message.js'
import type { TrustedDirectory } from '../../src/ports/discovery.js'
import type { Storage } from '../../src/ports/storage.js'
import { swarmLab } from '../../src/testing/index.js'
import { tcp } from '../../src/transports/tcp.js'
import { webSocket } from '../../src/transports/websocket.js'
import { settlePromises, World } from './world.js'

const never = async (): Promise<never> => Promise.reject(new Error('EIO'))

describe('a mistake of the host', () => {
  it('in a storage whose methods are asynchronous and reject is an error each time, and no end of the process', async () => {
    const world = new World()
    const names = ['peers', 'bans', 'scores']
    const empty: Storage['load'] = (_, { loaded }) => {
      loaded(null)
    }
    for (const [load, what] of [
      [never, 'cannot be read, and is not written over'],
      [empty, 'cannot be saved'],
    ] as const) {
      const node = world.node('a', { storage: { load, save: never } })
      const starting = node.swarm.start()
      await settlePromises()
      await starting
      const stopping = node.swarm.stop()
      await settlePromises()
      await stopping
      expect(node.heard('error').map(([{ message }]) => message)).toEqual(names.map((name) => `${name} ${what}`))
    }
  })

  it('in a backoff that throws or rejects waits a minute each time, and no end of the process', async () => {
    const fail = (): never => {
      throw new Error('no')
    }
    for (const backoff of [fail, never as never]) {
      const world = new World()
      const node = await world.started('a', { backoff, masternodes: [world.node('b').address] })
      await world.run(150_000)
      const failures = node.heard('dial:failed').map(([{ retryInMs }]) => retryInMs)
      expect(failures.slice(0, 2)).toEqual([60_000, 60_000])
      await world.stop()
    }
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
      [{ limits: { stranger: {} } }, 'there is no option limits.stranger'],
      [{ limits: 5 }, 'limits must be an object'],
      [{ healing: { foo: true } }, 'there is no option healing.foo'],
      [{ healing: { giveUp: 1 } }, 'healing.giveUp must be'],
      [{ protocol: { version: 1, minVersion: 1, max: 2 } }, 'there is no option protocol.max'],
      [{ masternodes: [undefined] }, 'masternodes[0]: an address must be text'],
      [{ seeds: ['tcp://192.0.2.1:1', 'seed.example'] }, 'seeds[1]: the address "seed.example" is not of the form'],
    ]
    for (const [options, message] of wrong) expect(() => world.node('a', options), message).toThrow(message)
    const { swarm } = world.node('b')
    expect(() => {
      swarm.masternodes.add(null as never)
    }).toThrow('an address must be text, and not null')
  })

  it('in the name of an option is told wherever there are options, and not taken for a default', () => {
    const { swarm } = new World().node('a')
    const wrong: [() => unknown, string][] = [
      [() => message('m', { ids: String } as never), 'message.ids'],
      [() => direct('d', { id: String } as never), 'direct.id'],
      [() => request('r', { maxBytse: 1 } as never), 'request.maxBytse'],
      [() => new BackoffPolicy({ master: {} } as never), 'backoff.master'],
      [() => new BackoffPolicy({ regular: { first: 1 } } as never), 'backoff.regular.first'],
      [() => new Blacklist({ banms: 1 } as never), 'blacklist.banms'],
      [() => new DedupCache({ size: 1 } as never), 'dedup.size'],
      [() => new PeerStore({ size: 1 } as never), 'peerStore.size'],
      [() => swarmLab({ seed: 1, masternodes: 0, node: 5 } as never), 'swarmLab.node'],
      [() => swarm.ban('192.0.2.1', { for: 1_000 } as never), 'ban.for'],
      [() => tcp({ keepAlive: 1 } as never), 'tcp.keepAlive'],
      [() => webSocket({ timeoutMs: 1 } as never), 'webSocket.timeoutMs'],
      [() => workerPool('file:///a.js', { threads: 1 } as never), 'workerPool.threads'],
    ]
    for (const [run, name] of wrong) expect(run, name).toThrow(`there is no option ${name}`)
    expect(() => message('m', null as never)).toThrow('message must be an object, but was null')
  })

  it('in the name of an option of a call is told, and nothing is done', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    const News = message<number>('news')
    const Ask = request<number, number>('ask')
    b.swarm.respond(Ask, (n) => n)
    a.swarm.masternodes.add(b.address)
    await world.settle()
    const peer = a.swarm.peer(b.swarm.id)
    const wrong: [() => unknown, string][] = [
      [() => a.swarm.masternodes.remove(b.swarm.id, { revoke: true } as never), 'remove.revoke'],
      [() => a.swarm.broadcast(News, 1, { too: 'masternode' } as never), 'broadcast.too'],
      [async () => peer?.request(Ask, 1, { timeout: 5 } as never), 'request.timeout'],
      [async () => peer?.drain({ sgnal: null } as never), 'drain.sgnal'],
      [async () => a.swarm.drain({ sgnal: null } as never), 'drain.sgnal'],
      [async () => a.swarm.dial(b.address, { sgnal: null } as never), 'dial.sgnal'],
      [async () => a.swarm.once('ban', { sgnal: null } as never), 'once.sgnal'],
      [() => a.swarm.events('ban', { sgnal: null } as never), 'events.sgnal'],
    ]
    for (const [run, name] of wrong)
      await expect((async () => run())(), name).rejects.toThrow(`there is no option ${name}`)
    expect(() => a.swarm.masternodes.remove(b.swarm.id, { revoked: 'no' } as never)).toThrow(
      'revoked must be true or false',
    )
    await expect((async () => peer?.request(Ask, 1, 500 as never))()).rejects.toThrow('request must be an object')
    expect(a.swarm.masternodes.has(b.swarm.id)).toBe(true)
    await world.stop()
  })

  it('in what is no definition, no function, no codec, no schema, nobody or no time is told at once', async () => {
    const world = new World()
    const { swarm } = await world.started('a')
    const wrong: [() => unknown, string][] = [
      [() => message('m', { codec: { encode: String } as never }), 'codec must be an object with methods'],
      [() => message('m', { schema: { parse: String } as never }), 'schema must be a Standard Schema'],
      [() => message('m', { id: 'hash' as never }), 'id must be a function'],
      [
        () => {
          swarm.handle(message('m'), undefined as never)
        },
        'the handler of m must be a function',
      ],
      [
        () => {
          swarm.handle('m' as never, () => 'accept' as const)
        },
        'the definition must be what message() or direct() makes, but was "m"',
      ],
      [() => swarm.broadcast(message('m'), new Uint8Array(1), { to: 'masternodes' as never }), 'to must be a list'],
      [() => swarm.ban('192.0.2.1', { forMs: '5' as never }), 'forMs must be a number above 0'],
      [() => swarmLab({ seed: 1.5, masternodes: 0 }), 'seed must be an integer'],
      [
        () => {
          swarmLab({ seed: 1, masternodes: 0 }).run(Number.NaN)
        },
        'ms must be a number from 0',
      ],
    ]
    for (const [run, text] of wrong) expect(run, text).toThrow(text)
    await expect(swarm.stop({ backIn: 5 } as never)).rejects.toThrow('there is no option stop.backIn')
    // Nothing of it was taken: the name is still free.
    swarm.handle(message('m'), () => 'accept')
    await world.stop()
  })

  it('in what is no text, no event or no signal is told by name', async () => {
    const world = new World()
    const { a, b } = await world.pair()
    const Ask = request<undefined>('ask')
    b.swarm.respond(Ask, () => 1)
    a.swarm.masternodes.add(b.address)
    await world.settle()
    const { swarm } = a
    const wrong: [() => unknown, string][] = [
      [() => message(5 as never), 'name must be 1 to 32 bytes of text, but was 5'],
      [() => swarm.ban(undefined as never), 'key must be a peer id'],
      [() => swarm.ban('192.0.2.1', { cause: 5 as never }), 'cause must be text'],
      [() => swarm.explain(undefined as never), 'not a peer id'],
      [() => swarm.on('partition:suspect' as never, () => undefined), 'event must be one of listening'],
      [() => swarm.on('ban', null as never), 'the listener to ban must be a function'],
      [async () => swarm.once('toString' as never), 'event must be one of listening'],
      [async () => swarm.events('bans' as never).next(), 'event must be one of listening'],
      [async () => swarm.once('ban', { signal: 5 as never }), 'signal must be an object'],
      [async () => swarm.dial(b.address, { signal: {} as never }), 'signal must be an object'],
      [async () => swarm.drain({ signal: null as never }), 'signal must be an object'],
      [async () => swarm.peer(b.swarm.id)?.request(Ask, undefined, { signal: 5 as never }), 'signal must be an object'],
    ]
    for (const ms of ['2000', true, [5]] as never[])
      wrong.push(
        [async () => swarm.peer(b.swarm.id)?.request(Ask, undefined, { timeoutMs: ms }), 'timeoutMs must be a number'],
        [async () => swarm.stop({ backInMs: ms }), 'backInMs must be a number'],
      )
    for (const [run, text] of wrong) await expect((async () => run())(), text).rejects.toThrow(text)
    expect(swarm.unban(undefined as never)).toBe(false)
    await world.stop()
  })

  it('in a peer id of a configuration is told where that is read', () => {
    const { id } = createIdentity()
    expect(peerIdOf(id)).toBe(id)
    for (const text of ['', id.slice(1), `${id.slice(0, 54)}${id.endsWith('a') ? 'b' : 'a'}`, 5 as never])
      expect(() => peerIdOf(text)).toThrow('not a peer id, or mistyped')
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
