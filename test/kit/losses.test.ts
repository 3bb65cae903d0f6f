/** Workers that throw, crash, end, hang or never start: what becomes of the calls, and of the pool. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { WorkerPool } from '../../src/kit/index.js'
import { failure, Gate, HandClock, outcome, Stage, times } from './stage.js'

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

/** All of what is given, called in one turn. */
async function all(pool: WorkerPool<unknown, unknown>, deeds: readonly string[]): Promise<readonly unknown[]> {
  return Promise.all(deeds.map((deed) => outcome(pool.run({ do: deed, value: 'fine' }))))
}

describe('a worker that ends', () => {
  it.each([
    ['exit', 'the worker has exited with code 3'],
    ['crashMeanwhile', 'meanwhile'],
    ['memory', 'Worker terminated due to reaching memory limit: JS heap out of memory'],
  ])('by %s loses the item that it worked on, and no other', async (deed, cause) => {
    const { pool } = await stage.held({ heapMiB: 16 })
    expect(await all(pool, ['echo', 'echo', deed, 'echo', 'echo'])).toEqual([
      'fine',
      'fine',
      failure('worker-lost', cause),
      'fine',
      'fine',
    ])
    expect(pool.status()).toMatchObject({ threads: 1, lost: 1, lastLoss: expect.any(Error) as Error })
  })

  it('is replaced as often as it takes, and nobody else is lost over it', async () => {
    const pool = stage.open('items')
    await pool.run({ do: 'echo' })
    const lost = failure('worker-lost', 'the worker has exited with code 3')
    expect(await all(pool, ['exit', 'echo', 'exit', 'exit', 'echo'])).toEqual([lost, 'fine', lost, lost, 'fine'])
    expect(pool.status()).toMatchObject({ lost: 3 })
  })

  it('gives what it had begun back to the head of the line', async () => {
    const { pool } = await stage.held({ batchMax: 2 })
    const order: string[] = []
    const calls = ['exit', 'first', 'second', 'third'].map(async (value) => {
      await outcome(pool.run({ do: value === 'exit' ? 'exit' : 'echo', value }))
      order.push(value)
    })
    await Promise.all(calls)
    expect(order).toEqual(['exit', 'first', 'second', 'third'])
  })

  it('over nothing that it was working on is tried once more with the same items', async () => {
    const { pool, clock } = await stage.held()
    const lost = failure('worker-lost', 'the worker has exited with code 5')
    expect(await all(pool, ['echo', 'exitAfter'])).toEqual([lost, lost])
    expect(pool.status()).toMatchObject({ lost: 2 })
    // The second of them has not answered anything, and its successor waits a little.
    clock.advance(50)
    expect(await pool.run({ do: 'echo', value: 'next' })).toBe('next')
  })

  it('while it has nothing to do is replaced when there is something', async () => {
    const { pool } = await stage.held()
    expect(await pool.run({ do: 'crash' })).toBe('before')
    await untilLost(pool, 1)
    expect(pool.status()).toMatchObject({ threads: 0, lost: 1 })
    expect(await pool.run({ do: 'echo', value: 'again' })).toBe('again')
  })

  it('does not take what was withdrawn to the next one', async () => {
    const { pool, gate, clock } = await stage.held({ itemMs: 400 })
    const controller = new AbortController()
    const counted = ['first', 'second'].map((value) => pool.run({ do: 'count', value }, { signal: controller.signal }))
    const [hangs, behind] = ['hang', 'echo'].map((deed) => outcome(pool.run({ do: deed, value: 'behind' })))
    const [gone, ...late] = ['gone', 'late'].map((value) => {
      const signal = value === 'gone' ? controller.signal : undefined
      return pool.run({ do: 'count', value }, signal === undefined ? {} : { signal })
    })
    await gate.reached()
    controller.abort('enough')
    await Promise.all([...counted, gone].map((call) => expect(call).rejects.toBe('enough')))
    expect(pool.status()).toMatchObject({ working: 3 })
    for (let look = 0; look < 5; look++) clock.advance(100)
    expect(await Promise.all([hangs, behind, ...late])).toEqual([
      failure('worker-timeout', 'the worker stood still for 400 ms'),
      'behind',
      'late',
    ])
    // The first two had been begun before anybody hung, the third had not.
    expect(gate.counted).toBe(3)
  })
})

