/** A masternode that is listed by its address alone: from the moment its key is proven there, it is listed by that. */
import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/ports/types.js'
import { listen } from './lab-ear.js'
import { Town } from './town.js'

const MINUTE_MS = 60_000

function placeOf(address: string): string {
  const [, place = ''] = address.split('@')
  return `tcp://${place}`
}

describe('an address that is listed alone', () => {
  it('makes a masternode of whoever is found there, also on the link by which it had come to us', () => {
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const { lab } = listen({ seed, masternodes: 0, nodes: 2, seeds: [] })
      lab.run(1_000)
      void lab
        .swarm(1)
        .dial(lab.address(0))
        .catch(() => undefined)
      lab.run(10_000)
      expect(lab.swarm(0).peer(lab.id(1))?.class).toBe('unknown')
      lab.swarm(0).masternodes.add(placeOf(lab.address(1)))
      lab.run(10_000)
      expect(lab.swarm(0).peer(lab.id(1))?.class).toBe('masternode')
      expect(lab.linked(0, 1)).toBe(true)
    }
  })

  it('is nobody’s whom the host refuses, and whoever it does not refuse has it', () => {
    const refused = new Set<PeerId>()
    const { lab, heard } = listen({
      seed: 1,
      masternodes: 0,
      nodes: 2,
      seeds: [],
      swarm: (index) => (index === 0 ? { authorize: ({ peerId }) => !refused.has(peerId) && 'masternode' } : {}),
    })
    refused.add(lab.id(1))
    lab.run(1_000)
    lab.swarm(0).masternodes.add(placeOf(lab.address(1)))
    lab.run(MINUTE_MS)
    expect([lab.swarm(0).masternodes.has(lab.id(1)), lab.swarm(0).status().masternodes.listed]).toEqual([false, 1])
    const [first] = heard(0, 'dial:failed')
    expect(first?.args[0].reason).toEqual({ code: 'not-allowed', fault: 'local' })
    refused.clear()
    lab.run(2 * MINUTE_MS)
    expect([lab.swarm(0).masternodes.has(lab.id(1)), lab.swarm(0).peer(lab.id(1))?.class]).toEqual([true, 'masternode'])
  })

  it('whose peer the host refuses is dialled until it is taken off, and then by no other way', () => {
    const { lab, heard } = listen({
      seed: 1,
      masternodes: 0,
      nodes: 2,
      seeds: [],
      swarm: (index) => (index === 0 ? { authorize: () => false } : {}),
    })
    lab.run(1_000)
    const { masternodes } = lab.swarm(0)
    masternodes.add(placeOf(lab.address(1)))
    lab.run(10 * MINUTE_MS)
    const before = heard(0, 'dial:failed').length
    expect(before).toBeGreaterThan(2)
    expect(masternodes.remove(placeOf(lab.address(1)))).toBe(true)
    lab.run(60 * MINUTE_MS)
    expect(heard(0, 'dial:failed')).toHaveLength(before)
    expect(lab.swarm(0).explain(lab.id(1)).state).toBe('unknown')
  })

  it('is dialled once, and gives whoever waits for that dial the peer that is there', async () => {
    const { lab, heard } = listen({ seed: 2, masternodes: 0, nodes: 2, seeds: [] })
    lab.run(1_000)
    lab.swarm(0).masternodes.add(placeOf(lab.address(1)))
    const asked = lab.swarm(0).dial(placeOf(lab.address(1)))
    lab.run(10_000)
    expect((await asked).id).toBe(lab.id(1))
    expect(lab.swarm(0).peer(lab.id(1))?.class).toBe('masternode')
    expect([heard(0, 'dial:failed'), heard(1, 'inbound:refused')]).toEqual([[], []])
  })

  it('goes on where its peer was being dialled as somebody else’s hearsay, and leaves one target', () => {
    const { lab, heard } = listen({ seed: 3, masternodes: 0, nodes: 2, seeds: [] })
    lab.run(1_000)
    void lab
      .swarm(0)
      .dial(lab.address(1))
      .catch(() => undefined)
    lab.swarm(0).masternodes.add(placeOf(lab.address(1)))
    lab.run(10_000)
    expect(lab.linked(0, 1)).toBe(true)
    expect(lab.swarm(0).peer(lab.id(1))?.class).toBe('masternode')
    lab.kill(1)
    lab.run(60 * MINUTE_MS)
    const addresses = new Set(heard(0, 'dial:failed').map(({ args: [failure] }) => failure.address))
    expect([...addresses]).toEqual([lab.address(1)])
  })
})

describe('an address that is listed alone, where a key still answers that was struck off', () => {
  it('is looked for again until somebody else is there', async () => {
    const town = new Town(1, { hasSay: false, isSmall: false, begins: 'alone' }, [])
    await town.begin()
    town.move(0, 0, 'nobody')
    town.do({ kind: 'list', who: 0, how: 'both', house: 0 })
    town.time.run(10_000)
    expect(town.home.peer(town.id(0))?.class).toBe('masternode')
    town.do({ kind: 'unlist', who: 0, revoked: true })
    town.do({ kind: 'list', who: 0, how: 'address', house: 0 })
    const linkId = town.home.peer(town.id(0))?.linkId
    town.time.run(10 * MINUTE_MS)
    expect(town.home.peer(town.id(0))).toMatchObject({ class: 'unknown', linkId })
    town.move(0, 1, 'nobody')
    town.time.run(3 * MINUTE_MS)
    expect(town.home.peer(town.id(1))?.class).toBe('masternode')
    expect(town.home.masternodes.list()).toHaveLength(1)
  })

  it('is where that key is found, too, by whoever dials it by name', async () => {
    const town = new Town(3, { hasSay: false, isSmall: false, begins: 'alone' }, [])
    await town.begin()
    town.do({ kind: 'unlist', who: 0, revoked: false })
    town.do({ kind: 'list', who: 0, how: 'address', house: 0 })
    town.move(0, 0, 'nobody')
    town.do({ kind: 'dial', who: 0, house: 0, isCalledOff: false })
    town.time.run(10_000)
    expect(town.home.peer(town.id(0))?.class).toBe('unknown')
    expect(town.home.masternodes.has(town.id(0))).toBe(false)
  })

  it('is the masternode’s who was being dialled by the host when it was listed, at whatever point of that', async () => {
    for (let afterMs = 0; afterMs < 500; afterMs += 5) {
      const town = new Town(2, { hasSay: false, isSmall: false, begins: 'alone' }, [])
      await town.begin()
      town.move(0, 0, 'nobody')
      town.do({ kind: 'dial', who: null, house: 0, isCalledOff: false })
      town.time.run(afterMs)
      town.do({ kind: 'list', who: 0, how: 'address', house: 0 })
      town.time.run(2_000)
      expect(town.home.peer(town.id(0))?.class, `after ${String(afterMs)} ms`).toBe('masternode')
    }
  })
})
