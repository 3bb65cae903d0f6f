/** What becomes of a payload whose schema takes its time: it keeps its place for ten seconds, and nobody is blamed. */
import type { StandardSchemaV1 } from '@standard-schema/spec'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { direct, message, request } from '../../src/protocol/message.js'
import { Agenda } from '../../src/swarm/agenda.js'
import type { Decoded } from '../../src/swarm/payload.js'
import { decodePayload, whenDecoded } from '../../src/swarm/payload.js'
import { ManualClock } from './manual-clock.js'
import { RawPeer } from './raw-peer.js'
import { settlePromises, World } from './world.js'

const DECODE_MS = 10_000

type Validate = (value: unknown) => StandardSchemaV1.Result<number> | Promise<StandardSchemaV1.Result<number>>

const schemaOf = (validate: Validate): StandardSchemaV1<unknown, number> => ({
  '~standard': { version: 1, vendor: 'test', validate },
})
/** A schema that answers once it is told to. */
function slowSchema() {
  const waiting: ((result: StandardSchemaV1.Result<number>) => void)[] = []
  const schema = schemaOf(
    async () =>
      new Promise((resolve) => {
        waiting.push(resolve)
      }),
  )
  return { schema, waiting }
}

const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value))
const codes = (errors: readonly (readonly [HoldfastError])[]): string[] => errors.map(([{ code }]) => code)

describe('decoding', () => {
  it('gives a view only of memory with nothing behind it: a host may give that away', () => {
    const { format, name } = direct('d')
    const record = new Uint8Array(10_000)
    const encoded = format.codec.encode(new Uint8Array(9_000).fill(7))
    const viewOf = (at: number): boolean => {
      record.set(encoded, at)
      const decoded = decodePayload({ name, format: format }, record.subarray(at, at + encoded.length), true)
      if (decoded instanceof Promise || decoded.kind !== 'value') throw new Error('not decoded')
      const value = decoded.value as Uint8Array
      expect([value.length, value[0]]).toEqual([9_000, 7])
      return value.buffer === record.buffer
    }
    expect([viewOf(record.length - encoded.length), viewOf(record.length - encoded.length - 1)]).toEqual([true, false])
  })

  it('asks for a promise what any thenable would say', async () => {
    const kinds = async (result: unknown): Promise<string> => {
      const schema = schemaOf(
        () =>
          ({
            then: (run: (value: unknown) => void) => {
              run(result)
            },
          }) as never,
      )
      return (await decodePayload(direct('d', { schema }), json(1))).kind
    }
    expect(await kinds({ value: 1 })).toBe('value')
    expect(await kinds({ issues: [{ message: 'no' }] })).toBe('schema-violation')
  })

  it('calls back once, with what comes first: the answer or the deadline', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 2 * DECODE_MS }), async (afterMs) => {
        const clock = new ManualClock()
        const agenda = new Agenda(clock)
        const heard: Decoded[] = []
        let answer = (): void => undefined
        const decoding = new Promise<Decoded>((resolve) => {
          answer = () => {
            resolve({ kind: 'value', value: 1 })
          }
        })
        const begunAt = clock.monotonic()
        whenDecoded('slow', decoding, agenda, (decoded) => {
          heard.push(decoded)
        })
        clock.advanceTo(begunAt + afterMs)
        answer()
        await settlePromises()
        expect(heard.map(({ kind }) => kind)).toEqual([afterMs < DECODE_MS ? 'value' : 'unjudged'])
        expect(agenda.size).toBe(0)
        clock.advanceTo(begunAt + 3 * DECODE_MS)
        expect(heard.length).toBe(1)
      }),
    )
  })
})

