/** A host that never closes its pool: asks once, and what is left must not keep it alive. */
import { serve, workerPool } from 'holdfast/kit'

try {
  serve(() => null)
} catch ({ code }) {
  console.log(code)
}
const pool = workerPool(new URL('./verify.mjs', import.meta.url))
console.log(await pool.run('good'))
console.log(await Promise.all([pool.run('good'), pool.run('bad')]))
