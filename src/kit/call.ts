/** One call of a pool: settled exactly once, by its answer, a failure, its signal or the end of the pool; whichever comes first. */
import { HoldfastError } from '../errors.js'

export class Call {
  readonly item: unknown
  /** It shares no batch any more: it may be the one that ends workers. */
  isAlone = false
  /** How often its worker has ended without anybody to blame. */
  tries = 0
  readonly #resolve: (answer: unknown) => void
  readonly #reject: (cause: unknown) => void
  readonly #signal: AbortSignal | undefined
  readonly #withdrawn: (call: Call) => void
  #isSettled = false

  /** @param withdrawn its signal has settled it: nobody waits for the answer any more */
  constructor(
    item: unknown,
    promise: { readonly resolve: (answer: unknown) => void; readonly reject: (cause: unknown) => void },
    signal: AbortSignal | undefined,
    withdrawn: (call: Call) => void,
  ) {
    this.item = item
    this.#resolve = promise.resolve
    this.#reject = promise.reject
    this.#signal = signal
    this.#withdrawn = withdrawn
    signal?.addEventListener('abort', this.#withdraw)
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  answer(answer: unknown): void {
    if (this.#settle()) this.#resolve(answer)
  }

  fail(
    code: 'invalid-payload' | 'shutdown' | 'worker-failed' | 'worker-lost' | 'worker-timeout',
    text: string,
    cause?: unknown,
  ): void {
    if (this.#settle()) this.#reject(new HoldfastError(code, text, { cause }))
  }

  readonly #withdraw = (): void => {
    if (!this.#settle()) return
    this.#reject(this.#signal?.reason)
    this.#withdrawn(this)
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.#signal?.removeEventListener('abort', this.#withdraw)
    return true
  }
}
