import { it } from 'vitest'
import type { Link, LinkEvents, Listener, Transport } from '../../src/ports/transport.js'
import { transportContract } from '../../src/testing/transport-contract.js'
import type { ContractHarness } from '../../src/testing/transport-contract.js'
import { tcp } from '../../src/transports/tcp.js'

const harness: ContractHarness = {
  name: 'tcp',
  create: () => tcp(),
  listenOn: { scheme: 'tcp', peerId: null, host: '127.0.0.1', port: 0, path: '/' },
  refusedAddress: { scheme: 'tcp', peerId: null, host: '127.0.0.1', port: 1, path: '/' },
}
const splitHarness: ContractHarness = { ...harness, name: 'tcp in pieces', create: () => inPieces(tcp()) }

for (const { name, run } of [...transportContract(harness), ...transportContract(splitHarness)]) it(name, run)

/** A transport that cuts what arrives: single bytes first, then the rest. Boundaries must mean nothing to the contract. */
function inPieces(transport: Transport): Transport {
  return {
    schemes: transport.schemes,
    dial: (address, events) =>
      transport.dial(address, {
        ...events,
        opened: (link) => {
          events.opened(new LinkInPieces(link))
        },
      }),
    listen: (address, events) =>
      listenWith(transport, address, {
        ...events,
        accepted: (link) => {
          events.accepted(new LinkInPieces(link))
        },
      }),
  }
}

class LinkInPieces implements Link {
  readonly remote: Link['remote']
  readonly #link: Link
  #destroyed = false

  constructor(link: Link) {
    this.#link = link
    this.remote = link.remote
  }

  open(events: LinkEvents): void {
    this.#link.open({
      data: (bytes) => {
        for (let at = 0; at < bytes.length && !this.#destroyed; ) {
          const length = at < 64 ? 1 : bytes.length - at
          events.data(bytes.subarray(at, at + length))
          at += length
        }
      },
      drained: () => {
        events.drained()
      },
      ended: () => {
        events.ended()
      },
      closed: (reason) => {
        events.closed(reason)
      },
    })
  }

  write(chunks: readonly Uint8Array[]): boolean {
    return this.#link.write(chunks)
  }

  end(): void {
    this.#link.end()
  }

  destroy(): void {
    this.#destroyed = true
    this.#link.destroy()
  }
}

function listenWith(transport: Transport, ...args: Parameters<NonNullable<Transport['listen']>>): Listener {
  if (transport.listen === undefined) throw new Error('cannot listen')
  return transport.listen(...args)
}
