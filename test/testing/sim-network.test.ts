import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Link } from '../../src/ports/transport.js'
import type { SimHost } from '../../src/testing/index.js'
import { SeededRandom, SimNetwork, SimTime, Trace } from '../../src/testing/index.js'
import { dial, linked, makeNet, PORT, runThen } from './sim-pair.js'

describe('a simulated dial', () => {
  it('opens after a round trip, where somebody listens', () => {
    const net = makeNet()
    expect(runThen(dial(net), net, 100).outcome).toEqual(['opened 20'])
    expect(net.network.pipes.size).toBe(1)
  })

  it('is refused after a round trip where nobody listens', () => {
    const net = makeNet()
    expect(runThen(dial(net, PORT + 1), net, 100).outcome).toEqual(['connection-refused 20'])
  })

  it('hears nothing from a host that nobody can dial, or that is down', () => {
    for (const spoil of [
      (host: SimHost): void => {
        host.dialable = false
      },
      (host: SimHost): void => {
        host.up = false
      },
    ]) {
      const net = makeNet()
      for (const host of net.hosts.filter(({ index }) => index === 1)) spoil(host)
      expect(runThen(dial(net), net, 600_000).outcome).toEqual([])
    }
  })

  it('comes through with the next SYN once a cut is healed', () => {
    const net = makeNet()
    net.network.split([0], [1])
    const dialled = runThen(dial(net), net, 3_500)
    net.network.heal()
    net.time.run(10_000)
    expect(dialled.outcome).toEqual(['opened 7020'])
  })

  it('leaves no link behind when it is called off on the way', () => {
    const net = makeNet()
    const dialled = runThen(dial(net), net, 15)
    dialled.cancel()
    net.time.run(1_000)
    expect(dialled.outcome).toEqual([])
    expect(net.accepted[0]?.told).toEqual(['connection-lost reset'])
    expect(net.network.pipes.size).toBe(0)
  })
})

describe('a simulated link', () => {
  it('delivers after the latency and the time the bytes need, in order', () => {
    const { net, near, far } = linked({ bytesPerMs: 100 })
    near.link.write([new Uint8Array(1_000), new Uint8Array(1_000)])
    near.link.write([new Uint8Array(1)])
    net.time.run(29)
    expect(far.told).toEqual([])
    net.time.run(1)
    expect(far.told).toEqual(['data 2000'])
    net.time.run(1)
    expect(far.told).toEqual(['data 2000', 'data 1'])
  })

  it('keeps the order of what it carries, however latency jitters', () => {
    const { net, near, far } = linked({ jitterMs: 500 })
    for (let length = 1; length <= 100; length++) near.link.write([new Uint8Array(length)])
    net.time.run(2_000)
    expect(far.told).toEqual(Array.from({ length: 100 }, (_, i) => `data ${String(i + 1)}`))
  })

  it('keeps the order also of what is sent again while more is on its way', () => {
    const { net, near, far } = linked({ bytesPerMs: 1 })
    net.network.split([0], [1])
    for (let length = 100; length < 110; length++) near.link.write([new Uint8Array(length)])
    net.time.run(600)
    net.network.heal()
    net.time.run(60_000)
    expect(far.told).toEqual(Array.from({ length: 10 }, (_, i) => `data ${String(100 + i)}`))
  })

  it('carries to its end what was written before an orderly close, and nothing that a broken one had under way', () => {
    for (const [end, told] of [
      [
        (link: Link) => {
          link.end()
        },
        ['data 1000', 'ended', 'closed'],
      ],
      [
        (link: Link) => {
          link.destroy()
        },
        ['connection-lost reset'],
      ],
    ] as const) {
      const { net, near, far } = linked({ bytesPerMs: 100 })
      far.link.end()
      net.time.run(50)
      near.link.write([new Uint8Array(1_000)])
      end(near.link)
      net.time.run(1_000)
      expect(far.told).toEqual(told)
    }
  })

  it('has a latency within the bounds, the same for a pair both ways', () => {
    fc.assert(
      fc.property(fc.nat(9_999), fc.nat(9_999), fc.nat(100), fc.nat(200), (i, j, least, more) => {
        const network = new SimNetwork(new SimTime(), new SeededRandom(1), new Trace(), {
          latencyMs: [least, least + more],
        })
        expect(network.latencyMs(i, j)).toBe(network.latencyMs(j, i))
        expect(network.latencyMs(i, j)).toBeGreaterThanOrEqual(least)
        expect(network.latencyMs(i, j)).toBeLessThanOrEqual(least + more)
      }),
    )
  })

  it('differs in latency from pair to pair, over the whole range', () => {
    const network = new SimNetwork(new SimTime(), new SeededRandom(1), new Trace(), { latencyMs: [0, 100] })
    const drawn = Array.from({ length: 50 }, (_, i) => Array.from({ length: i }, (_, j) => network.latencyMs(i, j)))
    const mean = drawn.flat().reduce((sum, ms) => sum + ms, 0) / drawn.flat().length
    expect(Math.abs(mean - 50)).toBeLessThan(5)
  })

  it('tells a writer to wait beyond 256 KiB on the way, and when it may go on', () => {
    const { net, near } = linked()
    expect(near.link.write([new Uint8Array(262_144)])).toBe(true)
    expect(near.link.write([new Uint8Array(1)])).toBe(false)
    expect(near.drains).toBe(0)
    net.time.run(1_000)
    expect(near.drains).toBe(1)
    expect(near.link.write([new Uint8Array(1)])).toBe(true)
  })

  it('carries no more than its bandwidth allows', () => {
    const { net, near, far } = linked({ bytesPerMs: 100 })
    for (let i = 0; i < 10; i++) near.link.write([new Uint8Array(10_000)])
    net.time.run(500)
    expect(far.bytes).toBeLessThanOrEqual(50_000)
    net.time.run(600)
    expect(far.bytes).toBe(100_000)
  })

  it('stalls while it is cut, and delivers by a retransmission, in order, once it is healed', () => {
    const { net, near, far } = linked()
    near.link.write([new Uint8Array(1)])
    net.time.run(5)
    net.network.split([0], [1])
    near.link.write([new Uint8Array(2)])
    net.time.run(1_000)
    near.link.write([new Uint8Array(3)])
    expect(far.told).toEqual([])
    net.network.heal()
    // Cut at 35 ms, and tried again 300, 900 and 2,100 ms later.
    net.time.run(1_000)
    expect(far.told).toEqual([])
    net.time.run(200)
    expect(far.told).toEqual(['data 1', 'data 2', 'data 3'])
  })

  it('waits for every cut to heal, and not for hosts on no side of it', () => {
    const { net, near, far } = linked()
    const third = net.network.addHost()
    net.network.split([0], [third.index])
    near.link.write([new Uint8Array(1)])
    net.time.run(11)
    expect(far.told).toEqual(['data 1'])
  })

  it('is given up after a quarter of an hour without a retransmission that gets through', () => {
    const { net, near } = linked()
    net.network.split([0], [1])
    near.link.write([new Uint8Array(1)])
    net.time.run(924_000)
    expect(near.told).toEqual([])
    net.time.run(121_000)
    expect(near.told).toEqual(['connection-lost timed out'])
  })

  it('swallows everything once it is silenced, and a new one works', () => {
    const { net, near, far } = linked()
    net.network.silence(1, 0)
    near.link.write([new Uint8Array(1)])
    near.link.end()
    net.time.run(600_000)
    expect([near.told, far.told]).toEqual([[], []])
    const fresh = runThen(dial(net), net, 20)
    fresh.end?.link.write([new Uint8Array(5)])
    net.time.run(11)
    expect(net.accepted[1]?.told).toEqual(['data 5'])
  })

  it('is reset at both ends', () => {
    const { net, near, far } = linked()
    net.network.reset(0, 1)
    net.time.run(0)
    expect([near.told, far.told]).toEqual([['connection-lost reset'], ['connection-lost reset']])
    expect(net.network.pipes.size).toBe(0)
  })

  it('closes at both ends once both have said that no more comes', () => {
    const { net, near, far } = linked()
    near.link.write([new Uint8Array(1)])
    near.link.end()
    net.time.run(11)
    expect([near.told, far.told]).toEqual([[], ['data 1', 'ended']])
    far.link.end()
    net.time.run(11)
    expect([near.told, far.told]).toEqual([
      ['ended', 'closed'],
      ['data 1', 'ended', 'closed'],
    ])
  })
})

