/** A worker that would serve twice, and answers with what it is told. */
import { serve, serveBatch } from 'holdfast/kit'

let refusal = null
serveBatch((items) => items.map(() => refusal))
try {
  serve(() => 'second')
} catch ({ code }) {
  refusal = code
}
