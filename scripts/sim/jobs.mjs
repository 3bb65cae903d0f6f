/** Runs simulations side by side, one process for each core, and gives their samples in the order of the jobs. */
import { fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Ten thousand nodes need more than a process gets by default, and a larger nursery spares the collector half its work. */
const NODE_FLAGS = ['--max-old-space-size=10240', '--max-semi-space-size=128', '--single-threaded-gc']

export async function runJobs(jobs, progress) {
  const samples = new Array(jobs.length)
  // Long ones first, so that no core waits long for the last.
  const waiting = jobs.map((job, index) => ({ job, index })).sort((a, b) => splitMs(b.job) - splitMs(a.job))
  let done = 0
  const work = async () => {
    const worker = fork(fileURLToPath(new URL('worker.mjs', import.meta.url)), [], {
      execArgv: NODE_FLAGS,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const sample = await ask(worker, next.job)
        if (sample.error !== undefined) throw new Error(`seed ${next.job.seed}: ${sample.error}`)
        samples[next.index] = sample
        progress(sample, ++done, jobs.length)
      }
    } finally {
      worker.disconnect()
    }
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), jobs.length) }, work))
  return samples
}

/** How long the network of a job is split, in all. */
function splitMs({ splitMs = 0, splitsMs = [splitMs] }) {
  return splitsMs.reduce((sum, ms) => sum + ms, 0)
}

function ask(worker, job) {
  return new Promise((resolve, reject) => {
    const ended = (code) => reject(new Error(`the worker of seed ${job.seed} ended with ${code}`))
    worker.once('exit', ended)
    worker.once('message', (sample) => {
      worker.off('exit', ended)
      resolve(sample)
    })
    worker.send(job)
  })
}