describe('a process that dies', () => {
  it('leaves no dial behind that a healed cut would let through', () => {
    const net = makeNet()
    const [host] = net.hosts
    const [clock] = net.clocks
    net.network.split([0], [1])
    const dialled = runThen(dial(net), net, 3_500)
    if (host !== undefined && clock !== undefined) net.network.crash(host, clock, false)
    net.network.heal()
    net.time.run(10_000)
    expect([dialled.outcome, net.accepted, net.network.pipes.size]).toEqual([[], [], 0])
  })

  it('resets its links, a latency later, and refuses those who dial', () => {
    const { net, near, far } = linked()
    const [, host] = net.hosts
    const [, clock] = net.clocks
    if (host !== undefined && clock !== undefined) net.network.crash(host, clock, false)
    net.time.run(9)
    expect(near.told).toEqual([])
    net.time.run(1)
    expect(near.told).toEqual(['connection-lost reset'])
    expect(far.told).toEqual([])
    expect(runThen(dial(net), net, 100).outcome).toEqual(['connection-refused 50'])
  })

  it('says nothing when its whole machine dies, and its successor resets what reaches it', () => {
    const { net, near } = linked()
    const [, host] = net.hosts
    const [, clock] = net.clocks
    if (host === undefined || clock === undefined) return
    net.network.crash(host, clock, true)
    near.link.write([new Uint8Array(1)])
    net.time.run(60_000)
    expect(near.told).toEqual([])
    host.up = true
    net.time.run(60_000)
    expect(near.told).toEqual(['connection-lost reset'])
  })
})

describe('a simulated network', () => {
  const run = (seed: number): string => {
    const net = makeNet({ jitterMs: 50 }, seed)
    const dialled = runThen(dial(net), net, 200)
    for (let i = 0; i < 10; i++) dialled.end?.link.write([new Uint8Array(i + 1)])
    net.time.run(1_000)
    return net.trace.hash
  }

  it('leaves the same trace for the same seed, and another for another', () => {
    expect(run(1)).toBe(run(1))
    expect(new Set(Array.from({ length: 20 }, (_, seed) => run(seed))).size).toBe(20)
  })
})
