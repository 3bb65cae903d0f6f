import { afterEach, describe, expect, it } from 'vitest'
import { createIdentity, message, request, Swarm } from '../../src/index.js'
import { encodeFrame, FRAME, FRAME_BYTES_MAX } from '../../src/protocol/frame.js'
import { decodePeers, encodePeers } from '../../src/protocol/peers.js'
import type { SwarmOptions } from '../../src/swarm/options.js'
import { MemoryNetwork, memory } from '../../src/transports/memory.js'
import { tell } from '../protocol/tell.js'

const running: Swarm[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(async (swarm) => swarm.stop()))
})

async function node(
  network: MemoryNetwork,
  prepare: (swarm: Swarm) => void,
  options: Partial<SwarmOptions> = {},
): Promise<Swarm> {
  const swarm = new Swarm({ network: 'TEST', identity: createIdentity(), transports: [memory(network)], ...options })
  running.push(swarm)
  prepare(swarm)
  await swarm.start()
  return swarm
}

const nothing = (): void => undefined

describe('an answer to peer exchange', () => {
  it('fits a frame, however long the addresses that others made up', () => {
    const addresses = Array.from({ length: 8 }, (_, i) => `ws://h${String(i)}.example:80/${'p'.repeat(960)}`)
    const hints = Array.from({ length: 100 }, (_, i) => ({ publicKey: new Uint8Array(32).fill(i), ageS: 0, addresses }))
    const short = hints.map((hint) => ({ ...hint, addresses: hint.addresses.map((text) => text.slice(0, 250)) }))
    for (const list of [hints, short]) {
      const body = encodePeers(tell(list))
      expect(encodeFrame(FRAME.peers, body).length).toBeLessThanOrEqual(FRAME_BYTES_MAX)
      expect(decodePeers(body)?.length).toBeGreaterThan(0)
    }
  })
})

describe('a request that its asker withdraws', () => {
  it('keeps its credit only until the handler is done, and then gives it back', async () => {
    const Upload = request<Uint8Array, number>('upload')
    const Echo = request<number, number>('echo')
    const network = new MemoryNetwork()
    const b = await node(
      network,
      (swarm) => {
        swarm.respond(
          Upload,
          async (_, { signal }) =>
            new Promise<number>((resolve) => {
              signal.addEventListener('abort', () => {
                resolve(0)
              })
            }),
        )
        swarm.respond(Echo, (n) => n)
      },
      { listen: ['memory://b:1'] },
    )
    const a = await node(network, nothing)
    const peer = await a.dial(b.addresses[0] ?? '')
    for (let i = 0; i < 20; i++) {
      const controller = new AbortController()
      const asked = peer.request(Upload, new Uint8Array(40_000), { signal: controller.signal })
      await peer.request(Echo, i)
      controller.abort(new Error('enough'))
      await expect(asked).rejects.toThrow('enough')
    }
    expect(await peer.request(Echo, 2)).toBe(2)
  })
})

describe('a swarm that has stopped', () => {
  it('begins no handler any more, however many messages wait, and tells those that run', async () => {
    const Number = message<number>('number')
    const network = new MemoryNetwork()
    let calls = 0
    let aborted = 0
    const b = await node(
      network,
      (swarm) => {
        swarm.handle(Number, async (_, { signal }) => {
          calls++
          return new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              aborted++
              resolve('accept')
            })
          })
        })
      },
      { listen: ['memory://b:1'] },
    )
    const a = await node(network, nothing)
    const peer = await a.dial(b.addresses[0] ?? '')
    for (let i = 0; i < 1_000; i++) a.broadcast(Number, i)
    await peer.drain()
    while (calls < 48) await new Promise<void>((resolve) => setImmediate(resolve))
    await b.stop()
    const before = calls
    await new Promise<void>((resolve) => setImmediate(resolve))
    expect(calls).toBe(before)
    expect(calls).toBe(48)
    expect(aborted).toBe(48)
  })
})
