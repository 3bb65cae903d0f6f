/** Why a peer is not connected, and how good one has been. */
import { describe, expect, it } from 'vitest'
import { Blacklist } from '../../src/policy/blacklist.js'
import type { PeerState } from '../../src/swarm/explanation.js'
import { listen } from './lab-ear.js'

describe('explain', () => {
  it('says of a connected peer since when, and of a silent one that it is suspect', () => {
    const { lab } = listen({ seed: 1, masternodes: 2 })
    lab.run(10_000)
    const { decisions, ...rest } = lab.swarm(0).explain(lab.id(1))
    expect(rest).toMatchObject({
      peerId: lab.id(1),
      state: 'connected',
      class: 'masternode',
      failures: 0,
      circuit: 'closed',
      nextAttemptInMs: null,
      ban: null,
    })
    expect(rest.addresses.length).toBe(1)
    expect(decisions.length).toBe(1)
    expect(decisions[0]?.what).toMatch(/^connected, (in|out)bound$/)
    expect(decisions[0]?.agoMs).toBeGreaterThan(5_000)
    lab.kill(1, { silent: true })
    lab.run(25_000)
    const later = lab.swarm(0).explain(lab.id(1))
    expect(later.state).toBe('suspect')
    expect(later.decisions.map(({ what }) => what)).toContain('silent: suspect')
    const dials = (): number => lab.swarm(0).explain(lab.id(1)).failures
    for (let waitMs = 0; lab.swarm(0).explain(lab.id(1)).nextAttemptInMs === null; waitMs += 100) {
      expect(waitMs).toBeLessThan(20_000)
      lab.run(100)
    }
    const { state, nextAttemptInMs, failures } = lab.swarm(0).explain(lab.id(1))
    expect([state, failures > 0]).toEqual(['suspect', true])
    lab.run((nextAttemptInMs ?? 0) + 10_100)
    expect(dials()).toBe(failures + 1)
  })

  it('takes nothing that is no peer id', () => {
    const { lab } = listen({ seed: 1, masternodes: 2 })
    const id = lab.id(1)
    const mistyped = `${id.slice(0, 20)}${id[20] === 'a' ? 'b' : 'a'}${id.slice(21)}`
    for (const text of ['junk', mistyped, `tcp://${id}@127.0.0.1:1`])
      expect(() => lab.swarm(0).explain(text as never)).toThrow(expect.objectContaining({ code: 'invalid-peer-id' }))
  })

  it('says when the next attempt is due, and how many have failed', () => {
    const { lab } = listen({ seed: 1, masternodes: 2 })
    lab.run(20_000)
    lab.kill(1)
    lab.run(30_000)
    const { state, failures, nextAttemptInMs, decisions } = lab.swarm(0).explain(lab.id(1))
    expect(state).toBe('backing-off')
    expect(failures).toBeGreaterThanOrEqual(2)
    expect(nextAttemptInMs).toBeGreaterThan(0)
    expect(decisions.at(-1)?.what).toMatch(/^dial failed: connection-refused, next in \d+ ms$/)
    lab.run((nextAttemptInMs ?? 0) - 1)
    expect(lab.swarm(0).explain(lab.id(1)).failures).toBe(failures)
    lab.run(500)
    expect(lab.swarm(0).explain(lab.id(1)).failures).toBe(failures + 1)
  })

  it('opens the circuit after five failures, half-opens it for each trial, and closes it on success', () => {
    const { lab } = listen({ seed: 1, masternodes: 2 })
    lab.run(20_000)
    lab.kill(1)
    const seen = new Set<string>()
    for (let i = 0; i < 6_000; i++) {
      lab.run(50)
      const { failures, circuit, state } = lab.swarm(0).explain(lab.id(1))
      seen.add(circuit)
      const expected = failures < 5 ? 'closed' : state === 'backing-off' ? 'open' : 'half-open'
      if (circuit !== expected) expect.unreachable(`${circuit} while ${state} after ${String(failures)}`)
    }
    expect(seen).toEqual(new Set(['closed', 'open', 'half-open']))
    lab.start(1)
    lab.run(70_000)
    expect(lab.swarm(0).explain(lab.id(1))).toMatchObject({ circuit: 'closed', state: 'connected' })
    lab.run(15_000)
    expect(lab.swarm(0).explain(lab.id(1)).failures).toBe(0)
    const attempts: number[] = []
    lab.swarm(0).on('dial:failed', ({ attempt }) => attempts.push(attempt))
    lab.kill(1, { silent: true })
    lab.run(60_000)
    expect(attempts[0]).toBe(1)
  })

  it('passes through dialing, handshaking and connected', () => {
    const { lab } = listen({ seed: 1, masternodes: 2, net: { latencyMs: [50, 50], undialable: [0] } })
    const seen: PeerState[] = []
    for (let i = 0; i < 1_000; i++) {
      const { state } = lab.swarm(0).explain(lab.id(1))
      if (seen.at(-1) !== state) seen.push(state)
      lab.run(10)
    }
    expect(seen.filter((state) => state !== 'backing-off' && state !== 'unknown')).toEqual([
      'dialing',
      'handshaking',
      'connected',
    ])
  })

  it('says of a banned peer for what and for how long', () => {
    const blacklist = new Blacklist()
    const { lab } = listen({
      seed: 1,
      masternodes: 0,
      nodes: 2,
      clock: () => ({ originMs: 0 }),
      swarm: (index) => (index === 0 ? { blacklist } : {}),
    })
    blacklist.ban(lab.id(1), lab.now + 60_000, 'because', lab.now)
    lab.run(10_000)
    expect(lab.swarm(0).explain(lab.id(1))).toMatchObject({ state: 'banned', ban: { cause: 'because', forMs: 50_000 } })
    expect(lab.swarm(0).peers.size).toBe(0)
  })

  it('knows nothing of somebody it never heard of', () => {
    const { lab } = listen({ seed: 1, masternodes: 0, nodes: 2, seeds: [] })
    lab.run(10_000)
    const unknown = {
      quarantine: null,
      state: 'unknown',
      class: 'unknown',
      failures: 0,
      circuit: 'closed',
      nextAttemptInMs: null,
    }
    expect(lab.swarm(0).explain(lab.id(1))).toEqual({
      ...unknown,
      peerId: lab.id(1),
      ban: null,
      addresses: [],
      decisions: [],
    })
  })

  it('keeps the last ten decisions', () => {
    const { lab } = listen({ seed: 1, masternodes: 2 })
    lab.run(10_000)
    lab.kill(1)
    lab.run(1_800_000)
    const { decisions } = lab.swarm(0).explain(lab.id(1))
    expect(decisions.length).toBe(10)
    const ages = decisions.map(({ agoMs }) => agoMs)
    expect(ages).toEqual(ages.toSorted((a, b) => b - a))
    expect(ages.at(-1)).toBeLessThan(70_000)
  })
})

