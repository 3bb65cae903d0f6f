import { describe, expect, it } from 'vitest'
import { createIdentity } from '../../src/index.js'
import { parseAddress } from '../../src/policy/address.js'
import { Roster } from '../../src/swarm/roster.js'

const [me, one, two] = [1, 2, 3].map((n) => createIdentity(new Uint8Array(32).fill(n)).id) as [never, never, never]
const at = (id: string | null, host: string, port = 1) =>
  parseAddress(`tcp://${id === null ? '' : `${id}@`}${host}:${String(port)}`)

describe('a roster', () => {
  it('knows the listed by id, with all their addresses, and the higher of two classes', () => {
    const roster = new Roster(
      me,
      [at(one, '10.0.0.1'), at(one, '10.0.0.2')],
      [at(one, '10.0.0.1'), at(two, '10.0.0.3')],
    )
    expect(roster.classOf(one)).toBe('masternode')
    expect(roster.classOf(two)).toBe('persistent')
    expect(roster.classOf(me)).toBe(null)
    const entry = [...roster.entries()].find(({ peerId }) => peerId === one)
    expect(entry?.addresses.map(({ host }) => host).toSorted()).toEqual(['10.0.0.1', '10.0.0.2'])
    expect([roster.count('masternode'), roster.count('persistent')]).toEqual([1, 1])
  })

  it('leaves out the node itself, so that a fleet can share one list', () => {
    const roster = new Roster(me, [at(me, '10.0.0.1'), at(one, '10.0.0.2')], [])
    expect([...roster.entries()].map(({ peerId }) => peerId)).toEqual([one])
    expect(roster.count('masternode')).toBe(1)
  })

  it('has whom a directory names no more where it was named until another is found, but for who was found, or is there by the host', () => {
    const [wrong, found, hosts] = ['10.0.0.1', '10.0.0.2', '10.0.0.3']
    const roster = new Roster(me, [at(two, hosts)], [])
    roster.setDirectory([at(one, wrong), at(null, found), at(null, hosts)])
    roster.pin(at(null, found), one)
    expect(roster.idAt(at(null, found))).toBe(one)
    for (let n = 0; n < 2; n++) roster.setDirectory([at(null, wrong), at(null, found), at(null, hosts)])
    const there = () => [wrong, found, hosts].map((host) => roster.idAt(at(null, host)))
    expect([there(), roster.count('masternode')]).toEqual([[one, one, two], 2])
    for (const [i, id] of [one, one, two].entries()) roster.doubt(at(id, [wrong, found, hosts][i] ?? ''), id)
    expect([there(), roster.count('masternode')]).toEqual([[null, one, two], 3])
  })

  it('does not doubt who has been found where it was named', () => {
    const roster = new Roster(me, [], [])
    const alone = at(null, '10.0.0.1')
    roster.setDirectory([at(one, '10.0.0.1')])
    expect(roster.found(alone, one)).toBe(false)
    roster.setDirectory([alone])
    expect([two, one, one].map((id) => roster.found(alone, id))).toEqual([false, true, false])
    roster.doubt(alone, one)
    expect(roster.idAt(alone)).toBe(one)
  })

  it('takes nobody to be still where it was named who is named elsewhere now', () => {
    const roster = new Roster(me, [], [])
    roster.setDirectory([at(one, '10.0.0.1')])
    roster.setDirectory([at(one, '10.0.0.2'), at(null, '10.0.0.1')])
    expect(['10.0.0.1', '10.0.0.2'].map((host) => roster.idAt(at(null, host)))).toEqual([null, one])
  })

  it('gives an address that was found to whom it was before, unless that one is struck off, or another is named there', () => {
    const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']
    const [found = '', named = '', both = '', lone = ''] = addresses
    const roster = new Roster(me, [at(null, found), at(one, named), at(null, both), at(one, both), at(null, lone)], [])
    roster.setDirectory([at(null, named)])
    for (const host of [found, both]) roster.pin(at(null, host), one)
    expect(roster.repin(() => me)).toEqual([])
    expect(roster.repin(() => null)).toEqual([])
    expect(roster.repin(() => two)).toEqual([{ key: `tcp://${found}:1`, gone: one, peerId: two }])
    expect(addresses.map((host) => roster.idAt(at(null, host)))).toEqual([two, one, one, null])
    roster.strike(one)
    roster.pin(at(null, lone), two)
    expect(roster.repin(() => one)).toEqual([])
  })

  it('pins the first id that is found at an address, once', () => {
    const roster = new Roster(me, [at(null, '10.0.0.1')], [])
    roster.pin(at(null, '10.0.0.9'), two)
    expect(roster.classOf(two)).toBe(null)
    roster.pin(at(null, '10.0.0.1'), one)
    expect(roster.classOf(one)).toBe('masternode')
    roster.pin(at(null, '10.0.0.1'), two)
    expect(roster.classOf(two)).toBe(null)
    expect(roster.count('masternode')).toBe(1)
  })

  it('knows how many trusted addresses there are at an IP, each of them once', () => {
    const roster = new Roster(
      me,
      [at(one, '10.0.0.1'), at(null, '[2001:db8::1]'), at(null, '10.0.0.1', 2)],
      [at(one, '10.0.0.1'), at(two, 'seed.example'), at(two, '10.0.0.1', 3), at(me, '10.0.0.4')],
    )
    const ips = ['10.0.0.1', '::ffff:10.0.0.1', '2001:0db8:0:0::1', '10.0.0.2', '10.0.0.4', 'seed.example']
    const counts = (): number[] => ips.map((ip) => roster.listedAt(ip))
    expect(counts()).toEqual([3, 3, 1, 0, 0, 0])
    roster.pin(at(null, '10.0.0.1', 2), two)
    expect(counts()).toEqual([3, 3, 1, 0, 0, 0])
  })
})