describe('a worker that hangs', () => {
  it('is ended after four looks without progress, and whoever waited behind it is served', async () => {
    const { pool, gate, clock } = await stage.held({ itemMs: 400 })
    const hangs = outcome(pool.run({ do: 'hang' }))
    const behind = times(3, (value) => pool.run({ do: 'echo', value }))
    await gate.reached()
    // The first look sees that it has begun.
    for (let look = 0; look < 4; look++) clock.advance(100)
    expect(pool.status()).toMatchObject({ working: 4, lost: 0 })
    clock.advance(100)
    expect(pool.status()).toMatchObject({ working: 0, waiting: 3, lost: 1 })
    expect(await hangs).toEqual(failure('worker-timeout', 'the worker stood still for 400 ms'))
    expect(await Promise.all(behind)).toEqual([0, 1, 2])
  })

  it('is not ended for a time in which the whole process stood still', async () => {
    const { pool, gate, clock } = await stage.held({ itemMs: 400 })
    const holds = pool.run({ do: 'hold', value: 'held' })
    await gate.reached()
    clock.advance(100)
    clock.advance(3_600_000)
    expect(pool.status()).toMatchObject({ working: 1, lost: 0 })
    gate.open()
    expect(await holds).toBe('held')
  })

  it('is watched only while it works', async () => {
    const { pool, gate, clock } = await stage.held({ itemMs: 400 })
    expect(clock.armed).toBe(0)
    const holds = pool.run({ do: 'hold' })
    await gate.reached()
    expect(clock.armed).toBe(1)
    gate.open()
    await holds
    expect(clock.armed).toBe(0)
  })
})

describe('a worker that stands still between two items', () => {
  it('is ended after four looks as well, and what it was given goes to the next', async () => {
    const { pool, gate, clock } = await stage.held({ itemMs: 400 })
    // Looks at an item before it, and numbers that it left, count for nothing.
    const held = pool.run({ do: 'hold' })
    await gate.reached()
    for (let look = 0; look < 4; look++) clock.advance(100)
    gate.open()
    await held
    gate.close()
    expect(await pool.run({ do: 'block', value: 'answered' })).toBe('answered')
    await gate.reached()
    const call = pool.run({ do: 'echo', value: 'by the next' })
    await Promise.resolve()
    for (let look = 0; look < 3; look++) clock.advance(100)
    expect(pool.status()).toMatchObject({ working: 1, lost: 0 })
    clock.advance(100)
    expect(pool.status()).toMatchObject({ working: 0, lost: 1 })
    expect(await call).toBe('by the next')
  })
})

