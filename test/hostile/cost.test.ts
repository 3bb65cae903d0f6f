/** What a crowd that is turned away costs: little memory, nothing that stays, and nobody else's link. */
import v8 from 'node:v8'
import vm from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createIdentity, request, Swarm } from '../../src/index.js'
import { utf8 } from '../../src/protocol/bytes.js'
import { tcp } from '../../src/transports/tcp.js'
import { World } from '../swarm/world.js'
import { portOf, preamble, speakTcp } from './tcp-client.js'

const CROWD = 1_000
const COST_MAX = 64 * 1024
const Ask = request<number, number>('ask')

v8.setFlagsFromString('--expose-gc')
const gc = vm.runInNewContext('gc') as () => void

function heldBytes(): number {
  gc()
  gc()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}

/** Turns of the loop until it holds; the test's own deadline ends the wait. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(setImmediate)
}

const OPENERS: readonly Uint8Array[] = [
  utf8('GET / HTTP/1.1\r\n\r\n'),
  preamble('OTHR'),
  Uint8Array.of(...preamble('TEST'), 0xff, 0xff, 0),
  preamble('TEST'),
]

async function crowd(port: number, size: number): Promise<void> {
  for (let at = 0; at < size; at += 20) {
    const chunks = Array.from({ length: 20 }, async (_, i) =>
      speakTcp(port, [OPENERS[(at + i) % 3] ?? new Uint8Array(0)]),
    )
    for (const { error } of await Promise.all(chunks)) expect(error).toBe(null)
  }
}

describe('a crowd that is turned away', () => {
  it('costs at most 64 KiB each over TCP, leaves nothing, and never disturbs another peer', async () => {
    const base = { network: 'TEST', transports: [tcp()], perIpLimits: false }
    const swarm = new Swarm({ ...base, identity: createIdentity(), listen: ['tcp://127.0.0.1:0'] })
    const friend = new Swarm({ ...base, identity: createIdentity() })
    swarm.respond(Ask, (n) => n + 1)
    await swarm.start()
    await friend.start()
    const port = portOf(swarm.addresses)
    const peer = await friend.dial(swarm.addresses[0] ?? '')
    let goneMeanwhile = false
    friend.on('peer:disconnect', () => {
      goneMeanwhile = true
    })
    await crowd(port, 100)
    const before = heldBytes()
    const socketsBefore = sockets()
    const asked = { over: false }
    const asking = (async (): Promise<number> => {
      let n = 0
      while (!asked.over) n = await peer.request(Ask, n)
      return n
    })()
    await crowd(port, CROWD)
    asked.over = true
    expect(await asking).toBeGreaterThan(10)
    await until(() => sockets() <= socketsBefore)
    const cost = (heldBytes() - before) / CROWD
    console.log(`a refused connection leaves ${Math.round(cost).toString()} bytes`)
    expect(cost).toBeLessThanOrEqual(COST_MAX)
    expect(goneMeanwhile).toBe(false)
    expect(swarm.status()).toMatchObject({ pending: 0, peers: [{ id: friend.id }] })
    const { inboundRefused } = swarm.status()
    expect(Object.values(inboundRefused).reduce((sum, count) => sum + count, 0)).toBe(CROWD + 100)
    await friend.stop()
    await swarm.stop()
  })

  it('leaves no link, no deadline and no slot, whatever it said and however it left', async () => {
    const world = new World()
    const { a, b } = await world.pair({ perIpLimits: false }, { perIpLimits: false })
    await world.run(12_000)
    const armed = world.clock.armed
    for (let i = 0; i < CROWD; i++) {
      world.network.transport('raw').dial(
        { scheme: 'memory', peerId: null, host: 'a', port: 1, path: '/' },
        {
          opened: (link) => {
            link.open({
              data: () => undefined,
              drained: () => undefined,
              ended: () => {
                if (i % 3 !== 0) link.end()
              },
              closed: () => undefined,
            })
            link.write([OPENERS[i % 4] ?? new Uint8Array(0)])
            if (i % 5 === 0) link.destroy()
          },
          failed: () => undefined,
        },
      )
      if (i % 50 === 0) await world.run(100)
    }
    await world.run(10_000)
    expect(world.network.openPairs.length).toBe(1)
    expect(world.clock.armed).toBe(armed)
    expect(a.swarm.status().pending).toBe(0)
    expect(a.swarm.peers.has(b.swarm.id)).toBe(true)
    expect(b.names).toEqual(['peer:connect'])
    const { inboundRefused } = a.swarm.status()
    expect(Object.values(inboundRefused).reduce((sum, count) => sum + count, 0)).toBe(CROWD)
    await world.stop()
    expect(world.clock.armed).toBe(0)
    expect(world.network.pairs.every((pair) => pair.acceptor.isOver)).toBe(true)
  })
})
