/** The worker's side alone: what it says on the port, message by message. */
import { Worker } from 'node:worker_threads'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { FromWorker, ToWorker } from '../../src/kit/messages.js'
import { PROGRESS_BYTES } from '../../src/kit/messages.js'
import { Stage } from './stage.js'

let stage: Stage
let worker: Worker | null = null
beforeAll(() => {
  stage = new Stage()
})
afterEach(async () => {
  await worker?.terminate()
})
afterAll(() => {
  stage.clear()
})

/** Gives a worker batches, one after the other, and hears it until all is answered. */
async function hear(name: string, batches: readonly (readonly unknown[])[]): Promise<readonly FromWorker[]> {
  const own = new Worker(stage.worker(name))
  worker = own
  const progress = new Int32Array(new SharedArrayBuffer(PROGRESS_BYTES))
  const tell = (message: ToWorker): void => {
    own.postMessage(message)
  }
  tell({ holdfast: 'progress', shared: progress.buffer })
  const heard: FromWorker[] = []
  let left = [...batches]
  let due = 0
  return new Promise((resolve, reject) => {
    own.on('error', reject)
    own.on('message', (message: FromWorker) => {
      heard.push(message)
      if (message.holdfast === 'answers') due -= message.answers.length
      if (due > 0) return
      expect([...progress]).toEqual(Array.from({ length: 2 }, () => batches.at(-left.length - 1)?.length ?? 0))
      const [next, ...others] = left
      if (next === undefined) resolve(heard)
      else {
        left = others
        due = next.length
        tell({ holdfast: 'batch', items: next })
      }
    })
  })
}

describe('a worker', () => {
  it('says that it is ready, and answers a batch with one message', async () => {
    const items = ['a', 'b', 'c'].map((value) => ({ do: 'echo', value }))
    expect(await hear('items', [items])).toEqual([
      { holdfast: 'ready' },
      { holdfast: 'answers', answers: ['a', 'b', 'c'], failed: [], tookMs: 0 },
    ])
  })

  it('says which answers are errors', async () => {
    const items = ['echo', 'throw', 'echo'].map((deed) => ({ do: deed, value: 'x' }))
    expect((await hear('items', [items]))[1]).toMatchObject({
      answers: ['x', expect.any(RangeError), 'x'],
      failed: [1],
    })
  })

  it('tells what it has every two milliseconds, says how long that took, and says nothing where it has nothing', async () => {
    expect((await hear('steps', [[1, 2, 3, 4], [5]])).slice(1)).toEqual([
      { holdfast: 'answers', answers: [1, 2], failed: [], tookMs: 3 },
      { holdfast: 'answers', answers: [3, 4], failed: [], tookMs: 3 },
      { holdfast: 'answers', answers: [5], failed: [], tookMs: 2 },
    ])
  })
})
