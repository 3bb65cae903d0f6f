/**
 * The worker's side of a pool: takes batches and answers every item once, in order. What an item's function throws is that item's
 * answer; what ends the thread is the pool's to notice, which is why the progress is written down before each step.
 */
import { parentPort } from 'node:worker_threads'
import { HoldfastError } from '../errors.js'
import type { Clock } from '../ports/clock.js'
import type { FromWorker, ToWorker } from './messages.js'
import { BEGUN, DONE } from './messages.js'

/** Answers to one item: at once, or later. */
export type ItemFunction<Item, Answer> = (item: Item) => Answer | Promise<Answer>
/** Answers to a batch of items: as many, in the same order. */
export type BatchFunction<Item, Answer> = (items: readonly Item[]) => readonly Answer[] | Promise<readonly Answer[]>

/** Answers are told once this has passed since the last, so that the first of a batch does not wait for the end of it. */
const TELL_MS = 2

type Outcome =
  | { readonly kind: 'answered'; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly cause: unknown }
type Port = NonNullable<typeof parentPort>

/** Answers items one by one, in turn. */
export function serveItems(answer: ItemFunction<unknown, unknown>, clock: Clock): void {
  attend(async (items, progress, report) => {
    for (const [i, item] of items.entries()) {
      mark(progress, i + 1, i)
      const outcome = attempt(() => answer(item))
      // Not awaited where there is nothing to wait for: a turn between any two items is not free.
      const settled = outcome instanceof Promise ? await outcome : outcome
      mark(progress, i + 1, i + 1)
      report.add(settled)
    }
  }, clock)
}

/** Answers whole batches. One that fails is tried again item by item, so that only the item at fault fails. */
export function serveBatches(answer: BatchFunction<unknown, unknown>, clock: Clock): void {
  const several = async (items: readonly unknown[]): Promise<readonly Outcome[]> => {
    const outcome = await attempt(() => answer(items))
    if (outcome.kind === 'failed') return items.map(() => outcome)
    const { answer: answers } = outcome
    if (Array.isArray(answers) && answers.length === items.length)
      return answers.map((each: unknown): Outcome => ({ kind: 'answered', answer: each }))
    const cause = new TypeError(
      `a batch of ${String(items.length)} items must be answered by a list of as many answers`,
    )
    return items.map(() => ({ kind: 'failed', cause }))
  }
  attend(async (items, progress, report) => {
    mark(progress, items.length, 0)
    const outcomes = await several(items)
    const isWhole = items.length === 1 || outcomes.every(({ kind }) => kind === 'answered')
    for (const [i, item] of items.entries()) {
      if (!isWhole) mark(progress, i + 1, i)
      const outcome = isWhole ? outcomes[i] : (await several([item]))[0]
      if (!isWhole) mark(progress, i + 1, i + 1)
      if (outcome !== undefined) report.add(outcome)
    }
    mark(progress, items.length, items.length)
  }, clock)
}

type Work = (items: readonly unknown[], progress: Int32Array, report: Report) => Promise<void>

/** Whose port has a server already: two would answer everything twice. */
let isServing = false

function attend(work: Work, clock: Clock): void {
  const port = parentPort
  if (port === null) throw new HoldfastError('not-running', 'serve is for a worker that workerPool started')
  if (isServing) throw new HoldfastError('already-defined', 'this worker serves already')
  isServing = true
  let progress: Int32Array = new Int32Array(2)
  port.on('message', (told: ToWorker) => {
    if (told.holdfast === 'progress') progress = new Int32Array(told.shared)
    else {
      const report = new Report(port, clock)
      // It cannot fail, and the pool gives no second batch before the first is answered.
      void work(told.items, progress, report).then(() => {
        report.tell()
      })
    }
  })
  port.postMessage({ holdfast: 'ready' } satisfies FromWorker)
}

/** The outcomes that have not been told. */
class Report {
  readonly #port: Port
  readonly #clock: Clock
  // Bound: the batch.
  #outcomes: Outcome[] = []
  #toldAt: number

  constructor(port: Port, clock: Clock) {
    this.#port = port
    this.#clock = clock
    this.#toldAt = clock.monotonic()
  }

  add(outcome: Outcome): void {
    this.#outcomes.push(outcome)
    if (this.#clock.monotonic() - this.#toldAt >= TELL_MS) this.tell()
  }

  tell(): void {
    if (this.#outcomes.length === 0) return
    const outcomes = this.#outcomes
    this.#outcomes = []
    const now = this.#clock.monotonic()
    const tookMs = now - this.#toldAt
    this.#toldAt = now
    if (this.#send(outcomes, tookMs)) return
    // Something among them cannot leave this thread, and the others need not suffer for it.
    for (const outcome of outcomes)
      if (!this.#send([outcome], tookMs / outcomes.length)) this.#send([unsent(outcome)], 0)
  }

  /** @returns false where something cannot be sent, and nothing was */
  #send(outcomes: readonly Outcome[], tookMs: number): boolean {
    const answers = outcomes.map((outcome) => (outcome.kind === 'answered' ? outcome.answer : outcome.cause))
    const failed = outcomes.flatMap(({ kind }, i) => (kind === 'failed' ? [i] : []))
    try {
      this.#port.postMessage({ holdfast: 'answers', answers, failed, tookMs } satisfies FromWorker)
      return true
    } catch {
      return false
    }
  }
}

function unsent(outcome: Outcome): Outcome {
  const what =
    outcome.kind === 'answered' ? 'an answer that cannot be cloned' : 'something that cannot be cloned was thrown'
  return { kind: 'failed', cause: new TypeError(what) }
}

function attempt(run: () => unknown): Outcome | Promise<Outcome> {
  try {
    const answer = run()
    return isThenable(answer) ? settle(answer) : { kind: 'answered', answer }
  } catch (cause) {
    return { kind: 'failed', cause }
  }
}

async function settle(answer: PromiseLike<unknown>): Promise<Outcome> {
  try {
    return { kind: 'answered', answer: await answer }
  } catch (cause) {
    return { kind: 'failed', cause }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function mark(progress: Int32Array, begun: number, done: number): void {
  Atomics.store(progress, BEGUN, begun)
  Atomics.store(progress, DONE, done)
}
