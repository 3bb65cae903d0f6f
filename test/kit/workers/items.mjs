/** A worker that does what its items say; `workerData` is memory that the test holds it by. */
import { parentPort, resourceLimits, threadId, workerData } from 'node:worker_threads'
import { serveItems } from '../src/kit/serve.js'

const gate = workerData === undefined ? null : new Int32Array(workerData)
/** Time stands still, so that every item takes nothing and a batch is as large as it may be. */
const clock = { monotonic: () => 0 }
const deeds = {
  echo: ({ value }) => value,
  later: async ({ value }) => value,
  thread: () => threadId,
  throw: ({ value }) => {
    throw new RangeError(value)
  },
  reject: async ({ value }) => {
    throw new RangeError(value)
  },
  throwFunction: () => {
    throw () => 1
  },
  function: () => () => 1,
  heap: () => resourceLimits.maxOldGenerationSizeMb,
  /** Says things on the port that are no business of the pool's. */
  chat: ({ value }) => {
    for (const word of ['hello', null, { answers: [1] }]) parentPort.postMessage(word)
    return value
  },
  sizes: ({ bytes }) => [bytes.length, bytes.buffer.byteLength, bytes[0]],
  exit: () => process.exit(3),
  crash: () => {
    setTimeout(() => {
      throw new Error('long after')
    })
    return 'before'
  },
  /** Ends the thread when the whole batch is done and nothing of it is told. */
  exitAfter: () => {
    queueMicrotask(() => process.exit(5))
  },
  /** Answers, and then stands still between two items. */
  block: ({ value }) => {
    setTimeout(() => {
      open(0)
      Atomics.wait(gate, 1, 0)
    })
    return value
  },
  crashMeanwhile: () => {
    setTimeout(() => {
      throw new Error('meanwhile')
    })
    return new Promise(() => {})
  },
  memory: () => {
    const kept = []
    for (;;) kept.push(new Array(100_000).fill(kept.length))
  },
  hang: () => {
    open(0)
    for (;;);
  },
  /** Says that it has begun, and stays until it is let go. */
  hold: ({ value }) => {
    open(0)
    Atomics.wait(gate, 1, 0)
    return value
  },
  /** How often an item has been begun, over all workers. */
  count: ({ value }) => {
    Atomics.add(gate, 2, 1)
    return value
  },
}

serveItems((item) => deeds[item.do](item), clock)
open(3)

function open(index) {
  if (gate === null) return
  Atomics.store(gate, index, 1)
  Atomics.notify(gate, index)
}
