import { afterEach, describe, expect, it } from 'vitest'
import { createIdentity, direct, message, request, Swarm } from '../../src/index.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import { MemoryNetwork, memory } from '../../src/transports/memory.js'

const Tx = message<{ readonly n: number }>('tx')
const Note = direct<string>('note')
const Double = request<number, number>('double')

const running: Swarm[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(async (swarm) => swarm.stop()))
})

function node(network: MemoryNetwork, name: string, options: Partial<SwarmOptions> = {}): Swarm {
  const swarm = new Swarm({
    network: 'TEST',
    identity: createIdentity(),
    transports: [memory(network)],
    listen: [`memory://${name}:1`],
    ...options,
  })
  running.push(swarm)
  return swarm
}

describe('a swarm', () => {
  it('carries a broadcast, a direct message and a question between two nodes', async () => {
    const network = new MemoryNetwork()
    const a = node(network, 'a')
    const b = node(network, 'b')
    const heard: unknown[] = []
    a.handle(Tx, (tx) => {
      heard.push(tx)
      return 'accept'
    })
    a.handle(Note, (note) => {
      heard.push(note)
    })
    a.respond(Double, (n) => n * 2)
    await a.start()
    await b.start()
    const peer = await b.dial(a.addresses[0] ?? '')
    expect(peer.id).toBe(a.id)
    expect(b.broadcast(Tx, { n: 1 })).toMatchObject({ queued: 1, shed: 0 })
    expect(peer.send(Note, 'hello')).toBe(true)
    expect(await peer.request(Double, 21)).toBe(42)
    expect(heard).toEqual([{ n: 1 }, 'hello'])
    expect(a.peers.has(b.id)).toBe(true)
  })
})
