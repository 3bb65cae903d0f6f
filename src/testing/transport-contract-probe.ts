/**
 * The owner of a link under test: writes down everything it is told, and reports as a breach every call that the port
 * forbids, whatever the case is about.
 */
import type { Reason } from '../errors.js'
import type { Link, LinkEvents } from '../ports/transport.js'

/** Fails the case. */
export function check(holds: boolean, sentence: string): asserts holds {
  if (!holds) throw new Error(sentence)
}

/** Fails the case unless both are the same value. */
export function same(actual: unknown, expected: unknown, what: string): void {
  check(Object.is(actual, expected), `${what}: expected ${String(expected)}, but was ${String(actual)}`)
}

/** `length` bytes of a stream in which no stretch repeats, from `offset` on: loss, doubling and disorder all show. */
export function pattern(length: number, offset = 0): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = Math.imul(offset + i, 0x9e3779b1) >>> 24
  return bytes
}

/** Conditions that events may make true. */
export class Watch {
  /** One for each `until` in flight. */
  readonly #waiting = new Set<() => void>()

  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  changed(): void {
    for (const look of [...this.#waiting]) look()
  }
}

/** Who hears of breaches, and lets the case wait. */
export interface Referee {
  breach(what: string): void
  changed(): void
  until(holds: () => boolean): Promise<void>
}

/** The owner of one link: writes down what happens, and notes what must not. */
export class Probe implements LinkEvents {
  readonly link: Link
  /** `data`, `drained`, `ended`, `closed`, with runs of `data` as one. */
  readonly log: string[] = []
  bytes = 0
  reason: Reason | null = null
  drains = 0
  /** Called at the end of each `data`. */
  onData: ((bytes: Uint8Array) => void) | null = null
  /** Called at the end of `ended`. */
  onEnded: (() => void) | null = null
  readonly #referee: Referee
  readonly #offset: number
  #opened = false
  #destroyed = false
  #drainOwed = false
  #calls = 0

  constructor(link: Link, referee: Referee, offset: number) {
    this.link = link
    this.#referee = referee
    this.#offset = offset
  }

  open(): this {
    this.#opened = true
    this.#call(() => {
      this.link.open(this)
    })
    return this
  }

  write(...chunks: readonly Uint8Array[]): boolean {
    const free = this.#call(() => this.link.write(chunks))
    if (!free) this.#drainOwed = true
    return free
  }

  end(): void {
    this.#call(() => {
      this.link.end()
    })
  }

  destroy(): void {
    this.#destroyed = true
    this.#call(() => {
      this.link.destroy()
    })
  }

  data(bytes: Uint8Array): void {
    this.#note('data')
    if (this.#destroyed) this.#referee.breach('data after destroy')
    if (this.log.includes('ended')) this.#referee.breach('data after ended')
    if (bytes.length === 0) this.#referee.breach('data without a byte')
    const start = this.#offset + this.bytes
    const wrong = bytes.findIndex((byte, i) => byte !== Math.imul(start + i, 0x9e3779b1) >>> 24)
    if (wrong !== -1) this.#referee.breach(`byte ${String(this.bytes + wrong)} is not the one that was written`)
    this.bytes += bytes.length
    this.onData?.(bytes)
    this.#referee.changed()
  }

  drained(): void {
    this.#note('drained')
    if (this.#destroyed) this.#referee.breach('drained after destroy')
    if (!this.#drainOwed) this.#referee.breach('drained although no write had returned false')
    this.#drainOwed = false
    this.drains++
    this.#referee.changed()
  }

  ended(): void {
    if (this.log.includes('ended')) this.#referee.breach('ended twice')
    this.#note('ended')
    if (this.#destroyed) this.#referee.breach('ended after destroy')
    this.onEnded?.()
    this.#referee.changed()
  }

  closed(reason: Reason): void {
    this.#note('closed')
    this.reason = reason
    this.#referee.changed()
  }

  /** The link has delivered this many bytes in all. */
  async received(bytes: number): Promise<void> {
    await this.until(() => this.bytes >= bytes)
    same(this.bytes, bytes, 'bytes received')
  }

  async sawEnd(): Promise<void> {
    await this.until(() => this.log.includes('ended'))
  }

  /** The other side is gone, as far as this link can tell. */
  async gone(): Promise<void> {
    await this.#referee.until(() => this.log.includes('ended') || this.reason !== null)
  }

  async sawClose(code?: Reason['code']): Promise<void> {
    await this.#referee.until(() => this.reason !== null)
    if (code !== undefined) same(this.reason?.code, code, 'reason of the close')
  }

  /** Waits until it holds; a link that closes first fails the case. */
  async until(holds: () => boolean): Promise<void> {
    await this.#referee.until(() => holds() || this.reason !== null)
    check(holds(), `the link closed too early: ${this.reason?.code ?? 'no reason'}`)
  }

  #note(event: string): void {
    if (!this.#opened) this.#referee.breach(`${event} before open`)
    if (this.#calls > 0) this.#referee.breach(`${event} within a call of the owner's`)
    if (this.reason !== null) this.#referee.breach(`${event} after closed`)
    if (event !== 'data' || this.log.at(-1) !== 'data') this.log.push(event)
  }

  #call<T>(run: () => T): T {
    this.#calls++
    try {
      return run()
    } finally {
      this.#calls--
    }
  }
}
