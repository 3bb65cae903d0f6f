/** A transport of which it can be seen whom it is dialling, and which links have not been closed. It changes nothing. */
import { addressKey } from '../../policy/address.js'
import type { DialEvents, Link, LinkEvents, Transport } from '../../ports/transport.js'
import type { Address } from '../../ports/types.js'

/** What it tells. */
export interface TransportWatch {
  /** Before a dial is made. */
  dialling(address: Address): void
  /** Before anything arrives on a link. */
  ran(): void
  /** A link was told twice that it is gone, or told something afterwards. */
  afterClosed(what: string): void
}

export class WatchedTransport implements Transport {
  readonly schemes: readonly string[]
  readonly listen: NonNullable<Transport['listen']>
  /** Dials under way, by place. Bound: the dials of the swarm. */
  readonly dials: Map<string, number> = new Map()
  readonly #inner: Transport
  readonly #watch: TransportWatch
  #open = 0

  constructor(inner: Transport, watch: TransportWatch) {
    this.#inner = inner
    this.#watch = watch
    this.schemes = inner.schemes
    this.listen = (address, events) => {
      const listener = inner.listen?.(address, {
        ...events,
        listening: (bound) => {
          events.listening(bound)
        },
        failed: (reason) => {
          events.failed(reason)
        },
        accepted: (link) => {
          this.#watch.ran()
          events.accepted(this.#watched(link))
        },
      })
      if (listener === undefined) throw new TypeError('this transport cannot listen')
      return listener
    }
  }

  /** Links that were opened, by either side, and are not closed. */
  get open(): number {
    return this.#open
  }

  dial(address: Address, events: DialEvents): () => void {
    this.#watch.dialling(address)
    const key = addressKey(address)
    this.dials.set(key, (this.dials.get(key) ?? 0) + 1)
    let isUnderWay = true
    const over = (): void => {
      if (!isUnderWay) return
      isUnderWay = false
      const left = (this.dials.get(key) ?? 1) - 1
      if (left > 0) this.dials.set(key, left)
      else this.dials.delete(key)
    }
    const cancel = this.#inner.dial(address, {
      opened: (link) => {
        over()
        events.opened(this.#watched(link))
      },
      failed: (reason) => {
        over()
        events.failed(reason)
      },
    })
    return () => {
      over()
      cancel()
    }
  }

  #watched(link: Link): Link {
    this.#open++
    return new WatchedLink(link, this.#watch, () => {
      this.#open--
    })
  }
}

class WatchedLink implements Link {
  readonly #inner: Link
  readonly #watch: TransportWatch
  readonly #closed: () => void

  constructor(inner: Link, watch: TransportWatch, closed: () => void) {
    this.#inner = inner
    this.#watch = watch
    this.#closed = closed
  }

  get remote(): Link['remote'] {
    return this.#inner.remote
  }

  open(events: LinkEvents): void {
    let isClosed = false
    const tell = (what: keyof LinkEvents, run: () => void): void => {
      this.#watch.ran()
      if (isClosed) this.#watch.afterClosed(what)
      run()
    }
    this.#inner.open({
      data: (bytes) => {
        tell('data', () => {
          events.data(bytes)
        })
      },
      drained: () => {
        tell('drained', () => {
          events.drained()
        })
      },
      ended: () => {
        tell('ended', () => {
          events.ended()
        })
      },
      closed: (reason) => {
        tell('closed', () => {
          isClosed = true
          this.#closed()
          events.closed(reason)
        })
      },
    })
  }

  write(chunks: readonly Uint8Array[]): boolean {
    return this.#inner.write(chunks)
  }

  end(): void {
    this.#inner.end()
  }

  destroy(): void {
    this.#inner.destroy()
  }
}
