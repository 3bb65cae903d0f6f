/**
 * Keeps the whitelist as a trusted directory has it. An answer is taken whole or not at all: one bad line, or an empty list,
 * is a broken directory, and the list before it stays. So does it while the directory cannot be reached.
 */
import { HoldfastError } from '../errors.js'
import { formatAddress } from '../policy/address.js'
import type { Random } from '../ports/clock.js'
import type { Crypto } from '../ports/crypto.js'
import type { TrustedDirectory } from '../ports/discovery.js'
import type { Address } from '../ports/types.js'
import type { Agenda, Deadline } from './agenda.js'
import { callHost } from './host-call.js'
import { checkReachable } from './option-checks.js'
import { parseTrusted } from './options.js'

export interface DirectoryReaderSetup {
  readonly directory: TrustedDirectory
  readonly agenda: Agenda
  readonly random: Random
  readonly crypto: Crypto
  readonly listed: (addresses: readonly Address[]) => void
  /** What an earlier process was told last, read after this one was told more. */
  readonly saidBefore: (addresses: readonly Address[]) => void
  readonly failed: (error: HoldfastError) => void
}

/** A list longer than that is none of masternodes. */
const DIRECTORY_MAX = 4_096
const REFRESH_MS = 300_000
const RETRY_FIRST_MS = 5_000
const ANSWER_MS = 30_000
/** Of questions: no answer is the last one's any more. */
const STOPPED = Number.POSITIVE_INFINITY

export class DirectoryReader {
  readonly #setup: DirectoryReaderSetup
  readonly #refreshMs: number
  // Bound: DIRECTORY_MAX.
  #last: readonly Address[] = []
  #failures = 0
  /** What the host was told of the failures in a row. */
  #told = ''
  #deadline: Deadline | null = null
  #cancel: (() => void) | null = null
  #asked = 0

  constructor(setup: DirectoryReaderSetup) {
    this.#setup = setup
    this.#refreshMs = setup.directory.refreshMs ?? REFRESH_MS
  }

  /** Reads it now and from time to time. */
  start(): void {
    this.#ask()
  }

  stop(): void {
    this.#asked = STOPPED
    this.#deadline?.cancel()
    this.#callOff()
  }

  /** The list as it was last read, for a restart at a time when nobody answers. */
  snapshot(): unknown {
    return this.#last.map(formatAddress)
  }

  /** Never throws: what makes no sense is as if nothing had been kept. */
  restore(snapshot: unknown): void {
    const addresses = snapshot === null ? null : this.#read(snapshot)
    if (addresses === null || addresses instanceof HoldfastError) return
    // A storage may have answered late.
    if (this.#last.length > 0) this.#setup.saidBefore(addresses)
    else this.#take(addresses)
  }

  #ask(): void {
    const { agenda, directory } = this.#setup
    const asked = ++this.#asked
    this.#cancel = null
    this.#deadline = agenda.in(ANSWER_MS, () => {
      this.#callOff()
      answered(new HoldfastError('directory-failed', 'the directory did not answer', { fault: 'network' }))
    })
    const answered = (answer: readonly Address[] | HoldfastError): void => {
      // Answers after the first, or after the deadline, are nobody's.
      if (asked !== this.#asked) return
      this.#asked++
      this.#deadline?.cancel()
      this.#settle(answer)
    }
    const failed = (cause: unknown): void => {
      answered(new HoldfastError('directory-failed', 'the directory cannot be read', { fault: 'network', cause }))
    }
    const listed = (addresses: readonly string[]): void => {
      answered(this.#read(addresses))
    }
    const cancel = callHost(() => directory.list({ listed, failed }), failed)
    if (typeof cancel !== 'function') return
    if (asked === this.#asked || this.#asked === STOPPED) this.#cancel = cancel
    // It was stopped from in there.
    if (this.#asked === STOPPED) this.#callOff()
  }

  /** Nobody waits for the answer any more. A host that fails at that has failed at nothing. */
  #callOff(): void {
    const cancel = this.#cancel
    this.#cancel = null
    if (cancel !== null) callHost(cancel, () => undefined)
  }

  #settle(answer: readonly Address[] | HoldfastError): void {
    const { agenda, random, failed } = this.#setup
    const retryMs = Math.min(this.#refreshMs, RETRY_FIRST_MS * 2 ** Math.min(this.#failures, 20))
    const isBad = answer instanceof HoldfastError
    this.#deadline = agenda.in((isBad ? retryMs : this.#refreshMs) * (1 - random.float() / 2), () => {
      this.#ask()
    })
    this.#failures = isBad ? this.#failures + 1 : 0
    if (!isBad) this.#take(answer)
    // One failure in a row is news, the hundredth is not, unless it is another.
    else if (this.#failures === 1 || answer.message !== this.#told) failed(answer)
    this.#told = isBad ? answer.message : ''
  }

  #take(addresses: readonly Address[]): void {
    this.#last = addresses
    this.#setup.listed(addresses)
  }

  #read(given: unknown): readonly Address[] | HoldfastError {
    const bad = (what: string, cause?: unknown): HoldfastError =>
      new HoldfastError('directory-failed', `the directory ${what}`, { fault: 'remote', cause })
    if (!Array.isArray(given)) return bad('answered with something that is no list')
    if (given.length === 0 || given.length > DIRECTORY_MAX)
      return bad(`lists ${String(given.length)} masternodes, and not 1 to ${String(DIRECTORY_MAX)}`)
    try {
      const addresses = given.map((text) => parseTrusted(String(text), this.#setup.crypto))
      checkReachable('the directory', addresses)
      return addresses
    } catch (cause) {
      return bad('lists something that is no address, or none that can be dialled', cause)
    }
  }
}
