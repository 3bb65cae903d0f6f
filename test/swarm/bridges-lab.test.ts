/** Peers given up for now, in a whole network of strangers: how seldom they are tried, and what follows when one answers. */
import { describe, expect, it } from 'vitest'
import { BackoffPolicy } from '../../src/policy/backoff.js'
import { PeerStore } from '../../src/policy/peer-store.js'
import type { PeerId } from '../../src/ports/types.js'
import { formatPeerId } from '../../src/protocol/peer-id.js'
import { nullCrypto, SeededRandom, swarmLab } from '../../src/testing/index.js'
import type { Ear } from './lab-ear.js'
import { listen } from './lab-ear.js'

const TARGET = 12
const COLD_EVERY_MS = 30_000
const BRIDGE_MS = 600_000
const SOON_COLD = { firstMs: 1_000, capMs: 1_000, hotAttemptsMax: 2, afterHot: 'cold' } as const
/** Strangers are cold two failures after their loss. */
const backoff = new BackoffPolicy({ regular: SOON_COLD, unknown: SOON_COLD })
/** Once those lost are cold, at the latest. */
const COLD_MS = 5_000

/** Node 0, whom nobody can dial, linked to all others, with whom it began. */
function hub(seed: number, others: number): Ear {
  const places = swarmLab({ seed, masternodes: 0, nodes: others + 1 })
  const known = Array.from({ length: others }, (_, i) => places.address(i + 1))
  const ear = listen({
    seed,
    masternodes: 0,
    nodes: others + 1,
    seeds: [],
    net: { undialable: [0] },
    swarm: (index) => ({ backoff, seeds: index === 0 ? known : [] }),
  })
  ear.lab.run(20_000)
  for (let i = 1; i <= others; i++) expect(ear.lab.linked(0, i), String(i)).toBe(true)
  return ear
}

/** Kills those from `first` to `last`, and waits until node 0 has given them up for now. */
function loseAll({ lab }: Ear, first: number, last: number): void {
  for (let i = first; i <= last; i++) lab.kill(i)
  lab.run(COLD_MS)
  for (let i = first; i <= last; i++) expect(lab.swarm(0).explain(lab.id(i)).state, String(i)).toBe('cold')
}

/** Lets time pass, a few milliseconds at a time, until node 0 is linked to another. @returns the instant */
function untilLinked({ lab }: Ear, other: number, withinMs: number): number {
  const until = lab.now + withinMs
  while (!lab.linked(0, other) && lab.now < until) lab.run(10)
  expect(lab.linked(0, other), `linked to ${String(other)}`).toBe(true)
  return lab.now
}

describe('peers given up for now', () => {
  it('are tried one at a time, every thirty seconds, each of them some time', () => {
    const ear = hub(1, TARGET + 4)
    const { lab, heard, forget } = ear
    loseAll(ear, TARGET + 1, TARGET + 4)
    forget()
    lab.run(20 * COLD_EVERY_MS)
    const tries = heard(0, 'dial:failed')
    expect(tries.length).toBe(20)
    for (const [i, { at }] of tries.entries())
      if (i > 0) expect(Math.abs(at - (tries[i - 1]?.at ?? 0) - COLD_EVERY_MS)).toBeLessThan(500)
    expect(new Set(tries.map(({ args: [{ peerId }] }) => peerId)).size).toBe(4)
  })

  it('are 256 at most: of more, those given up first are forgotten', () => {
    const places = swarmLab({ seed: 1, masternodes: 0, nodes: 2 })
    const nobody = places.address(1).replace(/^.*@(.*):.*$/, '$1')
    // Those named later evict those named first: whoever is forgotten cannot be dialled as somebody new.
    const peerStore = new PeerStore({ peersMax: 60 })
    const { lab } = listen({
      seed: 1,
      masternodes: 0,
      nodes: 2,
      seeds: [],
      swarm: (index) => ({ backoff, ...(index === 0 ? { peerStore } : {}) }),
    })
    const random = new SeededRandom(1)
    const ids: PeerId[] = []
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 60; i++) {
        const id = formatPeerId(nullCrypto.signingKeyPair(random.bytes(32)).publicKey, nullCrypto)
        ids.push(id)
        peerStore.learn(id, { scheme: 'tcp', peerId: id, host: nobody, port: 1, path: '/' }, 'exchange')
      }
      lab.run(30_000)
    }
    const cold = (): PeerId[] => ids.filter((id) => lab.swarm(0).explain(id).state === 'cold')
    lab.run(COLD_EVERY_MS)
    expect(cold().length).toBe(256)
    expect(cold()).toEqual(expect.arrayContaining(ids.slice(-180)))
  })
})

describe('a bridge', () => {
  it('is kept for ten minutes beyond the target, and then is of no more use', () => {
    const ear = hub(2, TARGET + 1)
    const { lab, heard } = ear
    const bridge = TARGET + 1
    loseAll(ear, bridge, bridge)
    lab.start(bridge)
    const linkedAt = untilLinked(ear, bridge, COLD_EVERY_MS + 1_000)
    lab.run(BRIDGE_MS - 1_000)
    expect(lab.linked(0, bridge)).toBe(true)
    lab.run(7_000)
    const [end] = heard(0, 'peer:disconnect').slice(-1)
    expect(end?.args[0].id).toBe(lab.id(bridge))
    expect(end?.args[1]).toMatchObject({ code: 'useless', fault: 'local' })
    // Looked for every five seconds.
    expect(end?.at).toBeGreaterThanOrEqual(linkedAt + BRIDGE_MS - 100)
    expect(end?.at).toBeLessThanOrEqual(linkedAt + BRIDGE_MS + 5_000)
  })

  it('stays when its time is up where it is no more than the target needs', () => {
    const ear = hub(3, TARGET)
    const { lab } = ear
    loseAll(ear, TARGET, TARGET)
    lab.start(TARGET)
    untilLinked(ear, TARGET, COLD_EVERY_MS + 1_000)
    const { linkId } = lab.swarm(0).peer(lab.id(TARGET)) ?? {}
    lab.run(BRIDGE_MS + 60_000)
    expect(lab.swarm(0).peer(lab.id(TARGET))?.linkId).toEqual(linkId)
  })

  it('has the sixteen that were lost last tried again within five seconds, and nobody else', () => {
    const first = TARGET + 1
    const ear = hub(5, TARGET + 1 + 4 + 16)
    const { lab, heard, forget } = ear
    loseAll(ear, first, first + 4)
    loseAll(ear, first + 5, first + 20)
    const lostLast = Array.from({ length: 16 }, (_, i) => lab.id(first + 5 + i))
    lab.start(first)
    untilLinked(ear, first, 120 * COLD_EVERY_MS)
    forget()
    lab.run(6_000)
    const tried = heard(0, 'dial:failed').map(({ args: [{ peerId }] }) => peerId)
    expect(new Set(tried)).toEqual(new Set(lostLast))
  })
})
