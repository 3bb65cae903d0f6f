/** One simulation after another, in a process of its own. */
import { GATES } from './gates.mjs'

process.on('message', (job) => {
  try {
    const started = process.cpuUsage()
    const sample = GATES[job.gate].run(job)
    const { user, system } = process.cpuUsage(started)
    process.send({ ...sample, job, cpuS: (user + system) / 1e6 })
  } catch (error) {
    process.send({ job, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
})
process.on('disconnect', () => process.exit(0))
