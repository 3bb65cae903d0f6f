/** A node with all its links dials an untried address now and then, only to know whether somebody is there. */
import { expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import { swarmLab } from '../../src/testing/index.js'
import { listen } from './lab-ear.js'

const TARGET = 12
const FEELER_MS = 120_000

it('an untried address is dialled within two minutes and left again, and the book knows that it is there', () => {
  const untried = TARGET + 1
  const places = swarmLab({ seed: 1, masternodes: 0, nodes: TARGET + 2 })
  const peerStore = new PeerStore()
  const { lab, heard } = listen({
    seed: 1,
    masternodes: 0,
    nodes: TARGET + 2,
    seeds: [],
    net: { undialable: [0] },
    swarm: (index) =>
      index === 0 ? { peerStore, seeds: Array.from({ length: TARGET }, (_, i) => places.address(i + 1)) } : {},
  })
  lab.run(30_000)
  expect(lab.swarm(0).peers.size).toBe(TARGET)
  peerStore.learn(lab.id(untried), parseAddress(lab.address(untried)), 'exchange')
  expect(peerStore.get(lab.id(untried))?.lastSeenAt).toBeNull()
  lab.run(FEELER_MS + 1_000)
  expect(peerStore.get(lab.id(untried))?.lastSeenAt).not.toBeNull()
  expect(lab.swarm(0).peers.size).toBe(TARGET)
  const visits = heard(0, 'peer:disconnect').filter(({ args: [peer] }) => peer.id === lab.id(untried))
  expect(visits.map(({ args: [, reason] }) => reason.code)).toEqual(['useless'])
  lab.run(10 * FEELER_MS)
  // Who has been seen is tried no more.
  expect(heard(0, 'peer:connect').filter(({ args: [peer] }) => peer.id === lab.id(untried)).length).toBe(1)
})
