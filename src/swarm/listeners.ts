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
   * @param broken told if it fails later on
   * @throws HoldfastError `no-transport`, `listen-failed`
   */
  async open(address: Address, broken: (error: HoldfastError) => void): Promise<Address> {
    const text = formatAddress(address)
    const transport = this.#transports.get(address.scheme)
    const listen = transport?.listen?.bind(transport)
    if (listen === undefined) throw new HoldfastError('no-transport', `no transport listens at ${text}`)
    return new Promise((resolve, reject) => {
      const entry: { listener: Listener; bound: Address | null } = {
        bound: null,
        listener: listen(address, {
          listening: ({ host, port }) => {
            entry.bound = { ...address, host, port }
            resolve(entry.bound)
          },
          accepted: this.#accepted,
          failed: (reason: Reason) => {
            const error = new HoldfastError('listen-failed', `cannot listen at ${text}`, {
              cause: reason.cause ?? reason.code,
            })
            if (entry.bound === null) reject(error)
            else broken(error)
          },
        }),
      }
      this.#open.push(entry)
    })
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
