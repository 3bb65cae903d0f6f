import { describe, expect, it } from 'vitest'
import { createIdentity } from '../../src/index.js'
import { parseAddress } from '../../src/policy/address.js'
import { AddressPins } from '../../src/policy/address-pins.js'
import type { Address, PeerId } from '../../src/ports/types.js'
import { Roster } from '../../src/swarm/roster.js'
import { rosterOf } from './roster-of.js'

const [me, one, two] = [1, 2, 3].map((n) => createIdentity(new Uint8Array(32).fill(n)).id) as [PeerId, PeerId, PeerId]
const at = (id: PeerId | null, host: string, port = 1) =>
  parseAddress(`tcp://${id === null ? '' : `${id}@`}${host}:${String(port)}`)

describe('a roster', () => {
  it('knows the listed by id, with all their addresses, and the higher of two classes', () => {
    const roster = rosterOf(me, [at(one, '10.0.0.1'), at(one, '10.0.0.2')], [at(one, '10.0.0.1'), at(two, '10.0.0.3')])
    expect(roster.classOf(one)).toBe('masternode')
    expect(roster.classOf(two)).toBe('persistent')
    expect(roster.classOf(me)).toBe(null)
    const entry = [...roster.entries()].find(({ peerId }) => peerId === one)
    expect(entry?.addresses.map(({ host }) => host).toSorted()).toEqual(['10.0.0.1', '10.0.0.2'])
    expect([roster.count('masternode'), roster.count('persistent')]).toEqual([1, 1])
  })

  it('leaves out the node itself, so that a fleet can share one list', () => {
    const roster = rosterOf(me, [at(me, '10.0.0.1'), at(one, '10.0.0.2')], [])
    expect([...roster.entries()].map(({ peerId }) => peerId)).toEqual([one])
    expect(roster.count('masternode')).toBe(1)
  })

  it('has at an address that is listed alone whom the pins know there, but for itself, and for who was struck off or is banned', () => {
    const pins = new AddressPins()
    const banned = new Set<PeerId>([two])
    const alone = at(null, '10.0.0.1')
    const isBanned = (peerId: PeerId): boolean => banned.has(peerId)
    const roster = new Roster({ ownId: me, masternodes: [alone], persistent: [], pins, isBanned })
    const there = (id: PeerId): readonly PeerId[] => {
      pins.pin('tcp://10.0.0.1:1', id)
      roster.refresh()
      expect([roster.count('masternode'), roster.isAlone('tcp://10.0.0.1:1')]).toEqual([
        1,
        !roster.idsAt(alone).has(id),
      ])
      return [...roster.idsAt(alone)]
    }
    expect([there(me), there(two), there(one)]).toEqual([[], [], [one]])
    // Who is listed stays so, whatever the host thinks of it for a while.
    banned.add(one)
    expect(there(one)).toEqual([one])
    expect(roster.strike(one)).toBe(true)
    roster.add(alone)
    expect(there(one)).toEqual([])
    banned.clear()
    expect([there(one), there(two)]).toEqual([[], [two]])
  })

  it('is open, where it is listed alone and nobody is known, to all but who was struck off', () => {
    const pins = new AddressPins()
    const roster = rosterOf(me, [at(null, '10.0.0.1')], [], pins)
    const isOpen = (id: PeerId): boolean => roster.isOpenTo(at(null, '10.0.0.1'), id)
    expect([isOpen(one), isOpen(two), roster.isOpenTo(at(null, '10.0.0.9'), two)]).toEqual([true, true, false])
    pins.pin('tcp://10.0.0.1:1', one)
    roster.refresh()
    expect([isOpen(one), isOpen(two), roster.classOf(one), roster.classOf(two)]).toEqual([
      false,
      false,
      'masternode',
      null,
    ])
  })

  it('has nobody by the pins where who lists the address alone names that one there as well, unless it was found there', () => {
    const pins = new AddressPins()
    const alone = at(null, '10.0.0.1')
    const roster = rosterOf(me, [at(one, '10.0.0.1'), alone], [], pins)
    const isOpen = (): boolean => {
      roster.refresh()
      return roster.isOpenTo(alone, two)
    }
    pins.name('tcp://10.0.0.1:1', one)
    expect([isOpen(), [...roster.idsAt(alone)]]).toEqual([true, [one]])
    pins.pin('tcp://10.0.0.1:1', one)
    expect(isOpen()).toBe(false)
    // A directory need not know what the host knows.
    const other = rosterOf(me, [at(one, '10.0.0.1')], [], pins)
    other.setDirectory([alone])
    pins.unpin('tcp://10.0.0.1:1')
    pins.name('tcp://10.0.0.1:1', one)
    other.refresh()
    expect([other.isOpenTo(alone, two), other.count('masternode')]).toEqual([false, 1])
  })

  it('tells who has moved: known where a directory leaves the address bare, and named elsewhere as it was not before', () => {
    const pins = new AddressPins()
    const [here, there, third] = ['10.0.0.1', '10.0.0.2', '10.0.0.3']
    const roster = rosterOf(me, [], [], pins)
    pins.pin(`tcp://${here}:1`, one)
    const moved = (...addresses: readonly Address[]): boolean => roster.setDirectory(addresses).length > 0
    // Of before this process nothing is known: what was saved may have been said of the same list.
    expect(moved(at(null, here), at(one, there))).toBe(false)
    expect(moved(at(null, here), at(one, there), at(two, third))).toBe(false)
    expect(moved(at(null, here), at(one, third))).toBe(true)
    expect(moved(at(one, here), at(one, third))).toBe(false)
    expect(roster.setDirectory([at(null, here), at(one, third)])).toEqual([{ key: `tcp://${here}:1`, peerId: one }])
    expect(moved(at(null, here), at(two, third))).toBe(false)
    roster.add(at(null, here))
    expect(moved(at(null, here), at(one, third))).toBe(false)
  })

  it('knows how many trusted addresses there are at an IP, each of them once', () => {
    const pins = new AddressPins()
    const roster = rosterOf(
      me,
      [at(one, '10.0.0.1'), at(null, '[2001:db8::1]'), at(null, '10.0.0.1', 2)],
      [at(one, '10.0.0.1'), at(two, 'seed.example'), at(two, '10.0.0.1', 3), at(me, '10.0.0.4')],
      pins,
    )
    const ips = ['10.0.0.1', '::ffff:10.0.0.1', '2001:0db8:0:0::1', '10.0.0.2', '10.0.0.4', 'seed.example']
    const counts = (): number[] => ips.map((ip) => roster.listedAt(ip))
    expect(counts()).toEqual([3, 3, 1, 0, 0, 0])
    pins.pin('tcp://10.0.0.1:2', two)
    roster.refresh()
    expect(counts()).toEqual([3, 3, 1, 0, 0, 0])
  })
})
