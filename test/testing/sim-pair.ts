/** Two simulated hosts, the links between them, and what both ends of each were told. */
import type { Link } from '../../src/ports/transport.js'
import type { SimHost, SimNetworkOptions } from '../../src/testing/index.js'
import { SeededRandom, SimClock, SimNetwork, SimTime, Trace } from '../../src/testing/index.js'

export const PORT = 9

/** One end of a link, and everything it was told, with the virtual instant in whole milliseconds since the beginning. */
export class End {
  readonly told: string[] = []
  readonly link: Link
  bytes = 0
  drains = 0
  lastAt = 0

  constructor(link: Link, since: () => number) {
    this.link = link
    const note = (what: string): void => {
      this.lastAt = since()
      this.told.push(what)
    }
    link.open({
      data: (bytes) => {
        this.bytes += bytes.length
        note(`data ${String(bytes.length)}`)
      },
      drained: () => {
        this.drains++
      },
      ended: () => {
        note('ended')
      },
      closed: ({ code, cause }) => {
        note(typeof cause === 'string' ? `${code} ${cause}` : code)
      },
    })
  }
}

export interface Net {
  readonly time: SimTime
  readonly network: SimNetwork
  readonly trace: Trace
  readonly hosts: readonly SimHost[]
  readonly clocks: readonly SimClock[]
  /** The ends of links accepted, in order. */
  readonly accepted: End[]
  readonly since: () => number
}

/** Two hosts, ten milliseconds apart and without jitter unless said otherwise; the second listens. */
export function makeNet(options: SimNetworkOptions = {}, seed = 1): Net {
  const time = new SimTime()
  const begin = time.now
  const trace = new Trace()
  const network = new SimNetwork(time, new SeededRandom(seed), trace, { latencyMs: [10, 10], jitterMs: 0, ...options })
  const hosts = [network.addHost(), network.addHost()]
  const clocks = hosts.map(() => new SimClock(time))
  const since = (): number => Math.round(time.now - begin)
  const accepted: End[] = []
  const net: Net = { time, network, trace, hosts, clocks, accepted, since }
  listen(net)
  return net
}

function listen({ network, hosts, clocks, accepted, since }: Net): void {
  const [, host] = hosts
  const [, clock] = clocks
  if (host === undefined || clock === undefined) throw new Error('there are two hosts')
  network
    .transport(host, clock)
    .listen?.(
      { scheme: 'tcp', peerId: null, host: host.ip, port: PORT, path: '/' },
      { listening: () => undefined, failed: () => undefined, accepted: (link) => accepted.push(new End(link, since)) },
    )
}

export interface Dial {
  end: End | null
  readonly outcome: string[]
  readonly cancel: () => void
}

export function dial({ network, hosts, clocks, since }: Net, port: number = PORT): Dial {
  const [from, to] = hosts
  const [clock] = clocks
  if (from === undefined || to === undefined || clock === undefined) throw new Error('there are two hosts')
  const outcome: string[] = []
  const result: { end: End | null } = { end: null }
  const cancel = network.transport(from, clock).dial(
    { scheme: 'tcp', peerId: null, host: to.ip, port, path: '/' },
    {
      opened: (link) => {
        outcome.push(`opened ${String(since())}`)
        result.end = new End(link, since)
      },
      failed: ({ code }) => outcome.push(`${code} ${String(since())}`),
    },
  )
  return Object.assign(result, { outcome, cancel })
}

/** A net with one open link. */
export function linked(options: SimNetworkOptions = {}): { readonly net: Net; readonly near: End; readonly far: End } {
  const net = makeNet(options)
  const { end } = runThen(dial(net), net, 20 + 2 * net.network.jitterMs)
  const [far] = net.accepted
  if (end === null || far === undefined) throw new Error('no link was opened')
  return { net, near: end, far }
}

export function runThen<T>(value: T, { time }: Net, ms: number): T {
  time.run(ms)
  return value
}
