/** A node notices when the whitelist comes apart, when it is whole again, and who was only away for a while. */
import { describe, expect, it } from 'vitest'
import { createIdentity } from '../../src/index.js'
import { parseAddress } from '../../src/policy/address.js'
import type { PeerId } from '../../src/ports/types.js'
import { Agenda } from '../../src/swarm/agenda.js'
import type { Connections } from '../../src/swarm/connections.js'
import type { SwarmContext } from '../../src/swarm/context.js'
import type { Peer } from '../../src/swarm/peer.js'
import { rosterOf } from './roster-of.js'
import { Watch } from '../../src/swarm/watch.js'
import type { Ear } from './lab-ear.js'
import { listen } from './lab-ear.js'
import { ManualClock } from './manual-clock.js'

const idsOf = ({ lab }: Ear, ...indices: number[]): string[] => indices.map((index) => lab.id(index)).toSorted()

describe('a watch', () => {
  it.each([0, 20])(
    'misses nobody for ever of whom it was not told, with %i listed that were never found',
    (unfound) => {
      const clock = new ManualClock()
      const agenda = new Agenda(clock)
      const ids = Array.from({ length: 5 }, (_, n) => createIdentity(new Uint8Array(32).fill(n + 1)).id)
      const [me = '' as PeerId, ...others] = ids
      const nobodys = Array.from({ length: unfound }, (_, n) => parseAddress(`tcp://10.0.1.${String(n + 1)}:1`))
      const addresses = [...others.map((id, n) => parseAddress(`tcp://${id}@10.0.0.${String(n + 1)}:1`)), ...nobodys]
      const told: string[] = []
      const emitter = { emit: (name: string) => told.push(name) }
      const context = { agenda, emitter, log: () => undefined, roster: rosterOf(me, addresses, []) }
      let linked = true
      const connections = { current: () => (linked ? { vitals: { suspect: false } } : null) }
      const watch = new Watch(context as unknown as SwarmContext, connections as unknown as Connections<Peer>)
      for (const id of others) watch.connected(id)
      const pass = (ms: number): void => {
        for (let at = 0; at < ms; at += 5_000) {
          clock.advance(5_000)
          watch.tick()
        }
      }
      pass(100_000)
      linked = false
      pass(60_000)
      expect(told).toEqual(['partition:suspected'])
      linked = true
      for (const id of others) watch.look(id)
      expect(told).toEqual(['partition:suspected', 'partition:healed'])
    },
  )
})

describe('a network that splits', () => {
  it('is told to every masternode once, and once that it has healed, with who was missing and for how long', () => {
    for (const seed of [1, 2, 3]) {
      const ear = listen({ seed, masternodes: 6 })
      const { lab, heard } = ear
      lab.run(10_000)
      const splitAt = lab.now
      lab.split([0, 1], [2, 3, 4, 5])
      lab.run(90_000)
      const healedAt = lab.now
      lab.heal()
      lab.run(30_000)
      for (let i = 0; i < 6; i++) {
        const others = i < 2 ? [2, 3, 4, 5] : [0, 1]
        const [suspected, ...more] = heard(i, 'partition:suspected')
        expect(more).toEqual([])
        expect(suspected?.args[0].listed).toBe(5)
        for (const id of suspected?.args[0].missing ?? []) expect(idsOf(ear, ...others)).toContain(id)
        expect(suspected?.args[0].missing.length).toBeGreaterThanOrEqual(2)
        expect((suspected?.at ?? Infinity) - splitAt).toBeLessThanOrEqual(20_000)
        const [healed, ...again] = heard(i, 'partition:healed')
        expect(again).toEqual([])
        expect([...(healed?.args[0].missing ?? [])].toSorted()).toEqual(idsOf(ear, ...others))
        expect(healed?.args[0].forMs).toBeCloseTo((healed?.at ?? 0) - (suspected?.at ?? 0), 3)
        expect(healed?.at).toBeGreaterThan(healedAt)
        expect((healed?.at ?? Infinity) - healedAt).toBeLessThanOrEqual(15_000)
      }
    }
  })

  it('is nothing of which a node is told that starts alone and finds the others within a minute', () => {
    const { lab, heard } = listen({ seed: 1, masternodes: 5 })
    for (let i = 1; i < 5; i++) lab.kill(i)
    lab.run(50_000)
    for (let i = 1; i < 5; i++) lab.start(i)
    lab.run(60_000)
    expect(heard(0, 'partition:suspected')).toEqual([])
  })

  it('is suspected by a node that finds nobody for longer than a minute', () => {
    const { lab, heard } = listen({ seed: 1, masternodes: 5 })
    for (let i = 1; i < 5; i++) lab.kill(i)
    lab.run(70_000)
    expect(heard(0, 'partition:suspected').length).toBe(1)
  })

  it('is suspected by nobody who leaves', async () => {
    const { lab, heard, forget } = listen({ seed: 1, masternodes: 8 })
    lab.run(60_000)
    forget()
    const stopping = lab.swarm(0).stop()
    await lab.runAsync(2_000)
    await stopping
    expect(heard(0, 'partition:suspected')).toEqual([])
  })

  it('is no such thing when a single masternode is lost', () => {
    const { lab, heard } = listen({ seed: 1, masternodes: 5 })
    lab.run(10_000)
    lab.kill(4)
    lab.run(120_000)
    for (let i = 0; i < 4; i++) expect(heard(i, 'partition:suspected')).toEqual([])
  })
})

