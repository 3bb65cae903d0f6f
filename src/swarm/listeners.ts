/** The addresses this node accepts links at: opened together at start, closed together at stop. */
import type { Reason } from '../errors.js'
import { HoldfastError } from '../errors.js'
import { formatAddress } from '../policy/address.js'
import type { Listener, ListenEvents, Transport } from '../ports/transport.js'
import type { Address } from '../ports/types.js'

interface OpenListener {
  readonly listener: Listener
  readonly failed: (error: HoldfastError) => void
  bound: Address | null
}

export class Listeners {
  readonly #transports: ReadonlyMap<string, Transport>
  readonly #came: Required<Pick<ListenEvents, 'accepted' | 'refused'>>
  // Bound: the operator's list.
  readonly #open: OpenListener[] = []

  /** @param came told of whoever comes, wherever that is */
  constructor(transports: ReadonlyMap<string, Transport>, came: Required<Pick<ListenEvents, 'accepted' | 'refused'>>) {
    this.#transports = transports
    this.#came = came
  }

  /** Where links are accepted, with real ports. */
  get addresses(): readonly Address[] {
    return this.#open.map(({ bound }) => bound).filter((bound) => bound !== null)
  }

  /**
   * Opens one listener.
   * @param opened told its real address
   * @param failed told of `no-transport` or `listen-failed`, then or later
   */
  open(address: Address, opened: (bound: Address) => void, failed: (error: HoldfastError) => void): void {
    const text = formatAddress(address)
    const transport = this.#transports.get(address.scheme)
    const listen = transport?.listen?.bind(transport)
    if (listen === undefined) {
      failed(new HoldfastError('no-transport', `no transport listens at ${text}`))
      return
    }
    const entry: OpenListener = {
      bound: null,
      failed,
      listener: listen(address, {
        listening: ({ host, port }) => {
          entry.bound = { ...address, host, port }
          opened(entry.bound)
        },
        ...this.#came,
        failed: ({ code, cause }: Reason) => {
          failed(new HoldfastError('listen-failed', `cannot listen at ${text}`, { cause: cause ?? code }))
        },
      }),
    }
    this.#open.push(entry)
  }

  /** Resolves once every address is free again. Whoever still waits for one to open is told that it will not. */
  async close(): Promise<void> {
    const closing = this.#open.splice(0).map(async ({ listener, bound, failed }) => {
      if (bound === null) failed(new HoldfastError('not-running', 'the swarm was stopped'))
      return new Promise<void>((done) => {
        listener.close(done)
      })
    })
    await Promise.all(closing)
  }
}