describe('the score of a peer', () => {
  it('shows its terms, and that they add up', () => {
    const { lab } = listen({ seed: 1, masternodes: 2, net: { latencyMs: [50, 50], jitterMs: 0 } })
    lab.run(60_000)
    const score = lab.swarm(0).peer(lab.id(1))?.score
    expect(score?.success).toBeCloseTo(0.2, 9)
    expect(score?.uptime).toBeCloseTo(1, 9)
    expect(score?.latency).toBeCloseTo(0.9, 2)
    expect(score?.penalty).toBe(0)
    expect(score?.total).toBeCloseTo(50 * 0.2 + 25 + 25 * (score?.latency ?? 0), 6)
  })

  it('is better for the nearer of two peers', () => {
    const [near, far] = [10, 400].map((ms) => {
      const { lab } = listen({ seed: 1, masternodes: 2, net: { latencyMs: [ms, ms] } })
      lab.run(60_000)
      return lab.swarm(0).peer(lab.id(1))?.score.total ?? 0
    })
    expect(near).toBeGreaterThan((far ?? 0) + 15)
  })

  it('falls with the failures and the absence of a peer that was away', () => {
    const { lab } = listen({ seed: 1, masternodes: 2 })
    lab.run(60_000)
    const before = lab.swarm(0).peer(lab.id(1))?.score
    lab.kill(1)
    lab.run(120_000)
    lab.start(1)
    lab.run(5_000)
    const after = lab.swarm(0).peer(lab.id(1))?.score
    expect(after?.success).toBeLessThan(before?.success ?? -1)
    expect(after?.uptime).toBeCloseTo(65 / 185, 1)
    expect(after?.total).toBeLessThan(before?.total ?? -100)
  })

  it('falls by the points of its strikes, which decay', () => {
    const blacklist = new Blacklist()
    const { lab } = listen({
      seed: 1,
      masternodes: 2,
      clock: () => ({ originMs: 0 }),
      swarm: (index) => (index === 0 ? { blacklist } : {}),
    })
    lab.run(60_000)
    blacklist.strike({ peerId: lab.id(1) }, lab.now)
    expect(lab.swarm(0).peer(lab.id(1))?.score.penalty).toBeCloseTo(20, 6)
    lab.run(600_000)
    expect(lab.swarm(0).peer(lab.id(1))?.score.penalty).toBeCloseTo(10, 6)
  })
})