describe('a schema that fails', () => {
  const failing: Readonly<Record<string, Validate>> = {
    throws: () => {
      throw new TypeError('a fault of ours')
    },
    rejects: async () => Promise.reject(new TypeError('a fault of ours')),
    'answers nothing': () => undefined as never,
    'comes to nothing': async () => Promise.resolve(undefined as never),
  }
  for (const [how, validate] of Object.entries(failing))
    it(`because it ${how} is told to the host, and nobody is blamed, whatever came`, async () => {
      const world = new World()
      const schema = schemaOf(validate)
      const a = world.node('a')
      a.swarm.handle(message<number>('m', { schema }), () => 'accept')
      a.swarm.handle(direct<number>('d', { schema }), () => undefined)
      a.swarm.respond(request<number, number>('q', { schema }), () => 1)
      await a.swarm.start()
      const b = await world.started('b')
      await world.connect(b, a)
      b.swarm.broadcast(message<number>('m'), 1)
      b.swarm.peer(a.swarm.id)?.send(direct<number>('d'), 1)
      const asked = b.swarm.peer(a.swarm.id)?.request(request<number, number>('q'), 1)
      const answer = expect(asked).rejects.toMatchObject({ code: 'request-failed' })
      await world.settle()
      await answer
      expect(codes(a.heard('error'))).toEqual(['schema-failed', 'schema-failed', 'schema-failed'])
      expect(a.heard('error').map(([{ message: text }]) => text.split(' ').at(3))).toEqual(['m', 'd', 'q'])
      expect(a.swarm.status()).toMatchObject({ inFlight: 0 })
      expect(a.swarm.status().strikes).toEqual({})
      expect(a.swarm.status().verdicts).toEqual({})
      expect(b.swarm.peers.size).toBe(1)
    })

  it('on an answer is told to whoever asked, and the peer is not blamed', async () => {
    const world = new World()
    const a = await world.started('a')
    const b = await world.started('b')
    a.swarm.respond(request<undefined, number>('q'), () => 1)
    await world.connect(b, a)
    const answerSchema = schemaOf(() => {
      throw new TypeError('a fault of ours')
    })
    const asked = b.swarm.peer(a.swarm.id)?.request(request<undefined, number>('q', { answerSchema }), undefined)
    const answer = expect(asked).rejects.toMatchObject({ code: 'schema-failed', fault: 'local' })
    await world.settle()
    await answer
    expect(b.swarm.status().strikes).toEqual({})
  })
})

describe("an application's own id", () => {
  it('that throws or is no text is found out by whoever broadcasts, and nothing is sent', async () => {
    const world = new World()
    const a = await world.started('a')
    for (const id of [() => 7, () => undefined, () => (undefined as unknown as { id: string }).id]) {
      const wrong = message<number>('m', { id: id as never })
      expect(() => a.swarm.broadcast(wrong, 1)).toThrow(
        expect.objectContaining({ code: 'invalid-payload', message: 'the payload of m has no id' }) as Error,
      )
    }
    // Nothing is remembered of it either.
    expect(a.swarm.broadcast(message<number>('m'), 1).queued).toBe(0)
  })

  it('that is no text makes what came undecodable', async () => {
    const world = new World()
    const a = world.node('a')
    const seen: number[] = []
    a.swarm.handle(message<{ n: number }>('m', { id: ({ n }) => n as unknown as string }), ({ n }) => {
      seen.push(n)
      return 'accept'
    })
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.broadcast(0, 'm', json({ n: 1 }))
    await world.settle()
    expect([seen, a.swarm.status().strikes]).toEqual([[], { undecodable: 1 }])
  })
})

