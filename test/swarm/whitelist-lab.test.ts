/** The operator changes the list while the nodes run. */
import { describe, expect, it } from 'vitest'
import type { SwarmLab } from '../../src/testing/index.js'
import { swarmLab } from '../../src/testing/index.js'
import { createIdentity } from '../../src/index.js'
import { listen } from './lab-ear.js'
import { hub, Tx } from './hub.js'

const SETTLED_MS = 15_000

function classAt(lab: SwarmLab, at: number, of: number): string | undefined {
  return lab.swarm(at).peer(lab.id(of))?.class
}

describe('a masternode that is listed while the node runs', () => {
  it('is one at once, on the link that is there', () => {
    const { lab } = listen({ seed: 1, masternodes: 3, nodes: 4 })
    lab.run(SETTLED_MS)
    expect(classAt(lab, 0, 3)).toBe('unknown')
    const linkId = lab.swarm(0).peer(lab.id(3))?.linkId
    lab.swarm(0).masternodes.add(lab.address(3))
    expect(classAt(lab, 0, 3)).toBe('masternode')
    expect(lab.swarm(0).peer(lab.id(3))?.linkId).toBe(linkId)
    expect(lab.swarm(0).status().masternodes).toEqual({ listed: 3, connected: 3 })
    expect(lab.swarm(0).masternodes.has(lab.id(3))).toBe(true)
    expect(lab.swarm(0).masternodes.list()).toContain(lab.address(3))
  })

  it('is dialled at once where there is no link, though it had been given up, and is never given up again', () => {
    const { lab } = listen({ seed: 2, masternodes: 2, nodes: 3, seeds: [] })
    lab.run(SETTLED_MS)
    expect(lab.linked(0, 2)).toBe(false)
    lab.swarm(0).masternodes.add(lab.address(2))
    lab.run(4_000)
    expect(lab.linked(0, 2)).toBe(true)
    lab.kill(2)
    lab.run(3_600_000)
    expect(lab.swarm(0).explain(lab.id(2)).state).toMatch(/backing-off|dialing/)
    lab.start(2)
    lab.run(61_000)
    expect(lab.linked(0, 2)).toBe(true)
  })

  it('is found again after its link was lost, though nobody has looked at its class', () => {
    const lab = swarmLab({ seed: 5, masternodes: 0, nodes: 2, seeds: [] })
    lab.run(1_000)
    void lab.swarm(1).dial(lab.address(0))
    lab.run(10_000)
    expect(lab.linked(0, 1)).toBe(true)
    lab.swarm(0).masternodes.add(lab.address(1))
    lab.run(60_000)
    lab.kill(1)
    lab.run(600_000)
    lab.start(1)
    lab.run(61_000)
    expect(lab.linked(0, 1)).toBe(true)
  })

  it('has its ban lifted', () => {
    const { lab } = hub(3, 3, 2)
    lab.run(SETTLED_MS)
    for (let i = 0; i < 4; i++) {
      lab.swarm(1).broadcast(Tx, i, { to: [lab.id(0)] })
      lab.run(500)
    }
    expect(lab.swarm(0).explain(lab.id(1)).state).toBe('banned')
    lab.swarm(0).masternodes.add(lab.address(1))
    lab.swarm(0).masternodes.add(lab.address(1))
    expect(lab.swarm(0).masternodes.size).toBe(1)
    lab.run(5_000)
    expect(classAt(lab, 0, 1)).toBe('masternode')
  })

  it('is not missing before it had time to come', () => {
    const { lab, heard } = listen({ seed: 4, masternodes: 5, nodes: 9, seeds: [] })
    lab.run(SETTLED_MS)
    for (const i of [5, 6, 7, 8]) lab.kill(i)
    for (const i of [5, 6, 7, 8]) lab.swarm(0).masternodes.add(lab.address(i))
    lab.run(59_000)
    expect(heard(0, 'partition:suspected')).toEqual([])
    lab.run(10_000)
    expect(heard(0, 'partition:suspected').map(({ args: [{ missing }] }) => missing.length)).toEqual([4])
  })

  it('is whoever our own dial proves to be there, where it is listed by address alone', () => {
    const { lab } = listen({ seed: 5, masternodes: 2, nodes: 3, seeds: [] })
    lab.run(SETTLED_MS)
    const [, place = ''] = lab.address(2).split('@')
    lab.swarm(0).masternodes.add(`tcp://${place}`)
    lab.run(5_000)
    expect(classAt(lab, 0, 2)).toBe('masternode')
    expect(lab.swarm(0).masternodes.list()).toContain(lab.address(2))
    expect(lab.swarm(0).masternodes.remove(`tcp://${place}`)).toBe(true)
    expect(classAt(lab, 0, 2)).toBe('regular')
    expect(lab.swarm(0).masternodes.has(lab.id(2))).toBe(false)
  })
})

