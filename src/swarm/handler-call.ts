/**
 * One call of a host's handler. Whatever it does is contained here: it may answer at once or later, throw, reject, or never
 * come back; it is told by its signal when nobody waits any more. Its answer counts once.
 */
import { HoldfastError } from '../errors.js'
import type { Agenda } from './agenda.js'
import type { Peer } from './peer.js'

/** A handler that has not answered by then has failed. */
export const HANDLER_MS = 10_000

/** What a handler gets beside the payload. */
export interface HandlerContext {
  /** Who sent it to us. Of a broadcast: somebody who has it, a trusted peer where one is known to, and not necessarily who made it. */
  readonly peer: Peer
  /** Aborts when the answer is of no more use: the deadline passed, the asker withdrew, or the swarm stopped. */
  readonly signal: AbortSignal
}

export type HandlerOutcome =
  | { readonly kind: 'answered'; readonly answer: unknown }
  /** `leftMs`: how much of its time it had left. */
  | { readonly kind: 'failed'; readonly error: HoldfastError; readonly leftMs: number }

/** Who called: told once, when the handler is done or its time is up, withdrawn or not. */
export interface Caller {
  settled(outcome: HandlerOutcome): void
}

type Handler = (payload: unknown, context: HandlerContext) => unknown

export class HandlerCall implements HandlerContext {
  readonly peer: Peer
  readonly #running: Set<HandlerCall>
  readonly #withinMs: number
  #controller: AbortController | null = null
  #over = false
  #withdrawn = false

  /**
   * @param running where the call stands while its answer is awaited
   * @param withinMs how long that may take
   */
  constructor(peer: Peer, running: Set<HandlerCall>, withinMs: number = HANDLER_MS) {
    this.#withinMs = withinMs
    this.peer = peer
    this.#running = running
  }

  /** Made when first asked for: most handlers never look. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#over || this.#withdrawn) this.#controller.abort()
    return this.#controller.signal
  }

  /** Nobody waits for the answer any more. */
  get isWithdrawn(): boolean {
    return this.#withdrawn
  }

  run(name: string, handler: Handler, payload: unknown, agenda: Agenda, caller: Caller): void {
    let answer: unknown
    let isLater = false
    try {
      answer = handler(payload, this)
      // To look may throw, too: it is the host's own object.
      isLater = isThenable(answer)
    } catch (cause) {
      this.#over = true
      caller.settled(failure(name, cause, this.#withinMs))
      return
    }
    if (isLater) this.#wait(name, answer as PromiseLike<unknown>, agenda, caller)
    else {
      this.#over = true
      caller.settled({ kind: 'answered', answer })
    }
  }

  /** The asker has gone, or the swarm has: the handler is told, and keeps its place until it is done all the same. */
  withdraw(): void {
    this.#withdrawn = true
    this.#controller?.abort()
  }

  #wait(name: string, answer: PromiseLike<unknown>, agenda: Agenda, caller: Caller): void {
    const finish = (outcome: HandlerOutcome): void => {
      if (this.#over) return
      this.#over = true
      deadline.cancel()
      this.#running.delete(this)
      caller.settled(outcome)
    }
    const fail = (cause: unknown): void => {
      finish(failure(name, cause, deadline.at - agenda.now()))
    }
    this.#running.add(this)
    const deadline = agenda.in(this.#withinMs, () => {
      finish(failure(name, new Error(`no answer within ${String(this.#withinMs)} ms`), 0))
      this.#controller?.abort()
    })
    try {
      answer.then((value) => {
        finish({ kind: 'answered', answer: value })
      }, fail)
    } catch (cause) {
      // A thenable of the host's own making.
      fail(cause)
    }
  }
}

function failure(name: string, cause: unknown, leftMs: number): HandlerOutcome {
  return {
    kind: 'failed',
    leftMs,
    error: new HoldfastError('handler-failed', `the handler of ${name} failed`, { cause }),
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
