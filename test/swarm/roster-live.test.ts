import { describe, expect, it } from 'vitest'
import { createIdentity } from '../../src/index.js'
import { parseAddress } from '../../src/policy/address.js'
import { AddressPins } from '../../src/policy/address-pins.js'
import type { Address, PeerId } from '../../src/ports/types.js'
import { rosterOf } from './roster-of.js'

const id = (n: number): PeerId => createIdentity(new Uint8Array(32).fill(n)).id
const [me, one, two] = [id(1), id(2), id(3)]
const at = (peerId: PeerId | null, host: string): Address =>
  parseAddress(`tcp://${peerId === null ? '' : `${peerId}@`}${host}:1`)

describe('a roster that changes', () => {
  it('keeps apart what the host lists and what a directory does', () => {
    const roster = rosterOf(me, [at(one, '10.0.0.1')], [])
    roster.setDirectory([at(one, '10.0.0.1'), at(two, '10.0.0.2'), at(me, '10.0.0.3')])
    expect(roster.count('masternode')).toBe(2)
    roster.setDirectory([at(two, '10.0.0.9')])
    expect(roster.classOf(one)).toBe('masternode')
    expect(roster.find(two)?.addresses.map(({ host }) => host)).toEqual(['10.0.0.9'])
    roster.setDirectory([])
    expect(roster.classOf(two)).toBe(null)
  })

  it('keeps out whom the host struck off, whatever a directory says, until the host adds it', () => {
    const roster = rosterOf(me, [], [])
    roster.setDirectory([at(one, '10.0.0.1')])
    expect(roster.strike(one)).toBe(true)
    roster.setDirectory([at(one, '10.0.0.1'), at(two, '10.0.0.2')])
    expect(roster.classOf(one)).toBe(null)
    roster.add(at(one, '10.0.0.1'))
    expect(roster.classOf(one)).toBe('masternode')
    for (let n = 0; n < 5_000; n++) roster.strike(`id-${String(n)}` as PeerId)
    expect(roster.classOf(one)).toBe('masternode')
  })

  it('gives an address to nobody whom the host struck off', () => {
    const roster = rosterOf(me, [at(null, '10.0.0.1')], [])
    roster.strike(one)
    expect([one, two].map((peerId) => roster.isOpenTo(at(null, '10.0.0.1'), peerId))).toEqual([false, true])
  })

  it('gives a persistent address to one that is no masternode any more, and not to one that was revoked', () => {
    const [here, there] = [at(null, '10.0.0.2'), at(null, '10.0.0.3')]
    const pins = new AddressPins()
    const roster = rosterOf(me, [at(one, '10.0.0.1')], [here, there], pins)
    roster.strike(one)
    expect(roster.isOpenTo(here, one)).toBe(true)
    pins.pin('tcp://10.0.0.2:1', one)
    roster.refresh()
    expect(roster.classOf(one)).toBe('persistent')
    roster.strike(one, true)
    roster.strike(one)
    expect([roster.isOpenTo(there, one), roster.classOf(one)]).toEqual([false, null])
    roster.add(at(one, '10.0.0.1'))
    expect(roster.isOpenTo(there, one)).toBe(true)
  })

  it('has whom the pins know while the directory repeats the address', () => {
    const pins = new AddressPins()
    const roster = rosterOf(me, [], [], pins)
    pins.pin('tcp://10.0.0.1:1', one)
    for (const others of [[], [at(two, '10.0.0.2')]]) {
      roster.setDirectory([at(null, '10.0.0.1'), ...others])
      expect(roster.classOf(one)).toBe('masternode')
    }
    roster.setDirectory([at(two, '10.0.0.2')])
    expect(roster.classOf(one)).toBe(null)
  })

  it('has one no more whom the host has struck off, though it names it as persistent where the directory lists the address alone', () => {
    const roster = rosterOf(me, [], [at(one, '10.0.0.1')])
    roster.setDirectory([at(null, '10.0.0.1')])
    expect(roster.classOf(one)).toBe('masternode')
    expect(roster.strike(one)).toBe(true)
    roster.setDirectory([at(null, '10.0.0.1')])
    expect(roster.classOf(one)).toBe('persistent')
    roster.add(at(two, '10.0.0.1'))
    expect([roster.classOf(one), roster.classOf(two)]).toEqual(['persistent', 'masternode'])
  })

  it('leaves a peer that is also persistent as that', () => {
    const roster = rosterOf(me, [at(one, '10.0.0.1')], [at(one, '10.0.0.1')])
    expect(roster.strike(one)).toBe(true)
    expect(roster.classOf(one)).toBe('persistent')
    expect(roster.strike(two)).toBe(false)
  })

  it('knows the last four IPs that a trusted peer came from, and no other peer’s', () => {
    const roster = rosterOf(me, [at(one, '10.0.0.1'), at(two, '10.0.0.2')], [])
    roster.sawAt(one, '10.0.0.1')
    expect(roster.listedAt('10.0.0.1')).toBe(1)
    roster.sawAt(one, '192.0.2.1')
    roster.sawAt(two, '::ffff:192.0.2.1')
    roster.sawAt(id(9), '192.0.2.1')
    expect(roster.listedAt('192.0.2.1')).toBe(2)
    roster.sawAt(one, '192.0.2.7')
    expect([roster.listedAt('192.0.2.1'), roster.listedAt('192.0.2.7')]).toEqual([2, 1])
    // Back at the first, which is the last again.
    for (const ip of ['192.0.2.8', '192.0.2.1', '192.0.2.9', '192.0.2.10']) roster.sawAt(one, ip)
    expect([roster.listedAt('192.0.2.1'), roster.listedAt('192.0.2.7')]).toEqual([2, 0])
    roster.sawAt(one, '192.0.2.7')
    roster.strike(one)
    expect([roster.listedAt('192.0.2.1'), roster.listedAt('192.0.2.7')]).toEqual([1, 0])
  })

  it('keeps four IPs for each beside those that are listed, wherever they come from', () => {
    const roster = rosterOf(me, [at(one, '10.0.0.1'), at(two, '10.0.0.2')], [])
    for (let i = 0; i < 1_000; i++) {
      roster.sawAt(one, `192.0.${String(i >> 8)}.${String(i & 255)}`)
      roster.sawAt(two, `192.0.${String((i + 1) >> 8)}.${String((i + 1) & 255)}`)
      expect(roster.ipCount).toBeLessThanOrEqual(2 + 2 * 4)
    }
  })
})
