/** A node finds peers, keeps as many as it needs, and remembers those it lost. */
import { describe, expect, it } from 'vitest'
import { BackoffPolicy } from '../../src/policy/backoff.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import { swarmLab } from '../../src/testing/index.js'
import { largestPart, listen } from './lab-ear.js'

/** So near to each other that latency is nothing beside half a second. */
const NEAR = { latencyMs: [1, 1], jitterMs: 0 } as const

/** Where a node of a lab will be: the same for the same seed. */
function addressOf(seed: number, index: number): string {
  return swarmLab({ seed, masternodes: 0, nodes: index + 1 }).address(index)
}

describe('strangers that know one seed', () => {
  it('become one network, and stay one when the seed dies', () => {
    for (const seed of [1, 2]) {
      const { lab } = listen({ seed, masternodes: 0, nodes: 40, startWithinMs: 5_000 })
      lab.run(60_000)
      expect(largestPart(lab), `seed ${String(seed)}`).toBe(40)
      lab.kill(0)
      lab.run(20_000)
      expect(largestPart(lab), `seed ${String(seed)}`).toBe(39)
      for (let i = 1; i < lab.size; i++) expect(lab.swarm(i).peers.size).toBeGreaterThanOrEqual(8)
    }
  })

  it('stop dialling once they have twelve links of their own, give or take the ten dialled at once', () => {
    const { lab } = listen({ seed: 4, masternodes: 0, nodes: 40 })
    const own = (): number[] =>
      Array.from(
        { length: lab.size },
        (_, i) => [...lab.swarm(i).peers.values()].filter(({ direction }) => direction === 'outbound').length,
      )
    lab.run(60_000)
    expect(Math.min(...own())).toBeGreaterThanOrEqual(8)
    expect(Math.max(...own())).toBeLessThan(12 + 10)
    const links = lab.links().length
    lab.run(300_000)
    expect(lab.links().length).toBe(links)
  })

  it('find the seed again when it comes back before anybody else was known', () => {
    const { lab } = listen({ seed: 5, masternodes: 0, nodes: 2 })
    lab.run(10)
    lab.kill(0)
    lab.run(600_000)
    lab.start(0)
    // A seed is never waited for longer than half a minute.
    lab.run(31_000)
    expect(lab.linked(0, 1)).toBe(true)
  })
})

describe('a peer that was lost', () => {
  it('is replaced: another is dialled within half a second', () => {
    let looked = 0
    for (let seed = 1; seed <= 5; seed++) {
      const { lab, heard } = listen({ seed, masternodes: 0, nodes: 40, net: NEAR })
      lab.run(60_000)
      const swarm = lab.swarm(5)
      const spare = Array.from({ length: lab.size }, (_, i) => swarm.explain(lab.id(i))).filter(
        ({ state, addresses }) => state === 'unknown' && addresses.length > 0,
      )
      // Where everybody it knows is linked or dialled already, nobody is left to take the place.
      if (spare.length === 0) continue
      looked++
      const underWay = (): string[] =>
        Array.from({ length: lab.size }, (_, i) => swarm.explain(lab.id(i)))
          .filter(({ state }) => state === 'dialing' || state === 'handshaking' || state === 'connected')
          .map(({ peerId }) => peerId)
      const own = [...swarm.peers.values()].find(({ direction }) => direction === 'outbound')
      const before = new Set(underWay())
      if (own !== undefined) lab.reset(5, lab.index(own.id))
      lab.run(1)
      const [lost] = heard(5, 'peer:disconnect').slice(-1)
      expect(lost?.args[0].id).toBe(own?.id)
      const isReplaced = (): boolean => underWay().some((id) => !before.has(id))
      while (!isReplaced() && lab.now < (lost?.at ?? 0) + 2_000) lab.run(1)
      expect(lab.now - (lost?.at ?? 0), `seed ${String(seed)}`).toBeLessThanOrEqual(502)
    }
    expect(looked).toBeGreaterThan(1)
  })

  it('is not dialled all the time when it is gone for good', () => {
    const { lab, heard, forget } = listen({ seed: 1, masternodes: 0, nodes: 3 })
    lab.run(30_000)
    lab.kill(2)
    forget()
    lab.run(600_000)
    for (const i of [0, 1]) expect(heard(i, 'dial:failed').length).toBeLessThanOrEqual(12)
  })

  it('backs off as the regular peer that it has become, and is cold after ten failures', () => {
    const { lab, heard, forget } = listen({
      seed: 2,
      masternodes: 0,
      nodes: 3,
      swarm: () => ({ peerStore: new PeerStore({ regularAfterMs: 20_000 }) }),
    })
    lab.run(60_000)
    expect(lab.swarm(1).peer(lab.id(2))?.class).toBe('regular')
    lab.kill(2)
    forget()
    lab.run(3_600_000)
    // The loss itself counts as the first.
    const attempts = heard(1, 'dial:failed').map(({ args: [{ attempt }] }) => attempt)
    expect(attempts.filter((_, i) => i < 9)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(lab.swarm(1).explain(lab.id(2)).state).toBe('cold')
  })
})

describe('a peer that was given up for now', () => {
  const backoff = new BackoffPolicy({
    persistent: { firstMs: 1_000, capMs: 1_000, hotAttemptsMax: 2, afterHot: 'cold' },
    regular: { firstMs: 86_400_000, capMs: 86_400_000 },
    unknown: { firstMs: 86_400_000, capMs: 86_400_000 },
  })

  it('is tried again now and then, and kept when it answers', () => {
    const { lab, heard, forget } = listen({
      seed: 1,
      masternodes: 0,
      nodes: 2,
      seeds: [],
      net: { undialable: [0] },
      swarm: (index) => ({ backoff, persistent: index === 0 ? [addressOf(1, 1)] : [] }),
    })
    lab.run(20_000)
    expect(lab.linked(0, 1)).toBe(true)
    lab.kill(1)
    lab.run(10_000)
    expect(lab.swarm(0).explain(lab.id(1))).toMatchObject({ state: 'cold', nextAttemptInMs: null })
    forget()
    lab.run(300_000)
    const tries = heard(0, 'dial:failed').length
    expect(tries).toBeGreaterThanOrEqual(9)
    expect(tries).toBeLessThanOrEqual(11)
    lab.start(1)
    lab.run(31_000)
    expect(lab.linked(0, 1)).toBe(true)
  })

  it('is a bridge when it answers: others that were lost are tried again at once', () => {
    const { lab } = listen({
      seed: 1,
      masternodes: 0,
      nodes: 3,
      seeds: [],
      net: { undialable: [0] },
      swarm: (index) => ({
        backoff,
        persistent: index === 0 ? [addressOf(1, 1)] : [],
      }),
    })
    lab.run(1_000)
    void lab.swarm(0).dial(lab.address(2))
    lab.run(20_000)
    expect([lab.linked(0, 1), lab.linked(0, 2)]).toEqual([true, true])
    lab.kill(1)
    lab.run(1_000)
    lab.reset(0, 2)
    lab.run(60_000)
    expect(lab.swarm(0).explain(lab.id(2))).toMatchObject({ state: 'backing-off' })
    lab.start(1)
    lab.run(36_000)
    expect(lab.linked(0, 1)).toBe(true)
    expect(lab.linked(0, 2)).toBe(true)
  })
})