describe('a schema that never answers', () => {
  it('holds a broadcast for ten seconds; then it is as if it had never come, and it may come again', async () => {
    const world = new World()
    const { schema, waiting } = slowSchema()
    const a = world.node('a')
    const seen: number[] = []
    a.swarm.handle(message<number>('m', { schema }), (n) => {
      seen.push(n)
      return 'accept'
    })
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.broadcast(0, 'm', json(1))
    await world.run(DECODE_MS - 1)
    expect([codes(a.heard('error')), a.swarm.status().inFlight]).toEqual([[], 1])
    await world.run(1)
    expect(codes(a.heard('error'))).toEqual(['decode-timeout'])
    expect(a.heard('error')[0]?.[0].message).toContain('schema of m')
    expect(a.swarm.status()).toMatchObject({ inFlight: 0 })
    expect(a.swarm.status().strikes).toEqual({})
    expect(a.swarm.status().verdicts).toEqual({})
    waiting[0]?.({ value: 1 })
    await world.settle()
    expect(seen).toEqual([])
    raw.broadcast(0, 'm', json(1))
    await world.settle()
    waiting[1]?.({ value: 2 })
    await world.settle()
    expect([seen, a.swarm.status().verdicts]).toEqual([[2], { accept: 1 }])
    expect(raw.closed).toBe(null)
  })

  it('takes no handler place of broadcasts for longer than that', async () => {
    const world = new World()
    const { schema, waiting } = slowSchema()
    const a = world.node('a')
    a.swarm.handle(message<number>('m', { schema }), () => 'accept')
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    for (let n = 0; n < 49; n++) raw.broadcast(0, 'm', json(n))
    await world.run(DECODE_MS - 1)
    expect(waiting.length).toBe(48)
    await world.run(1)
    expect(waiting.length).toBe(49)
  })

  it('takes no handler place of direct messages for longer than that, and gives their credit back', async () => {
    const world = new World()
    const { schema, waiting } = slowSchema()
    const Slow = direct<number>('slow', { schema, serial: true })
    const a = world.node('a')
    const seen: number[] = []
    a.swarm.handle(Slow, (n) => {
      seen.push(n)
    })
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    // Credit comes by the quarter of the window: two of these make one.
    const credited = (): boolean => raw.of('window').length > 0
    for (let n = 0; n < 2; n++) raw.send(64, json('x'.repeat(30_000)))
    raw.send(64, json(2))
    await world.run(DECODE_MS - 1)
    expect(waiting.length).toBe(1)
    await world.run(1)
    expect([waiting.length, credited(), codes(a.heard('error'))]).toEqual([2, false, ['decode-timeout']])
    await world.run(DECODE_MS)
    expect([waiting.length, credited()]).toEqual([3, true])
    waiting[2]?.({ value: 2 })
    await world.settle()
    expect([seen, a.swarm.status().strikes]).toEqual([[2], {}])
  })

  it('answers a question with a failure, and frees its place', async () => {
    const world = new World()
    const { schema, waiting } = slowSchema()
    const a = world.node('a')
    a.swarm.respond(request<number, number>('ask', { schema }), (n) => n)
    await a.swarm.start()
    const raw = await RawPeer.connect(world, a)
    raw.ask(7, 0, json(1))
    await world.run(DECODE_MS - 1)
    expect(raw.of('failure')).toEqual([])
    await world.run(1)
    expect(raw.of('failure').map(({ id, text }) => [id, text])).toEqual([[7, 'decode-timeout']])
    expect([codes(a.heard('error')), a.swarm.status().strikes]).toEqual([['decode-timeout'], {}])
    raw.ask(7, 0, json(2))
    await world.settle()
    waiting[1]?.({ value: 2 })
    await world.settle()
    expect(raw.of('response').map(({ id }) => id)).toEqual([7])
  })

  it('fails the question whose answer it was to judge, and the link stays', async () => {
    const world = new World()
    const { schema } = slowSchema()
    const Ask = request<number, number>('ask', { answerSchema: schema })
    const a = world.node('a')
    a.swarm.respond(Ask, (n) => n)
    await a.swarm.start()
    const b = await world.started('b')
    await world.connect(b, a)
    const told: string[] = []
    b.swarm
      .peer(a.swarm.id)
      ?.request(Ask, 1)
      .catch((error: unknown) => {
        told.push((error as HoldfastError).code)
      })
    await world.run(DECODE_MS - 1)
    expect(told).toEqual([])
    await world.run(1_000)
    expect([told, b.swarm.status().strikes, b.heard('peer:disconnect')]).toEqual([['decode-timeout'], {}, []])
  })
})