describe('a worker that does not start', () => {
  it.each([
    ['broken', 'no start'],
    ['silent', 'the worker has exited with code 0'],
    ['missing', expect.stringContaining('Cannot find module')],
  ])('because it is %s fails whoever waits, with the reason', async (name, cause) => {
    const pool = stage.open(name)
    const calls = times(3, () => outcome(pool.run('x')))
    expect(await Promise.all(calls)).toEqual([0, 1, 2].map(() => failure('worker-lost', cause)))
    expect(pool.status()).toMatchObject({ threads: 0, waiting: 0, lost: 1 })
  })

  it('because its data cannot be cloned fails whoever waits', async () => {
    const pool = stage.open('items', { workerData: () => 1 })
    expect(await outcome(pool.run('x'))).toMatchObject({ code: 'worker-lost' })
    expect(pool.status()).toMatchObject({ threads: 0, lost: 1 })
  })

  it('in time is ended', async () => {
    const { clock } = await stage.held()
    const pool = stage.open('idle', { clock, startMs: 1_000 })
    const call = outcome(pool.run('x'))
    await Promise.resolve()
    for (let look = 0; look < 3; look++) clock.advance(250)
    expect(pool.status()).toMatchObject({ threads: 1, waiting: 1 })
    clock.advance(250)
    expect(await call).toEqual(failure('worker-lost', 'the worker did not begin to serve for 1000 ms'))
  })

  it('in time is not taken for one that serves when it says so at last', async () => {
    const [gate, clock] = [new Gate(), new HandClock()]
    const pool = stage.open('items', { workerData: gate.shared, clock, startMs: 1_000 })
    const call = outcome(pool.run({ do: 'echo' }))
    await Promise.resolve()
    gate.standUntilServing()
    for (let look = 0; look < 4; look++) clock.advance(250)
    expect(await call).toMatchObject({ code: 'worker-lost' })
    clock.advance(50)
    expect(await pool.run({ do: 'echo', value: 'the next' })).toBe('the next')
    expect(pool.status()).toMatchObject({ threads: 1, lost: 1 })
  })

  it('fails nobody while another one serves', async () => {
    const [gate, clock] = [new Gate(), new HandClock()]
    const pool = stage.open('once', { workerData: gate.shared, clock, threadsMax: 2 })
    const held = pool.run({ do: 'hold', value: 'held' })
    await gate.reached()
    const waits = pool.run({ do: 'echo', value: 'waited' })
    await Promise.resolve()
    clock.advance(20)
    await untilLost(pool, 1)
    expect(pool.status()).toMatchObject({ threads: 1, working: 1, waiting: 1 })
    gate.open()
    expect(await Promise.all([held, waits])).toEqual(['held', 'waited'])
  })

  it('before whoever asked for it has left is watched no longer than that', async () => {
    const { clock } = await stage.held()
    const pool = stage.open('verify', { clock })
    const controller = new AbortController()
    const call = outcome(pool.run('good', { signal: controller.signal }))
    await Promise.resolve()
    expect(clock.armed).toBe(1)
    controller.abort('left')
    await call
    while (clock.armed > 0) await new Promise((resolve) => setImmediate(resolve))
    expect(pool.status()).toMatchObject({ threads: 1, lost: 0 })
  })

  it('is not started again at once, but later and later, up to a second', async () => {
    const { clock } = await stage.held()
    const pool = stage.open('broken', { clock })
    await outcome(pool.run('x'))
    for (const delayMs of [50, 100, 200, 400, 800, 1_000, 1_000]) {
      const { lost } = pool.status()
      const call = outcome(pool.run('x'))
      await Promise.resolve()
      clock.advance(delayMs - 1)
      await Promise.resolve()
      expect(pool.status()).toMatchObject({ threads: 0, waiting: 1, lost })
      clock.advance(1)
      await Promise.resolve()
      expect(pool.status()).toMatchObject({ threads: 1, waiting: 1, lost })
      expect(await call).toMatchObject({ code: 'worker-lost' })
    }
  })
})

describe('close', () => {
  it('settles what waits and what is worked on, ends every thread, and can be had again', async () => {
    const { pool, gate, clock } = await stage.held({ threadsMax: 2 })
    const works = outcome(pool.run({ do: 'hang' }))
    await gate.reached()
    const waits = outcome(pool.run({ do: 'echo' }))
    await Promise.resolve()
    // A worker is watched, and a start is planned.
    expect(clock.armed).toBe(2)
    const closing = pool.close()
    expect(pool.close()).toBe(closing)
    const shut = failure('shutdown', undefined)
    expect([await works, await waits]).toEqual([shut, shut])
    await closing
    expect(pool.status()).toMatchObject({ threads: 0, waiting: 0, working: 0, lost: 0 })
    expect(clock.armed).toBe(0)
    expect(await outcome(pool.run({ do: 'echo' }))).toEqual(failure('not-running', undefined))
  })

  it('ends a worker that has not begun to serve', async () => {
    const pool = stage.open('idle', { clock: new HandClock() })
    const waits = outcome(pool.run('x'))
    await Promise.resolve()
    expect(pool.status()).toMatchObject({ threads: 1 })
    await pool.close()
    expect(await waits).toMatchObject({ code: 'shutdown' })
    expect(pool.status()).toMatchObject({ threads: 0, lost: 0 })
  })

  it('calls off the start that a failed one put off', async () => {
    const clock = new HandClock()
    const pool = stage.open('broken', { clock })
    await outcome(pool.run('x'))
    const waits = outcome(pool.run('x'))
    await Promise.resolve()
    expect([pool.status().threads, clock.armed]).toEqual([0, 1])
    await pool.close()
    expect(await waits).toMatchObject({ code: 'shutdown' })
    expect(clock.armed).toBe(0)
  })

  it('happens at the end of a scope', async () => {
    const scope = async (): Promise<WorkerPool<unknown, unknown>> => {
      await using pool = stage.open('verify')
      expect(await pool.run('good')).toBe(true)
      return pool
    }
    expect((await scope()).status()).toMatchObject({ threads: 0 })
  })
})

async function untilLost(pool: WorkerPool<unknown, unknown>, count: number): Promise<void> {
  while (pool.status().lost < count) await new Promise((resolve) => setImmediate(resolve))
}
