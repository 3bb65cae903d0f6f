/** What a lab's network does to whole swarms: slow links, latency that jumps, hosts that nobody can dial, links that go dead. */
import { describe, expect, it } from 'vitest'
import { message } from '../../src/protocol/message.js'
import type { SwarmLab } from '../../src/testing/index.js'
import { swarmLab } from '../../src/testing/index.js'
import { listen } from '../swarm/lab-ear.js'

const Bulk = message('bulk')
const pairsOf = (count: number): number => (count * (count - 1)) / 2

describe('a network of little bandwidth', () => {
  const MESSAGE_BYTES = 60_000

  /** When each of so many messages is there, which one of two nodes sends the other at once. */
  function timesOf(bytesPerMs: number, messages: number): number[] {
    const heardAt: number[] = []
    const made: { lab: SwarmLab | null } = { lab: null }
    const lab = swarmLab({
      seed: 1,
      masternodes: 2,
      // What is announced first would come a round trip later.
      swarm: { propagation: 'flood' },
      net: { bytesPerMs, latencyMs: [20, 20], jitterMs: 0 },
      prepare: (swarm) => {
        swarm.handle(Bulk, () => {
          heardAt.push(made.lab?.now ?? 0)
          return 'accept'
        })
      },
    })
    made.lab = lab
    lab.run(20_000)
    const since = lab.now
    for (let i = 0; i < messages; i++) lab.swarm(0).broadcast(Bulk, new Uint8Array(MESSAGE_BYTES).fill(i))
    lab.run(60_000)
    return heardAt.map((at) => at - since)
  }

  it('carries messages in the time that their bytes take, and no sooner', () => {
    for (const [bytesPerMs, messages] of [
      [12_500, 1],
      [100, 1],
      [100, 3],
      [10, 2],
    ] as const) {
      const times = timesOf(bytesPerMs, messages)
      const leastMs = (messages * MESSAGE_BYTES) / bytesPerMs
      expect(times.length).toBe(messages)
      // Latency, and what frames and pings add to the bytes.
      expect(Math.max(...times)).toBeGreaterThanOrEqual(leastMs + 20)
      expect(Math.max(...times)).toBeLessThanOrEqual(1.01 * leastMs + 25)
    }
  })
})

describe('a network whose latency jumps by up to a second', () => {
  it('has a mesh that nobody in it ever doubts', () => {
    for (const seed of [1, 2]) {
      const { lab, heard } = listen({ seed, masternodes: 8, net: { jitterMs: 1_000 } })
      lab.run(15_000)
      expect(lab.links().length).toBe(pairsOf(8))
      lab.run(600_000)
      expect(lab.links().length).toBe(pairsOf(8))
      for (let i = 0; i < 8; i++) {
        expect(heard(i, 'peer:suspect')).toEqual([])
        expect(heard(i, 'peer:disconnect')).toEqual([])
      }
    }
  })
})

describe('hosts that nobody can dial', () => {
  it('have dialled every link of theirs, and have none with each other', () => {
    const hidden = [1, 4, 6]
    const lab = swarmLab({ seed: 1, masternodes: 8, net: { undialable: hidden } })
    lab.run(30_000)
    expect(lab.links().length).toBe(pairsOf(8) - pairsOf(3))
    for (const i of hidden) {
      for (const { direction } of lab.swarm(i).peers.values()) expect(direction).toBe('outbound')
      for (const j of hidden) expect(lab.linked(i, j)).toBe(false)
    }
    // Nor ever, however long they try.
    lab.run(3_600_000)
    expect(lab.links().length).toBe(pairsOf(8) - pairsOf(3))
    for (const i of hidden) for (const j of hidden) expect(lab.linked(i, j)).toBe(false)
  })

  it('are linked with each other soon after one of them can be dialled', () => {
    const lab = swarmLab({ seed: 2, masternodes: 4, net: { undialable: [0, 1] } })
    lab.run(600_000)
    expect(lab.linked(0, 1)).toBe(false)
    for (const host of lab.network.hosts.slice(0, 1)) host.dialable = true
    lab.network.revived()
    // The backoff of trusted peers ends at a minute.
    lab.run(61_000)
    expect(lab.linked(0, 1)).toBe(true)
    expect(lab.swarm(1).peer(lab.id(0))?.direction).toBe('outbound')
  })

  it('are linked with strangers by dialling them', () => {
    const lab = swarmLab({ seed: 3, masternodes: 0, nodes: 12, net: { undialable: [5, 7] } })
    lab.run(60_000)
    for (const i of [5, 7]) {
      expect(lab.swarm(i).peers.size).toBe(10)
      for (const { direction } of lab.swarm(i).peers.values()) expect(direction).toBe('outbound')
    }
    expect(lab.linked(5, 7)).toBe(false)
  })
})
