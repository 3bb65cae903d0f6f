/** What a contract case is played in: one transport, one listener, and the links between the two. No timers. */
import type { Reason } from '../errors.js'
import type { Link, Listener, Transport } from '../ports/transport.js'
import type { Address } from '../ports/types.js'
import { check, pattern, Probe, Watch } from './transport-contract-probe.js'
import type { Referee } from './transport-contract-probe.js'

/** What the contract must be given to try a transport. */
export interface ContractHarness {
  /** Begins the name of each case. */
  readonly name: string
  /** A fresh transport. Each case asks once, and dials and listens with that one. */
  create(): Transport
  /** Where cases listen. Port 0, or one that only this suite uses. It must be possible to dial the host. */
  readonly listenOn: Address
  /** An address where nobody listens, and that says so. */
  readonly refusedAddress: Address
  /** An address that neither accepts nor refuses, where there is one. */
  readonly silentAddress?: Address
}

/** The two ends of one link. */
export interface Pair {
  readonly near: Probe
  readonly far: Probe
}

/** What came of one dial. */
export interface Dialled {
  readonly links: readonly Link[]
  readonly failures: readonly Reason[]
  readonly cancel: () => void
}

/** One transport with one open listener. */
export class World implements Referee {
  readonly transport: Transport
  readonly harness: ContractHarness
  /** Where to dial: `listenOn` with the real port. */
  address: Address
  /** Accepted and not yet claimed. */
  readonly accepted: Link[] = []
  listener: Listener | null = null
  /** Every link of the case, so that none outlives it. */
  readonly #links: Link[] = []
  readonly #watch = new Watch()
  #breach: string | null = null

  constructor(harness: ContractHarness) {
    this.harness = harness
    this.transport = harness.create()
    this.address = harness.listenOn
  }

  /** Opens the listener, plays the case, and closes everything. A breach fails it, whatever else was seen. */
  static async play(harness: ContractHarness, body: (world: World) => Promise<void>): Promise<void> {
    const world = new World(harness)
    try {
      const { listener, address } = await world.listen(harness.listenOn, (link) => {
        world.accepted.push(link)
      })
      world.listener = listener
      world.address = address
      await body(world)
      await world.settled()
      check(world.#breach === null, world.#breach ?? '')
    } finally {
      for (const link of world.#links) link.destroy()
      const { listener } = world
      if (listener !== null) await closing(listener)
    }
  }

  breach(what: string): void {
    this.#breach ??= what
    this.changed()
  }

  changed(): void {
    this.#watch.changed()
  }

  /** Waits until it holds; a breach ends the wait and fails the case. */
  async until(holds: () => boolean): Promise<void> {
    await this.#watch.until(() => holds() || this.#breach !== null)
    check(this.#breach === null, this.#breach ?? '')
  }

  /** Listens; `address` is what to dial. Fails the case where the listener fails. */
  listen(asked: Address, accepted: (link: Link) => void): Promise<{ listener: Listener; address: Address }> {
    return new Promise((resolve, reject) => {
      let inCall = true
      const listener = listenWith(this.transport, asked, {
        listening: ({ port }) => {
          if (inCall) this.breach('listening within the call of listen')
          resolve({ listener, address: { ...asked, port } })
        },
        accepted: (link) => {
          this.#links.push(link)
          accepted(link)
          this.changed()
        },
        failed: (reason) => {
          reject(new Error(`listening failed: ${reason.code}`, { cause: reason.cause }))
        },
      })
      inCall = false
    })
  }

  /** Dials and hands over both ends, not opened yet. What they exchange begins at `offset` of the pattern. */
  async connect(address: Address = this.address, offset = 0, accepted: Link[] = this.accepted): Promise<Pair> {
    const near = await this.dial(address)
    await this.until(() => accepted.length > 0)
    const far = accepted.shift()
    check(far !== undefined, 'nothing was accepted')
    return { near: this.probe(near, offset), far: this.probe(far, offset) }
  }

  /** {@link connect}, with both ends opened. */
  async connected(): Promise<Pair> {
    const { near, far } = await this.connect()
    return { near: near.open(), far: far.open() }
  }

  async dial(address: Address): Promise<Link> {
    const { links, failures } = this.dialled(address)
    await this.until(() => links.length + failures.length > 0)
    const [link] = links
    check(link !== undefined, `the dial failed: ${failures[0]?.code ?? 'no reason'}`)
    return link
  }

  /** Dials and writes down what comes of it. */
  dialled(address: Address): Dialled {
    const links: Link[] = []
    const failures: Reason[] = []
    let inCall = true
    const noted = (): void => {
      if (inCall) this.breach('a dial event within the call of dial')
      if (links.length + failures.length > 1) this.breach('two events for one dial')
      this.changed()
    }
    const cancel = this.transport.dial(address, {
      opened: (link) => {
        this.#links.push(link)
        links.push(link)
        noted()
      },
      failed: (reason) => {
        failures.push(reason)
        noted()
      },
    })
    inCall = false
    return { links, failures, cancel }
  }

  probe(link: Link, offset = 0): Probe {
    return new Probe(link, this, offset)
  }

  /** Opens a link for bytes that are not of the pattern. */
  tell(link: Link): { readonly bytes: number[] } {
    const bytes: number[] = []
    link.open({
      data: (received) => {
        bytes.push(...received)
        this.changed()
      },
      drained: () => undefined,
      ended: () => undefined,
      closed: () => undefined,
    })
    return { bytes }
  }

  /** Gives late events their chance: a fresh link carries a byte there and back, twice. */
  async settled(): Promise<void> {
    const links: Link[] = []
    const { listener, address } = await this.listen({ ...this.harness.listenOn, port: 0 }, (link) => links.push(link))
    const { near, far } = await this.connect(address, 0, links)
    near.open()
    far.open()
    for (let i = 0; i < 2; i++) {
      near.write(pattern(1, i))
      await far.received(i + 1)
      far.write(pattern(1, i))
      await near.received(i + 1)
    }
    near.destroy()
    far.destroy()
    await closing(listener)
  }
}

/** The address of a listener is free once this resolves. */
export function closing(listener: Listener): Promise<void> {
  return new Promise((resolve) => {
    listener.close(resolve)
  })
}

function listenWith(transport: Transport, ...args: Parameters<NonNullable<Transport['listen']>>): Listener {
  check(transport.listen !== undefined, 'the contract is for transports that can listen')
  return transport.listen(...args)
}
