/** What a host does with the kit: options, a worker of its own, a program that ends, and handlers of a swarm. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { HoldfastError } from '../../src/errors.js'
import { createIdentity, message, Swarm } from '../../src/index.js'
import { serve, serveBatch, workerPool } from '../../src/kit/index.js'
import { MemoryNetwork, memory } from '../../src/transports/memory.js'
import { Stage } from './stage.js'

let stage: Stage
beforeAll(() => {
  stage = new Stage()
})
afterEach(async () => {
  await stage.close()
})
afterAll(() => {
  stage.clear()
})

describe('workerPool', () => {
  it.each([
    ['threadsMax', 0, 65],
    ['batchMax', 0, 1_025],
    ['waitingMax', 0, 1_048_577],
    ['itemMs', 99, 3_600_001],
    ['startMs', 99, 600_001],
    ['heapMiB', 15, 65_537],
  ])('refuses %s out of its bounds by name', (name, below, beyond) => {
    const file = stage.worker('verify')
    for (const given of [below, beyond, below + 1.5, '2' as unknown as number])
      expect(() => workerPool(file, { [name]: given })).toThrow(
        expect.objectContaining({ code: 'invalid-option', message: expect.stringContaining(name) as string }),
      )
    for (const given of [below + 1, beyond - 1]) expect(() => workerPool(file, { [name]: given })).not.toThrow()
  })

  it.each(['./worker.js', 'https://example.com/worker.js', undefined as unknown as string])(
    'refuses %s, which is no file: URL',
    (file) => {
      expect(() => workerPool(file)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    },
  )

  it('takes a URL as text', async () => {
    await using pool = workerPool<string, boolean>(stage.worker('verify').href)
    expect(await Promise.all(['good', 'bad'].map((text) => pool.run(text)))).toEqual([true, false])
  })
})

describe('serve', () => {
  it('is for workers', () => {
    for (const call of [serve, serveBatch])
      expect(() => {
        call(() => [])
      }).toThrow(expect.objectContaining({ code: 'not-running' }))
  })

  it('is called once', async () => {
    expect(await stage.open('twice').run('x')).toBe('already-defined')
  })
})

describe('a program', () => {
  it('waits for what it has asked, and ends although its pool is open', async () => {
    const ended = await new Promise<{ code: number | null; out: string }>((resolve) => {
      const child = execFile(process.execPath, [fileURLToPath(stage.worker('program'))], (_error, out) => {
        resolve({ code: child.exitCode, out })
      })
    })
    expect(ended).toEqual({ code: 0, out: 'not-running\ntrue\n[ true, false ]\n' })
  })
})

describe('a handler', () => {
  it('accepts and rejects by what a worker says, and blames nobody for what ends one', async () => {
    const Text = message<string>('text')
    const pool = stage.open('verify')
    const network = new MemoryNetwork()
    const open = (name: string, seed: number): Swarm =>
      new Swarm({
        network: 'TEST',
        preset: 'loopback',
        identity: createIdentity(new Uint8Array(32).fill(seed)),
        transports: [memory(network)],
        listen: [`memory://${name}:1`],
      })
    await using anna = open('anna', 1)
    await using ben = open('ben', 2)
    const errors: HoldfastError[] = []
    const judged = new Map<string, unknown>()
    const done = new Promise<void>((resolve) => {
      const note = (text: string, what: unknown): void => {
        judged.set(text, what)
        if (judged.size === 3 && errors.length === 2) resolve()
      }
      ben.on('error', (error) => {
        errors.push(error)
        note('poison', (error.cause as HoldfastError).code)
      })
      ben.handle(Text, async (text, { signal }) => {
        const verdict = (await pool.run(text, { signal })) === true ? 'accept' : 'reject'
        note(text, verdict)
        return verdict
      })
    })
    await anna.start()
    await ben.start()
    await anna.dial(ben.addresses[0] ?? '')
    for (const text of ['poison', 'good', 'bad']) anna.broadcast(Text, text)
    await done
    expect(Object.fromEntries(judged)).toEqual({ poison: 'worker-lost', good: 'accept', bad: 'reject' })
    expect(errors.map(({ code }) => code)).toEqual(['handler-failed', 'handler-failed'])
    // What the last handler has said, the swarm hears later in this turn.
    await new Promise((resolve) => setImmediate(resolve))
    expect(ben.status().strikes).toEqual({ rejected: 1 })
    expect(pool.status()).toMatchObject({ lost: 2 })
  })
})
