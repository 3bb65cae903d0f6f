/** What the list says of an address, and what is known of who is there, without a network. */
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import { AddressPins } from '../../src/policy/address-pins.js'
import type { Address, PeerId } from '../../src/ports/types.js'
import { Whereabouts } from '../../src/swarm/whereabouts.js'
import { rosterOf } from './roster-of.js'

const [me, one, two, three] = ['m', 'a', 'b', 'c'].map((letter) => letter.repeat(55)) as [
  PeerId,
  PeerId,
  PeerId,
  PeerId,
]
const KEY = 'tcp://10.0.0.1:1'
const here = (peerId: PeerId | null): Address => ({ ...parseAddress(KEY), peerId })

function scene(masternodes: readonly Address[], directory: readonly Address[] = []) {
  const pins = new AddressPins()
  const roster = rosterOf(me, masternodes, [], pins)
  if (directory.length > 0) roster.setDirectory(directory)
  const [linked, met] = [new Set<PeerId>(), new Map<PeerId, number>()]
  const whereabouts = new Whereabouts(roster, pins, {
    metAt: (peerId) => (linked.has(peerId) ? Number.POSITIVE_INFINITY : (met.get(peerId) ?? null)),
  })
  const known = () => Array.from(pins.entries(), ({ id, grade }) => `${grade} ${id.slice(0, 1)}`)
  return { pins, roster, whereabouts, linked, met, known }
}

describe('who is named at an address', () => {
  it('is known there: as met, where it was linked before, or is now', () => {
    for (const [isLinked, wasMet] of [
      [false, false],
      [true, false],
      [false, true],
    ]) {
      const { whereabouts, linked, met, known } = scene([here(one)])
      if (isLinked === true) linked.add(one)
      if (wasMet === true) met.set(one, 1)
      whereabouts.heard()
      expect(known()).toEqual([isLinked === true || wasMet === true ? 'met a' : 'named a'])
    }
  })

  it('is, of several, whoever is linked, or was met, or was known there; else nobody knows', () => {
    const all = [one, two, three].map(here)
    const nobody = scene(all)
    nobody.whereabouts.heard()
    expect(nobody.known()).toEqual([])
    const second = scene(all)
    second.met.set(three, 5)
    second.linked.add(two)
    second.whereabouts.heard()
    expect(second.known()).toEqual(['met b'])
    second.linked.clear()
    second.linked.add(one)
    second.whereabouts.heard()
    expect(second.known()).toEqual(['met b'])
    const third = scene(all)
    third.met.set(two, 3)
    third.met.set(three, 5)
    third.met.set(one, 4)
    third.whereabouts.heard()
    expect(third.known()).toEqual(['met c'])
    const stale = scene(all)
    stale.pins.pin(KEY, me)
    stale.whereabouts.heard()
    expect(stale.known()).toEqual([])
    // Nor has the operator said that it is nobody.
    stale.pins.restore({ key: KEY, id: two, grade: 'met' })
    expect(stale.known()).toEqual(['met b'])
  })

  it('is whom a directory means that names nobody there, if the host names it; and not the other way round', () => {
    const hosts = scene([here(one)], [here(null)])
    hosts.whereabouts.heard()
    expect([hosts.whereabouts.doubt(here(one), one), hosts.roster.isOpenTo(here(null), two)]).toEqual([false, false])
    expect([hosts.roster.count('masternode'), [...hosts.roster.idsAt(here(null))]]).toEqual([1, [one]])
    const directorys = scene([here(null)], [here(one)])
    directorys.whereabouts.heard()
    directorys.whereabouts.met(one, [here(one)])
    directorys.roster.refresh()
    expect([directorys.known(), directorys.roster.isOpenTo(here(null), two)]).toEqual([[], true])
  })

  it('says nothing of whom the host may mean that lists the address alone, once it is named no more', () => {
    const { pins, roster, whereabouts } = scene([here(one)])
    whereabouts.heard()
    whereabouts.met(one, [here(one)])
    const later = rosterOf(me, [here(null)], [], pins)
    expect([roster.isOpenTo(here(null), two), later.isOpenTo(here(null), two)]).toEqual([false, true])
    later.remove(here(null))
    later.setDirectory([here(null)])
    expect(later.isOpenTo(here(null), two)).toBe(false)
  })

  it('is met when it is linked, also beside others of that address', () => {
    const { pins, whereabouts, known } = scene([here(one), here(two)])
    pins.name(KEY, one)
    whereabouts.met(two, [here(two)])
    expect(known()).toEqual(['met b'])
    whereabouts.met(three, [here(three)])
    expect(known()).toEqual(['met b'])
  })
})

describe('who is known at an address that is listed alone', () => {
  it('is doubted where our dial finds another, if nobody has ever met it, and not before the address is listed alone', () => {
    const { pins, roster, whereabouts, met, known } = scene([here(one)])
    whereabouts.heard()
    expect(whereabouts.doubt(here(one), one)).toBe(false)
    roster.remove(here(one))
    roster.add(here(null))
    met.set(one, 1)
    expect([whereabouts.doubt(here(null), one), known()]).toEqual([false, ['met a']])
    met.clear()
    pins.unpin(KEY)
    pins.name(KEY, one)
    expect([whereabouts.doubt(here(null), one), known()]).toEqual([true, []])
  })

  it('is found there once our own dial has proven it, whoever named it', () => {
    const { pins, roster, whereabouts, known } = scene([here(one)])
    whereabouts.heard()
    whereabouts.confirm(here(one), one)
    expect(known()).toEqual(['met a'])
    roster.remove(here(one))
    roster.add(here(null))
    whereabouts.confirm(here(null), one)
    expect(known()).toEqual(['found a'])
    whereabouts.confirm(here(null), two)
    expect(known()).toEqual(['found a'])
    whereabouts.left(two, [here(two)])
    expect(pins.idAt(KEY)).toBe(one)
    whereabouts.left(one, [here(one)])
    expect(known()).toEqual([])
  })

  it('is nobody once it is listed no longer at all, whoever it was', () => {
    const { pins, roster, whereabouts, known } = scene([here(null)])
    pins.pin(KEY, one)
    roster.remove(here(null))
    whereabouts.left(two, [here(two)])
    expect(known()).toEqual([])
    pins.pin(KEY, me)
    roster.add(here(null))
    whereabouts.closed(here(null))
    expect(known()).toEqual([])
    whereabouts.found(here(null), one)
    roster.refresh()
    whereabouts.closed(here(null))
    expect(known()).toEqual(['found a'])
  })
})
