/** The addresses this node accepts links at: opened together at start, closed together at stop. */
import type { Reason } from '../errors.js'
import { HoldfastError } from '../errors.js'
import { formatAddress } from '../policy/address.js'
import type { Link, Listener, Transport } from '../ports/transport.js'
import type { Address } from '../ports/types.js'

export class Listeners {
  readonly #transports: ReadonlyMap<string, Transport>
  readonly #accepted: (link: Link) => void
  // Bound: the operator's list.
  readonly #open: { readonly listener: Listener; bound: Address | null }[] = []

  constructor(transports: ReadonlyMap<string, Transport>, accepted: (link: Link) => void) {
    this.#transports = transports
    this.#accepted = accepted
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
    const entry: { listener: Listener; bound: Address | null } = {
      bound: null,
      listener: listen(address, {
        listening: ({ host, port }) => {
          entry.bound = { ...address, host, port }
          opened(entry.bound)
        },
        accepted: this.#accepted,
        failed: ({ code, cause }: Reason) => {
          failed(new HoldfastError('listen-failed', `cannot listen at ${text}`, { cause: cause ?? code }))
        },
      }),
    }
    this.#open.push(entry)
  }

  /** Resolves once every address is free again. */
  async close(): Promise<void> {
    const closing = this.#open.splice(0).filter(({ bound }) => bound !== null)
    await Promise.all(
      closing.map(
        async ({ listener }) =>
          new Promise<void>((done) => {
            listener.close(done)
          }),
      ),
    )
  }
}
