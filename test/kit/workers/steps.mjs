/** Answers with what it is given, on a clock that goes on by a millisecond whenever it is read. */
import { serveItems } from '../src/kit/serve.js'

let now = 0
serveItems((item) => item, { monotonic: () => ++now })
