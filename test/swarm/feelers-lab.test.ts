/** A node with all its links dials an untried address now and then, only to know whether somebody is there. */
import { expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import { hub } from './hub.js'

const TARGET = 12
const FEELER_MS = 120_000

it('an untried address is dialled within two minutes and left again, and the book knows that it is there', () => {
  const untried = TARGET + 1
  const { lab, heard, peerStore } = hub(1, TARGET + 2, TARGET)
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

it('a peer that dials us while its address is felt is not sent away', () => {
  const guest = TARGET + 1
  const { lab, heard, peerStore } = hub(1, TARGET + 2, TARGET)
  lab.run(30_000)
  lab.network.hosts.forEach((host) => {
    if (host.index === 0) host.dialable = true
  })
  // What we dial for it leads nowhere; it comes by itself.
  peerStore.learn(lab.id(guest), parseAddress(`tcp://${lab.id(guest)}@192.0.2.1:1`), 'exchange')
  for (let ms = 0; ms < FEELER_MS && lab.swarm(0).explain(lab.id(guest)).state !== 'dialing'; ms += 100) lab.run(100)
  expect(lab.swarm(0).explain(lab.id(guest)).state).toBe('dialing')
  lab
    .swarm(guest)
    .dial(lab.address(0))
    .catch(() => undefined)
  lab.run(30_000)
  expect(lab.linked(0, guest)).toBe(true)
  expect(heard(0, 'peer:disconnect')).toEqual([])
})
