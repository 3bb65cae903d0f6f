/**
 * One call of a host's handler. Whatever it does is contained here: it may answer at once or later, throw, reject, or never
 * come back; it is told by its signal when nobody waits any more. Its answer counts once.
 */
import { HoldfastError } from '../errors.js'
import type { Agenda, Deadline } from './agenda.js'
import type { Peer } from './peer.js'

/** A handler that has not answered by then has failed. */
const HANDLER_MS = 10_000

/** What a handler gets beside the payload. */
export interface HandlerContext {
  /** Who sent it to us; of a broadcast, not necessarily who made it. */
  readonly peer: Peer
  /** Aborts when the answer is of no more use: the deadline passed, the asker withdrew, or the swarm stopped. */
  readonly signal: AbortSignal
}

export type HandlerOutcome =
  | { readonly kind: 'answered'; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly error: HoldfastError }

export class HandlerCall implements HandlerContext {
  readonly peer: Peer
  #controller: AbortController | null = null
  #over = false
  #deadline: Deadline | null = null

  constructor(peer: Peer) {
    this.peer = peer
  }

  /** Made when first asked for: most handlers never look. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#over) this.#controller.abort()
    return this.#controller.signal
  }

  /** Whether the handler's answer still matters. */
  get isOver(): boolean {
    return this.#over
  }

  /** Calls the handler; `settle` is called exactly once, unless the call is aborted first. */
  run(
    name: string,
    handler: (context: HandlerContext) => unknown,
    agenda: Agenda,
    settle: (outcome: HandlerOutcome) => void,
  ): void {
    const finish = (outcome: HandlerOutcome): void => {
      if (this.#over) return
      this.#over = true
      settle(outcome)
    }
    const fail = (cause: unknown): void => {
      finish({ kind: 'failed', error: new HoldfastError('handler-failed', `the handler of ${name} failed`, { cause }) })
    }
    let answer: unknown
    try {
      answer = handler(this)
    } catch (error) {
      fail(error)
      return
    }
    if (!isThenable(answer)) {
      finish({ kind: 'answered', answer })
      return
    }
    this.#deadline = agenda.in(HANDLER_MS, () => {
      fail(new Error(`no answer within ${String(HANDLER_MS)} ms`))
      this.#controller?.abort()
    })
    answer.then(
      (value: unknown) => {
        this.#deadline?.cancel()
        finish({ kind: 'answered', answer: value })
      },
      (error: unknown) => {
        this.#deadline?.cancel()
        fail(error)
      },
    )
  }

  /** Nobody waits for the answer any more. */
  abort(): void {
    this.#over = true
    this.#deadline?.cancel()
    this.#controller?.abort()
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