describe('a planned absence', () => {
  it('raises no signal, costs no failure, and nobody knocks before it is over', () => {
    const { lab, heard } = listen({ seed: 1, masternodes: 6 })
    lab.run(20_000)
    for (const i of [3, 4, 5]) void lab.swarm(i).stop({ backInMs: 60_000 })
    lab.run(1_000)
    for (const i of [3, 4, 5]) lab.kill(i)
    lab.run(57_000)
    for (const i of [0, 1, 2]) {
      expect(heard(i, 'partition:suspected')).toEqual([])
      expect(heard(i, 'dial:failed')).toEqual([])
      for (const j of [3, 4, 5]) {
        const { failures, state, nextAttemptInMs } = lab.swarm(i).explain(lab.id(j))
        expect({ failures, state }).toEqual({ failures: 0, state: 'backing-off' })
        expect(nextAttemptInMs).toBeGreaterThanOrEqual(1_000)
      }
    }
    for (const i of [3, 4, 5]) lab.start(i)
    lab.run(10_000)
    expect(lab.links().length).toBe(15)
    expect(heard(0, 'partition:suspected')).toEqual([])
  })

  it('that is not over when it should be is a partition like any other', () => {
    const { lab, heard } = listen({ seed: 1, masternodes: 6 })
    lab.run(20_000)
    for (const i of [3, 4, 5]) void lab.swarm(i).stop({ backInMs: 60_000 })
    lab.run(1_000)
    for (const i of [3, 4, 5]) lab.kill(i)
    lab.run(58_000)
    expect(heard(0, 'partition:suspected')).toEqual([])
    lab.run(15_000)
    expect(heard(0, 'partition:suspected').length).toBe(1)
  })

  it('is not what a plain stop is', () => {
    const { lab, heard } = listen({ seed: 1, masternodes: 6 })
    lab.run(20_000)
    for (const i of [3, 4, 5]) void lab.swarm(i).stop()
    lab.run(2_000)
    for (const i of [0, 1, 2]) expect(heard(i, 'partition:suspected').length).toBe(1)
  })
})

describe('a peer that was away', () => {
  it('is told as recovered when it returns, with the time in which its messages passed us by', () => {
    const { lab, heard } = listen({ seed: 1, masternodes: 3 })
    lab.run(20_000)
    expect(heard(0, 'recovered')).toEqual([])
    lab.kill(1)
    lab.run(40_000)
    lab.start(1)
    lab.run(30_000)
    const [[left], [back]] = [heard(0, 'peer:disconnect'), heard(0, 'recovered')]
    expect(heard(0, 'recovered').length).toBe(1)
    expect(back?.args[0]).toMatchObject({ peerId: lab.id(1), cause: 'returned' })
    const awayMs = (back?.at ?? 0) - (left?.at ?? 0)
    // From the last that was heard of it; an idle link is heard of every twelve seconds.
    expect(back?.args[0].gapMs).toBeGreaterThanOrEqual(awayMs)
    expect(back?.args[0].gapMs).toBeLessThanOrEqual(awayMs + 13_000)
    expect(back?.args[0].gapMs).toBeGreaterThan(39_000)
    expect(heard(2, 'recovered').map(({ args: [{ peerId, cause }] }) => [peerId, cause])).toEqual([
      [lab.id(1), 'returned'],
    ])
  })

  it('is not told of where the peer is a stranger, of whom nobody resynchronises', () => {
    const { lab, heard } = listen({ seed: 1, masternodes: 0, nodes: 2 })
    lab.run(20_000)
    lab.reset(0, 1)
    lab.run(60_000)
    expect(lab.linked(0, 1)).toBe(true)
    expect(heard(0, 'recovered')).toEqual([])
  })
})

describe('a link that falls silent', () => {
  it('is suspect, then replaced, without a disconnect; its gap begins with its last good byte', () => {
    for (const seed of [1, 2, 3]) {
      const { lab, heard } = listen({ seed, masternodes: 3 })
      lab.run(25_000)
      lab.silence(0, 1)
      const silentAt = lab.now
      lab.run(40_000)
      expect(lab.linked(0, 1)).toBe(true)
      const [zero, one] = [heard(0, 'peer:suspect'), heard(1, 'peer:suspect')]
      expect(zero.length + one.length).toBeGreaterThanOrEqual(1)
      for (const { at } of [...zero, ...one]) expect(at - silentAt).toBeLessThanOrEqual(20_000)
      for (const i of [0, 1]) {
        expect(heard(i, 'peer:disconnect')).toEqual([])
        expect(heard(i, 'peer:connect').length).toBe(2)
      }
      for (const { at, args } of [...heard(0, 'recovered'), ...heard(1, 'recovered')]) {
        expect(args[0].cause).toBe('replaced')
        // A good byte may have come up to an idle time before the silence, and half a latency after it.
        expect(args[0].gapMs).toBeGreaterThanOrEqual(at - silentAt - 110)
        expect(args[0].gapMs).toBeLessThanOrEqual(at - silentAt + 10_500)
      }
      expect(heard(0, 'recovered').length).toBe(1)
    }
  })
})

describe('a peer that only the host says is a masternode', () => {
  it('is told as returned, as one that is listed', () => {
    const { lab, heard, forget } = listen({
      seed: 5,
      masternodes: 3,
      swarm: (index) => ({ authorize: () => 'masternode', ...(index === 0 ? { masternodes: [] } : {}) }),
    })
    lab.run(20_000)
    forget()
    lab.reset(0, 1)
    lab.run(20_000)
    expect(heard(0, 'recovered').map(({ args: [gap] }) => gap)).toMatchObject([
      { peerId: lab.id(1), cause: 'returned' },
    ])
  })
})
