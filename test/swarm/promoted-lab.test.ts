/** A peer that is trusted, or a regular, only once it is linked: the link it has is as good as any. */
import { describe, expect, it } from 'vitest'
import { message, request } from '../../src/protocol/message.js'
import type { SwarmLab } from '../../src/testing/swarm-lab.js'
import { swarmLab } from '../../src/testing/swarm-lab.js'

const Block = message('block')
const Length = request<Uint8Array, number>('length')
const HOUR_MS = 3_600_000

/** Three that list each other, and one more that lists them and that they do not. */
function scene(): { readonly lab: SwarmLab; readonly got: Map<number, number[]> } {
  const probe = swarmLab({ seed: 5, masternodes: 0, nodes: 4 })
  const addresses = [0, 1, 2, 3].map((i) => probe.address(i))
  const got = new Map<number, number[]>()
  const lab = swarmLab({
    seed: 5,
    masternodes: 3,
    nodes: 4,
    swarm: (i) => (i === 3 ? { masternodes: addresses.slice(0, 3) } : {}),
    prepare: (swarm, i) => {
      swarm.handle(Block, (block) => {
        got.set(i, [...(got.get(i) ?? []), block.length])
        return 'accept'
      })
      swarm.respond(Length, (block) => block.length)
    },
  })
  return { lab, got }
}

describe('a masternode that is listed while its link is open', () => {
  it('has its large blocks and questions taken as if it had been listed before, whichever way they go', async () => {
    const { lab, got } = scene()
    await lab.runAsync(20_000)
    expect(lab.swarm(3).broadcast(Block, new Uint8Array(100_000)).shed).toBe(3)
    for (const i of [0, 1, 2]) lab.swarm(i).masternodes.add(lab.address(3))
    await lab.runAsync(1_000)
    for (const bytes of [200_000, 4_000_000]) {
      got.clear()
      expect(lab.swarm(3).broadcast(Block, new Uint8Array(bytes))).toMatchObject({ queued: 3, shed: 0 })
      await lab.runAsync(30_000)
      expect([...got].sort()).toEqual([0, 1, 2].map((i) => [i, [bytes]]))
    }
    const answer = lab.swarm(3).peer(lab.id(0))?.request(Length, new Uint8Array(1_000_000))
    await lab.runAsync(10_000)
    expect(await answer).toBe(1_000_000)
    got.clear()
    lab.swarm(0).broadcast(Block, new Uint8Array(300_000))
    await lab.runAsync(30_000)
    expect(got.get(3)).toEqual([300_000])
  })

  it('is suspect as soon as any other when it falls silent', async () => {
    const { lab } = scene()
    await lab.runAsync(20_000)
    for (const i of [0, 1, 2]) lab.swarm(i).masternodes.add(lab.address(3))
    await lab.runAsync(60_000)
    lab.kill(3, { silent: true })
    await lab.runAsync(20_000)
    expect([0, 1, 2].map((i) => lab.swarm(i).peer(lab.id(3))?.suspect ?? null)).toEqual([true, true, true])
  })

  it('may send no more than a stranger once it is struck off, and what it had begun by then is taken', async () => {
    const { lab } = scene()
    await lab.runAsync(20_000)
    for (const i of [0, 1, 2]) lab.swarm(i).masternodes.add(lab.address(3))
    await lab.runAsync(1_000)
    const answer = lab.swarm(3).peer(lab.id(0))?.request(Length, new Uint8Array(1_000_000))
    for (const i of [0, 1, 2]) lab.swarm(i).masternodes.remove(lab.id(3), { revoked: true })
    await lab.runAsync(10_000)
    expect(await answer).toBe(1_000_000)
    expect(lab.swarm(3).broadcast(Block, new Uint8Array(100_000)).shed).toBe(3)
    expect(
      lab
        .swarm(0)
        .status()
        .peers.find(({ id }) => id === lab.id(3)),
    ).toMatchObject({ class: 'unknown' })
  })
})

describe('a stranger that has become a regular', () => {
  it('may send a mebibyte on the link that it has', async () => {
    const { lab, got } = scene()
    await lab.runAsync(HOUR_MS)
    expect([0, 1, 2].map((i) => lab.swarm(i).peer(lab.id(3))?.class)).toEqual(['regular', 'regular', 'regular'])
    expect(lab.swarm(3).broadcast(Block, new Uint8Array(900_000))).toMatchObject({ queued: 3, shed: 0 })
    await lab.runAsync(60_000)
    expect([...got].sort()).toEqual([0, 1, 2].map((i) => [i, [900_000]]))
  })
})