describe('a masternode that is listed no longer', () => {
  it('is a regular peer at once, on the same link, and is banned like one', () => {
    const { lab } = listen({
      seed: 6,
      masternodes: 4,
      prepare: (swarm, index) => {
        swarm.handle(Tx, () => (index === 0 ? 'reject' : 'accept'))
      },
    })
    lab.run(SETTLED_MS)
    expect(lab.swarm(0).masternodes.remove(lab.id(3))).toBe(true)
    expect(classAt(lab, 0, 3)).toBe('regular')
    expect(lab.linked(0, 3)).toBe(true)
    expect(lab.swarm(0).status().masternodes).toEqual({ listed: 2, connected: 2 })
    expect(lab.swarm(0).masternodes.remove(lab.id(3))).toBe(false)
    for (let i = 0; i < 3; i++) lab.swarm(3).broadcast(Tx, i, { to: [lab.id(0)] })
    lab.run(1_000)
    expect(lab.swarm(0).explain(lab.id(3)).state).toBe('banned')
  })

  it('is given up like any other where it is gone, and raises no partition signal', () => {
    const { lab, heard, forget } = listen({ seed: 7, masternodes: 6 })
    lab.run(SETTLED_MS)
    lab.kill(4)
    lab.run(3_000)
    forget()
    lab.swarm(0).masternodes.remove(lab.id(4))
    lab.run(7_200_000)
    expect(lab.swarm(0).explain(lab.id(4)).state).toMatch(/cold|dialing/)
    expect(lab.swarm(1).explain(lab.id(4)).state).toMatch(/backing-off|dialing/)
    expect(heard(0, 'partition:suspected')).toEqual([])
  })

  it('is a stranger at once where its key is revoked', () => {
    const { lab } = listen({ seed: 8, masternodes: 3 })
    lab.run(700_000)
    expect(lab.swarm(0).masternodes.remove(lab.address(2), { revoked: true })).toBe(true)
    expect(classAt(lab, 0, 2)).toBe('unknown')
    lab.reset(0, 2)
    lab.run(10_000)
    expect(['unknown', undefined]).toContain(classAt(lab, 0, 2))
  })

  it('makes room among the common peers, where there are too many of them now', () => {
    const { lab } = listen({
      seed: 9,
      masternodes: 3,
      nodes: 5,
      swarm: { slots: { regularMax: 2 } },
    })
    lab.run(SETTLED_MS)
    expect(lab.swarm(0).peers.size).toBe(4)
    lab.swarm(0).masternodes.remove(lab.id(1))
    lab.swarm(0).masternodes.remove(lab.id(2))
    const common = [...lab.swarm(0).peers.values()].filter(({ class: peerClass }) => peerClass !== 'masternode')
    expect(common.filter(({ connected }) => connected)).toHaveLength(2)
  })

  it('loses one address and stays listed at the other', () => {
    const { lab } = listen({ seed: 10, masternodes: 2 })
    lab.run(SETTLED_MS)
    const other = `tcp://${lab.id(1)}@10.9.9.9:24100`
    lab.swarm(0).masternodes.add(other)
    expect(lab.swarm(0).masternodes.list()).toHaveLength(2)
    lab.swarm(0).masternodes.remove(other)
    expect(lab.swarm(0).masternodes.list()).toEqual([lab.address(1)])
    expect(
      lab
        .swarm(0)
        .explain(lab.id(1))
        .addresses.some((address) => address.includes('10.9.9.9')),
    ).toBe(false)
    expect(classAt(lab, 0, 1)).toBe('masternode')
  })
})

describe('a masternode with a new key', () => {
  it('takes the place of the old one without any alarm, and the old key is a stranger', () => {
    const { lab, heard, forget } = listen({ seed: 11, masternodes: 5, nodes: 6, seeds: [] })
    lab.run(SETTLED_MS)
    forget()
    lab.kill(4)
    for (let i = 0; i < 4; i++) lab.swarm(i).masternodes.replace(lab.id(4), lab.address(5))
    for (let i = 0; i < 4; i++) lab.swarm(5).masternodes.add(lab.address(i))
    lab.run(5_000)
    for (let i = 0; i < 4; i++) {
      expect(lab.linked(i, 5)).toBe(true)
      expect(classAt(lab, i, 5)).toBe('masternode')
      expect(lab.swarm(i).masternodes.size).toBe(4)
      expect(heard(i, 'partition:suspected')).toEqual([])
    }
    lab.start(4)
    lab.run(10_000)
    for (let i = 0; i < 4; i++) expect(['unknown', undefined]).toContain(classAt(lab, i, 4))
  })

  it('cannot replace one that is not listed', () => {
    const { lab } = listen({ seed: 12, masternodes: 2, nodes: 3, seeds: [] })
    expect(() => {
      lab.swarm(0).masternodes.replace(lab.id(2), lab.address(2))
    }).toThrow('a listed masternode')
    expect(() => {
      lab.swarm(0).masternodes.add('tcp://nonsense')
    }).toThrow()
    expect(() => lab.swarm(0).masternodes.remove(`${createIdentity().id.slice(0, -1)}a`)).toThrow()
  })
})

describe('a masternode that is revoked while it is linked', () => {
  it('is not dialled for ever after its link was lost, though nobody has looked at its class', () => {
    const lab = swarmLab({ seed: 6, masternodes: 0, nodes: 2, seeds: [] })
    lab.run(1_000)
    lab.swarm(0).masternodes.add(lab.address(1))
    lab.run(60_000)
    expect(lab.linked(0, 1)).toBe(true)
    lab.swarm(0).masternodes.remove(lab.id(1), { revoked: true })
    lab.run(60_000)
    lab.kill(1)
    lab.run(7_200_000)
    expect(lab.swarm(0).explain(lab.id(1)).state).not.toMatch(/backing-off|dialing/)
  })
})
