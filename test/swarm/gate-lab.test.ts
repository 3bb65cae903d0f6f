/** Node 0 under siege: who still gets in, and how soon, while others hold every place at its door that they can get. */
import { describe, expect, it } from 'vitest'
import type { SwarmLab } from '../../src/testing/index.js'
import { swarmLab } from '../../src/testing/index.js'
import { besiege } from './siege.js'

const RTT_MS = 100
const MASTERNODES = 20
const STRANGERS = 12
/** What node 0 keeps of handshakes under way, with so few masternodes. */
const PENDING_MAX = 64
const SOON_MS = 2_000

/** Node 0, and others who must dial it, for nobody can dial them. None of these is there yet. */
function fortress(seed: number, masternodes: number, strangers: number): SwarmLab {
  const others = range(1, masternodes + strangers)
  const lab = swarmLab({
    seed,
    masternodes: masternodes + 1,
    nodes: masternodes + 1 + strangers,
    net: { latencyMs: [RTT_MS / 2, RTT_MS / 2], jitterMs: 2, undialable: others },
  })
  for (const i of others) lab.kill(i)
  lab.run(3_000)
  return lab
}

interface Arrivals {
  /** How long each took to be linked to node 0; endless for who never was. */
  readonly took: readonly number[]
  /** Handshakes under way at once. */
  readonly pendingMax: number
}

/** The nodes come within half a second, and dial at once. */
function come(lab: SwarmLab, nodes: readonly number[], withinMs = 20_000): Arrivals {
  const startedAt = new Map<number, number>()
  const took = new Map<number, number>()
  for (const i of nodes)
    lab.time.at(lab.now + lab.random.float() * 500, () => {
      lab.start(i)
      startedAt.set(i, lab.now)
      // Masternodes would begin with each other, whom nobody can dial.
      lab.time.at(lab.now + 1, () => {
        lab
          .swarm(i)
          .dial(lab.address(0))
          .catch(() => undefined)
      })
    })
  let pendingMax = 0
  const until = lab.now + withinMs
  while (lab.now < until && took.size < nodes.length) {
    lab.run(5)
    pendingMax = Math.max(pendingMax, lab.swarm(0).status().pending)
    for (const [i, at] of startedAt)
      if (!took.has(i) && lab.swarm(0).peer(lab.id(i)) !== null) took.set(i, lab.now - at)
  }
  return { took: nodes.map((i) => took.get(i) ?? Infinity), pendingMax }
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

const CROWD = { ips: range(0, 249).map((i) => `100.${String(i)}.1.1`), links: 1_000, dialsPerSec: 5_000 }
const EVERYBODY = range(1, MASTERNODES + STRANGERS)

describe('a node at which 1,000 half-open links from 250 IPs are held and dialled again', () => {
  for (const speaks of [false, true]) {
    const how = speaks ? 'after their first message' : 'in silence'
    for (const seed of [1, 2, 3])
      it(`lets everybody in soon where they are held ${how} (seed ${String(seed)})`, () => {
        const lab = fortress(seed, MASTERNODES, STRANGERS)
        const siege = besiege(lab, { ...CROWD, speaks })
        lab.run(3_000)
        expect(lab.swarm(0).status().pending).toBe(PENDING_MAX / 2)
        const { took, pendingMax } = come(lab, EVERYBODY)
        expect(Math.max(...took)).toBeLessThanOrEqual(SOON_MS)
        expect(pendingMax).toBeLessThanOrEqual(PENDING_MAX)
        expect(siege.cut).toBeGreaterThan(CROWD.links)
      })
  }

  it('lets masternodes in soon at the height of the onslaught, and strangers once it has spent its attempts', () => {
    const lab = fortress(1, MASTERNODES, STRANGERS)
    besiege(lab, { ...CROWD, speaks: false })
    const { took } = come(lab, EVERYBODY)
    expect(Math.max(...took.slice(0, MASTERNODES))).toBeLessThanOrEqual(SOON_MS)
    expect(Math.max(...took)).toBeLessThanOrEqual(10_000)
  })
})

describe('a node at which few links hold many places', () => {
  it('lets strangers in where 32 silent links from 32 networks hold every place that strangers have', () => {
    const lab = fortress(1, 0, 18)
    besiege(lab, {
      ips: range(0, 31).map((i) => `${String(100 + i)}.1.1.1`),
      links: 32,
      dialsPerSec: 1_000,
      speaks: false,
    })
    lab.run(3_000)
    expect(lab.swarm(0).status().pending).toBe(32)
    expect(Math.max(...come(lab, range(1, 18)).took)).toBeLessThanOrEqual(SOON_MS)
  })

  it('gives those who share the IPs of two masternodes four places at each, and lets other masternodes in', () => {
    const lab = fortress(1, 8, 0)
    const ips = [1, 2].map((i) => lab.network.hosts[i]?.ip ?? '')
    for (const speaks of [false, true]) besiege(lab, { ips, links: 50, dialsPerSec: 1_000, speaks })
    lab.run(3_000)
    expect(lab.swarm(0).status().pending).toBe(8)
    const { took, pendingMax } = come(lab, range(3, 8))
    expect(Math.max(...took)).toBeLessThanOrEqual(SOON_MS)
    expect(pendingMax).toBeLessThanOrEqual(8 + 6)
  })

  it('gives as many places at one IP as there are masternodes, where these are more', () => {
    const masternodes = range(1, 6).map((port) => `tcp://100.1.1.1:${String(port)}`)
    const lab = swarmLab({ seed: 1, masternodes: 1, swarm: { masternodes } })
    besiege(lab, { ips: ['100.1.1.1'], links: 10, dialsPerSec: 1_000, speaks: false })
    lab.run(3_000)
    expect(lab.swarm(0).status().pending).toBe(6)
  })

  it('waits longer for a last message than for a first one', () => {
    const cutBy = (speaks: boolean, afterMs: number): readonly [number, number] => {
      const lab = fortress(1, 1, 0)
      const once = { ips: ['100.1.1.1'], dialsPerSec: 1_000, redials: false, speaks }
      const held = besiege(lab, { ...once, links: 4 })
      lab.run(afterMs)
      const fifth = besiege(lab, { ...once, links: 1 })
      lab.run(2 * RTT_MS)
      return [held.cut, fifth.cut]
    }
    expect(cutBy(false, 250)).toEqual([0, 1])
    expect(cutBy(false, 350)).toEqual([1, 0])
    // The first message comes one round trip after its link.
    expect(cutBy(true, 550)).toEqual([0, 1])
    expect(cutBy(true, 650)).toEqual([1, 0])
  })
})
