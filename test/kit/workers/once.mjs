/** The worker of items.mjs, the first time; and an error, each time after. */
import { workerData } from 'node:worker_threads'

if (Atomics.add(new Int32Array(workerData), 4, 1) > 0) throw new Error('no second start')
await import('./items.mjs')
