/** Peers given up for now, in a whole network of strangers: how seldom they are tried, and what follows when one answers. */
import { describe, expect, it } from 'vitest'
import { PeerStore } from '../../src/policy/peer-store.js'
import type { PeerId } from '../../src/ports/types.js'
import { formatPeerId } from '../../src/protocol/peer-id.js'
import { nullCrypto, SeededRandom } from '../../src/testing/index.js'
import { backoff, COLD_EVERY_MS, hub, loseAll, untilLinked } from './bridge-hub.js'
import { listen } from './lab-ear.js'

const TARGET = 12
const BRIDGE_MS = 600_000

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
    // Those named later evict those named first: whoever is forgotten cannot be dialled as somebody new.
    const peerStore = new PeerStore({ peersMax: 60 })
    const { lab } = listen({
      seed: 1,
      masternodes: 0,
      nodes: 302,
      seeds: [],
      swarm: (index) => ({ backoff, ...(index === 0 ? { peerStore } : {}) }),
    })
    // A machine for each, on which nobody answers: what is only named is not looked for at one door again and again.
    for (let i = 2; i < lab.size; i++) lab.kill(i)
    const hostOf = (i: number): string => lab.address(i).replace(/^.*@(.*):.*$/, '$1')
    const random = new SeededRandom(1)
    const ids: PeerId[] = []
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 60; i++) {
        const id = formatPeerId(nullCrypto.signingKeyPair(random.bytes(32)).publicKey, nullCrypto)
        const host = hostOf(2 + ids.length)
        ids.push(id)
        peerStore.learn(id, { scheme: 'tcp', peerId: id, host, port: 1, path: '/' }, 'exchange')
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
