/** A worker that answers each item with the size of its batch, and fails or ends where an item says so. Time stands still in it. */
import { serveBatches } from '../src/kit/serve.js'

let calls = 0

serveBatches(
  (items) => {
    calls++
    if (items.includes('exitAlone') && items.length === 1) process.exit(4)
    if (items.includes('exit')) process.exit(4)
    if (items.includes('throw')) throw new Error(`call ${calls}`)
    if (items.includes('short')) return []
    if (items.includes('later')) return Promise.resolve(items.map(() => items.length))
    return items.map(() => items.length)
  },
  { monotonic: () => 0 },
)
