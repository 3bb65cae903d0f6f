/** Pools of real worker threads. Time is the tests' own wherever a deadline is what is looked at. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { failure, Gate, HandClock, outcome, Stage, times } from './stage.js'

interface Deed {
  readonly do: string
  readonly value?: unknown
  readonly bytes?: Uint8Array
}

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

describe('a pool', () => {
  it('starts nothing before it is needed, and one thread for what one can do', async () => {
    const pool = stage.open('items', { threadsMax: 4, clock: new HandClock() })
    expect(pool.status()).toEqual({ threads: 0, waiting: 0, working: 0, lost: 0, lastLoss: null })
    const calls = times(100, (value) => pool.run({ do: 'echo', value }))
    expect(pool.status()).toMatchObject({ threads: 0, waiting: 100 })
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(pool.status()).toEqual({ threads: 1, waiting: 0, working: 0, lost: 0, lastLoss: null })
  })

  it('waits for answers that are promises', async () => {
    const { pool } = await stage.held()
    const calls = ['later', 'reject', 'echo'].map((deed) => pool.run({ do: deed, value: 'x' }))
    expect(await Promise.all(calls.map(outcome))).toEqual(['x', failure('worker-failed', 'x'), 'x'])
  })

  it('fails an item whose function throws, and that item alone', async () => {
    const { pool } = await stage.held()
    const deeds = ['echo', 'throw', 'throwFunction', 'function', 'echo']
    const what = 'something that cannot be cloned was thrown'
    expect(await Promise.all(deeds.map((deed) => outcome(pool.run({ do: deed, value: 'x' }))))).toEqual([
      'x',
      failure('worker-failed', 'x'),
      failure('worker-failed', what),
      failure('worker-failed', 'an answer that cannot be cloned'),
      'x',
    ])
    expect(pool.status()).toMatchObject({ threads: 1, lost: 0 })
  })

  it('refuses an item that cannot be cloned, and that item alone', async () => {
    const { pool } = await stage.held()
    const items: readonly Deed[] = [
      { do: 'echo', value: 1 },
      { do: 'echo', value: () => 1 },
      { do: 'echo', value: 2 },
    ]
    const all = await Promise.all(items.map((item) => outcome(pool.run(item))))
    expect(all).toEqual([1, expect.objectContaining({ code: 'invalid-payload', fault: 'local' }), 2])
    // What is refused as a whole leaves the worker to whoever is next.
    expect(await outcome(pool.run({ do: 'echo', value: () => 1 }))).toMatchObject({ code: 'invalid-payload' })
    expect(await pool.run({ do: 'echo', value: 3 })).toBe(3)
  })

  it('goes on with who is next in line when a whole batch cannot be sent', async () => {
    const { pool } = await stage.held({ batchMax: 1 })
    const calls = [() => 1, 'next'].map((value) => outcome(pool.run({ do: 'echo', value })))
    expect(await Promise.all(calls)).toEqual([expect.objectContaining({ code: 'invalid-payload' }), 'next'])
  })

  it('does not listen to what else is said on the port', async () => {
    const { pool } = await stage.held()
    expect(await Promise.all(times(2, (value) => pool.run({ do: 'chat', value })))).toEqual([0, 1])
  })

  it('gives its workers the heap that they may have', async () => {
    const { pool } = await stage.held({ heapMiB: 77 })
    expect(await pool.run({ do: 'heap' })).toBe(77)
  })

  it('copies what it sends: whole buffers as they are, small views without what is around them', async () => {
    const { pool } = await stage.held()
    const whole = new Uint8Array(300).fill(5)
    const small = new Uint8Array(new ArrayBuffer(65_536), 100, 300).fill(6)
    const sizes = [whole, small].map((bytes) => pool.run({ do: 'sizes', bytes } satisfies Deed))
    expect(await Promise.all(sizes)).toEqual([
      [300, 300, 5],
      [300, 300, 6],
    ])
    expect([whole[0], small[0], small.buffer.byteLength]).toEqual([5, 6, 65_536])
  })
})

describe('batches', () => {
  it('carry what was called in one turn, as much as a message may hold', async () => {
    const { pool, gate, clock } = await stage.held({ batchMax: 3 })
    const holder = pool.run({ do: 'hold' })
    const { turns } = clock
    const others = times(4, (value) => pool.run({ do: 'echo', value }))
    expect(clock.turns).toBe(turns)
    await gate.reached()
    expect(pool.status()).toMatchObject({ working: 3, waiting: 2 })
    gate.open()
    await Promise.all([holder, ...others])
    expect(pool.status()).toMatchObject({ working: 0, waiting: 0 })
  })

  it('grow while the worker is busy', async () => {
    const pool = stage.open('batches', { clock: new HandClock() })
    await pool.run('one')
    const first = pool.run('two')
    await Promise.resolve()
    const sizes: Promise<unknown>[] = []
    for (let turn = 0; turn < 3; turn++) {
      sizes.push(...times(10, () => pool.run('x')))
      await Promise.resolve()
    }
    expect(pool.status()).toMatchObject({ working: 1, waiting: 30 })
    expect(await first).toBe(1)
    expect(await Promise.all(sizes)).toEqual(Array.from({ length: 30 }, () => 30))
  })

  it('are shared by the workers that are idle', async () => {
    const { pool, gate, clock } = await stage.held({ threadsMax: 2 })
    const holder = pool.run({ do: 'hold' })
    await gate.reached()
    const waits = pool.run({ do: 'echo' })
    await Promise.resolve()
    clock.advance(20)
    await waits
    gate.open()
    await holder
    const threads = await Promise.all(times(10, () => pool.run({ do: 'thread' })))
    expect(new Set(threads).size).toBe(2)
    expect(threads.filter((thread) => thread === threads[0])).toHaveLength(5)
  })

  it('are answered as a whole, and tried one by one where that fails', async () => {
    const pool = stage.open('batches')
    await pool.run('one')
    // The second call is the batch, the third and fourth its first two items.
    const items = ['x', 'throw', 'x', 'short', 'x', 'later']
    const alone = await Promise.all(items.map((item) => outcome(pool.run(item))))
    const wrong = 'a batch of 1 items must be answered by a list of as many answers'
    expect(alone).toEqual([1, failure('worker-failed', 'call 4'), 1, failure('worker-failed', wrong), 1, 1])
    expect(pool.status()).toMatchObject({ lost: 0 })
  })

  it('of one item that fail are not tried again', async () => {
    const pool = stage.open('batches')
    await pool.run('one')
    expect(await outcome(pool.run('throw'))).toEqual(failure('worker-failed', 'call 2'))
  })

  it('that end their worker are tried one by one, and lose what did it', async () => {
    const pool = stage.open('batches', { batchMax: 5 })
    await pool.run('one')
    const items = ['x', 'exit', 'x', 'exit', 'x', 'later', 'later']
    const all = await Promise.all(items.map((item) => outcome(pool.run(item))))
    const lost = failure('worker-lost', 'the worker has exited with code 4')
    expect(all).toEqual([1, lost, 1, lost, 1, 2, 2])
    expect(pool.status()).toMatchObject({ lost: 3 })
  })

  it('that fail and then end their worker as they are tried one by one lose the item that does it', async () => {
    const pool = stage.open('batches')
    await pool.run('one')
    const items = ['x', 'throw', 'exitAlone', 'x']
    const all = await Promise.all(items.map((item) => outcome(pool.run(item))))
    expect(all).toEqual([
      1,
      expect.objectContaining({ code: 'worker-failed' }),
      expect.objectContaining({ code: 'worker-lost' }),
      1,
    ])
    expect(pool.status()).toMatchObject({ lost: 1 })
  })
})

describe('more workers', () => {
  it('are started when nobody has been idle for twenty milliseconds and something waits', async () => {
    const { pool, gate, clock } = await stage.held({ threadsMax: 2 })
    clock.advance(100)
    const holder = pool.run({ do: 'hold' })
    await gate.reached()
    // Its worker is watched; whoever waits has another start planned, which is called off when it leaves.
    expect(clock.armed).toBe(1)
    const early = new AbortController()
    const withdrawn = outcome(pool.run({ do: 'echo' }, { signal: early.signal }))
    await Promise.resolve()
    expect(clock.armed).toBe(2)
    early.abort('early')
    await withdrawn
    expect(clock.armed).toBe(1)
    clock.advance(19)
    const waits = pool.run({ do: 'echo', value: 'soon' })
    await Promise.resolve()
    expect(pool.status()).toMatchObject({ threads: 1, waiting: 1 })
    clock.advance(1)
    expect(await waits).toBe('soon')
    expect(pool.status()).toMatchObject({ threads: 2, working: 1 })
    gate.open()
    await holder
  })

  it('are not started for what the first one was not there for', async () => {
    const [gate, clock] = [new Gate(), new HandClock()]
    const pool = stage.open('items', { workerData: gate.shared, clock, threadsMax: 2 })
    const calls = [pool.run({ do: 'hold' }), pool.run({ do: 'echo' })]
    await Promise.resolve()
    clock.advance(100)
    await gate.reached()
    expect(pool.status()).toMatchObject({ threads: 1, waiting: 1 })
    clock.advance(20)
    await calls[1]
    expect(pool.status()).toMatchObject({ threads: 2 })
    gate.open()
    await Promise.all(calls)
  })

  it('are no more than the pool may have', async () => {
    const { pool, gate, clock } = await stage.held({ threadsMax: 1 })
    const holder = pool.run({ do: 'hold' })
    await gate.reached()
    const waits = pool.run({ do: 'echo', value: 'late' })
    await Promise.resolve()
    clock.advance(50)
    await Promise.resolve()
    expect(pool.status()).toMatchObject({ threads: 1, waiting: 1 })
    gate.open()
    expect(await Promise.all([holder, waits])).toEqual([undefined, 'late'])
  })
})

describe('what waits', () => {
  it('is bounded, and refused by name beyond', async () => {
    const { pool, gate } = await stage.held({ waitingMax: 2 })
    const holder = pool.run({ do: 'hold' })
    await gate.reached()
    const waiting = times(2, (value) => pool.run({ do: 'echo', value }))
    expect(await outcome(pool.run({ do: 'echo' }))).toEqual(failure('pool-full', undefined))
    gate.open()
    expect(await Promise.all([holder, ...waiting])).toEqual([undefined, 0, 1])
    expect(await pool.run({ do: 'echo', value: 2 })).toBe(2)
  })

  it('leaves when its signal aborts, before, while it waits, and while it is worked on', async () => {
    const { pool, gate } = await stage.held({ batchMax: 1 })
    const [early, waiting, working] = [new AbortController(), new AbortController(), new AbortController()]
    early.abort('before')
    await expect(pool.run({ do: 'count' }, { signal: early.signal })).rejects.toBe('before')
    const held_ = pool.run({ do: 'hold' }, { signal: working.signal })
    await gate.reached()
    const waits = pool.run({ do: 'count' }, { signal: waiting.signal })
    const stays = pool.run({ do: 'count', value: 'stays' }, { signal: new AbortController().signal })
    waiting.abort('waiting')
    working.abort('working')
    await expect(waits).rejects.toBe('waiting')
    await expect(held_).rejects.toBe('working')
    expect(pool.status()).toMatchObject({ working: 0, waiting: 1 })
    gate.open()
    expect(await stays).toBe('stays')
    expect(gate.counted).toBe(1)
  })
})
