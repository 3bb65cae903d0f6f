import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../src/policy/address.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import type { Address, PeerId } from '../../src/ports/types.js'
import { Hearsay } from '../../src/swarm/hearsay.js'
import { rosterOf } from './roster-of.js'
import { swarmLab } from '../../src/testing/index.js'
import { listen } from './lab-ear.js'
import { World } from './world.js'

const world = new World()
const me = world.identity().id
const at = (host: string): Address => parseAddress(`tcp://${host}:1`)

describe('hearsay', () => {
  it('is tried four times at once in one IPv4 /24 or IPv6 /48, and twice a minute from then on', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60_000), { maxLength: 200, size: 'max' }), (waits) => {
        const hearsay = new Hearsay(rosterOf(me, [], []), new PeerStore())
        let [now, tried] = [0, 0]
        for (const [i, waitMs] of waits.entries()) {
          now += waitMs
          if (hearsay.mayTry(null, at(i % 2 === 0 ? `8.8.8.${String(i % 250)}` : `8.8.8.7`), now)) tried++
        }
        expect(tried).toBeLessThanOrEqual(4 + (2 * now) / 60_000 + 1e-6)
      }),
    )
    const hearsay = new Hearsay(rosterOf(me, [], []), new PeerStore())
    const six = (n: number): boolean => hearsay.mayTry(null, at(`[2001:db8:1:${String(n)}::1]`), 0)
    expect([1, 2, 3, 4, 5].map(six)).toEqual([true, true, true, true, false])
    expect(hearsay.mayTry(null, at('[2001:db8:2::1]'), 0)).toBe(true)
  })

  it('is tried freely on this machine and often in private networks, and never where the operator lists somebody', () => {
    const hearsay = new Hearsay(rosterOf(me, [at('8.8.4.4')], []), new PeerStore())
    const tried = (host: string): number =>
      Array.from({ length: 50 }, () => hearsay.mayTry(null, at(host), 0)).filter(Boolean).length
    expect(['127.0.0.1', '10.0.0.1', '10.0.0.2'].map(tried)).toEqual([50, 32, 32])
    expect([hearsay.isPlausible(me, at('8.8.4.4')), hearsay.isPlausible(me, at('8.8.4.5'))]).toEqual([false, true])
  })

  it('that a stranger tells of itself is not taken where the operator lists another, and is where it comes from there', async () => {
    const home = new World()
    const listed = await home.started('listed')
    const addressOf = new Map<string, string>()
    home.network.ipOf = (name) => addressOf.get(name) ?? '8.8.1.1'
    const peerStore = new PeerStore()
    const node = await home.started('node', {
      peerStore,
      masternodes: [`memory://${listed.swarm.id}@8.8.4.4:1`],
      authorize: () => 'unknown',
    })
    const [there, elsewhere] = ['8.8.4.4', '8.8.2.2']
    for (const [name, ip] of [
      ['near', there],
      ['far', elsewhere],
    ] as const) {
      addressOf.set(name, ip)
      const stranger = await home.started(name, {
        announce: [`memory://${there}:7`, `memory://${elsewhere}:7`],
      })
      await home.connect(stranger, node)
      const hosts = (peerStore.get(stranger.swarm.id)?.addresses ?? []).map(({ host }) => host)
      expect([ip, hosts.includes(there), hosts.includes(elsewhere)]).toEqual([ip, ip === there, true])
    }
  })

  it('of what strangers tell of themselves is tried no more often, though they were linked', async () => {
    const home = new World()
    home.network.ipOf = (name) => (name === 'node' ? '8.8.1.1' : '8.8.2.2')
    const node = await home.started('node', { authorize: () => 'unknown', perIpLimits: false })
    for (let i = 0; i < 12; i++) {
      const liar = await home.started(`liar${String(i)}`, { announce: ['memory://8.8.8.8:7'] })
      await home.connect(liar, node)
      const stopped = liar.swarm.stop()
      await home.run(3_000)
      await stopped
    }
    await home.run(60_000)
    const dialled = node.heard('dial:failed').filter(([{ address }]) => address.includes('8.8.8.8'))
    expect(dialled.length).toBeGreaterThan(0)
    expect(dialled.length).toBeLessThanOrEqual(8)
  })

  it('is hardly any where a link of the peer has come from, and met peers are tried at the expense of no lies', () => {
    const book = new PeerStore()
    const home = new World()
    const ids = Array.from({ length: 3 }, () => home.identity().id)
    const [known = me, met = me, unknown = me] = ids
    const hearsay = new Hearsay(rosterOf(me, [at('8.8.4.4')], []), book)
    const tried = (id: PeerId, host: string): number =>
      Array.from({ length: 50 }, () => hearsay.mayTry(id, at(host), 0)).filter(Boolean).length
    for (const id of [known, met]) book.linked(id, null, 0, 0)
    hearsay.linked(known, '8.8.3.3')
    expect([tried(unknown, '8.8.3.9'), tried(met, '8.8.3.3'), tried(known, '8.8.3.3')]).toEqual([4, 4, 32])
    // Where the operator lists somebody nobody else is looked for, unless it came from there itself.
    expect(tried(met, '8.8.4.4')).toBe(0)
    hearsay.linked(met, '8.8.4.4')
    expect(tried(met, '8.8.4.4')).toBe(32)
  })

  it('that names hosts is tried no more often by naming many, of one domain or of hundreds', () => {
    const hearsay = new Hearsay(rosterOf(me, [], []), new PeerStore())
    const tried = (name: (n: number) => string): number =>
      Array.from({ length: 300 }, (_, n) => hearsay.mayTry(null, parseAddress(`wss://${name(n)}`), 0)).filter(Boolean)
        .length
    expect(tried((n) => `n${String(n)}.example`)).toBe(20)
    const other = new Hearsay(rosterOf(me, [], []), new PeerStore())
    const inOne = Array.from({ length: 300 }, (_, n) =>
      other.mayTry(null, parseAddress(`wss://n${String(n)}.liar.example`), 0),
    )
    expect(inOne.filter(Boolean)).toHaveLength(4)
    expect(other.mayTry(null, parseAddress('wss://honest.test'), 0)).toBe(true)
  })

  it('of names that others tell is at no expense of those whom we have met', () => {
    const book = new PeerStore()
    const home = new World()
    const [met, unmet] = [home.identity().id, home.identity().id]
    book.linked(met, null, 0, 0)
    const hearsay = new Hearsay(rosterOf(me, [], []), book)
    for (let n = 0; n < 300; n++) hearsay.mayTry(null, parseAddress(`wss://n${String(n)}.example`), 0)
    for (let n = 0; n < 300; n++) hearsay.mayTry(null, parseAddress(`wss://example.d${String(n)}`), 0)
    const address = parseAddress('wss://home.honest.test')
    expect([hearsay.mayTry(unmet, address, 0), hearsay.mayTry(met, address, 0)]).toEqual([false, true])
  })

  it('is judged by the address that is dialled, whatever others stand before it', () => {
    const peerStore = new PeerStore()
    const liars = swarmLab({ seed: 99, masternodes: 0, nodes: 200 })
    const { lab, heard } = listen({ seed: 3, masternodes: 2, swarm: (index) => (index === 0 ? { peerStore } : {}) })
    const { host } = parseAddress(lab.address(1))
    for (let i = 0; i < 200; i++) {
      const peerId = liars.id(i)
      const door = at(i % 2 === 0 ? '8.8.8.8' : host)
      peerStore.learn(peerId, parseAddress(`wss://n${String(i)}.example:443`), 'exchange', 'teller')
      peerStore.learn(peerId, door, 'exchange', 'teller')
    }
    lab.run(60_000)
    const dialled = heard(0, 'dial:failed').map(({ args: [{ address }] }) => address)
    expect(dialled.filter((address) => address.includes('8.8.8.8')).length).toBeLessThanOrEqual(6)
    expect(dialled.filter((address) => address.includes(host))).toEqual([])
  })

  it('that may not be tried yet is no reason not to try where else the peer may be', () => {
    let linked = 0
    for (let seed = 1; seed <= 5; seed++) {
      const books = new Map<number, PeerStore>()
      const { lab } = listen({
        seed,
        masternodes: 0,
        nodes: 12,
        seeds: [],
        swarm: (index) => {
          const peerStore = new PeerStore()
          books.set(index, peerStore)
          return { peerStore }
        },
      })
      for (let i = 1; i < 12; i++) {
        for (let port = 1; port <= 5; port++)
          books.get(0)?.learn(lab.id(i), parseAddress(`tcp://8.8.8.8:${String(port)}`), 'exchange', 'teller')
        books.get(0)?.learn(lab.id(i), parseAddress(lab.address(i)), 'exchange', 'teller')
      }
      lab.run(40_000)
      for (let i = 1; i < 12; i++) if (lab.linked(0, i)) linked++
    }
    expect(linked).toBeGreaterThan(35)
  })

  it('of a hundred peers at one door leads to a handful of dials there, and of none at a masternode’s', () => {
    const liars = swarmLab({ seed: 99, masternodes: 0, nodes: 200 })
    const peerStore = new PeerStore()
    const { lab, heard } = listen({
      seed: 3,
      masternodes: 2,
      swarm: (index) => (index === 0 ? { peerStore } : {}),
    })
    const { host } = parseAddress(lab.address(1))
    for (let i = 0; i < 200; i++) {
      const peerId = liars.id(i)
      peerStore.learn(peerId, { ...at(i % 2 === 0 ? '8.8.8.8' : host), peerId }, 'exchange', 'teller')
    }
    lab.run(60_000)
    const dialled = heard(0, 'dial:failed').map(({ args: [{ address }] }) => address)
    expect(dialled.filter((address) => address.includes('8.8.8.8')).length).toBeGreaterThan(0)
    expect(dialled.filter((address) => address.includes('8.8.8.8')).length).toBeLessThanOrEqual(6)
    expect(dialled.filter((address) => address.includes(host))).toEqual([])
    expect(lab.linked(0, 1)).toBe(true)
  })
})
